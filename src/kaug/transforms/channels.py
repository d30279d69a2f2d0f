"""Channels: some dropped, their order changed, and colors shifted along what an image varies in.

Images may have any number of channels. Those of one stay as they are where channels are dropped or
change places.
"""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kaug._apply.destination import result_like
from kaug._apply.dtypes import checked_fill
from kaug._draw.below import draws_below
from kaug._draw.draws import Draws
from kaug._kernels import read_only
from kaug._kernels.channels import rearrange
from kaug._kernels.moments import moments
from kaug._tensors import colors, ops
from kaug._types import Array, Parameters
from kaug._validation import check_number
from kaug.transforms._bases.fields import Integers, NumberOrPair, Range
from kaug.transforms._bases.photometric import Normalized, Photometric, shifted


@dataclass(frozen=True, repr=False)
class _Rearranged(Photometric):
    """A transform that puts other channels into the place of each, or none."""

    @abstractmethod
    def places(self, parameters: Any, channels: int) -> Any:
        """Returns which channel comes into each, integers `(M, C)`; C means the filling."""

    def filling(self, dtype: np.dtype[Any]) -> float:
        """Returns what is put where no channel comes."""
        del dtype
        return 0.0

    def transform_colors(self, images: Array, parameters: Parameters) -> Array:
        dtype = images.dtype if images.dtype.itemsize <= 8 else np.dtype(np.float64)
        bits = np.dtype(f"u{dtype.itemsize}")
        given = np.ascontiguousarray(images, dtype)
        order: NDArray[np.int64] = self.places(parameters, images.shape[-1])
        out = result_like(given)
        value = np.array(self.filling(images.dtype), dtype).view(bits)[()]
        rearrange(read_only(given.view(bits)), read_only(order), value, out.view(bits))
        return out.astype(images.dtype, copy=False)

    def transform_tensor_colors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        channels = images.shape[-1]
        order = self.places(parameters, channels)[:, None, None, :]
        whole = ops.zeros_like(images, dtype="int32") + order
        found = ops.take_along_axis(images, ops.minimum(whole, channels - 1), axis=-1)
        return ops.where(order == channels, self.filling(dtype), found)


@dataclass(frozen=True, repr=False)
class ChannelDropout(_Rearranged):
    """Fills some channels of an image with one value, never all of them.

    Each set of so many channels is as likely. An image of one channel stays as it is; opacity does,
    too, and is none of the channels that count. Masks, boxes and keypoints stay as they are.

    Args:
        count: How many channels, an integer of 1 to 1,000, or a pair `(low, high)` of which every
            number is as likely. Where an image has not as many, one of them is left.
        fill_value: What is put there, in the value range of the images.
        value_range: Not used.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range, or, when called, `fill_value` is none of the
            dtype of the images.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import ChannelDropout
        >>> image = np.array([[[[10, 20, 30], [40, 50, 60]]]], "uint8")
        >>> ChannelDropout()(image, seed=0)[0]
        array([[[10, 20,  0],
                [40, 50,  0]]], dtype=uint8)
    """

    _checks: ClassVar = {"count": Integers(1, 1000), "fill_value": check_number}

    count: int | tuple[int, int] = 1
    fill_value: float = field(default=0.0, kw_only=True)

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `count` of each row, and a `word` that says which channels.

        How many channels there are is not known yet.
        """
        return {**super().draw_parameters(draws), "word": draws.word()}

    def places(self, parameters: Any, channels: int) -> Any:
        draws = draws_below(parameters["word"])
        ranks, count = draws.ranks(channels), parameters["count"][:, None]
        dropped = ranks < draws.xp.minimum(count, channels - 1)
        return draws.xp.where(dropped, channels, draws.xp.arange(channels))

    def filling(self, dtype: np.dtype[Any]) -> float:
        return checked_fill("constant", self.fill_value, dtype)


@dataclass(frozen=True, repr=False)
class ChannelShuffle(_Rearranged):
    """Puts the channels of an image in another order, each order as likely, their own among them.

    An image of one channel stays as it is; opacity does, too. Masks, boxes and keypoints stay as
    they are.

    Args:
        value_range: Not used.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `p` is out of its range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import ChannelShuffle
        >>> image = np.array([[[[10, 20, 30], [40, 50, 60]]]], "uint8")
        >>> ChannelShuffle()(image, seed=0)[0]
        array([[[20, 10, 30],
                [50, 40, 60]]], dtype=uint8)
    """

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns a `word` of each row that says which order."""
        return {"word": draws.word()}

    def places(self, parameters: Any, channels: int) -> Any:
        return draws_below(parameters["word"]).ranks(channels)


@dataclass(frozen=True, repr=False)
class FancyPCA(Normalized):
    """Shifts the colors of an image as a whole, along the axes in which its own pixels vary.

    Krizhevsky, Sutskever and Hinton (2012, doi:10.1145/3065386) add to every pixel the principal
    components of its channels, each times its eigenvalue and a normally distributed number. They
    take those of all of ImageNet; here they are those of each image, as other libraries have it.
    The sum of them is the covariance matrix times a vector of such numbers, whatever the signs of
    the components are, and so it is computed. Values count as fractions of the range, NaN as black.

    Images may have any number of channels. Masks, boxes and keypoints stay as they are.

    Args:
        stddev: Standard deviation of these numbers, 0..100, for every row; or a pair `(low, high)`
            to draw from. Variances of pixels are below 0.25, so that 0.1 is little to be seen.
        value_range: What is black and what is white. Values beyond are clipped. None takes 0 and
            the dtype's largest, or 1 for floats.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `stddev` is out of its range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import FancyPCA
        >>> image = np.array([[[[0, 100, 0], [200, 100, 0], [100, 100, 0]]]], "uint8")
        >>> FancyPCA(stddev=2)(image, seed=0)[0]
        array([[[  0, 100,   0],
                [120, 100,   0],
                [ 20, 100,   0]]], dtype=uint8)
    """

    _checks: ClassVar = {"stddev": Range(minimum=0, maximum=100, number="exactly")}

    stddev: NumberOrPair = 0.1

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `stddev` of each row, and a `word` for a number of each channel."""
        return {**super().draw_parameters(draws), "word": draws.word()}

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        shifts = _along_axes(moments(images)[1], parameters)
        return shifted(images, np.clip(shifts, -1, 1), outside)

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        shifts = _along_axes(colors.covariances(images), parameters)
        return colors.shifted(images, ops.clip(shifts, -1.0, 1.0), in_bytes=in_bytes)


def _along_axes(covariances: Any, parameters: Any) -> Any:
    """Returns what is added to channels, `(M, C)`, given their covariances."""
    draws, channels = draws_below(parameters["word"]), covariances.shape[-1]
    normals = draws.xp.stack([draws.normal() for _ in range(channels)], axis=1)
    shifts = draws.xp.sum(covariances * normals[:, None, :], axis=2)
    return parameters["stddev"][:, None] * shifts

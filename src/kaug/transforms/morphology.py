"""Morphology of gray values: what is light grows or shrinks."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kaug._apply.destination import result_like
from kaug._apply.dtypes import kept_dtype
from kaug._kernels import read_only
from kaug._kernels.squares import GREATEST, LEAST, gather
from kaug._tensors.squares import extremes
from kaug._types import Array, Parameters
from kaug.transforms._bases.fields import OddIntegers
from kaug.transforms._bases.photometric import Photometric


@dataclass(frozen=True, repr=False)
class _Extreme(Photometric):
    """A transform that makes each pixel an extreme of a square around it."""

    _checks: ClassVar = {"size": OddIntegers(1, 99)}
    # What of a square.
    _what: ClassVar[int]

    size: int | tuple[int, int] = 3

    def transform_colors(self, images: Array, parameters: Parameters) -> Array:
        given = read_only(np.ascontiguousarray(images, kept_dtype(images.dtype)))
        sizes = read_only(np.ascontiguousarray(parameters["size"], np.int64))
        out = result_like(given)
        gather(given, sizes, self._what, given.dtype, out)
        return self.within_range(out.astype(images.dtype, copy=False))

    def transform_tensor_colors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        (_, widest), greatest = self._ends("size"), self._what == GREATEST
        found = extremes(images, parameters["size"], widest, greatest=greatest)
        return self.tensors_within_range(found, dtype)


@dataclass(frozen=True, repr=False)
class Dilation(_Extreme):
    """Makes each pixel the greatest value of a square around it, channel by channel.

    What is light grows, what is dark shrinks. It equals `scipy.ndimage.grey_dilation` with a
    square: what lies beyond the edges adds nothing. Results are values that there are, in any
    dtype. Values may lie anywhere, unless a `value_range` is given, to which results are clipped. A
    pixel that is NaN makes all those NaN in whose squares it lies.

    Masks, boxes and keypoints stay as they are: classes have no order in which one would be the
    greatest, and what is light grows and shrinks by no more than half a square, whatever it
    belongs to.

    Args:
        size: Side of the square in pixels, an odd number of 1..99, of which 1 changes nothing; or a
            pair of them, of which every odd number between is as likely.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `size` is even or out of its range, or its pair is reversed.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Dilation
        >>> image = np.array([[[10, 10, 10, 10, 90], [10, 10, 10, 10, 10]]], "uint8")
        >>> Dilation(3)(image, seed=0)[0]
        array([[10, 10, 10, 90, 90],
               [10, 10, 10, 90, 90]], dtype=uint8)
    """

    _what: ClassVar[int] = GREATEST


@dataclass(frozen=True, repr=False)
class Erosion(_Extreme):
    """Makes each pixel the least value of a square around it, channel by channel.

    What is dark grows, what is light shrinks. It equals `scipy.ndimage.grey_erosion` with a
    square: what lies beyond the edges adds nothing. Results are values that there are, in any
    dtype. Values may lie anywhere, unless a `value_range` is given, to which results are clipped. A
    pixel that is NaN makes all those NaN in whose squares it lies.

    Masks, boxes and keypoints stay as they are: classes have no order in which one would be the
    least, and what is dark grows and shrinks by no more than half a square, whatever it
    belongs to.

    Args:
        size: Side of the square in pixels, an odd number of 1..99, of which 1 changes nothing; or a
            pair of them, of which every odd number between is as likely.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `size` is even or out of its range, or its pair is reversed.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Erosion
        >>> image = np.array([[[90, 90, 90, 90, 10], [90, 90, 90, 90, 90]]], "uint8")
        >>> Erosion(3)(image, seed=0)[0]
        array([[90, 90, 90, 10, 10],
               [90, 90, 90, 10, 10]], dtype=uint8)
    """

    _what: ClassVar[int] = LEAST

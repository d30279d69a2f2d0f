"""Mixing: every image with another one of the dataset, and their labels with them.

The other image, the *partner*, is any row of the dataset, drawn for each row apart. It goes
through what stands before the mixing in the policy with draws of its own. Called on a batch
directly, the dataset is that batch.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kaug._apply.dtypes import to_dtype, working_dtype
from kaug._apply.joining import joined, shared_maps
from kaug._apply.overlaps import cover, hidden, keep, paste_rectangles
from kaug._apply.parameters import UNIT, Bounds
from kaug._apply.resample import size_of
from kaug._draw.distributions import beta, check_alpha
from kaug._draw.draws import Draws
from kaug._kernels import read_only
from kaug._kernels.mixing import blend
from kaug._namespace import namespace
from kaug._tensors import mixing
from kaug._tensors.inputs import dtype_of
from kaug._types import Array, Batch, Floats, Parameters
from kaug._validation import message
from kaug.transforms._bases.mixing import Mixing, blended

# Of an image with a smaller share no byte tells.
_UNSEEN = 1 / 510


@dataclass(frozen=True, repr=False)
class _Pair(Mixing):
    """Mixes each row with one other: `mix_images` is all that differs, and what share is whose."""

    _checks: ClassVar = {"alpha": check_alpha}

    alpha: float

    def _bounds(self) -> Bounds:
        return {**super()._bounds(), **dict.fromkeys(("share", "row", "column"), UNIT)}

    @abstractmethod
    def mix_images(self, images: Array, partners: Array, parameters: Parameters) -> Array:
        """Returns `images` with something of `partners`, row by row."""

    @abstractmethod
    def mix_tensors(self, images: Any, partners: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        """Returns the same of tensors; `dtype` is what the images were given as."""

    @abstractmethod
    def shares(self, parameters: Parameters, size: tuple[int, int]) -> Floats:
        """Returns which part of each mixed image is the row's own, `(M,)` in 0..1."""

    def _mix(self, own: Batch, others: Sequence[Batch], parameters: Parameters) -> Batch:
        (partners,), images = others, own["images"]
        result = {"images": self.mix_images(images, partners["images"], parameters)}
        for key in shared_maps(own):
            result[key] = self.mix_images(own[key], partners[key], parameters)
        shares = self.shares(parameters, (images.shape[1], images.shape[2]))
        places = joined(self._seen(own, partners, parameters))
        return places | result | blended(own, others, [shares])

    def _mix_tensors(
        self, own: Batch, others: Sequence[Batch], parameters: Parameters, dtype: np.dtype[Any]
    ) -> Batch:
        (partners,), images = others, own["images"]
        result = {"images": self.mix_tensors(images, partners["images"], parameters, dtype)}
        for key in shared_maps(own):
            kind = dtype_of(own[key])
            result[key] = self.mix_tensors(own[key], partners[key], parameters, kind)
        shares = self.shares(parameters, (images.shape[1], images.shape[2]))
        return own | result | blended(own, others, [shares])

    def _seen(self, own: Batch, partners: Batch, parameters: Parameters) -> tuple[Batch, Batch]:
        """Returns rows and partners with those boxes and points that are seen of each."""
        del parameters
        return own, partners


@dataclass(frozen=True, repr=False)
class MixUp(_Pair):
    """Blends each image with another one: `share * own + (1 - share) * other`.

    The share is drawn from the beta distribution with both parameters `alpha`. Labels are blended
    alike and come out soft, as rows of floats that add up to 1; sample weights are blended too.
    Train with a loss for soft labels, such as `categorical_crossentropy`. The boxes and keypoints
    of both images are kept, but for those of an image of which less than 1/510 is seen, half a
    step of a byte. Small values of `alpha` leave many that are hardly seen, so detectors are
    trained with large ones, such as 8. Masks and maps are refused: a blend of two images has no
    single one.

    From Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond empirical risk minimization",
    ICLR 2018, arXiv:1710.09412.

    Args:
        alpha: 0.0001 to 1,000,000. Small values leave one of the two images nearly alone, 1 draws
            all shares alike, large values blend evenly.
        num_classes: How many classes there are, where labels are integers. With one-hot or soft
            labels it is not needed.
        p: Probability that a row is mixed.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import MixUp
        >>> images = np.array([0, 100], "uint8").reshape(2, 1, 1, 1)
        >>> batch = {"images": images, "labels": np.array([0, 1])}
        >>> mixed = MixUp(1.0, num_classes=2)(batch, seed=8)
        >>> mixed["images"].ravel()
        array([ 14, 100], dtype=uint8)
        >>> mixed["labels"].round(2)
        array([[0.86, 0.14],
               [0.  , 1.  ]], dtype=float32)
    """

    alpha: float = 0.2

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `partner`, a fraction of the dataset, and the `share` of the row itself."""
        return {"partner": draws.uniform(), "share": beta(draws, self.alpha, self.alpha)}

    def mix_images(self, images: Array, partners: Array, parameters: Parameters) -> Array:
        """Returns the blend; integers are rounded."""
        precision: Any = working_dtype(images.dtype)
        share = parameters["share"].astype(precision)
        # Bytes go through the kernel as they are, all else as floats.
        dtype: Any = np.uint8 if images.dtype == np.uint8 else precision
        pair = [np.ascontiguousarray(part, dtype) for part in (images, partners)]
        out = np.empty(images.shape, dtype)
        shares = read_only(np.stack([share, 1 - share], axis=1))
        flat = (len(images), math.prod(images.shape[1:]))
        own, other = (read_only(part.reshape(flat)) for part in pair)
        blend(own, other, shares, out.reshape(flat))
        return out if dtype == np.uint8 else to_dtype(out, images.dtype)

    def mix_tensors(self, images: Any, partners: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        return mixing.blend(images, partners, parameters["share"], dtype)

    def shares(self, parameters: Parameters, size: tuple[int, int]) -> Floats:
        del size
        share: Floats = parameters["share"]
        return share

    def _seen(self, own: Batch, partners: Batch, parameters: Parameters) -> tuple[Batch, Batch]:
        share = parameters["share"]
        return hidden(own, share < _UNSEEN), hidden(partners, 1 - share < _UNSEEN)

    def _check_carries(self, what: str) -> None:
        if what in ("segmentation masks", "maps"):
            rule = "MixUp blends two images in every pixel, so it needs targets that can be blended"
            raise ValueError(message(rule, what, "Use CutMix for masks, or leave MixUp out."))


@dataclass(frozen=True, repr=False)
class CutMix(_Pair):
    """Pastes a rectangle of another image over each image.

    The rectangle has the shape of the image and, before what sticks out is cut off, a part of its
    area drawn from the beta distribution with both parameters `alpha`; its centre lies anywhere.
    Labels and sample weights are blended by the areas that are left, and labels come out soft: see
    `MixUp`. Masks and maps are pasted as the images are. Boxes and keypoints of both images are
    kept, as far as they are seen: a box whose side is covered gets smaller, one that loses a corner
    keeps its size, and `min_visible_area` says how much must be left.

    From Yun, Han, Oh, Chun, Choe and Yoo, "CutMix: Regularization strategy to train strong
    classifiers with localizable features", ICCV 2019, arXiv:1905.04899.

    Args:
        alpha: 0.0001 to 1,000,000; 1 draws all areas alike.
        num_classes: How many classes there are, where labels are integers.
        p: Probability that a row is mixed.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import CutMix
        >>> images = np.repeat([0, 9], 20).reshape(2, 4, 5)
        >>> batch = {"images": images, "labels": np.array([0, 1])}
        >>> mixed = CutMix(num_classes=2)(batch, seed=9)
        >>> mixed["images"][0]
        array([[0, 0, 0, 0, 0],
               [0, 0, 0, 0, 0],
               [9, 9, 9, 0, 0],
               [9, 9, 9, 0, 0]])
        >>> mixed["labels"][0].round(2)
        array([0.7, 0.3], dtype=float32)
    """

    alpha: float = 1.0

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `partner`, `row` and `column` as fractions, and the `share` aimed at."""
        return {
            "partner": draws.uniform(),
            "share": beta(draws, self.alpha, self.alpha),
            "row": draws.uniform(),
            "column": draws.uniform(),
        }

    def mix_images(self, images: Array, partners: Array, parameters: Parameters) -> Array:
        out = images.copy()
        paste_rectangles(partners, _spans(parameters, images.shape[1:3]), out)
        return out

    def mix_tensors(self, images: Any, partners: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        del dtype
        return mixing.paste(images, partners, _spans(parameters, images.shape[1:3]))

    def shares(self, parameters: Parameters, size: tuple[int, int]) -> Floats:
        """Returns the shares of the area that are left of the rows' own."""
        spans = _spans(parameters, size)
        top, bottom, left, right = (spans[:, i] for i in range(4))
        covered: Floats = (bottom - top) * (right - left) / (size[0] * size[1])
        return 1 - covered

    def _seen(self, own: Batch, partners: Batch, parameters: Parameters) -> tuple[Batch, Batch]:
        size = size_of(own["images"])
        spans = _spans(parameters, size)
        return cover(own, spans, size), keep(partners, spans)


def _spans(parameters: Parameters, size: tuple[int, ...]) -> Any:
    """Returns from and to which row, from and to which column rectangles reach, `(M, 4)`."""
    xp: Any = namespace(parameters["share"])
    extent = xp.sqrt(1 - parameters["share"]) / 2
    ends = [
        xp.clip(xp.round((parameters[name] + sign * extent) * length), 0, length)
        for name, length in zip(("row", "column"), size, strict=True)
        for sign in (-1, 1)
    ]
    spans = xp.stack(ends, axis=1)
    return spans.astype(np.int64) if xp is np else spans

"""What images lose where they are kept small, as fewer pixels or as JPEGs."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kaug._apply import matrices
from kaug._apply.resample import Resampling, warped
from kaug._namespace import namespace
from kaug._tensors import separable
from kaug._types import Array, Parameters
from kaug.transforms._bases.averaging import Averaging
from kaug.transforms._bases.fields import NumberOrPair, Range

_SMALLER = Resampling("nearest", 0.0, "bilinear", areas=True)


@dataclass(frozen=True, repr=False)
class Downscale(Averaging):
    """Makes the image smaller and enlarges it again, so that it consists of blocks.

    Going down, pixels are averaged with a triangle as wide as two of the smaller image's, as
    `Resize` and `PIL.Image.resize` do it; going up, every pixel shows the one its centre lies in,
    or of two that meet there the one to the right or below. A side of the smaller image is
    `scale * side`, rounded half up, at least one pixel. Values may lie anywhere, unless a
    `value_range` is given, to which results are clipped. A pixel that is NaN makes all those NaN
    that are averaged with it; in a layer, the whole image. Masks, boxes and keypoints stay as they
    are.

    Args:
        scale: Sides of the smaller image as a fraction of the image's, above 0, up to 1, which
            changes nothing. A number means exactly that, a pair evenly on `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed, or reaches beyond its limits.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Downscale
        >>> Downscale(0.5)(np.array([[[0, 0, 80, 80, 90, 90]] * 2], "uint8"), seed=0)[0]
        array([[11, 11, 71, 71, 89, 89],
               [11, 11, 71, 71, 89, 89]], dtype=uint8)
    """

    _checks: ClassVar = {"scale": Range(above=0, maximum=1, number="exactly")}

    scale: NumberOrPair = (0.25, 0.75)

    def average(self, images: Array, parameters: Parameters) -> Array:
        size = (images.shape[1], images.shape[2])
        heights, widths = (side.astype(np.int64) for side in _scaled(parameters["scale"], size))
        # Images that are made smaller to one size go together.
        present, kinds = np.unique(heights * 2**32 + widths, return_inverse=True)
        if len(present) == 1:
            return _in_blocks(images, (int(heights[0]), int(widths[0])))
        out = np.empty_like(images)
        for kind in range(len(present)):
            rows = np.flatnonzero(kinds == kind)
            smaller = (int(heights[rows[0]]), int(widths[rows[0]]))
            out[rows] = _in_blocks(images[rows], smaller)
        return out

    def average_tensors(self, images: Any, parameters: Any) -> Any:
        size = (images.shape[1], images.shape[2])
        return separable.in_blocks(images, _scaled(parameters["scale"], size))


def _scaled(scales: Any, size: tuple[int, int]) -> tuple[Any, Any]:
    """Returns heights and widths of smaller images as whole numbers, `(M,)` each."""
    xp: Any = namespace(scales)
    height, width = (xp.maximum(xp.floor(scales * side + 0.5), 1.0) for side in size)
    return height, width


def _in_blocks(images: Array, smaller: tuple[int, int]) -> Array:
    """Returns images made smaller to a size, and enlarged again."""
    size = (images.shape[1], images.shape[2])
    crops = matrices.crop((0, 0, *size), size, smaller, np.arange(len(images)))
    blocks = warped(images, crops, _SMALLER, smaller)
    if blocks.dtype != np.uint8:
        np.clip(blocks, 0, 1, out=blocks)
    for axis in (2, 1):
        centers = 2 * np.arange(images.shape[axis]) + 1
        blocks = blocks.take(centers * smaller[axis - 1] // (2 * images.shape[axis]), axis=axis)
    return blocks

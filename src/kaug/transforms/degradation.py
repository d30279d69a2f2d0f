"""What images lose where they are kept small, as fewer pixels or as JPEGs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kaug._apply import matrices
from kaug._apply.destination import result_like
from kaug._apply.quantization import steps
from kaug._apply.resample import Resampling, warp_rows
from kaug._kernels import read_only
from kaug._kernels.blocks import enlarge
from kaug._kernels.jpeg import compress
from kaug._namespace import namespace
from kaug._tensors import jpeg, ops, separable
from kaug._tensors.colors import levels_of, to_images
from kaug._types import Array, Parameters, Rows
from kaug.transforms._bases.averaging import Averaging
from kaug.transforms._bases.fields import Integers, NumberOrPair, Range
from kaug.transforms._bases.photometric import Normalized, clipped, is_colored

_SMALLER = Resampling("nearest", 0.0, "bilinear", areas=True)
# At least so many images are made smaller at once, since each call costs something.
_TOGETHER = 8


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
        out = result_like(images)
        for rows in _alike(heights * widths):
            _write_blocks(images, rows, np.stack([heights[rows], widths[rows]], axis=1), out)
        return out

    def average_tensors(self, images: Any, parameters: Any) -> Any:
        size = (images.shape[1], images.shape[2])
        return separable.in_blocks(images, _scaled(parameters["scale"], size))


def _scaled(scales: Any, size: tuple[int, int]) -> tuple[Any, Any]:
    """Returns heights and widths of smaller images as whole numbers, `(M,)` each."""
    xp: Any = namespace(scales)
    height, width = (xp.maximum(xp.floor(scales * side + 0.5), 1.0) for side in size)
    return height, width


def _alike(sizes: NDArray[np.int64]) -> Iterator[Rows]:
    """Yields rows of one size, or of similar ones where there are few of each."""
    order, first = np.argsort(sizes, kind="stable"), 0
    for end in (*(np.flatnonzero(np.diff(sizes[order])) + 1).tolist(), len(order)):
        if end - first >= _TOGETHER or first < end == len(order):
            yield order[first:end]
            first = end


def _write_blocks(images: Array, rows: Rows, smaller: Array, out: Array) -> None:
    """Writes rows made smaller, each to a size of its own `(M, 2)`, and enlarged again."""
    size = (images.shape[1], images.shape[2])
    # What lies beyond a smaller image in the room for the largest is never looked at.
    room = (int(smaller[:, 0].max()), int(smaller[:, 1].max()))
    seen = [side * (most / sides) for side, most, sides in zip(size, room, smaller.T, strict=True)]
    crops = matrices.crop((0, 0, *seen), size, room, rows)
    blocks = np.empty((len(rows), *room, images.shape[3]), images.dtype)
    warp_rows(images, rows, crops, blocks, _SMALLER)
    if blocks.dtype != np.uint8:
        np.clip(blocks, 0, 1, out=blocks)
    enlarge(read_only(blocks), rows, read_only(smaller), out)


@dataclass(frozen=True, repr=False)
class JPEGCompression(Normalized):
    """Makes images look as if they had been kept as JPEGs.

    Bytes come out exactly as from a file that `PIL.Image.save` writes at a `quality` and Pillow
    reads again, with libjpeg-turbo or libjpeg 6 to do it: chroma at half the size (4:2:0), and the
    tables of Annex K of ITU-T T.81, scaled by the quality. No file is made, since what packs the
    numbers in it loses nothing. Images of other dtypes go through bytes: values are rounded to the
    nearest of 256 levels, and so are results. NaN counts as black and stays NaN. On tensors pixels
    are the same. Masks, boxes and keypoints stay as they are.

    Args:
        quality: 1..100, of which 100 loses least. A number means exactly that, a pair any integer
            in between, drawn row by row.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
            Values beyond are clipped.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `quality` reaches outside 1..100, or its pair is reversed; or images have
            neither 1 channel nor 3, so that they are no JPEGs.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import JPEGCompression
        >>> image = np.zeros((1, 2, 6), "uint8")
        >>> image[0, :, 3:] = 200
        >>> JPEGCompression(50)(image, seed=0)[0]
        array([[  0,   0,   3, 198, 197, 199],
               [  0,   0,   3, 198, 197, 199]], dtype=uint8)
    """

    _checks: ClassVar = {"quality": Integers(1, 100)}

    quality: int | tuple[int, int] = (30, 90)

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        is_colored(self, images)
        table = read_only(steps(parameters["quality"]))
        if images.dtype == np.uint8:
            out = result_like(images)
            compress(images, table, out)
            return out
        values = clipped(images, outside)
        unknown = np.isnan(values)
        levels = np.where(unknown, 0, np.floor(values * 255 + 0.5)).astype(np.uint8)
        out = result_like(levels)
        compress(read_only(levels), table, out)
        np.divide(out, 255, out=values, where=~unknown)
        return values

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        is_colored(self, images)
        known = images == images
        levels = levels_of(ops.where(known, images, 0.0))
        left = jpeg.compressed(levels, steps(parameters["quality"]))
        return ops.where(known, to_images(left), images)

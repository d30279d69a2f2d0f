"""Warps on tensors.

Matrices are those of `kaug._apply.matrices`, float32 `(2, 3, B)`; coordinates are float32 as well.
"""

from typing import Any

import numpy as np

from kaug._apply.resample import Resampling
from kaug._tensors import ops
from kaug._tensors.lookups import look_up

Size = tuple[int, int]

# So far outside, a pixel may still be one of the border.
_TOLERANCE = 1e-4
# Coordinates this far out are outside any image.
_FAR = 2.0**29


def warp(
    images: Any, matrices: Any, sampling: Resampling, after: Size, *, straight: bool = False
) -> Any:
    """Returns images `(B, *after, C)`, resampled.

    Args:
        images: `(B, H, W, C)`, float32; of any dtype where pixels are not blended.
        matrices: About the centres, output pixel to input pixel, `(2, 3, B)`.
        sampling: Fill and interpolation.
        after: Height and width of the result.
        straight: Whether axes stay axes in all of the images.
    """
    size = (images.shape[1], images.shape[2])
    if not straight:
        return remap(images, places(matrices, size, after), sampling)
    rows, columns = (
        places_along(matrices, axis, size[axis], after[axis], after[axis]) for axis in range(2)
    )
    return remap(images, [rows[:, :, None], columns[:, None]], sampling)


def remap(images: Any, where: list[Any], sampling: Resampling) -> Any:
    """Returns the images `(B, H, W, C)` read at places, `(B, *after, C)`.

    Args:
        images: Of any dtype where pixels are not blended, else float32.
        where: Row and column of each pixel of the result in the images, `(B, *after)` each, or
            what broadcasts to it.
        sampling: Fill and interpolation.
    """
    size = (images.shape[1], images.shape[2])
    folded = [
        fold(ops.clip(place, -_FAR, _FAR), length, sampling)
        for place, length in zip(where, size, strict=True)
    ]
    if sampling.interpolation == "bilinear":
        result = blend(images, folded)
    else:
        nearest = [
            ops.floor(ops.clip(place, 0, length - 1) + 0.5)
            for place, length in zip(folded, size, strict=True)
        ]
        result = _gather(images, nearest[0], nearest[1])
    if sampling.fill_mode == "constant":
        return _filled(result, where, size, sampling)
    return result


def displace(images: Any, moves: list[Any], sampling: Resampling) -> Any:
    """Returns the images `(B, H, W, C)`, each pixel read so far down and to the right of itself.

    Args:
        images: Of any dtype where pixels are not blended, else float32.
        moves: Down and to the right, in pixels, `(B, H, W)` each.
        sampling: Fill and interpolation.
    """
    rows, columns = (np.arange(side, dtype=np.float32) for side in images.shape[1:3])
    where = [
        moves[0] + ops.convert_to_tensor(rows[:, None]),
        moves[1] + ops.convert_to_tensor(columns),
    ]
    return remap(images, where, sampling)


def for_reading(values: Any, sampling: Resampling) -> Any:
    """Returns a map in a dtype in which it can be read between its pixels, if it is."""
    return values if sampling.interpolation == "nearest" else ops.cast(values, "float32")


def places(matrices: Any, size: Size, after: Size) -> list[Any]:
    """Returns where each output pixel's row and column lie in the input, `(B, *after)` each."""
    rows, columns = (from_centre(length) for length in after)
    entries = [[ops.reshape(matrices[i, j], (-1, 1, 1)) for j in range(3)] for i in range(2)]
    return [
        down * rows[:, None] + across * columns[None] + (offset + (length - 1) / 2)
        for (down, across, offset), length in zip(entries, size, strict=True)
    ]


def places_along(matrices: Any, axis: int, length: int, after: int, count: int) -> Any:
    """Returns the same of one axis, for warps whose axes stay axes, `(B, count)`.

    Args:
        matrices: `(2, 3, B)`.
        axis: 0 or 1.
        length: Of the axis in the images.
        after: In the result.
        count: Of how many pixels, which may go on beyond the result.
    """
    step, offset = (ops.reshape(matrices[axis, j], (-1, 1)) for j in (axis, 2))
    return step * from_centre(after, count)[None] + (offset + (length - 1) / 2)


def from_centre(length: int, count: int | None = None) -> Any:
    """Returns how far pixels lie from the centre of so many, `(length,)`, or of more of them."""
    # As a tensor: NumPy would take those of PyTorch for arrays of its own, and fail on a GPU.
    places = np.arange(count or length, dtype=np.float32) - np.float32((length - 1) / 2)
    return ops.convert_to_tensor(places)


def fill_outside(result: Any, matrices: Any, size: Size, sampling: Resampling) -> Any:
    """Returns warped images with what lies outside filled, where that is constant.

    Args:
        result: `(B, *after, C)`.
        matrices: What warped them, `(2, 3, B)`.
        size: Height and width of the images before.
        sampling: Fill and interpolation.
    """
    if sampling.fill_mode != "constant":
        return result
    after = (result.shape[1], result.shape[2])
    return _filled(result, places(matrices, size, after), size, sampling)


def _filled(result: Any, where: list[Any], size: Size, sampling: Resampling) -> Any:
    margin = _TOLERANCE + (0.5 if sampling.areas else 0.0)
    inside = [
        (place >= -margin) & (place <= length - 1 + margin)
        for place, length in zip(where, size, strict=True)
    ]
    fill = ops.cast(sampling.fill_value, result.dtype)
    return ops.where((inside[0] & inside[1])[..., None], result, fill)


def fold(place: Any, size: int, sampling: Resampling) -> Any:
    """Brings coordinates back to the image; what is near its edge is left to clipping."""
    if size == 1:
        return place
    if sampling.fill_mode == "reflect":
        # Between an outer centre and where its pixel ends, and as far beyond, it is SciPy's.
        place = ops.mod(place, 2.0 * size)
        return ops.where(place < size, place, 2.0 * size - 1 - place)
    if sampling.fill_mode == "wrap" and sampling.areas:
        return place - size * ops.floor((place + 0.5) * (1 / size))
    if sampling.fill_mode == "wrap":
        period = size - 1.0
        above = ops.where(place > period, ops.mod(place, period), place)
        return ops.where(place < 0, period - ops.mod(-place, period), above)
    return place


def blend(images: Any, where: list[Any]) -> Any:
    """Returns float32 images blended of the four pixels around each place, or at the edge.

    Args:
        images: `(B, H, W, C)`.
        where: Row and column, `(B, *after)` each, or what broadcasts to it.
    """
    size = (images.shape[1], images.shape[2])
    where = [ops.clip(place, 0, length - 1) for place, length in zip(where, size, strict=True)]
    row, column = (
        ops.minimum(ops.floor(place), max(length - 2, 0))
        for place, length in zip(where, size, strict=True)
    )
    down, right = ((where[0] - row)[..., None], (where[1] - column)[..., None])
    below, beside = row + float(size[0] > 1), column + float(size[1] > 1)
    top = _gather(images, row, column) * (1 - right) + _gather(images, row, beside) * right
    bottom = _gather(images, below, column) * (1 - right) + _gather(images, below, beside) * right
    return top * (1 - down) + bottom * down


def _gather(images: Any, row: Any, column: Any) -> Any:
    """Returns the pixels at whole positions, floats within the image, that broadcast."""
    height, width, channels = images.shape[1:]
    first = ops.reshape(ops.arange(ops.shape(images)[0], dtype="int32"), (-1, 1, 1))
    # Each by itself, since their sum might be more than float32 counts to.
    index = (first * height + ops.cast(row, "int32")) * width + ops.cast(column, "int32")
    return look_up(ops.reshape(images, (-1, channels)), index)

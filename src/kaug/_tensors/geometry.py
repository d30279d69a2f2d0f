"""Warps on tensors.

Matrices are those of `kaug._apply.matrices`, float32 `(2, 3, B)`; coordinates are float32 as well.
"""

from typing import Any

import keras
import numpy as np

from kaug._apply.resample import Resampling
from kaug._tensors import ops

Size = tuple[int, int]

# So far outside, a pixel may still be one of the border.
_TOLERANCE = 1e-4


def to_pixels(matrices: Any, size: Size, after: Size) -> Any:
    """Returns matrices `(B, 6)` between pixels counted from the first one, row by row.

    Args:
        matrices: About the centres, `(2, 3, B)`.
        size: Height and width of the images.
        after: Those of the result.
    """
    there, here = ([(side - 1) / 2 for side in each] for each in (size, after))
    entries = []
    for i in range(2):
        down, across, offset = (matrices[i, j] for j in range(3))
        entries += [down, across, there[i] - (down * here[0] + across * here[1]) + offset]
    return ops.stack(entries, axis=1)


def warp(images: Any, matrices: Any, sampling: Resampling, after: Size) -> Any:
    """Returns float32 images `(B, *after, C)`, resampled.

    Args:
        images: `(B, H, W, C)`, float32.
        matrices: About the centres, output pixel to input pixel, `(2, 3, B)`.
        sampling: Fill and interpolation.
        after: Height and width of the result.
    """
    size = (images.shape[1], images.shape[2])
    pixels = to_pixels(matrices, size, after)
    if keras.backend.backend() == "tensorflow" and sampling.fill_mode != "wrap":
        return _warp_by_tensorflow(images, pixels, sampling, after)
    return remap(images, places(pixels, after), sampling)


def remap(images: Any, where: list[Any], sampling: Resampling) -> Any:
    """Returns the images `(B, H, W, C)` read at places, `(B, *after, C)`.

    Args:
        images: Of any dtype where pixels are not blended, else float32.
        where: Row and column of each pixel of the result in the images, `(B, *after)` each.
        sampling: Fill and interpolation.
    """
    size = (images.shape[1], images.shape[2])
    folded = [
        ops.clip(_fold(place, length, sampling.fill_mode), 0, length - 1)
        for place, length in zip(where, size, strict=True)
    ]
    if sampling.interpolation == "bilinear":
        result = _blend(images, folded, size)
    else:
        nearest = [ops.cast(ops.floor(place + 0.5), "int32") for place in folded]
        result = _gather(images, nearest[0], nearest[1])
    if sampling.fill_mode == "constant":
        fill = ops.cast(sampling.fill_value, result.dtype)
        result = ops.where(_inside(where, size), result, fill)
    return result


def places(pixels: Any, after: Size) -> list[Any]:
    """Returns where each output pixel's row and column lie in the input, `(B, *after)` each."""
    # As tensors: NumPy would take those of PyTorch for arrays of its own, and fail on a GPU.
    rows = ops.convert_to_tensor(np.arange(after[0], dtype=np.float32)[:, None])
    columns = ops.convert_to_tensor(np.arange(after[1], dtype=np.float32)[None, :])
    entries = [ops.reshape(pixels[:, i], (-1, 1, 1)) for i in range(6)]
    return [entries[i] * rows + entries[i + 1] * columns + entries[i + 2] for i in (0, 3)]


def _warp_by_tensorflow(images: Any, pixels: Any, sampling: Resampling, after: Size) -> Any:
    """Returns the same, by the one op that TensorFlow has for it."""
    import tensorflow as tf

    # The op counts (column, row), and its constant filling blends into the border.
    constant = sampling.fill_mode == "constant"
    vectors = tf.concat(
        [tf.gather(pixels, [4, 3, 5, 1, 0, 2], axis=1), tf.zeros_like(pixels[:, :2])], 1
    )
    result = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=vectors,
        output_shape=after,
        fill_value=0.0,
        interpolation=sampling.interpolation.upper(),
        fill_mode="NEAREST" if constant else sampling.fill_mode.upper(),
    )
    result = tf.ensure_shape(result, (images.shape[0], *after, images.shape[3]))
    if constant:
        inside = _inside(places(pixels, after), (images.shape[1], images.shape[2]))
        result = tf.where(inside, result, sampling.fill_value)
    return result


def _inside(where: list[Any], size: Size) -> Any:
    """Returns which pixels do not come from outside the images, `(B, H, W, 1)`."""
    inside = [
        (place >= -_TOLERANCE) & (place <= length - 1 + _TOLERANCE)
        for place, length in zip(where, size, strict=True)
    ]
    return (inside[0] & inside[1])[..., None]


def _fold(place: Any, size: int, fill_mode: str) -> Any:
    """Brings coordinates back to the image; what is near its edge is left to clipping."""
    if fill_mode == "reflect":
        place = ops.mod(place + 0.5, 2.0 * size)
        return ops.minimum(place, 2.0 * size - place) - 0.5
    if fill_mode == "wrap" and size > 1:
        period = size - 1.0
        above = ops.where(place > period, ops.mod(place, period), place)
        return ops.where(place < 0, period - ops.mod(-place, period), above)
    return place


def _blend(images: Any, where: list[Any], size: Size) -> Any:
    """Blends the four pixels around each place."""
    low = [
        ops.minimum(ops.floor(place), max(length - 2, 0))
        for place, length in zip(where, size, strict=True)
    ]
    down, right = ((place - floor)[..., None] for place, floor in zip(where, low, strict=True))
    row, column = (ops.cast(floor, "int32") for floor in low)
    below, beside = row + int(size[0] > 1), column + int(size[1] > 1)
    top = _gather(images, row, column) * (1 - right) + _gather(images, row, beside) * right
    bottom = _gather(images, below, column) * (1 - right) + _gather(images, below, beside) * right
    return top * (1 - down) + bottom * down


def _gather(images: Any, row: Any, column: Any) -> Any:
    """Returns the pixels at whole positions `(B, *after)`."""
    height, width, channels = images.shape[1:]
    flat = ops.reshape(images, (-1, height * width, channels))
    after = row.shape[1:]
    index = ops.reshape(row * width + column, (-1, after[0] * after[1], 1))
    return ops.reshape(ops.take_along_axis(flat, index, axis=1), (-1, *after, channels))

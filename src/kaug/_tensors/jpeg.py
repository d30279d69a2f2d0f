"""What JPEG does to pixels, on tensors: the whole numbers of `kaug._kernels.jpeg`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kaug._kernels.jpeg import SHIFTS, SIDE, basis
from kaug._tensors import ops


def compressed(levels: Any, steps: Any) -> Any:
    """Returns what is left of images after JPEG.

    Args:
        levels: `(B, H, W, C)`, whole float32 numbers of 0..255, of 1 or 3 channels.
        steps: Of frequencies, int32 `(B, 128)`; see `_apply.quantization`.
    """
    size = (levels.shape[1], levels.shape[2])
    of_luma, of_chroma = steps[:, : SIDE * SIDE], steps[:, SIDE * SIDE :]
    if levels.shape[-1] == 1:
        return _coded(levels[..., 0], of_luma)[..., None]
    red, green, blue = (levels[..., channel] for channel in range(3))
    # All sums are below 2²⁴, and exact.
    unit = 2.0**-16
    luma = ops.floor((19595.0 * red + 38470.0 * green + 7471.0 * blue + 32768.0) * unit)
    chroma = (
        ops.floor((-11059.0 * red - 21709.0 * green + 32768.0 * blue + 8421375.0) * unit),
        ops.floor((32768.0 * red - 27439.0 * green - 5329.0 * blue + 8421375.0) * unit),
    )
    luma = _coded(luma, of_luma)
    b, r = (_enlarged(_coded(_halved(each), of_chroma), size) - 128.0 for each in chroma)
    red = luma + ops.floor((91881.0 * r + 32768.0) * unit)
    green = luma + ops.floor((-22554.0 * b - 46802.0 * r + 32768.0) * unit)
    blue = luma + ops.floor((116130.0 * b + 32768.0) * unit)
    return ops.clip(ops.stack([red, green, blue], axis=-1), 0.0, 255.0)


def _coded(plane: Any, steps: Any) -> Any:
    """Returns a plane `(B, H, W)` after its blocks have lost what quantizing them loses."""
    height, width = plane.shape[1:3]
    down, across = -(-height // SIDE), -(-width // SIDE)
    whole = _prolonged(ops.cast(plane, "int32"), (down * SIDE, across * SIDE))
    blocks = ops.reshape(whole, (-1, down, SIDE, across, SIDE)) - 128
    blocks = ops.transpose(blocks, (0, 1, 3, 2, 4))
    matrix = basis().astype(np.int32)
    blocks = _along_columns(_along_rows(blocks, matrix, SHIFTS[0]), matrix, SHIFTS[1])
    steps = ops.reshape(steps, (-1, 1, 1, SIDE, SIDE))
    size = ops.floor_divide(ops.absolute(blocks) + 4 * steps, 8 * steps) * steps
    blocks = ops.where(blocks < 0, -size, size)
    blocks = _along_rows(_along_columns(blocks, matrix.T, SHIFTS[2]), matrix.T, SHIFTS[3])
    blocks = ops.transpose(ops.clip(blocks + 128, 0, 255), (0, 1, 3, 2, 4))
    whole = ops.reshape(blocks, (-1, down * SIDE, across * SIDE))
    return ops.cast(whole[:, :height, :width], "float32")


def _along_rows(blocks: Any, matrix: Any, shift: int) -> Any:
    products = blocks[..., None, :] * ops.convert_to_tensor(matrix)
    return _rounded(ops.sum(products, axis=-1), shift)


def _along_columns(blocks: Any, matrix: Any, shift: int) -> Any:
    products = blocks[..., None, :, :] * ops.convert_to_tensor(matrix[:, :, None])
    return _rounded(ops.sum(products, axis=-2), shift)


def _rounded(numbers: Any, shift: int) -> Any:
    return ops.right_shift(ops.cast(numbers, "int32") + (1 << (shift - 1)), shift)


def _prolonged(plane: Any, size: Sequence[int]) -> Any:
    """Returns a plane with its last row and column repeated up to a size."""
    for axis, length in enumerate(size, start=1):
        if length > plane.shape[axis]:
            places = np.minimum(np.arange(length), plane.shape[axis] - 1).astype(np.int32)
            plane = ops.take(plane, ops.convert_to_tensor(places), axis=axis)
    return plane


def _halved(plane: Any) -> Any:
    """Returns a plane at half its size, halves rounded down and up from column to column."""
    height, width = ((side + 1) // 2 for side in plane.shape[1:3])
    wide = -(-width // SIDE) * SIDE  # what is beyond the end is a mean of repeated pixels
    whole = _prolonged(plane, (2 * height, 2 * wide))
    total = ops.sum(ops.reshape(whole, (-1, height, 2, wide, 2)), axis=(2, 4))
    bias = np.where(np.arange(wide) % 2, 0.5, 0.25).astype(np.float32)
    return ops.floor(total * 0.25 + ops.convert_to_tensor(bias))


def _enlarged(plane: Any, size: tuple[int, int]) -> Any:
    """Returns a plane at twice its size, cut off to one; the nearer pixels count threefold."""
    height, width = size
    rows, columns = (height + 1) // 2, (width + 1) // 2
    plane = plane[:, :rows, :columns]
    if columns <= 2:
        return ops.repeat(ops.repeat(plane, 2, axis=1), 2, axis=2)[:, :height, :width]
    above = ops.concatenate([plane[:, :1], plane[:, :-1]], axis=1)
    below = ops.concatenate([plane[:, 1:], plane[:, -1:]], axis=1)
    sums = ops.stack([3.0 * plane + above, 3.0 * plane + below], axis=2)
    sums = ops.reshape(sums, (-1, 2 * rows, columns))
    before = ops.concatenate([sums[..., :1], sums[..., :-1]], axis=2)
    behind = ops.concatenate([sums[..., 1:], sums[..., -1:]], axis=2)
    pairs = [3.0 * sums + before + 8.0, 3.0 * sums + behind + 7.0]
    large = ops.floor(ops.stack(pairs, axis=3) * (1 / 16))
    return ops.reshape(large, (-1, 2 * rows, 2 * columns))[:, :height, :width]

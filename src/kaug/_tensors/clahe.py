"""Histograms of tiles made flat on tensors, as `kaug._kernels.clahe` does it on arrays."""

from typing import Any

import numpy as np

from kaug._kernels.clahe import find_tiles, reflect, tile_side
from kaug._tensors import ops
from kaug._tensors.colors import gray, levels_of, to_images
from kaug._tensors.lookups import look_up
from kaug._tensors.tone import LEVELS


def equalized(images: Any, limits: Any, grid: tuple[int, int], *, in_bytes: bool) -> Any:
    """Returns images with flat histograms; of three channels of their luma.

    Args:
        images: `(B, H, W, C)`, float32 in 0..1.
        limits: How many times as many samples of a tile as on average may have a level, `(B,)`.
        grid: How many tiles down and across.
        in_bytes: Whether these are levels of bytes, and results whole ones.
    """
    height, width, channels = images.shape[1:]
    values = gray(images, in_bytes=in_bytes) if channels == 3 else images
    levels = levels_of(ops.where(values == values, values, 0.0))
    sides = (tile_side(height, width, grid, 0), tile_side(height, width, grid, 1))
    planes = ops.transpose(ops.cast(levels, "int32"), (0, 3, 1, 2))
    tables = _tables(_in_tiles(planes, grid, sides), limits, sides[0] * sides[1])
    made = ops.transpose(_blended(tables, planes, grid, sides), (0, 2, 3, 1))
    made = ops.round(made) if in_bytes else made
    return images + (to_images(made) - values)


def _in_tiles(planes: Any, grid: tuple[int, int], sides: tuple[int, int]) -> Any:
    """Returns the levels of each tile, `(B, C, down, across, samples)`, given `(B, C, H, W)`."""
    for axis in range(2):
        places = np.empty(sides[axis] * grid[axis], np.int64)
        reflect(places, planes.shape[2 + axis])
        where = ops.convert_to_tensor(places.astype(np.int32))
        planes = ops.take(planes, where, axis=2 + axis)
    channels = planes.shape[1]
    tiles = ops.reshape(planes, (-1, channels, grid[0], sides[0], grid[1], sides[1]))
    tiles = ops.transpose(tiles, (0, 1, 2, 4, 3, 5))
    return ops.reshape(tiles, (-1, channels, *grid, sides[0] * sides[1]))


def _tables(tiles: Any, limits: Any, samples: int) -> Any:
    """Returns what becomes of the levels in each tile, float32 `(B, C, down, across, 256)`."""
    channels, down, across = tiles.shape[1:4]
    count = ops.shape(tiles)[0] * (channels * down * across)
    first = ops.reshape(ops.arange(count, dtype="int32") * LEVELS, (-1, channels, down, across, 1))
    where = ops.reshape(tiles + first, (-1,))
    ones = ops.ones_like(where, dtype="float32")
    counts = ops.segment_sum(ones, where, num_segments=count * LEVELS)
    counts = ops.reshape(counts, (-1, channels, down, across, LEVELS))
    most = ops.maximum(ops.floor(limits * (samples / LEVELS)), 1.0)
    most = ops.reshape(most, (-1, 1, 1, 1, 1))
    excess = ops.sum(ops.maximum(counts - most, 0.0), axis=-1, keepdims=True)
    each = ops.floor(excess * (1 / LEVELS))
    left = ops.cast(excess - each * LEVELS, "int32")
    apart = ops.maximum(ops.floor_divide(LEVELS, ops.maximum(left, 1)), 1)
    every = ops.convert_to_tensor(np.arange(LEVELS, dtype=np.int32))
    turn = ops.floor_divide(every, apart)
    more = (turn * apart == every) & (turn < left)
    counts = ops.minimum(counts, most) + each + ops.cast(more, "float32")
    scale = float(np.float32(255) / np.float32(samples))
    return ops.round(ops.cumsum(counts, axis=-1) * scale)


def _blended(tables: Any, planes: Any, grid: tuple[int, int], sides: tuple[int, int]) -> Any:
    """Returns levels `(B, C, H, W)`, blended of what four tiles make of those of planes."""
    channels, *size = planes.shape[1:]
    tiles, shares = [], []
    for length, side, count in zip(size, sides, grid, strict=True):
        tiles.append(np.empty((length, 2), np.int64))
        shares.append(np.empty(length, np.float32))
        find_tiles(tiles[-1], shares[-1], side, count)
    down, across = (ops.convert_to_tensor(each) for each in (shares[0][:, None], shares[1]))
    flat = ops.reshape(tables, (-1,))
    count = ops.shape(tables)[0] * channels
    first = ops.reshape(ops.arange(count, dtype="int32"), (-1, channels, 1, 1))
    own = first * (grid[0] * grid[1] * LEVELS) + planes

    def row(y: int) -> Any:
        made = []
        for x in range(2):
            numbers = tiles[0][:, y, None] * grid[1] + tiles[1][:, x]
            where = own + ops.convert_to_tensor((numbers * LEVELS).astype(np.int32))
            made.append(ops.reshape(look_up(flat, where), (-1, channels, *size)))
        return made[0] * (1 - across) + made[1] * across

    return row(0) * (1 - down) + row(1) * down

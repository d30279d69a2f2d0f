"""Histograms of tiles made flat, as far as a limit of contrast allows, and blended between tiles.

That works on 256 levels, in the arithmetic of OpenCV. Of floats the nearest level counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.samples import by_dtype, fit, is_outside, load, luma

_LEVELS = 256

_Array = NDArray[Any]


@jit
def equalize_tiles(
    images: _Array, limits: _Array, grid: tuple[int, int], out: _Array, outside: _Array
) -> None:
    """Flattens the histograms of tiles: of three channels those of luma, else each channel's.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8 or floats.
        limits: `(M,)`, int64: how many samples of a tile may have a level; what is more is spread
            evenly over all levels.
        grid: How many tiles down and across.
        out: Like `images`. The three channels of a pixel are moved by what its luma is moved by.
        outside: See `pointwise`.
    """
    count, height, width, channels = images.shape
    planes = 1 if channels == 3 else channels
    tall, wide = tile_side(height, width, grid, 0), tile_side(height, width, grid, 1)
    rows, columns = np.empty(tall * grid[0], np.int64), np.empty(wide * grid[1], np.int64)
    reflect(rows, height)
    reflect(columns, width)
    above, down = np.empty((height, 2), np.int64), np.empty(height, np.float32)
    before, across = np.empty((width, 2), np.int64), np.empty(width, np.float32)
    find_tiles(above, down, tall, grid[0])
    find_tiles(before, across, wide, grid[1])
    before *= _LEVELS  # where their tables begin
    levels, counts = np.empty((height, width), np.uint8), np.empty((2, _LEVELS), np.int32)
    tables = np.empty((grid[0], grid[1], _LEVELS), np.uint8)
    for i in range(count):
        for plane in range(planes):
            _find_levels(images[i], plane, levels, outside)
            for y in range(grid[0]):
                for x in range(grid[1]):
                    own = rows[y * tall : (y + 1) * tall], columns[x * wide : (x + 1) * wide]
                    _count(levels, own[0], own[1], counts)
                    _limit(counts[0], limits[i])
                    _flatten(counts[0], tall * wide, tables[y, x])
            _blend(images[i], plane, levels, tables, above, down, before, across, out[i])


@jit
def tile_side(height: int, width: int, grid: tuple[int, int], axis: int) -> int:
    """Returns a side of the tiles; where they do not divide an image, it goes on on both sides."""
    side = height if axis == 0 else width
    if height % grid[0] == 0 and width % grid[1] == 0:
        return side // grid[axis]
    return side // grid[axis] + 1


@jit
def reflect(places: _Array, length: int) -> None:
    """Writes which of so many pixels are found at 0, 1, …: `a b c d | c b a b`."""
    period = max(2 * length - 2, 1)
    for k in range(len(places)):
        place = k % period
        places[k] = place if place < length else period - place


@jit
def find_tiles(tiles: _Array, shares: _Array, side: int, count: int) -> None:
    """Writes between which two tiles each pixel of an axis is, and how much of it is the second's.

    Args:
        tiles: `(length, 2)`.
        shares: `(length,)`, float32.
        side: Of a tile.
        count: Of tiles.
    """
    half, reciprocal = np.float32(0.5), np.float32(1) / np.float32(side)
    for k in range(len(tiles)):
        place = np.float32(k) * reciprocal - half
        first = int(np.floor(place))
        shares[k] = place - np.float32(first)
        tiles[k, 0], tiles[k, 1] = max(first, 0), min(first + 1, count - 1)


@jit
def _find_levels(image: _Array, plane: int, levels: _Array, outside: _Array) -> None:
    height, width, channels = image.shape
    flat, target = image.reshape(-1), levels.reshape(-1)
    depth, first, found = np.uint64(channels), np.uint64(plane), False
    for k in range(np.uint64(len(flat))):
        found |= is_outside(flat, k)
    outside[0] |= found
    if channels == 3:
        for pixel in range(np.uint64(height * width)):
            target[pixel] = _nearest(flat, _luma(flat, pixel))
    else:
        for pixel in range(np.uint64(height * width)):
            target[pixel] = _nearest(flat, load(flat, depth * pixel + first))


@jit
def _luma(flat: _Array, pixel: Any) -> Any:
    k = np.uint64(3) * pixel
    red, green, blue = load(flat, k), load(flat, k + np.uint64(1)), load(flat, k + np.uint64(2))
    return luma(flat, red, green, blue)


@by_dtype
def _luma_of(dtype: np.dtype[Any]) -> Any:
    """`_luma_of(samples, pixel, level)` returns the luma of a pixel, which has a level."""
    if dtype == np.uint8:
        return lambda _samples, _pixel, level: np.float32(level)
    return lambda samples, pixel, _level: _luma(samples, pixel)


@by_dtype
def _nearest(dtype: np.dtype[Any]) -> Any:
    """`_nearest(samples, value)` returns the level of a value, NaN being black."""
    if dtype == np.uint8:
        return lambda _samples, value: np.uint8(np.int32(value))
    full, half, none = dtype.type(255), dtype.type(0.5), dtype.type(0)

    def find_level(_samples: Any, value: Any) -> Any:
        value = value if value == value else none
        return np.uint8(np.int32(value * full + half))

    return find_level


@jit
def _count(levels: _Array, rows: _Array, columns: _Array, counts: _Array) -> None:
    counts[:] = 0
    # In turns in two histograms, as neighbours tend to be alike.
    one, half = np.uint64(1), np.uint64(len(columns) // 2)
    for row in rows:
        line = levels[row]
        for pair in range(half):
            k = pair << one
            counts[0, line[np.uint64(columns[k])]] += 1
            counts[1, line[np.uint64(columns[k + one])]] += 1
        if len(columns) % 2:
            counts[0, line[columns[-1]]] += 1
    for level in range(counts.shape[1]):  # sums of rows take a second to compile
        counts[0, level] += counts[1, level]


@jit
def _limit(counts: _Array, limit: int) -> None:
    """Spreads what is beyond a limit evenly; what is left of it, over levels far apart."""
    excess, most = 0, np.int32(limit)
    for level in range(_LEVELS):
        count = counts[level]
        counts[level] = count if count < most else most
        excess += count - counts[level]
    each, left = excess // _LEVELS, excess % _LEVELS
    counts += np.int32(each)
    apart = max(_LEVELS // max(left, 1), 1)
    for turn in range(left):
        counts[turn * apart] += 1


@jit
def _flatten(counts: _Array, total: int, table: _Array) -> None:
    passed, scale = 0, np.float32(255) / np.float32(total)
    for level in range(_LEVELS):
        passed += counts[level]
        table[level] = np.uint8(np.int32(np.rint(np.float32(passed) * scale)))


@jit
def _blend(
    image: _Array,
    plane: int,
    levels: _Array,
    tables: _Array,
    above: _Array,
    down: _Array,
    before: _Array,
    across: _Array,
    out: _Array,
) -> None:
    """Moves pixels from where they are to what the four tiles around them make of their level."""
    height, width, channels = image.shape
    flat, target, full = image.reshape(-1), out.reshape(-1), np.float32(1)
    kept = tables.reshape(tables.shape[0], -1)
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    depth, own = np.uint64(channels), np.uint64(plane)
    found = np.empty((4, width), np.uint8)
    line = np.empty(width, np.float32)
    for y in range(height):
        upper, lower, own_levels = kept[above[y, 0]], kept[above[y, 1]], levels[y]
        v, start = down[y], np.uint64(y * width)
        for x in range(np.uint64(width)):
            level = np.uint64(own_levels[x])
            first, second = np.uint64(before[x, 0]) + level, np.uint64(before[x, 1]) + level
            found[0, x], found[1, x] = upper[first], upper[second]
            found[2, x], found[3, x] = lower[first], lower[second]
        for x in range(np.uint64(width)):
            w, rest = across[x], full - across[x]
            top = np.float32(found[0, x]) * rest + np.float32(found[1, x]) * w
            bottom = np.float32(found[2, x]) * rest + np.float32(found[3, x]) * w
            line[x] = top * (full - v) + bottom * v
        if channels == 3:
            for x in range(np.uint64(width)):
                pixel, made = start + x, _made(flat, line[x])
                way, k = made - _luma_of(flat, pixel, own_levels[x]), three * pixel
                target[k] = fit(target, load(flat, k) + way)
                target[k + one] = fit(target, load(flat, k + one) + way)
                target[k + two] = fit(target, load(flat, k + two) + way)
        else:
            for x in range(np.uint64(width)):
                k, made = depth * (start + x) + own, _made(flat, line[x])
                target[k] = fit(target, load(flat, k) + (made - load(flat, k)))


@by_dtype
def _made(dtype: np.dtype[Any]) -> Any:
    """`_made(samples, level)` returns a level as a value: a whole one for bytes."""
    if dtype == np.uint8:
        return lambda _samples, level: np.rint(level)
    kind, full = dtype.type, dtype.type(255)
    return lambda _samples, level: kind(level) / full

"""From a matrix to positions in the source and weights, for one axis and a block of rows at a time.

Sums are taken in the order `scipy.ndimage` takes them, so that ties and edges fall the same way.

The loops are written for LLVM to vectorise: unsigned indices, behind which Numba adds no check for
negative ones; selections instead of branches; whole blocks of rows per call, and no slices, because
the reference counts of a call or a slice alone cost as much as several pixels.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit

FILL_MODES = ("nearest", "reflect", "wrap", "constant")
REFLECT, WRAP, CONSTANT = 1, 2, 3
# What `"wrap"` is where pixels are areas: the picture anew from where it ends, `"grid-wrap"` of
# `scipy.ndimage`. Of points the last pixel and the first lie on each other.
TILE = 4

# Positions this far out are outside any picture, and the sum of two still is an int32.
_FAR = 2.0**29

_Array = NDArray[Any]


@jit
def split_steps(matrix: _Array, axis: int, whole: _Array, part: _Array) -> None:
    """Splits what each column adds to the coordinate into its floor and the rest."""
    step = matrix[axis, 1]
    for c in range(whole.shape[1]):
        x = step * c
        floor = np.floor(x)
        whole[axis, c] = np.int32(min(max(floor, -_FAR), _FAR))
        part[axis, c] = x - floor


@jit
def locate(
    matrix: _Array,
    axis: int,
    first: int,
    stop: int,
    columns: int,
    size: int,
    whole: _Array,
    part: _Array,
    positions: _Array,
    weights: _Array,
) -> None:
    """Clamps the coordinates of rows `first` to `stop` and splits them as `split` does.

    Adding `split_steps`' floors and rests apart takes half the time of float64 coordinates, and
    the rests, below 1, keep float32's full precision however large the picture is.
    """
    slope, origin = matrix[axis, 0], matrix[axis, 2]
    last = np.int32(max(size - 2, 0))
    row = np.uint64(axis)
    none, full = part.dtype.type(0), part.dtype.type(1)
    for r in range(first, stop):
        start = slope * r + origin
        floor = np.floor(start)
        rest = part.dtype.type(start - floor)
        base = np.int32(min(max(floor, -_FAR), _FAR))
        k = np.uint64((r - first) * columns)
        for c in range(np.uint64(whole.shape[1])):
            w = part[row, c] + rest
            i = np.int32(whole[row, c] + base)
            carry = w >= full
            w = w - full if carry else w
            i = np.int32(i + np.int32(1)) if carry else i
            w = none if i < 0 else w
            w = full if i > last else w
            positions[row, k + c] = min(max(i, np.int32(0)), last)
            weights[row, k + c] = w


@jit
def compute(
    matrix: _Array, axis: int, first: int, stop: int, columns: int, coordinates: _Array
) -> None:
    """Computes the coordinates of rows `first` to `stop`."""
    slope, step, origin = matrix[axis, 0], matrix[axis, 1], matrix[axis, 2]
    for r in range(first, stop):
        start = slope * r + origin
        k = np.uint64((r - first) * columns)
        for c in range(np.uint64(columns)):
            coordinates[k + c] = start + step * np.float64(np.int32(c))


@jit
def seen(matrix: _Array, axis: int, size: int, length: int, fill: Any) -> tuple[int, int]:
    """Returns from and to which place of an axis of the result pixels may show the picture.

    All others are to be filled, if `fill` is not None. The axes of the picture must be those of the
    result.
    """
    if fill is None:
        return 0, length
    step, origin = matrix[axis, axis], matrix[axis, 2]
    ends = ((-1.0 - origin) / step, (size - origin) / step)  # half a pixel beyond the end
    begin = min(max(math.floor(min(ends[0], ends[1])), 0), length)
    return begin, max(min(math.ceil(max(ends[0], ends[1])) + 1, length), begin)


@jit
def fold(coordinates: _Array, count: int, size: int, mode: int) -> None:
    """Brings coordinates outside the picture back to it, in `scipy.ndimage`'s arithmetic.

    Only `"reflect"` and `"wrap"` have anything to fold, and nothing folds on a single pixel. What
    lies within half a pixel of the edge is left to clamping, except by `"wrap"` of points.
    """
    if size < 2:
        return
    if mode == REFLECT:
        _reflect(coordinates, count, np.float64(size))
    elif mode == WRAP:
        _wrap(coordinates, count, np.float64(size - 1))
    elif mode == TILE:
        _tile(coordinates, count, np.float64(size))


@jit
def _reflect(coordinates: _Array, count: int, size: float) -> None:
    period = 2 * size
    for k in range(np.uint64(count)):
        x = coordinates[k]
        turns = np.floor(abs(x) / period)
        low = x + period * turns if x < -period else x
        low = low + period if low < -size else -low - 1
        high = x - period * turns
        high = period - high - 1 if high >= size else high
        x = low if x < 0 else (high if x > size - 1 else x)
        coordinates[k] = x


@jit
def _wrap(coordinates: _Array, count: int, period: float) -> None:
    for k in range(np.uint64(count)):
        x = coordinates[k]
        turns = np.floor(abs(x) / period)
        low = x + period * (turns + 1)
        high = x - period * turns
        coordinates[k] = low if x < 0 else (high if x > period else x)


@jit
def _tile(coordinates: _Array, count: int, size: float) -> None:
    for k in range(np.uint64(count)):
        x = coordinates[k]
        coordinates[k] = x - size * np.floor((x + 0.5) / size)


@jit
def split(
    coordinates: _Array, count: int, size: int, axis: int, positions: _Array, weights: _Array
) -> None:
    """Clamps coordinates and splits them into left neighbour and weight of the right one.

    The left neighbour is at most the last pixel but one, so that the right one always exists
    (except on an axis of one pixel): the last pixel is its right neighbour with weight 1.
    """
    row, top = np.uint64(axis), np.float64(size - 1)
    last = np.int32(max(size - 2, 0))
    for k in range(np.uint64(count)):
        x = coordinates[k]
        x = x if x > 0 else 0.0
        x = x if x < top else top
        i = min(np.int32(x), last)
        positions[row, k] = i
        weights[row, k] = x - i


@jit
def round_half_up(coordinates: _Array, count: int, size: int, axis: int, positions: _Array) -> None:
    """Clamps coordinates and rounds them to the nearest pixel."""
    row, top = np.uint64(axis), np.float64(size - 1)
    for k in range(np.uint64(count)):
        x = coordinates[k]
        x = x if x > 0 else 0.0
        x = x if x < top else top
        positions[row, k] = np.int32(x + 0.5)


@jit
def flatten(positions: _Array, count: int, shape: tuple[int, int, int]) -> None:
    """Turns the row positions, in place, into offsets in the flat image."""
    rows, columns = np.uint64(0), np.uint64(1)
    width, channels = np.int32(shape[1]), np.int32(shape[2])
    for k in range(np.uint64(count)):
        pixel = np.int32(np.int32(positions[rows, k] * width) + positions[columns, k])
        positions[rows, k] = np.int32(pixel * channels)

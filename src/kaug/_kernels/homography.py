"""Resampling from a pair of coordinates per pixel, for warps that are not affine.

As in `warp`, a row is worked on in blocks of output rows whose scratch fits the cache: first the
coordinates of the block, then positions and weights, then the pixels. What differs is where the
coordinates come from: a homography here, a field of displacements in `displacement`.

Coordinates are float64; weights and sums are float64 for float64 images, else float32. What lies
outside is what `scipy.ndimage.map_coordinates` takes for it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.coordinates import CONSTANT, flatten, fold, round_half_up, split
from kaug._kernels.warp import _blend, _copy

# Output pixels worked on at once, so that their scratch fits the first-level cache.
BLOCK = 1024
# Coordinates this far out are outside any picture, and still fit an int32.
_FAR = 2.0**29

_Array = NDArray[Any]


@jit
def project(
    images: _Array,
    matrices: _Array,
    out: _Array,
    linear: bool,
    mode: int,
    fill: Any,
    weight_dtype: Any,
) -> None:
    """Resamples every image by a homography.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8, float32 or float64.
        matrices: `(M, 3, 3)`, float64: output pixel `(x, y)` shows the input at `(u / w, v / w)`,
            where `(u, v, w)` is `matrix @ (x, y, 1)`, counted from the first pixel's centre.
        out: `(M, height, width, C)`, C-contiguous, of the dtype of `images`.
        linear: Whether to interpolate; else the nearest pixel is taken.
        mode: The position of the fill mode in `coordinates.FILL_MODES`.
        fill: What `"constant"` puts outside, of the dtype of `images`.
        weight_dtype: float64 for float64 images, else float32.
    """
    height, width = out.shape[1], out.shape[2]
    block = max(1, min(height, BLOCK // max(width, 1)))
    rows = np.empty(block * width, np.float64)
    columns = np.empty(block * width, np.float64)
    positions = np.empty((2, block * width), np.int32)
    weights = np.empty((2, block * width), weight_dtype)
    for i in range(len(images)):
        source, matrix, target = images[i], matrices[i], out[i]
        for first in range(0, height, block):
            stop = min(first + block, height)
            _homography(matrix, first, stop, width, rows, columns)
            sample(
                source,
                rows,
                columns,
                (stop - first) * width,
                linear,
                mode,
                fill,
                positions,
                weights,
                target,
                first * width,
            )


@jit
def find_homographies(
    corners: _Array, size: tuple[int, int], forwards: _Array, backwards: _Array
) -> None:
    """Finds the homographies that take the corners of a picture elsewhere.

    The formula is Heckbert's ("Fundamentals of texture mapping and image warping", 1989, section
    2.2.3), for the unit square.

    Args:
        corners: `(M, 4, 2)`, float64: where upper left, upper right, lower right and lower left go,
            (x, y) from the centre in units of half the width and height.
        size: Height and width of the picture.
        forwards: `(M, 3, 3)`, written to: from pixels `(x, y, 1)`, counted from the first one's
            centre, to where they go. The depth is positive in the picture.
        backwards: `(M, 3, 3)`, written to: the way back.
    """
    for i in range(len(corners)):
        c, m = corners[i], forwards[i]
        ax, ay = c[1, 0] - c[2, 0], c[1, 1] - c[2, 1]
        bx, by = c[3, 0] - c[2, 0], c[3, 1] - c[2, 1]
        sx = c[0, 0] - c[1, 0] + c[2, 0] - c[3, 0]
        sy = c[0, 1] - c[1, 1] + c[2, 1] - c[3, 1]
        area = ax * by - bx * ay
        g, h = (sx * by - bx * sy) / area, (ax * sy - sx * ay) / area
        for k in range(2):
            m[k, 0] = c[1, k] - c[0, k] + g * c[1, k]
            m[k, 1] = c[3, k] - c[0, k] + h * c[3, k]
            m[k, 2] = c[0, k]
        m[2, 0], m[2, 1], m[2, 2] = g, h, 1.0
        _count_in_pixels(m, size)
        for j in range(3):
            for k in range(3):
                # The adjugate is the inverse but for a factor, which homographies do not have.
                backwards[i, k, j] = (
                    m[j - 2, k - 2] * m[j - 1, k - 1] - m[j - 2, k - 1] * m[j - 1, k - 2]
                )


@jit
def _count_in_pixels(m: _Array, size: tuple[int, int]) -> None:
    """Makes a homography from the unit square to the square -1..1 one of pixels."""
    for k in range(3):
        # A pixel's centre is half a pixel further on than its number.
        m[k, 0] /= size[1]
        m[k, 1] /= size[0]
        m[k, 2] += (m[k, 0] + m[k, 1]) / 2
    for axis in range(2):
        length = size[1 - axis]
        for k in range(3):
            m[axis, k] = m[axis, k] * (length / 2) + m[2, k] * ((length - 1) / 2)


@jit
def _homography(
    matrix: _Array, first: int, stop: int, width: int, rows: _Array, columns: _Array
) -> None:
    """Computes where the pixels of output rows `first` to `stop` come from."""
    a, d, g = matrix[0, 0], matrix[1, 0], matrix[2, 0]
    for r in range(first, stop):
        u = matrix[0, 1] * r + matrix[0, 2]
        v = matrix[1, 1] * r + matrix[1, 2]
        w = matrix[2, 1] * r + matrix[2, 2]
        k = np.uint64((r - first) * width)
        for c in range(np.uint64(width)):
            x = np.float64(np.int32(c))
            depth = g * x + w
            # On the horizon, which no picture reaches: any place far out will do.
            scale = 1.0 / (depth if depth != 0 else 1e-30)
            rows[k + c] = min(max((d * x + v) * scale, -_FAR), _FAR)
            columns[k + c] = min(max((a * x + u) * scale, -_FAR), _FAR)


@jit
def sample(
    source: _Array,
    rows: _Array,
    columns: _Array,
    count: int,
    linear: bool,
    mode: int,
    fill: Any,
    positions: _Array,
    weights: _Array,
    target: _Array,
    start: int,
) -> None:
    """Writes `count` pixels of `target`, from its pixel `start` on.

    Args:
        source: `(H, W, C)`, C-contiguous.
        rows: Where in the source each comes from; folded in place where the mode folds.
        columns: The same for the columns.
        count: Of pixels.
        linear: Whether to interpolate.
        mode: The position of the fill mode in `coordinates.FILL_MODES`.
        fill: What `"constant"` puts outside.
        positions: Scratch, `(2, count or more)`, int32.
        weights: Scratch of the same shape, floats.
        target: `(height, width, C)`, C-contiguous.
        start: Number of the first pixel.
    """
    height, width = source.shape[0], source.shape[1]
    fold(rows, count, height, mode)
    fold(columns, count, width, mode)
    if linear:
        split(rows, count, height, 0, positions, weights)
        split(columns, count, width, 1, positions, weights)
        flatten(positions, count, source.shape)
        _blend(source, positions[0], weights[0], weights[1], count, target, start)
    else:
        round_half_up(rows, count, height, 0, positions)
        round_half_up(columns, count, width, 1, positions)
        flatten(positions, count, source.shape)
        _copy(source, positions[0], count, target, start)
    if mode == CONSTANT:
        _fill_outside(source, rows, columns, count, fill, target, start)


@jit
def _fill_outside(
    source: _Array,
    rows: _Array,
    columns: _Array,
    count: int,
    fill: Any,
    target: _Array,
    start: int,
) -> None:
    bottom, right = np.float64(source.shape[0] - 1), np.float64(source.shape[1] - 1)
    channels, width = np.uint64(source.shape[2]), np.uint64(target.shape[1])
    out = target.reshape(-1)
    place = np.uint64(start) * channels
    begin, one = np.uint64(0), np.uint64(1)
    while begin < np.uint64(count):
        # Of a row what lies outside is mostly at its ends: the rest is looked at all at once.
        low, high = begin, begin + width
        while low < high and _is_outside(rows[low], columns[low], bottom, right):
            low += one
        while low < high and _is_outside(rows[high - one], columns[high - one], bottom, right):
            high -= one
        found = False
        for k in range(low, high):
            found |= _is_outside(rows[k], columns[k], bottom, right)
        for k in range(place + begin * channels, place + low * channels):
            out[k] = fill
        for k in range(place + high * channels, place + (begin + width) * channels):
            out[k] = fill
        if found:
            for k in range(low, high):
                if _is_outside(rows[k], columns[k], bottom, right):
                    for channel in range(channels):
                        out[place + k * channels + channel] = fill
        begin += width


@jit
def _is_outside(y: float, x: float, bottom: float, right: float) -> bool:
    return not ((y >= 0) & (y <= bottom) & (x >= 0) & (x <= right))

"""Affine resampling of pixels that are areas: nothing is skipped where they get smaller.

Samples lie at the centres of pixels, as in `warp`. Along an axis on which a pixel of the result
covers more than one of the source, these are averaged with a triangle as wide as two of the result;
else they are interpolated between two neighbours. Where axes stay axes, each is resampled by
itself, down the columns first, which is what `PIL.Image.resize` does with its `box`. Where they do
not, an image that gets smaller is first resized like that along its own axes, and then
interpolated: both together average as much.

Weights are those of pixels within the image, and add up to one. An image ends where its outer
pixels do, half a pixel from their centres; what lies beyond is filled as by `warp`, but that
`"wrap"` begins with the picture anew where it ends.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.coordinates import FILL_MODES, TILE, fold, seen
from kaug._kernels.samples import rounded
from kaug._kernels.vectors import mix_eight_pixels, mix_two_pixels, sum_three_channels
from kaug._kernels.warp import (
    fill_outside,
    interpolate,
    interpolate_rows,
    kinds_of,
    pick_rows,
    run,
    scratch,
    shift_rows,
)

# How far pixels of the result are apart in what they are interpolated from, at most. The triangles
# of resizing to that and of interpolating have together the variance of a single one.
_APART = math.sqrt(2)
# What rounding can put between a pixel's centre and the end of the image.
_NEARLY = 1e-6

_Array = NDArray[Any]


def resize(
    images: _Array,
    rows: NDArray[np.int64],
    matrices: NDArray[np.float64],
    out: _Array,
    *,
    order: int,
    fill_mode: str,
    fill_value: float,
) -> None:
    """Resamples row `rows[i]` of `images` by `matrices[i]` into `out[i]`.

    Arguments and errors are those of `warp.warp`. A row that is moved, turned and
    mirrored by whole pixels is copied, bit for bit.
    """
    mode = TILE if fill_mode == "wrap" else FILL_MODES.index(fill_mode)
    whole, copied = kinds_of(matrices)
    steps = np.sqrt(matrices[:, :, 0] ** 2 + matrices[:, :, 1] ** 2)
    picked = ~copied & (whole & (steps <= 1).all(axis=1) | (order == 0))
    straight = (matrices[:, 0, 1] == 0) & (matrices[:, 1, 0] == 0) & ~(copied | picked)
    shrunk = (steps > _APART).any(axis=1) & ~(copied | picked | straight)
    kinds = {
        shift_rows: copied,
        pick_rows: picked,
        _resize_rows: straight,
        _shrink_rows: shrunk,
        interpolate_rows: ~(copied | picked | straight | shrunk),
    }
    run(kinds, images, rows, matrices, out, mode, fill_value, 0.5 + _NEARLY)


@jit
def _resize_rows(
    images: _Array,
    rows: _Array,
    matrices: _Array,
    out: _Array,
    numbers: _Array,
    folds: int | None,
    fill: Any,
    margin: float,
    weight_dtype: Any,
) -> None:
    """Resizes pictures along their axes."""
    for i in numbers:
        source, matrix, target = images[rows[i]], matrices[i], out[i]
        _resize_axes(source, matrix, target, folds, fill, weight_dtype)
        if fill is not None:
            fill_outside(source, matrix, target, fill, margin)


@jit
def _shrink_rows(
    images: _Array,
    rows: _Array,
    matrices: _Array,
    out: _Array,
    numbers: _Array,
    folds: int | None,
    fill: Any,
    margin: float,
    weight_dtype: Any,
) -> None:
    """Resizes pictures along their axes, and interpolates what that gave."""
    size = out.shape[1], out.shape[2]
    block, coordinates, whole, part, positions, weights = scratch(out, weight_dtype)
    reading = np.empty((2, 3))
    for i in numbers:
        source, matrix, target = images[rows[i]], matrices[i], out[i]
        shrunk = _shrink(source, matrix, size, folds, weight_dtype, reading)
        interpolate(
            shrunk, reading, target, folds, block, coordinates, whole, part, positions, weights
        )
        if fill is not None:
            fill_outside(source, matrix, target, fill, margin)


@jit
def _resize_axes(
    source: _Array,
    matrix: _Array,
    target: _Array,
    folds: int | None,
    fill: Any,
    weight_dtype: Any,
) -> None:
    """Resamples one axis after the other, each forwards or backwards."""
    height, width, channels = target.shape
    most_rows, most_columns = _taps(abs(matrix[0, 0])), _taps(abs(matrix[1, 1]))
    rows, columns = np.empty(height, np.int64), np.empty(width, np.int64)
    row_weights = np.empty(height * most_rows, weight_dtype)
    column_weights = np.empty(width * most_columns, weight_dtype)
    row_taps = _weigh(matrix, 0, source.shape[0], folds, rows, row_weights)
    column_taps = _weigh(matrix, 1, source.shape[1], folds, columns, column_weights)
    # What lies beyond the picture is filled later.
    top, bottom = seen(matrix, 0, source.shape[0], height, fill)
    left, right = seen(matrix, 1, source.shape[1], width, fill)
    if top == bottom or left == right:
        return
    columns, column_weights = columns[left:right], column_weights[left * column_taps :]
    first, stop = source.shape[1], 0
    for k in range(right - left):
        first, stop = min(first, columns[k]), max(stop, columns[k] + column_taps)
    stop = min(stop, source.shape[1])
    for k in range(right - left):
        columns[k] = (columns[k] - first) * channels
    shares = np.empty(8 * width, weight_dtype)
    if column_taps == 2:
        _repeat(column_weights, right - left, 4 if channels == 3 else 1, shares)
    # Beyond its end, vectors may read.
    line = np.zeros((stop - first + most_columns) * channels + 4, weight_dtype)
    for r in range(top, bottom):
        _sum_rows(source, rows[r], row_weights, r, row_taps, first, stop, line)
        start = r * width + left
        _sum_columns(line, columns, column_weights, shares, column_taps, target, start)


@jit
def _shrink(
    source: _Array,
    matrix: _Array,
    size: tuple[int, int],
    folds: int | None,
    weight_dtype: Any,
    reading: _Array,
) -> _Array:
    """Resizes what is seen of an image, so that pixels of the result are `_APART` at most.

    Args:
        source: `(H, W, C)`.
        matrix: From pixels of the result to those of the source.
        size: Height and width of the result.
        folds: The fill mode, if it folds coordinates.
        weight_dtype: Of weights and sums.
        reading: `(2, 3)`, written to: from pixels of the result to those that are returned.
    """
    counts, scales = np.empty(2, np.int64), np.empty((2, 3))
    for axis in range(2):
        length = source.shape[axis]
        reach = math.sqrt(matrix[axis, 0] ** 2 + matrix[axis, 1] ** 2) / _APART
        reach = max(reach, 1.0)
        least = most = matrix[axis, 2]
        for k in range(2):
            end = matrix[axis, k] * (size[k] - 1)
            least, most = least + min(end, 0.0), most + max(end, 0.0)
        if folds is not None:
            least, most = 0.0, length - 1.0
        first = min(max(math.floor(least - reach), 0), length - 1)
        stop = max(min(math.ceil(most + reach) + 1, length), first + 1)
        counts[axis] = max(math.floor((stop - first) / reach + 0.5), 1)
        scale = (stop - first) / counts[axis]
        scales[axis, axis], scales[axis, 1 - axis] = scale, 0
        scales[axis, 2] = first + scale / 2 - 0.5
        reading[axis, 0], reading[axis, 1] = matrix[axis, 0] / scale, matrix[axis, 1] / scale
        reading[axis, 2] = (matrix[axis, 2] - scales[axis, 2]) / scale
    shrunk = np.empty((counts[0], counts[1], source.shape[2]), source.dtype)
    _resize_axes(source, scales, shrunk, folds, None, weight_dtype)
    return shrunk


@jit
def _taps(scale: float) -> int:
    """How many pixels one pixel of the result is made of, at most."""
    return 2 if scale <= 1 else math.ceil(2 * scale) + 1


@jit
def _weigh(
    matrix: _Array, axis: int, size: int, folds: int | None, positions: _Array, weights: _Array
) -> int:
    """Finds the first pixel each pixel of the result is made of, and the weights from it on.

    Returns:
        How many weights each has; they follow each other in `weights`.
    """
    scale, origin = abs(matrix[axis, axis]), matrix[axis, 2]
    places = np.empty(len(positions), np.float64)
    for k in range(len(positions)):
        places[k] = origin + k * matrix[axis, axis]
    if folds is not None:
        fold(places, len(positions), size, folds)
    taps = min(_taps(scale), size)
    if scale <= 1 or size == 1:
        for k in range(len(positions)):
            x = min(max(places[k], 0.0), size - 1.0)
            positions[k] = max(min(math.floor(x), size - 2), 0)
            weights[2 * k + 1] = x - positions[k]
            weights[2 * k] = 1 - weights[2 * k + 1]
        return 2
    for k in range(len(positions)):
        centre = min(max(places[k], -0.5), size - 0.5) + 0.5
        first = math.ceil(centre - scale - 0.5)
        first = min(max(first, 0), size - taps)
        total = 0.0
        for t in range(taps):
            total += max(1 - abs(first + t + 0.5 - centre) / scale, 0.0)
        for t in range(taps):
            weight = max(1 - abs(first + t + 0.5 - centre) / scale, 0.0)
            weights[taps * k + t] = weight / total
        positions[k] = first
    return taps


@jit
def _repeat(weights: _Array, width: int, lanes: int, shares: _Array) -> None:
    """Lays out weights as vectors: eight left ones, the same of their right neighbours, and so on.

    Every weight is repeated for as many lanes as a pixel takes.
    """
    for k in range(np.uint64(width * lanes // 8 * 8)):
        pixel, group = k // np.uint64(lanes), k // np.uint64(8)
        for side in range(np.uint64(2)):
            place = (np.uint64(2) * group + side) * np.uint64(8) + k % np.uint64(8)
            shares[place] = weights[np.uint64(2) * pixel + side]


@jit
def _sum_rows(
    source: _Array,
    row: int,
    weights: _Array,
    r: int,
    taps: int,
    first: int,
    stop: int,
    line: _Array,
) -> None:
    """Sums the rows that row `r` is made of, of their pixels `first` to `stop`, into `line`."""
    height, width, channels = source.shape
    kind = line.dtype.type
    flat = source.reshape(-1)
    count = np.uint64((stop - first) * channels)
    here = np.uint64((row * width + first) * channels)
    below = here + np.uint64(width * channels if height > 1 else 0)
    v, w = weights[r * taps], weights[r * taps + 1]
    for k in range(count):
        line[k] = v * kind(flat[here + k]) + w * kind(flat[below + k])
    length = np.uint64(width * channels)
    t = 2
    while t + 3 < taps:  # four at a time, so that `line` is written less often
        one = np.uint64(((row + t) * width + first) * channels)
        two, three, four = one + length, one + length * np.uint64(2), one + length * np.uint64(3)
        a, b = weights[r * taps + t], weights[r * taps + t + 1]
        c, d = weights[r * taps + t + 2], weights[r * taps + t + 3]
        for k in range(count):
            total = line[k] + a * kind(flat[one + k])
            total += b * kind(flat[two + k])
            total += c * kind(flat[three + k])
            line[k] = total + d * kind(flat[four + k])
        t += 4
    while t < taps:
        here = np.uint64(((row + t) * width + first) * channels)
        w = weights[r * taps + t]
        for k in range(count):
            line[k] += w * kind(flat[here + k])
        t += 1


@jit
def _sum_columns(
    line: _Array,
    starts: _Array,
    weights: _Array,
    shares: _Array,
    taps: int,
    target: _Array,
    start: int,
) -> None:
    """Sums the pixels of `line` that those of `target` from one on are made of."""
    width, channels = len(starts), target.shape[2]
    depth, size = np.uint64(channels), np.uint64(taps)
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    out = target.reshape(-1)
    place = np.uint64(start) * depth
    k = np.uint64(0)
    # What is written beyond a pixel belongs to the next one, which comes later.
    end = np.uint64(width - (start + width == target.shape[0] * target.shape[1]))
    if taps == 2 and channels == 3:
        for group in range(end // np.uint64(2)):
            mix_two_pixels(line, starts, shares, group, out, place + np.uint64(6) * group)
        k = end // np.uint64(2) * np.uint64(2)
    elif taps == 2 and channels == 1:
        for group in range(np.uint64(width) // np.uint64(8)):
            mix_eight_pixels(line, starts, shares, group, out, place + np.uint64(8) * group)
        k = np.uint64(width) // np.uint64(8) * np.uint64(8)
    place += k * depth
    if channels == 3:
        while k < end:
            sum_three_channels(line, starts[k], weights, k * size, size, out, place)
            place += three
            k += one
        while k < np.uint64(width):
            w, at = weights[k * size], np.uint64(starts[k])
            red, green, blue = w * line[at], w * line[at + one], w * line[at + two]
            for t in range(one, size):
                w = weights[k * size + t]
                at += three
                red += w * line[at]
                green += w * line[at + one]
                blue += w * line[at + two]
            out[place] = rounded(out, red)
            out[place + one] = rounded(out, green)
            out[place + two] = rounded(out, blue)
            place += three
            k += one
        return
    while k < np.uint64(width):
        begin = np.uint64(starts[k])
        for channel in range(depth):
            total = weights[k * size] * line[begin + channel]
            total += weights[k * size + np.uint64(1)] * line[begin + channel + depth]
            for t in range(np.uint64(2), size):
                total += weights[k * size + t] * line[begin + channel + t * depth]
            out[place + channel] = rounded(out, total)
        place += depth
        k += one

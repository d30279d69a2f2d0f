"""Affine resampling: one pass from source row to output row.

A row is resampled in blocks of output rows small enough for the scratch to stay in the cache. For
every block the source coordinates of one axis at a time become whole positions and weights, in
loops LLVM vectorises; then the pixels are loaded and blended (see `vectors`).

What is exact: a row whose matrix holds only whole numbers (identity, flips, quarter turns, shifts
by whole pixels) is copied pixel by pixel, so its values, NaN included, arrive bit for bit. All
other rows are blended, and there a NaN or infinity reaches every pixel it is a neighbour of, even
one whose weight on it is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug import _parallel
from kaug._kernels import jit, read_only
from kaug._kernels.coordinates import (
    CONSTANT,
    FILL_MODES,
    REFLECT,
    TILE,
    WRAP,
    compute,
    flatten,
    fold,
    locate,
    round_half_up,
    seen,
    split,
    split_steps,
)
from kaug._kernels.vectors import (
    PIXELS,
    blend_eight_pixels,
    blend_sample,
    blend_three_channels,
    copy_elements,
    reverse_one_channel,
    reverse_three_channels,
)

__all__ = ["FILL_MODES", "warp"]

# Fewest samples worth handing to another thread: some 50 microseconds of work.
_GRAIN = 1 << 15
# Output pixels worked on at once, so that their scratch fits the first-level cache.
_BLOCK = 1024
# Rows of scratch are computed in whole vectors; what is too much is overwritten by the next row.
_PAD = 16
# Beyond any image; whole numbers up to here are exact.
_FAR = 2.0**40

_Array = NDArray[Any]


def warp(
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

    Equals `scipy.ndimage.affine_transform` applied to every channel: to about 2e-7 of the range for
    float32, 1e-14 for float64, one level for uint8. Coordinates are computed in float64; weights
    and sums in float64 for float64 images, else in float32. A row of `out` depends on nothing but
    its source row and its matrix.

    Args:
        images: `(N, H, W, C)`, C-contiguous, uint8, float32 or float64; never written to.
        rows: `(M,)`, the source row of every output row, in any order.
        matrices: `(M, 2, 3)`; output pixel `(r, c)` shows the input at row
            `m[0, 0] * r + m[0, 1] * c + m[0, 2]` and column `m[1, 0] * r + m[1, 1] * c + m[1, 2]`,
            both in pixels counted from the first pixel's centre.
        out: `(M, height, width, C)`, C-contiguous, of the dtype of `images`, not overlapping it.
        order: 0 takes the nearest pixel, 1 interpolates linearly.
        fill_mode: One of `FILL_MODES`.
        fill_value: What `"constant"` puts outside; rounded and clipped to 0..255 for uint8.

    Raises:
        ValueError: One image has 2**31 elements or more.
    """
    whole, copied = kinds_of(matrices)
    picked = ~copied if order == 0 else whole & ~copied
    kinds = {shift_rows: copied, pick_rows: picked, interpolate_rows: ~(copied | picked)}
    run(kinds, images, rows, matrices, out, FILL_MODES.index(fill_mode), fill_value, 0.0)


def kinds_of(matrices: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tells which warps have only whole numbers, and which of these do no more than move a picture.

    The latter may mirror it as well.
    """
    whole = (matrices == np.floor(matrices)).all(axis=(1, 2))
    straight = (matrices[:, 0, 1] == 0) & (matrices[:, 1, 0] == 0)
    full = (np.abs(matrices[:, 0, 0]) == 1) & (np.abs(matrices[:, 1, 1]) == 1)
    return whole, whole & straight & full


def run(
    kinds: dict[Callable[..., None], NDArray[np.bool_]],
    images: _Array,
    rows: NDArray[np.int64],
    matrices: NDArray[np.float64],
    out: _Array,
    mode: int,
    fill_value: float,
    margin: float,
) -> None:
    """Runs kernels in parallel, each on rows of its own: one that is not needed is not compiled.

    Args:
        kinds: The rows of each kernel, `(M,)`.
        images: As for `warp`, and so are those that follow.
        rows: The source rows.
        matrices: One for each.
        out: Written to.
        mode: The position of the fill mode in `FILL_MODES`, or `TILE`.
        fill_value: What `"constant"` puts outside.
        margin: How far the picture reaches beyond the centres of its outer pixels.
    """
    _check_size(images, out)
    weight_dtype = np.dtype(np.float64 if out.dtype == np.float64 else np.float32)
    if out.dtype == np.uint8:
        fill_value = min(max(math.floor(fill_value + 0.5), 0), 255)
    # None is a type of its own: what is for numbers only is not compiled.
    fill = out.dtype.type(fill_value) if mode == CONSTANT else None
    folds = mode if mode in (REFLECT, WRAP, TILE) else None
    # Writable or not is part of a compiled function's signature: read-only serves both.
    images, rows, matrices = map(read_only, (images, rows, matrices))

    def task(start: int, stop: int) -> None:
        for kernel, chosen in kinds.items():
            numbers = read_only(start + np.flatnonzero(chosen[start:stop]))
            if len(numbers):
                kernel(images, rows, matrices, out, numbers, folds, fill, margin, weight_dtype)

    _parallel.run(task, len(rows), grain=1 + _GRAIN // max(1, math.prod(out.shape[1:])))


def _check_size(*arrays: _Array) -> None:
    for array in arrays:
        if math.prod(array.shape[1:]) >= 2**31:
            raise ValueError(
                "An image must have fewer than 2**31 elements. "
                f"Received: images of shape {array.shape[1:]}. Cut them into tiles first."
            )


# Kernels for rows of one kind, which `numbers` tells. `folds` is the fill mode if it folds
# coordinates, else None; `fill` is None but for `"constant"`.


@jit
def shift_rows(
    images: _Array,
    rows: _Array,
    matrices: _Array,
    out: _Array,
    numbers: _Array,
    folds: int | None,
    fill: Any,
    _margin: float,
    _weight_dtype: Any,
) -> None:
    """Moves pictures by whole pixels, mirrored or not."""
    for i in numbers:
        shift(images[rows[i]], matrices[i], out[i], folds, fill)


@jit
def pick_rows(
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
    """Takes the nearest pixels."""
    block, coordinates, _, _, positions, _ = scratch(out, weight_dtype)
    for i in numbers:
        source, matrix, target = images[rows[i]], matrices[i], out[i]
        pick(source, matrix, target, folds, fill, block, coordinates, positions)
        if fill is not None:
            fill_outside(source, matrix, target, fill, margin)


@jit
def interpolate_rows(
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
    """Interpolates between pixels."""
    block, coordinates, whole, part, positions, weights = scratch(out, weight_dtype)
    for i in numbers:
        source, matrix, target = images[rows[i]], matrices[i], out[i]
        interpolate(
            source, matrix, target, folds, block, coordinates, whole, part, positions, weights
        )
        if fill is not None:
            fill_outside(source, matrix, target, fill, margin)


@jit
def scratch(out: _Array, weight_dtype: Any) -> tuple[int, _Array, _Array, _Array, _Array, _Array]:
    """Returns how many rows of an image are worked on at once, and the arrays for it."""
    height, width = out.shape[1], out.shape[2]
    block = max(1, min(height, _BLOCK // max(width, 1)))
    padded = (width + _PAD - 1) // _PAD * _PAD
    size = (block - 1) * width + padded
    coordinates = np.empty(size, np.float64)
    whole = np.empty((2, padded), np.int32)
    part = np.empty((2, padded), weight_dtype)
    positions = np.empty((2, size), np.int32)
    weights = np.empty((2, size), weight_dtype)
    return block, coordinates, whole, part, positions, weights


@jit
def interpolate(
    source: _Array,
    matrix: _Array,
    target: _Array,
    folds: int | None,
    block: int,
    coordinates: _Array,
    whole: _Array,
    part: _Array,
    positions: _Array,
    weights: _Array,
) -> None:
    height, width, _ = target.shape
    if folds is None:
        for axis in range(2):
            split_steps(matrix, axis, whole, part)
    for first in range(0, height, block):
        stop = min(first + block, height)
        count = (stop - first) * width
        for axis in range(2):
            size = source.shape[axis]
            if folds is None:
                locate(matrix, axis, first, stop, width, size, whole, part, positions, weights)
            else:
                compute(matrix, axis, first, stop, width, coordinates)
                fold(coordinates, count, size, folds)
                split(coordinates, count, size, axis, positions, weights)
        flatten(positions, count, source.shape)
        _blend(source, positions[0], weights[0], weights[1], count, target, first * width)


@jit
def pick(
    source: _Array,
    matrix: _Array,
    target: _Array,
    folds: int | None,
    fill: Any,
    block: int,
    coordinates: _Array,
    positions: _Array,
) -> None:
    height, width, _ = target.shape
    if matrix[0, 1] == 0 and matrix[1, 0] == 0:
        _pick_axes(source, matrix, target, folds, fill)
        return
    for first in range(0, height, block):
        stop = min(first + block, height)
        count = (stop - first) * width
        for axis in range(2):
            size = source.shape[axis]
            compute(matrix, axis, first, stop, width, coordinates)
            if folds is not None:
                fold(coordinates, count, size, folds)
            round_half_up(coordinates, count, size, axis, positions)
        flatten(positions, count, source.shape)
        _copy(source, positions[0], count, target, first * width)


@jit
def _pick_axes(
    source: _Array, matrix: _Array, target: _Array, folds: int | None, fill: Any
) -> None:
    """Picks pixels where rows stay rows and columns columns."""
    height, width, channels = target.shape
    top, bottom = seen(matrix, 0, source.shape[0], height, fill)
    left, right = seen(matrix, 1, source.shape[1], width, fill)
    rows = _folded(matrix, 0, source.shape[0], height, folds)
    columns = _folded(matrix, 1, source.shape[1], width, folds)
    flat, out, depth = source.reshape(-1), target.reshape(-1), np.uint64(channels)
    for r in range(top, bottom):
        begin = np.uint64(rows[r] * source.shape[1]) * depth
        place = np.uint64(r * width + left) * depth
        if channels == 1:
            for c in range(left, right):
                out[place] = flat[begin + np.uint64(columns[c])]
                place += depth
            continue
        for c in range(left, right):
            offset = begin + np.uint64(columns[c]) * depth
            for channel in range(depth):
                out[place + channel] = flat[offset + channel]
            place += depth


@jit
def shift(source: _Array, matrix: _Array, target: _Array, folds: int | None, fill: Any) -> None:
    """Copies rows of pixels, forwards or backwards, and what lies outside as the mode says."""
    height, width, channels = target.shape
    flat, out = source.reshape(-1), target.reshape(-1)
    upwards, backwards = matrix[0, 0] < 0, matrix[1, 1] < 0
    down = int(min(max(matrix[0, 2], -_FAR), _FAR))
    right = int(min(max(matrix[1, 2], -_FAR), _FAR))
    top, bottom = _inside(down, upwards, source.shape[0], height)
    first, stop = _inside(right, backwards, source.shape[1], width)
    begin = right - stop + 1 if backwards else right + first
    if not (upwards or backwards) and down == right == 0 and source.shape == target.shape:
        copy_elements(flat, 0, out, 0, flat.size)
        return
    beyond = fill is None and (bottom - top < height or stop - first < width)
    rows = columns = np.empty(0, np.int64)
    if beyond:
        rows = _folded(matrix, 0, source.shape[0], height, folds)
        columns = _folded(matrix, 1, source.shape[1], width, folds)
    length, depth = source.shape[1] * channels, np.uint64(channels)
    for r in range(height):
        place = r * width * channels
        if fill is not None and not top <= r < bottom:
            _fill(out, place, width * channels, fill)
            continue
        row = (down - r if upwards else down + r) if top <= r < bottom else rows[r]
        there, here = row * length + begin * channels, place + first * channels
        if backwards:
            _reverse(flat, there, stop - first, channels, out, here)
        else:
            copy_elements(flat, there, out, here, (stop - first) * channels)
        if stop - first == width:
            continue
        for begun, ended in ((0, first), (stop, width)):
            if fill is not None:
                _fill(out, place + begun * channels, (ended - begun) * channels, fill)
            else:
                for c in range(begun, ended):
                    pixel = np.uint64(row * length + columns[c] * channels)
                    to = np.uint64(place + c * channels)
                    for channel in range(depth):
                        out[to + channel] = flat[pixel + channel]


@jit
def _fill(out: _Array, start: int, count: int, fill: Any) -> None:
    begin = np.uint64(start)
    for k in range(np.uint64(count)):
        out[begin + k] = fill


@jit
def _inside(offset: int, backwards: bool, size: int, count: int) -> tuple[int, int]:
    """Returns from where to where on an axis of the result there are pixels of the source."""
    first = offset - size + 1 if backwards else -offset
    stop = min(max(first + size, 0), count)
    return min(max(first, 0), stop), stop


@jit
def _folded(matrix: _Array, axis: int, size: int, count: int, folds: int | None) -> _Array:
    """Returns the pixel of the source for each of an axis of the result."""
    places, positions = np.empty(count, np.float64), np.empty(count, np.int64)
    for k in range(count):
        places[k] = matrix[axis, axis] * k + matrix[axis, 2]
    if folds is not None:
        fold(places, count, size, folds)
    for k in range(count):
        positions[k] = np.int64(min(max(places[k], 0.0), size - 1.0) + 0.5)
    return positions


@jit
def _reverse(flat: _Array, start: int, width: int, channels: int, out: _Array, place: int) -> None:
    """Copies a row of pixels in reverse order."""
    done = 0
    if channels == 1:
        while done + PIXELS <= width:
            reverse_one_channel(flat, start + width - done - PIXELS, out, place + done)
            done += PIXELS
    elif channels == 3:
        while done + PIXELS <= width:
            reverse_three_channels(flat, start + 3 * (width - done - PIXELS), out, place + 3 * done)
            done += PIXELS
    for c in range(done, width):
        for channel in range(channels):
            out[place + c * channels + channel] = flat[start + (width - 1 - c) * channels + channel]


@jit
def _blend(
    source: _Array,
    offsets: _Array,
    lower: _Array,
    rightward: _Array,
    count: int,
    target: _Array,
    start: int,
) -> None:
    """Blends `count` pixels into `target` from its pixel `start` on."""
    height, width, channels = source.shape
    right = channels if width > 1 else 0
    below = width * channels if height > 1 else 0
    flat, out = source.reshape(-1), target.reshape(-1)
    k = 0
    if right > 0 and below > 0 and channels == 1:
        while k + 8 <= count:
            blend_eight_pixels(flat, offsets, 0, right, below, lower, rightward, k, out, start + k)
            k += 8
    elif right > 0 and below > 0 and channels == 3:
        while k + 1 < count:
            blend_three_channels(
                flat, offsets, 0, right, below, lower, rightward, k, out, (start + k) * 3
            )
            k += 1
    while k < count:
        place = (start + k) * channels
        for channel in range(channels):
            blend_sample(
                flat, offsets, channel, right, below, lower, rightward, k, out, place + channel
            )
        k += 1


@jit
def _copy(source: _Array, offsets: _Array, count: int, target: _Array, start: int) -> None:
    """Copies `count` pixels into `target` from its pixel `start` on."""
    channels = np.uint64(source.shape[2])
    flat, out = source.reshape(-1), target.reshape(-1)
    place = np.uint64(start) * channels
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    if channels == one:
        for k in range(np.uint64(count)):
            out[place + k] = flat[np.uint64(offsets[k])]
        return
    if channels == three:
        for k in range(np.uint64(count)):
            offset = np.uint64(offsets[k])
            out[place] = flat[offset]
            out[place + one] = flat[offset + one]
            out[place + two] = flat[offset + two]
            place += three
        return
    for k in range(np.uint64(count)):
        offset = np.uint64(offsets[k])
        for channel in range(channels):
            out[place + channel] = flat[offset + channel]
        place += channels


@jit
def fill_outside(source: _Array, matrix: _Array, target: _Array, fill: Any, margin: float) -> None:
    """Overwrites what lies outside the picture: in every row what is before and after a span.

    The picture ends `margin` beyond the centres of its outer pixels.
    """
    height, width, channels = target.shape
    flat = target.reshape(-1)
    for r in range(height):
        first, last = _near_span(matrix, r, width, source.shape, margin)
        while first > 0 and _is_inside(matrix, r, first - 1, source.shape, margin):
            first -= 1
        while first < width and not _is_inside(matrix, r, first, source.shape, margin):
            first += 1
        last = max(last, first)
        while last < width - 1 and _is_inside(matrix, r, last + 1, source.shape, margin):
            last += 1
        while last > first and not _is_inside(matrix, r, last, source.shape, margin):
            last -= 1
        for k in range(r * width * channels, (r * width + first) * channels):
            flat[k] = fill
        for k in range((r * width + last + 1) * channels, (r + 1) * width * channels):
            flat[k] = fill


@jit
def _near_span(
    matrix: _Array, r: int, width: int, shape: tuple[int, int, int], margin: float
) -> tuple[int, int]:
    """Returns about which columns of a row are the first and the last inside the picture."""
    least, most = 0.0, width - 1.0
    for axis in range(2):
        step, begin = matrix[axis, 1], matrix[axis, 0] * r + matrix[axis, 2]
        low, high = -margin - begin, shape[axis] - 1 + margin - begin
        if step == 0:
            if low > 0 or high < 0:
                return width, width - 1
        else:
            least = max(least, min(low / step, high / step))
            most = min(most, max(low / step, high / step))
    if not least <= most:
        return width, width - 1
    return math.ceil(least), math.floor(most)


@jit
def _is_inside(matrix: _Array, r: int, c: int, shape: tuple[int, int, int], margin: float) -> bool:
    for axis in range(2):
        x = matrix[axis, 0] * r + matrix[axis, 2] + matrix[axis, 1] * c
        if not -margin <= x <= shape[axis] - 1 + margin:
            return False
    return True

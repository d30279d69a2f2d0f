"""Boxes of images, resized: each axis by itself, down the columns first.

Samples lie at the centres of pixels, so that pixel `k` of the result is centred on
`start + (k + 0.5) * scale` of the source, pixel `j` of which is centred on `j + 0.5`. A result
smaller than its box is averaged with a triangle as wide as two of its pixels, so that nothing
is skipped; else it is interpolated between two neighbours. Both are what `PIL.Image.resize` does.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.mix import mix_eight_pixels, mix_two_pixels

# Sizes of boxes are rounded to multiples of one over this.
_FINENESS = 2.0**32

_Array = NDArray[Any]


@jit
def place_boxes(
    areas: _Array,
    shapes: _Array,
    tops: _Array,
    lefts: _Array,
    applied: _Array,
    ratios: tuple[float, float],
    size: tuple[int, int],
    boxes: _Array,
) -> None:
    """Finds boxes of given areas that fit into a picture.

    Args:
        areas: `(M,)`, fractions of the picture.
        shapes: `(M,)`, 0..1 from the tallest to the widest that fits.
        tops: `(M,)`, 0..1 over where it fits.
        lefts: `(M,)`, 0..1 over where it fits.
        applied: `(M,)`, bool; others get the whole picture.
        ratios: The least and the greatest width over height.
        size: Height and width of the picture.
        boxes: `(M, 4)`, written to: top, left, height and width in pixels.
    """
    aspect = size[1] / size[0]
    for i in range(len(boxes)):
        if not applied[i]:
            boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3] = 0, 0, size[0], size[1]
            continue
        # A box as wide as the picture, and one as high; what lies between these fits.
        low = min(max(areas[i] * aspect, ratios[0]), ratios[1])
        high = min(max(aspect / areas[i], ratios[0]), ratios[1])
        ratio = low * (high / low) ** shapes[i]
        height = math.sqrt(areas[i] / ratio * (size[0] * size[1]))
        width = height * ratio
        fit = min(1.0, size[0] / height, size[1] / width)
        # Rounded, so that a box of the whole picture is one exactly.
        height = min(math.floor(height * fit * _FINENESS + 0.5) / _FINENESS, np.float64(size[0]))
        width = min(math.floor(width * fit * _FINENESS + 0.5) / _FINENESS, np.float64(size[1]))
        boxes[i, 0], boxes[i, 2] = tops[i] * (size[0] - height), height
        boxes[i, 1], boxes[i, 3] = lefts[i] * (size[1] - width), width


@jit
def resize(images: _Array, boxes: _Array, linear: bool, work_dtype: Any, out: _Array) -> None:
    """Writes the box of every image into `out`.

    A box of whole pixels that keeps its size is copied, bit for bit.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8, float32 or float64.
        boxes: `(M, 4)`, float64: top, left, height and width in pixels, within the picture.
        linear: Whether to interpolate; else the nearest pixel is taken.
        work_dtype: Of weights and sums: float64 for float64 images, else float32.
        out: `(M, height, width, C)`, C-contiguous, of the dtype of `images`.
    """
    shape = images.shape[1:]
    height, width = out.shape[1], out.shape[2]
    most_rows, most_columns = 2, 2
    for i in range(len(boxes)):
        most_rows = max(most_rows, _taps(boxes[i, 2] / height))
        most_columns = max(most_columns, _taps(boxes[i, 3] / width))
    rows, columns = np.empty(height, np.int64), np.empty(width, np.int64)
    row_weights = np.empty(height * most_rows, work_dtype)
    column_weights = np.empty(width * most_columns, work_dtype)
    shares = np.empty(8 * width, work_dtype)
    # Beyond its end, vectors may read.
    line = np.zeros((shape[1] + most_columns) * shape[2] + 4, work_dtype)
    for i in range(len(boxes)):
        top, left = boxes[i, 0], boxes[i, 1]
        down, across = boxes[i, 2] / height, boxes[i, 3] / width
        copied = down == 1 and across == 1 and top == math.floor(top) and left == math.floor(left)
        if copied or not linear:
            _find_nearest(top, down, shape[0], rows)
            _find_nearest(left, across, shape[1], columns)
            _pick(images[i], rows, columns, out[i])
            continue
        row_taps = _weigh(top, down, shape[0], rows, row_weights)
        column_taps = _weigh(left, across, shape[1], columns, column_weights)
        first, stop = columns[0], min(columns[-1] + column_taps, shape[1])
        for k in range(width):
            columns[k] = (columns[k] - first) * shape[2]
        if column_taps == 2:
            _repeat(column_weights, width, 4 if shape[2] == 3 else 1, shares)
        for r in range(height):
            _sum_rows(images[i], rows[r], row_weights, r, row_taps, first, stop, line)
            _sum_columns(line, columns, column_weights, shares, column_taps, out[i], r)


@jit
def _taps(scale: float) -> int:
    """How many pixels one pixel of the result is made of, at most."""
    return 2 if scale <= 1 else math.ceil(2 * scale) + 1


@jit
def _find_nearest(start: float, scale: float, size: int, positions: _Array) -> None:
    for k in range(len(positions)):
        x = math.floor(start + (k + 0.5) * scale)
        positions[k] = min(max(x, 0), size - 1)


@jit
def _weigh(start: float, scale: float, size: int, positions: _Array, weights: _Array) -> int:
    """Finds the first pixel each pixel of the result is made of, and the weights from it on.

    Returns:
        How many weights each has; they follow each other in `weights`.
    """
    taps = min(_taps(scale), size)
    if scale <= 1:
        for k in range(len(positions)):
            x = start + (k + 0.5) * scale - 0.5
            x = min(max(x, 0.0), size - 1.0)
            positions[k] = max(min(math.floor(x), size - 2), 0)
            weights[2 * k + 1] = x - positions[k]
            weights[2 * k] = 1 - weights[2 * k + 1]
        return 2
    for k in range(len(positions)):
        centre = start + (k + 0.5) * scale
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
    for t in range(2, taps):
        here = np.uint64(((row + t) * width + first) * channels)
        w = weights[r * taps + t]
        for k in range(count):
            line[k] += w * kind(flat[here + k])


@jit
def _sum_columns(
    line: _Array,
    starts: _Array,
    weights: _Array,
    shares: _Array,
    taps: int,
    target: _Array,
    r: int,
) -> None:
    """Sums the pixels of `line` that those of row `r` are made of."""
    height, width, channels = target.shape
    depth, size = np.uint64(channels), np.uint64(taps)
    out = target.reshape(-1)
    place = np.uint64(r * width) * depth
    k = np.uint64(0)
    if taps == 2 and channels == 3:
        # What is written beyond the two pixels belongs to the next one, which comes later.
        end = np.uint64(width - (r == height - 1))
        for group in range(end // np.uint64(2)):
            mix_two_pixels(line, starts, shares, group, out, place + np.uint64(6) * group)
        k = end // np.uint64(2) * np.uint64(2)
    elif taps == 2 and channels == 1:
        for group in range(np.uint64(width) // np.uint64(8)):
            mix_eight_pixels(line, starts, shares, group, out, place + np.uint64(8) * group)
        k = np.uint64(width) // np.uint64(8) * np.uint64(8)
    place += k * depth
    while k < np.uint64(width):
        start = np.uint64(starts[k])
        for channel in range(depth):
            total = weights[k * size] * line[start + channel]
            total += weights[k * size + np.uint64(1)] * line[start + channel + depth]
            for t in range(np.uint64(2), size):
                total += weights[k * size + t] * line[start + channel + t * depth]
            out[place + channel] = _rounded(total, out)
        place += depth
        k += np.uint64(1)


# What differs between bytes and floats. Numba puts the one that fits in place of it.
def _rounded(total: Any, out: Any) -> Any: ...


@overload(_rounded, strict=False)  # type: ignore[untyped-decorator]  # Numba has none
def _choose_rounded(total: Any, out: Any) -> Any:
    del total
    if isinstance(out.dtype, types.Integer):
        return lambda total, out: np.uint8(np.int32(total + np.float32(0.5)))  # noqa: ARG005 - Numba passes all
    return lambda total, out: total  # noqa: ARG005 - Numba passes all


@jit
def _pick(source: _Array, rows: _Array, columns: _Array, target: _Array) -> None:
    depth = np.uint64(source.shape[2])
    flat, out = source.reshape(-1), target.reshape(-1)
    place = np.uint64(0)
    for r in range(len(rows)):
        start = np.uint64(rows[r] * source.shape[1]) * depth
        for c in range(len(columns)):
            pixel = start + np.uint64(columns[c]) * depth
            for channel in range(depth):
                out[place + channel] = flat[pixel + channel]
            place += depth

"""Shifts by whole pixels: pixels are copied, whatever they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.coordinates import CONSTANT, fold

_Array = NDArray[Any]


@jit
def shift(
    images: _Array, down: _Array, right: _Array, mode: int, fill: _Array, out: _Array
) -> None:
    """Writes shifted images into `out`.

    Args:
        images: `(M, H, W, C)`, C-contiguous, unsigned integers: the bits of any dtype.
        down: `(M,)`, int64, by how many pixels.
        right: `(M,)`, int64.
        mode: The position of the fill mode in `coordinates.FILL_MODES`.
        fill: What `"constant"` puts outside; of one element, or of a few that repeat.
        out: Like `images`.
    """
    count, height, width, channels = images.shape
    scratch = np.empty(max(height, width), np.float64)
    rows = np.empty(height, np.int64)
    columns = np.empty(width, np.int64)
    depth = np.uint64(channels)
    for i in range(count):
        _find(down[i], mode, scratch, rows)
        _find(right[i], mode, scratch, columns)
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        # Between these columns, pixels follow each other as they do in the source.
        first = min(max(right[i], 0), width)
        stop = max(min(width + right[i], width), first)
        for r in range(height):
            place = np.uint64(r * width) * depth
            if rows[r] < 0:
                _fill(fill, target, place, place + np.uint64(width) * depth)
                continue
            start = np.uint64(rows[r] * width) * depth
            inside = start + np.uint64(first - right[i]) * depth
            there = place + np.uint64(first) * depth
            for k in range(np.uint64(stop - first) * depth):
                target[there + k] = source[inside + k]
            for begin, end in ((0, first), (stop, width)):
                if mode == CONSTANT:
                    here = place + np.uint64(begin) * depth
                    _fill(fill, target, here, place + np.uint64(end) * depth)
                    continue
                for c in range(np.uint64(begin), np.uint64(end)):
                    pixel = start + np.uint64(columns[c]) * depth
                    for channel in range(depth):
                        target[place + c * depth + channel] = source[pixel + channel]


@jit
def _fill(fill: _Array, target: _Array, start: Any, stop: Any) -> None:
    if len(fill) == 1:
        value = fill[0]
        for k in range(start, stop):
            target[k] = value
    else:
        for k in range(start, stop):
            target[k] = fill[(k - start) % np.uint64(len(fill))]


@jit
def _find(offset: int, mode: int, scratch: _Array, positions: _Array) -> None:
    """Finds the pixel each pixel of one axis shows; -1 for the constant."""
    size = len(positions)
    for k in range(size):
        scratch[k] = k - offset
    fold(scratch, size, size, mode)
    for k in range(size):
        x = scratch[k]
        outside = mode == CONSTANT and not 0 <= x <= size - 1
        positions[k] = -1 if outside else np.int64(min(max(x, 0.0), size - 1.0) + 0.5)

"""Rows of a picture that go on beyond its edges, so that loops over neighbours have none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit

#: How a picture goes on: `d c b a | a b c d | d c b a`, or `a a a a | a b c d | d d d d`.
REFLECT, NEAREST = 0, 1

_Array = NDArray[Any]


@jit
def copy_beyond(
    source: _Array, first: int, stop: int, reach: int, mode: int, target: _Array
) -> None:
    """Copies rows `first` to `stop`, each with `reach` pixels more before and behind it.

    Args:
        source: `(H, W, C)`, C-contiguous.
        first: The first row, which may lie beyond the picture, as may others.
        stop: The row behind the last one.
        reach: How many pixels.
        mode: `REFLECT` or `NEAREST`.
        target: Flat; the rows follow each other. Its dtype holds all values of `source`.
    """
    height, width, channels = source.shape
    flat, kind = source.reshape(-1), target.dtype.type
    row, depth, edge = np.uint64(width * channels), np.uint64(channels), np.uint64(reach)
    place = np.uint64(0)
    for r in range(first, stop):
        start = np.uint64(_within(r, height, mode)) * row
        behind = place + edge * depth + row
        for j in range(edge):
            before = start + np.uint64(_within(np.int64(j) - reach, width, mode)) * depth
            after = start + np.uint64(_within(width + np.int64(j), width, mode)) * depth
            for channel in range(depth):
                target[place + j * depth + channel] = kind(flat[before + channel])
                target[behind + j * depth + channel] = kind(flat[after + channel])
        for k in range(row):
            target[place + edge * depth + k] = kind(flat[start + k])
        place = behind + edge * depth


@jit
def _within(index: Any, size: int, mode: int) -> Any:
    """Returns which of `size` places is found at one that may lie beyond them."""
    if mode == NEAREST:
        return min(max(index, 0), size - 1)
    index %= 2 * size
    return 2 * size - 1 - index if index >= size else index

"""Weighted sums of neighbours, with weights of its own for every image.

Neighbours whose weight is 0 cost nothing, so a thin line within a large square is as fast as it is
thin. They are summed over a copy of some rows that continues beyond the edges of the picture: every
neighbour is then as far from its pixel in memory as from any other, and each is one long loop that
LLVM turns into vector code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.edges import REFLECT, copy_beyond
from kaug._kernels.samples import fit, load

# Bytes of the copy, so that it stays in the second-level cache.
_BAND = 1 << 17

_Array = NDArray[Any]


@jit
def convolve(images: _Array, kernels: _Array, out: _Array) -> None:
    """Writes sums of pixels around each one, times weights, into `out`.

    Beyond its edges a picture is continued by its reflection, `d c b a | a b c d | d c b a`.
    Pixels whose weight is 0 stay out of the sum, NaN or not.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8 or floats.
        kernels: `(M, K, K)`, of the precision worked in: the weights of the pixels around, the
            middle one that of the pixel itself. K is odd; weights of a kernel add up to one.
        out: Like `images`; floats are clipped to 0..1.
    """
    count, height, width, channels = images.shape
    side, row = kernels.shape[1], width * channels
    downs, acrosses = np.empty(side * side, np.int64), np.empty(side * side, np.int64)
    weights, offsets = np.empty(side * side, kernels.dtype), np.empty(side * side, np.int64)
    line = np.empty(row, kernels.dtype)
    for i in range(count):
        taps, reach = _find_taps(kernels[i], downs, acrosses, weights)
        flat = out[i].reshape(-1)
        if reach == 0:
            _copy(images[i].reshape(-1), flat)
            continue
        long = row + 2 * reach * channels
        band = min(height, max(_BAND // (long * line.itemsize) - 2 * reach, reach + 8))
        rows = np.empty((band + 2 * reach) * long, line.dtype)
        for t in range(taps):
            offsets[t] = (reach + downs[t]) * long + (reach + acrosses[t]) * channels
        for first in range(0, height, band):
            stop = min(first + band, height)
            copy_beyond(images[i], first - reach, stop + reach, reach, REFLECT, rows)
            for r in range(first, stop):
                _sum(rows, (r - first) * long, offsets, weights, taps, line)
                place = np.uint64(r * row)
                for k in range(np.uint64(row)):
                    flat[place + k] = fit(flat, line[k])


@jit
def _find_taps(kernel: _Array, downs: _Array, acrosses: _Array, weights: _Array) -> tuple[int, int]:
    """Writes where a kernel has weights, and which; returns how many, and how far they reach."""
    radius = kernel.shape[0] // 2
    taps = reach = 0
    for down in range(-radius, radius + 1):
        for across in range(-radius, radius + 1):
            weight = kernel[radius + down, radius + across]
            if weight != 0:
                downs[taps], acrosses[taps], weights[taps] = down, across, weight
                reach = max(reach, abs(down), abs(across))
                taps += 1
    return taps, reach


@jit
def _copy(source: _Array, target: _Array) -> None:
    for k in range(np.uint64(len(source))):
        target[k] = fit(target, load(source, k))


@jit
def _sum(
    rows: _Array, start: int, offsets: _Array, weights: _Array, taps: int, line: _Array
) -> None:
    """Sums as many samples as there are taps for each place of a line."""
    size = np.uint64(len(line))
    line[:] = 0
    t = 0
    while t + 3 < taps:  # four at a time, so that `line` is written less often
        one, two = np.uint64(start + offsets[t]), np.uint64(start + offsets[t + 1])
        three, four = np.uint64(start + offsets[t + 2]), np.uint64(start + offsets[t + 3])
        a, b, c, d = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
        for k in range(size):
            total = line[k] + a * rows[one + k]
            total += b * rows[two + k]
            total += c * rows[three + k]
            line[k] = total + d * rows[four + k]
        t += 4
    while t < taps:
        here, weight = np.uint64(start + offsets[t]), weights[t]
        for k in range(size):
            line[k] += weight * rows[here + k]
        t += 1

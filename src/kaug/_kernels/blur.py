"""A Gaussian blur.

It is two passes, down the columns and along the rows. Both run over a copy of the picture that
continues beyond its edges, so that neither has edges to think of and each is one long loop which
LLVM turns into vector code: pixel `k` is paired with those `j` rows (or columns) before and after.

Bytes are worked on in 16 bits, 7 of them a fraction. The sum of a pair then just fits, and its
product with a weight of 16 fractional bits is the upper half of a 32-bit product, an instruction
processors have for 16 lanes at once. Floats are worked on in their own precision.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.samples import by_dtype, fit
from kaug._kernels.vectors import LANE_BYTES, sum_pairs

# Samples blurred at once, so that their scratch fits the first-level cache.
_BLOCK = 2048
_FRACTION = 7

_Array = NDArray[Any]


@jit
def blur(images: _Array, sigmas: _Array, reach: int, scratch: Any, out: _Array) -> None:
    """Writes Gaussian blurs of `images` into `out`.

    Beyond its edges a picture is continued by its reflection, `d c b a | a b c d | d c b a`.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8 or floats.
        sigmas: `(M,)`, float64, in pixels.
        reach: The largest `radius_of(sigma)`; for uint8 it should be small, since the error of
            the sums grows by 2⁻⁷ levels with each pixel.
        scratch: dtype of the sums: uint16 for uint8, that of `images` for floats.
        out: Like `images`; floats are clipped to 0..1.
    """
    count, height, width, channels = images.shape
    row = width * channels
    longest = row + 2 * reach * channels
    block = max(1, min(height, _BLOCK // longest))
    spare = LANE_BYTES // images.itemsize
    exact, weights = np.empty(reach + 1), np.empty(reach + 1, scratch)
    tall = np.empty((height + 2 * reach) * row + spare, scratch)
    column = np.empty(block * row + spare, scratch)
    wide = np.empty(block * longest + spare, scratch)
    sums = np.empty(block * longest + spare, scratch)
    for i in range(count):
        radius = radius_of(sigmas[i])
        if radius == 0:
            _copy(images[i], out[i])
            continue
        weigh(sigmas[i], radius, exact)
        _round_weights(weights, exact, radius)
        long = row + 2 * radius * channels
        _continue_rows(images[i], radius, tall)
        for first in range(0, height, block):
            rows = min(block, height - first)
            _add_pairs(tall, first * row, row, weights, radius, column, rows * row)
            _continue_columns(column, rows, width, channels, radius, wide)
            used = rows * long - 2 * radius * channels
            _add_pairs(wide, 0, channels, weights, radius, sums, used)
            _put(sums, rows, long, row, out[i], first, radius)


@jit
def radius_of(sigma: float) -> int:
    """Returns how many pixels a Gaussian reaches: four standard deviations, rounded."""
    return int(4 * sigma + 0.5)


@jit
def weigh(sigma: float, radius: int, weights: _Array) -> None:
    """Writes half the weight of the centre, then those of the pixels 1, 2, … away; in all 1/2."""
    weights[0] = total = 0.5
    for j in range(1, radius + 1):
        weights[j] = math.exp(-0.5 * (j / sigma) ** 2)
        total += weights[j]
    for j in range(radius + 1):
        weights[j] /= 2 * total


@jit
def _copy(source: _Array, target: _Array) -> None:
    flat, out = source.reshape(-1), target.reshape(-1)
    half = np.uint16(1 << (_FRACTION - 1))
    for k in range(np.uint64(len(flat))):
        out[k] = _narrow(out, _widen(flat, k), half)


@jit
def _reflect(index: Any, size: int) -> Any:
    index %= 2 * size
    return 2 * size - 1 - index if index >= size else index


@jit
def _continue_rows(source: _Array, radius: int, target: _Array) -> None:
    """Copies a picture, with `radius` more rows above and below it."""
    height, width, channels = source.shape
    flat = source.reshape(-1)
    row = np.uint64(width * channels)
    for r in range(height + 2 * radius):
        start = np.uint64(_reflect(r - radius, height)) * row
        place = np.uint64(r) * row
        for k in range(row):
            target[place + k] = _widen(flat, start + k)


@jit
def _continue_columns(
    source: _Array, rows: int, width: int, channels: int, radius: int, target: _Array
) -> None:
    """Copies rows, with `radius` more pixels before and after each."""
    row, depth, edge = np.uint64(width * channels), np.uint64(channels), np.uint64(radius)
    long = row + np.uint64(2) * edge * depth
    for r in range(np.uint64(rows)):
        start, place = r * row, r * long
        for k in range(row):
            target[place + edge * depth + k] = source[start + k]
        for j in range(edge):
            before = np.uint64(_reflect(np.int64(j) - radius, width))
            after = np.uint64(_reflect(width + np.int64(j), width))
            for channel in range(depth):
                target[place + j * depth + channel] = source[start + before * depth + channel]
                behind = place + row + (edge + j) * depth + channel
                target[behind] = source[start + after * depth + channel]


@jit
def _add_pairs(
    source: _Array, start: int, step: int, weights: _Array, radius: int, sums: _Array, count: int
) -> None:
    """Sums `2 * radius + 1` samples, `step` apart, for each of `count` places."""
    lanes = np.uint64(LANE_BYTES // sums.itemsize)
    centre = np.uint64(start + radius * step)
    k = np.uint64(0)
    while k < np.uint64(count):
        sum_pairs(source, centre + k, step, weights, radius, sums, k)
        k += lanes


@jit
def _put(
    sums: _Array, rows: int, long: int, row: int, out: _Array, first: int, radius: int
) -> None:
    """Writes the first `row` of every `long` sums into `out`, from its row `first` on."""
    flat = out.reshape(-1)
    # Every product of integers is cut off, which costs half a unit on average: in two passes
    # as much as there are pairs.
    rounding = np.uint16((1 << (_FRACTION - 1)) + radius + 1)
    for r in range(np.uint64(rows)):
        start, place = r * np.uint64(long), (r + np.uint64(first)) * np.uint64(row)
        for k in range(np.uint64(row)):
            flat[place + k] = _narrow(out, sums[start + k], rounding)


@by_dtype
def _round_weights(dtype: np.dtype[Any]) -> Any:
    """`_round_weights(weights, exact, radius)` writes weights as they are worked with."""

    def to_integers(weights: Any, exact: Any, radius: Any) -> None:
        """Rounds to units of 2⁻¹⁶ that add up, so that a plain picture stays as it is."""
        rest = 1 << 15
        for j in range(1, radius + 1):
            unit = int(exact[j] * 65536 + 0.5)
            weights[j] = unit
            rest -= unit
        weights[0] = rest

    def to_floats(weights: Any, exact: Any, radius: Any) -> None:
        for j in range(radius + 1):
            weights[j] = exact[j]

    return to_integers if dtype.kind == "u" else to_floats


@by_dtype
def _widen(dtype: np.dtype[Any]) -> Any:
    """`_widen(samples, k)` returns sample `k` as it is worked with."""
    if dtype == np.uint8:
        return lambda samples, k: np.uint16(np.uint16(samples[k]) << _FRACTION)
    return lambda samples, k: samples[k]


@by_dtype
def _narrow(dtype: np.dtype[Any]) -> Any:
    """`_narrow(samples, total, rounding)` returns a sum as a sample."""

    def to_byte(_samples: Any, total: Any, rounding: Any) -> Any:
        return np.uint8(np.uint16(total + rounding) >> np.uint16(_FRACTION))

    def to_float(samples: Any, total: Any, _rounding: Any) -> Any:
        return fit(samples, total)

    return to_byte if dtype == np.uint8 else to_float

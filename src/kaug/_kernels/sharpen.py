"""Sharpening: every pixel against a mean of its neighbours.

Pillow's weighs the pixel itself fivefold and its eight neighbours once, a 3 × 3 filter. Sums of
columns of three are shared by neighbouring pixels. Loops are written for LLVM to vectorise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.samples import by_dtype, fit, is_outside, load, white

# `(x * 5042) >> 16` is `x // 13` for every x that a sum of bytes can reach.
_THIRTEENTH = 5042

_Array = NDArray[Any]


@jit
def sharpen(images: _Array, factors: _Array, out: _Array, outside: _Array) -> None:
    """Writes `smooth + factor * (images - smooth)`, rounded and clipped, into `out`.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8 or floats.
        factors: `(M,)`, of the precision worked in.
        out: Like `images`.
        outside: See `pointwise`.
    """
    found = False
    count, height, width, channels = images.shape
    row, depth = np.uint64(width * channels), np.uint64(channels)
    last = row - depth
    kind = factors.dtype.type
    columns = _columns(images, width * channels)
    for i in range(count):
        factor = factors[i]
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        for r in range(height):
            middle = np.uint64(r) * row
            for k in range(row):
                found |= is_outside(source, middle + k)
            if not 0 < r < height - 1:
                _copy(source, middle, middle + row, target)
                continue
            above, below = middle - row, middle + row
            for k in range(row):
                columns[k] = _sum(source, source[above + k], source[middle + k], source[below + k])
            for k in range(depth, last):
                total = _sum(source, columns[k - depth], columns[k], columns[k + depth])
                smooth = _mean(source, total, source[middle + k])
                here = kind(source[middle + k])
                target[middle + k] = fit(target, smooth + factor * (here - smooth))
            _copy(source, middle, middle + depth, target)
            _copy(source, middle + last, middle + row, target)
    outside[0] |= found


@jit
def unsharpen(
    images: _Array, smooth: _Array, strengths: _Array, thresholds: _Array, out: _Array
) -> None:
    """Writes `image + strength * d`, rounded and clipped, into `out`.

    There `d` is `image - smooth`, brought nearer to 0 by the threshold, and 0 if it is below that.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8 or floats.
        smooth: Like `images`, but 0..1 in the precision worked in.
        strengths: `(M,)`, of that precision.
        thresholds: `(M,)`, of that precision, fractions of white.
        out: Like `images`.
    """
    for i in range(len(images)):
        source, target, means = images[i].reshape(-1), out[i].reshape(-1), smooth[i].reshape(-1)
        full, strength = white(source), strengths[i]
        high = thresholds[i] * full
        low = -high
        for k in range(np.uint64(len(source))):
            here = load(source, k)
            apart = here - full * means[k]
            within = apart if apart > low else low
            within = within if within < high else high
            target[k] = fit(target, here + strength * (apart - within))


@jit
def _copy(source: _Array, first: Any, stop: Any, target: _Array) -> None:
    for k in range(first, stop):
        target[k] = fit(target, load(source, k))


# Sums of bytes have 16 bits, so that vectors of them are long.


@by_dtype
def _columns(dtype: np.dtype[Any]) -> Any:
    """`_columns(samples, size)` returns room for sums."""
    sums = np.uint16 if dtype == np.uint8 else dtype.type
    return lambda _samples, size: np.empty(size, sums)


@by_dtype
def _sum(dtype: np.dtype[Any]) -> Any:
    """`_sum(samples, first, second, third)` adds samples, or sums of them."""
    sums = np.uint16 if dtype == np.uint8 else dtype.type
    return lambda _samples, a, b, c: sums(sums(sums(a) + sums(b)) + sums(c))


@by_dtype
def _mean(dtype: np.dtype[Any]) -> Any:
    """`_mean(samples, total, here)` of nine pixels, the middle one counting four times more."""
    part, four = dtype.type(1 / 13) if dtype.kind == "f" else None, dtype.type(4)

    def mean_byte(_samples: Any, total: Any, here: Any) -> Any:
        total = np.uint16(total + np.uint16(four * np.uint16(here)))
        # Rounded: a thirteenth never ends in a half.
        total = np.uint32(np.uint16(total + np.uint16(6)))
        return np.float32(np.int32(np.uint32(total * np.uint32(_THIRTEENTH)) >> np.uint32(16)))

    def mean_float(_samples: Any, total: Any, here: Any) -> Any:
        return (total + four * here) * part

    return mean_byte if dtype == np.uint8 else mean_float

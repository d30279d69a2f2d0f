"""Pixels of three channels: brightness, saturation and hue, and the mean a contrast is about.

Conventions as in `pointwise`. The brightness of a pixel is Pillow's conversion to `L`, with its
weights in units of 2⁻¹⁶. They and all sums of them with bytes stay below 2²⁴, so float32 holds
them exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._colors import BLUE, GREEN, RED
from kaug._kernels import jit
from kaug._kernels.samples import UNIT, by_dtype, fit, is_outside, load, luma

# Floats are summed in as many lanes, and each lane over so many pixels before it goes into a
# float64 total: the order of a sum is part of its result, and LLVM makes vectors of this one.
_LANES = 64
_BLOCK = 64 * _LANES

_Array = NDArray[Any]


@jit
def reaches_outside(samples: _Array, k: Any) -> Any:
    """Tells whether one of three samples, from `k` on, is a float outside of 0..1."""
    one, two = np.uint64(1), np.uint64(2)
    return is_outside(samples, k) | is_outside(samples, k + one) | is_outside(samples, k + two)


@jit
def gray(images: _Array, out: _Array, outside: _Array) -> None:
    """Writes the brightness of each pixel into its three channels."""
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    found = False
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        for pixel in range(np.uint64(len(source)) // three):
            k = three * pixel
            found |= reaches_outside(source, k)
            level = luma(source, load(source, k), load(source, k + one), load(source, k + two))
            target[k] = target[k + one] = target[k + two] = fit(target, level)
    outside[0] |= found


@jit
def saturate(images: _Array, factors: _Array, out: _Array, outside: _Array) -> None:
    """Writes `gray + factor * (image - gray)`; factors `(M,)` of the precision worked in."""
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    found = False
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        factor, rest = factors[i], factors.dtype.type(1) - factors[i]
        for pixel in range(np.uint64(len(source)) // three):
            k = three * pixel
            found |= reaches_outside(source, k)
            red, green, blue = load(source, k), load(source, k + one), load(source, k + two)
            red, green, blue = saturated(source, red, green, blue, factor, rest)
            target[k] = fit(target, red)
            target[k + one] = fit(target, green)
            target[k + two] = fit(target, blue)
    outside[0] |= found


@jit
def saturated(samples: _Array, red: Any, green: Any, blue: Any, factor: Any, rest: Any) -> Any:
    """Returns a pixel moved away from its gray, not clipped; `rest` is 1 - factor."""
    base = rest * luma(samples, red, green, blue)
    return base + factor * red, base + factor * green, base + factor * blue


@jit
def mix(images: _Array, matrices: _Array, out: _Array, outside: _Array) -> None:
    """Writes `matrix @ pixel`; matrices `(M, 3, 3)` of the precision worked in."""
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    found = False
    for i in range(len(images)):
        source, target, m = images[i].reshape(-1), out[i].reshape(-1), matrices[i]
        # By names of their own: what is written might be the matrix, as far as a compiler knows.
        a, b, c = m[0, 0], m[0, 1], m[0, 2]
        d, e, f = m[1, 0], m[1, 1], m[1, 2]
        g, h, j = m[2, 0], m[2, 1], m[2, 2]
        for pixel in range(np.uint64(len(source)) // three):
            k = three * pixel
            found |= reaches_outside(source, k)
            red, green, blue = load(source, k), load(source, k + one), load(source, k + two)
            target[k] = fit(target, a * red + b * green + c * blue)
            target[k + one] = fit(target, d * red + e * green + f * blue)
            target[k + two] = fit(target, g * red + h * green + j * blue)
    outside[0] |= found


@jit
def turn_hues(images: _Array, turns: _Array, out: _Array, outside: _Array) -> None:
    """Writes pixels with their hue turned by `turns` `(M,)`, in sextants of the wheel, 0..6."""
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    found = False
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        turn = turns[i]
        for pixel in range(np.uint64(len(source)) // three):
            k = three * pixel
            found |= reaches_outside(source, k)
            red, green, blue = load(source, k), load(source, k + one), load(source, k + two)
            red, green, blue = turned(red, green, blue, turn)
            target[k] = fit(target, red)
            target[k + one] = fit(target, green)
            target[k + two] = fit(target, blue)
    outside[0] |= found


@jit
def turned(red: Any, green: Any, blue: Any, turn: Any) -> Any:
    """Returns a pixel with its hue turned by `turn` sextants, 0..6, in HSV.

    With the hue in sextants times the chroma, which is what the differences of the channels are,
    nothing has to be divided: neither on the way to HSV nor back.
    """
    high = red if red > green else green
    high = high if high > blue else blue
    low = red if red < green else green
    low = low if low < blue else blue
    chroma = high - low
    double = chroma + chroma
    four = double + double
    hue = red - green + four
    hue = blue - red + double if high == green else hue
    hue = green - blue if high == red else hue
    hue = hue + turn * chroma
    hue = hue - (four + double) if hue >= four + double else hue
    return (
        _channel(red, high, chroma, hue + (four + chroma)),
        _channel(green, high, chroma, hue + (double + chroma)),
        _channel(blue, high, chroma, hue + chroma),
    )


@jit
def _channel(before: Any, high: Any, chroma: Any, hue: Any) -> Any:
    """Returns a channel by how far, times the chroma, the hue is past where it begins to fall."""
    double = chroma + chroma
    four = double + double
    hue = hue - (four + double) if hue >= four + double else hue
    fall = four - hue if four - hue < hue else hue
    fall = fall if fall < chroma else chroma
    fall = fall if fall > chroma - chroma else chroma - chroma
    return high - fall if before == before else before


@jit
def find_means(images: _Array, means: _Array) -> None:
    """Writes the mean brightness of each row: of three channels that of `luma`, else of all.

    NaN counts as black.
    """
    colored = images.shape[3] == 3
    lanes = np.empty(_LANES, images.dtype)
    for i in range(len(images)):
        source = images[i].reshape(-1)
        count = len(source) // 3 if colored else len(source)
        means[i] = _sum_up(source, count, colored, lanes) / count


@by_dtype
def _sum_up(dtype: np.dtype[Any]) -> Any:
    """`_sum_up(samples, count, colored, lanes)` sums the brightness of so many pixels."""

    def sum_bytes(samples: Any, count: Any, colored: Any, _lanes: Any) -> Any:
        one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
        total = np.int64(0)
        for pixel in range(np.uint64(count)):
            if colored:
                k = three * pixel
                level = np.uint32(RED) * np.uint32(samples[k])
                level += np.uint32(GREEN) * np.uint32(samples[k + one])
                level += np.uint32(BLUE) * np.uint32(samples[k + two]) + np.uint32(UNIT // 2)
                total += np.uint32(level) >> np.uint32(16)
            else:
                total += samples[pixel]
        return total

    def sum_floats(samples: Any, count: Any, colored: Any, lanes: Any) -> Any:
        total = 0.0
        for start in range(0, count, _BLOCK):
            stop = min(start + _BLOCK, count)
            lanes[:] = 0
            _add_levels(samples, start, stop, colored, lanes)
            for lane in range(_LANES):
                total += lanes[lane]
        return total

    return sum_bytes if dtype == np.uint8 else sum_floats


@jit
def _add_levels(source: _Array, start: int, stop: int, colored: bool, lanes: _Array) -> None:
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    none = lanes.dtype.type(0)
    for first in range(start, stop, _LANES):
        place = np.uint64(first)
        for lane in range(np.uint64(min(_LANES, stop - first))):
            if colored:
                k = three * (place + lane)
                level = luma(source, load(source, k), load(source, k + one), load(source, k + two))
            else:
                level = load(source, place + lane)
            lanes[lane] += level if level == level else none

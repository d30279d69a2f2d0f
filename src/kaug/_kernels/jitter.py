"""Brightness, contrast, saturation and hue in an order of each row's own, rounded once.

A picture goes through in blocks of pixels small enough for the first-level cache, as planes of
floats: one per channel. The contrast needs the mean of the whole picture as it is by then, so
whatever comes before is done twice, except in a picture of a single block.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.colors import reaches_outside, saturated, turned
from kaug._kernels.samples import clip, fit, is_outside, load, luma, white

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)

_BLOCK = 1024  # pixels
_LANES = 64  # in which they are summed, a divisor of the block

_Array = NDArray[Any]


@jit
def jitter(images: _Array, strengths: _Array, orders: _Array, out: _Array, outside: _Array) -> None:
    """Writes `images` with each row's four changes made in its order.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8 or floats, of 1 or 3 channels.
        strengths: `(M, 4)`, of the precision worked in: factors of brightness, contrast and
            saturation, and the turn of the hue in sextants, 0..6. 1, 1, 1 and 0 change nothing.
        orders: `(M, 4)`, int64: the numbers of the changes, first to last.
        out: Like `images`.
        outside: See `pointwise`.
    """
    channels = images.shape[3]
    pixels = images.shape[1] * images.shape[2]
    planes = np.empty((channels, min(_BLOCK, pixels)), strengths.dtype)
    lanes = np.empty(_LANES, strengths.dtype)
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        strength, order = strengths[i], orders[i]
        done, mean = 0, white(source)
        if strength[CONTRAST] != 1:
            while order[done] != CONTRAST:
                done += 1
            total = 0.0
            for first in range(0, pixels, _BLOCK):
                count = min(_BLOCK, pixels - first)
                outside[0] |= _split(source, first, count, planes)
                _change(planes, count, strength, order[:done], mean, source)
                total += _sum(planes, count, lanes)
            mean = strengths.dtype.type(total / pixels)
        single = done > 0 and pixels <= _BLOCK
        if not single:
            done = 0
        for first in range(0, pixels, _BLOCK):
            count = min(_BLOCK, pixels - first)
            if not single:
                outside[0] |= _split(source, first, count, planes)
            _change(planes, count, strength, order[done:], mean, source)
            _join(planes, first, count, target)


@jit
def _split(source: _Array, first: int, count: int, planes: _Array) -> bool:
    """Reads `count` pixels into planes; returns whether a float lies outside of 0..1."""
    found = False
    zero, one, two, three = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
    if len(planes) == 1:
        for pixel in range(np.uint64(count)):
            found |= is_outside(source, np.uint64(first) + pixel)
            planes[zero, pixel] = load(source, np.uint64(first) + pixel)
        return found
    place = three * np.uint64(first)
    for pixel in range(np.uint64(count)):
        k = place + three * pixel
        found |= reaches_outside(source, k)
        planes[zero, pixel] = load(source, k)
        planes[one, pixel] = load(source, k + one)
        planes[two, pixel] = load(source, k + two)
    return found


@jit
def _join(planes: _Array, first: int, count: int, target: _Array) -> None:
    """Writes `count` pixels from planes."""
    zero, one, two, three = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
    if len(planes) == 1:
        for pixel in range(np.uint64(count)):
            target[np.uint64(first) + pixel] = fit(target, planes[zero, pixel])
        return
    place = three * np.uint64(first)
    for pixel in range(np.uint64(count)):
        k = place + three * pixel
        target[k] = fit(target, planes[zero, pixel])
        target[k + one] = fit(target, planes[one, pixel])
        target[k + two] = fit(target, planes[two, pixel])


@jit
def _change(
    planes: _Array, count: int, strength: _Array, order: _Array, mean: Any, source: _Array
) -> None:
    """Makes changes in order; those of strength 1, or 0 for the hue, are none."""
    colored, none = len(planes) == 3, planes.dtype.type(0)
    for change in order:
        if change == BRIGHTNESS and strength[BRIGHTNESS] != 1:
            _scale(planes, count, strength[BRIGHTNESS], none, source)
        elif change == CONTRAST and strength[CONTRAST] != 1:
            _scale(planes, count, strength[CONTRAST], mean, source)
        elif change == SATURATION and colored and strength[SATURATION] != 1:
            _saturate(planes, count, strength[SATURATION], source)
        elif change == HUE and colored and strength[HUE] != 0:
            _turn(planes, count, strength[HUE])


@jit
def _scale(planes: _Array, count: int, factor: Any, centre: Any, source: _Array) -> None:
    offset = (planes.dtype.type(1) - factor) * centre
    for channel in range(len(planes)):
        plane = planes[channel]
        for k in range(np.uint64(count)):
            plane[k] = clip(source, factor * plane[k] + offset)


@jit
def _saturate(planes: _Array, count: int, factor: Any, source: _Array) -> None:
    reds, greens, blues = planes[0], planes[1], planes[2]
    rest = planes.dtype.type(1) - factor
    for k in range(np.uint64(count)):
        red, green, blue = saturated(planes, reds[k], greens[k], blues[k], factor, rest)
        reds[k], greens[k], blues[k] = clip(source, red), clip(source, green), clip(source, blue)


@jit
def _turn(planes: _Array, count: int, turn: Any) -> None:
    reds, greens, blues = planes[0], planes[1], planes[2]
    for k in range(np.uint64(count)):
        reds[k], greens[k], blues[k] = turned(reds[k], greens[k], blues[k], turn)


@jit
def _sum(planes: _Array, count: int, lanes: _Array) -> float:
    """Sums the brightness of `count` pixels; NaN counts as black.

    In lanes, for a sum's order is part of its result and LLVM makes vectors of this one.
    """
    none = planes.dtype.type(0)
    lanes[:] = none
    for first in range(0, count, _LANES):
        place = np.uint64(first)
        for lane in range(np.uint64(min(_LANES, count - first))):
            k = place + lane
            level = planes[0, k]
            if len(planes) == 3:
                level = luma(planes, level, planes[1, k], planes[2, k])
            lanes[lane] += level if level == level else none
    total = 0.0
    for lane in range(_LANES):
        total += lanes[lane]
    return total

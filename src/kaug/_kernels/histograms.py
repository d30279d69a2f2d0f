"""What the histogram of each channel asks for: stretched to the full range, or made flat.

Both work on 256 levels, as Pillow does, in its arithmetic: bytes come out exactly as from
`PIL.ImageOps`. Of floats the nearest level counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.pointwise import look_up_row
from kaug._kernels.samples import fit, is_outside, load

_LEVELS = 256
# One channel is counted in turns in so many histograms, as neighbours tend to be alike and a count
# cannot be read before it has been written.
_TURNS = 4
_PATTERN = 64  # pixels

_Array = NDArray[Any]


@jit
def autocontrast_bytes(images: _Array, cuts: _Array, out: _Array) -> None:
    """Stretches each channel so that its darkest level is black and its lightest white.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8.
        cuts: `(M,)`, int64: how many of the darkest and of the lightest samples of each channel
            do not count.
        out: Like `images`.
    """
    channels = images.shape[3]
    counts, tables = _scratch(channels)
    for i in range(len(images)):
        source = images[i].reshape(-1)
        _count(source, channels, counts)
        for channel in range(channels):
            factor, offset = _stretch(counts[channel], cuts[i])
            for level in range(_LEVELS):
                stretched = np.int32(level * factor + offset)
                tables[channel, level] = min(max(stretched, np.int32(0)), np.int32(255))
        look_up_row(source, tables, out[i].reshape(-1))


@jit
def autocontrast_floats(images: _Array, cuts: _Array, out: _Array, outside: _Array) -> None:
    """Stretches each channel of floats, as `autocontrast_bytes` does, without cutting off."""
    channels = images.shape[3]
    levels = np.empty(images.shape[1] * images.shape[2] * channels, np.uint8)
    counts, _ = _scratch(channels)
    # The channels' numbers side by side, over and over, for loops over whole vectors.
    period = _PATTERN * channels
    factors, offsets = np.empty(period, images.dtype), np.empty(period, images.dtype)
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        outside[0] |= _find_levels(source, levels)
        _count(levels, channels, counts)
        for channel in range(channels):
            factor, offset = _stretch(counts[channel], cuts[i])
            factors[channel::channels] = factor
            offsets[channel::channels] = offset / 255
        for start in range(0, len(source), period):
            place = np.uint64(start)
            for k in range(np.uint64(min(period, len(source) - start))):
                value = factors[k] * load(source, place + k) + offsets[k]
                target[place + k] = fit(target, value)


@jit
def equalize_bytes(images: _Array, out: _Array) -> None:
    """Gives each channel as flat a histogram as its levels allow."""
    channels = images.shape[3]
    counts, tables = _scratch(channels)
    for i in range(len(images)):
        source = images[i].reshape(-1)
        _count(source, channels, counts)
        for channel in range(channels):
            _flatten(counts[channel], tables[channel])
        look_up_row(source, tables, out[i].reshape(-1))


@jit
def equalize_floats(images: _Array, out: _Array, outside: _Array) -> None:
    """Gives each channel of floats as flat a histogram as its levels allow."""
    channels = images.shape[3]
    levels = np.empty(images.shape[1] * images.shape[2] * channels, np.uint8)
    counts, tables = _scratch(channels)
    white = images.dtype.type(255)
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        outside[0] |= _find_levels(source, levels)
        _count(levels, channels, counts)
        for channel in range(channels):
            _flatten(counts[channel], tables[channel])
        look_up_row(levels, tables, levels)
        for k in range(np.uint64(len(source))):
            level = images.dtype.type(levels[k]) / white
            target[k] = level if source[k] == source[k] else source[k]


@jit
def _scratch(channels: int) -> tuple[_Array, _Array]:
    """Returns room for the histograms and the tables of an image."""
    counts = np.empty((max(channels, _TURNS), _LEVELS), np.int32)
    return counts, np.empty((channels, _LEVELS), np.uint8)


@jit
def _find_levels(samples: _Array, levels: _Array) -> bool:
    """Writes the nearest level of each float, NaN as black; returns whether one lies outside."""
    found = False
    none, full, half = samples.dtype.type(0), samples.dtype.type(255), samples.dtype.type(0.5)
    for k in range(np.uint64(len(samples))):
        found |= is_outside(samples, k)
        sample = load(samples, k)
        sample = sample if sample == sample else none
        levels[k] = np.uint8(np.int32(sample * full + half))
    return found


@jit
def _count(levels: _Array, channels: int, counts: _Array) -> None:
    """Counts the levels of each channel into the first rows of `counts`."""
    counts[:] = 0
    if channels == 3:
        one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
        for pixel in range(np.uint64(len(levels)) // three):
            k = pixel * three
            counts[0, levels[k]] += 1
            counts[1, levels[k + one]] += 1
            counts[2, levels[k + two]] += 1
        return
    if channels > 1:
        depth = np.uint64(channels)
        for pixel in range(np.uint64(len(levels)) // depth):
            k = pixel * depth
            for channel in range(depth):
                counts[channel, levels[k + channel]] += 1
        return
    whole = len(levels) // _TURNS * _TURNS
    for start in range(0, whole, _TURNS):
        place = np.uint64(start)
        for turn in range(np.uint64(_TURNS)):
            counts[turn, levels[place + turn]] += 1
    for rest in range(whole, len(levels)):
        counts[0, levels[rest]] += 1
    for turn in range(1, _TURNS):
        counts[0] += counts[turn]


@jit
def _stretch(counts: _Array, cut: int) -> tuple[float, float]:
    """Returns factor and offset of a channel; those of an even one change nothing."""
    low, high = 0, _LEVELS - 1
    passed = counts[low]
    while low < _LEVELS - 1 and passed <= cut:
        low += 1
        passed += counts[low]
    passed = counts[high]
    while high > 0 and passed <= cut:
        high -= 1
        passed += counts[high]
    if high <= low:
        return 1.0, 0.0
    factor = 255.0 / (high - low)
    return factor, -low * factor


@jit
def _flatten(counts: _Array, table: _Array) -> None:
    """Writes the table that makes a histogram flat."""
    last = _LEVELS - 1
    while last > 0 and counts[last] == 0:
        last -= 1
    total = 0
    for level in range(last):
        total += counts[level]
    step = total // 255
    passed = step // 2
    for level in range(_LEVELS):
        # A quotient of whole numbers this small is never rounded up to the next one.
        even = np.int32(passed / step) if step else level
        table[level] = np.uint8(min(even, 255))
        passed += counts[level]

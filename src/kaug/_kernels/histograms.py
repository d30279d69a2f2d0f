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
from kaug._kernels.samples import by_dtype, fit, is_outside, load

_LEVELS = 256
# One channel is counted in turns in so many histograms, as neighbours tend to be alike and a count
# cannot be read before it has been written.
_TURNS = 4
_PATTERN = 64  # pixels

_Array = NDArray[Any]


@jit
def autocontrast(images: _Array, cuts: _Array, out: _Array, outside: _Array) -> None:
    """Stretches each channel so that its darkest level is black and its lightest white.

    Between them bytes are cut off to whole levels; floats are not.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8 or floats.
        cuts: `(M,)`, int64: how many of the darkest and of the lightest samples of each channel
            do not count.
        out: Like `images`.
        outside: See `pointwise`.
    """
    channels = images.shape[3]
    counts, levels = _scratch(images)
    lines, tables = np.empty((channels, 2)), np.empty((channels, _LEVELS), np.uint8)
    pattern = np.empty((2, _PATTERN * channels), images.dtype)
    for i in range(len(images)):
        source = images[i].reshape(-1)
        _count(_nearest(source, levels, outside), channels, counts)
        for channel in range(channels):
            lines[channel, 0], lines[channel, 1] = _stretch(counts[channel], cuts[i])
        _stretch_row(source, lines, tables, pattern, out[i].reshape(-1))


@jit
def equalize(images: _Array, out: _Array, outside: _Array) -> None:
    """Gives each channel as flat a histogram as its levels allow; arguments as above."""
    channels = images.shape[3]
    counts, levels = _scratch(images)
    tables = np.empty((channels, _LEVELS), np.uint8)
    for i in range(len(images)):
        source = images[i].reshape(-1)
        _count(_nearest(source, levels, outside), channels, counts)
        for channel in range(channels):
            _flatten(counts[channel], tables[channel])
        _look_up_row(source, tables, levels, out[i].reshape(-1))


@jit
def _scratch(images: _Array) -> tuple[_Array, _Array]:
    """Returns room for the histograms and the levels of an image."""
    _, height, width, channels = images.shape
    counts = np.empty((max(channels, _TURNS), _LEVELS), np.int32)
    return counts, np.empty(height * width * channels, np.uint8)


@by_dtype
def _nearest(dtype: np.dtype[Any]) -> Any:
    """`_nearest(samples, levels, outside)` returns the levels of samples, NaN as black."""
    if dtype == np.uint8:
        return lambda samples, _levels, _outside: samples
    none, full, half = dtype.type(0), dtype.type(255), dtype.type(0.5)

    def find_levels(samples: Any, levels: Any, outside: Any) -> Any:
        found = False
        for k in range(np.uint64(len(samples))):
            found |= is_outside(samples, k)
            sample = load(samples, k)
            sample = sample if sample == sample else none
            levels[k] = np.uint8(np.int32(sample * full + half))
        outside[0] |= found
        return levels

    return find_levels


@by_dtype
def _stretch_row(dtype: np.dtype[Any]) -> Any:
    """`_stretch_row(samples, lines, tables, pattern, target)`: lines are factors and offsets."""

    def by_tables(samples: Any, lines: Any, tables: Any, _pattern: Any, target: Any) -> None:
        for channel in range(len(lines)):
            for level in range(_LEVELS):
                stretched = np.int32(level * lines[channel, 0] + lines[channel, 1])
                tables[channel, level] = min(max(stretched, np.int32(0)), np.int32(255))
        look_up_row(samples, tables, target)

    def by_lines(samples: Any, lines: Any, _tables: Any, pattern: Any, target: Any) -> None:
        # The channels' numbers side by side, over and over, for loops over whole vectors.
        factors, offsets = pattern[0], pattern[1]
        for channel in range(len(lines)):
            factors[channel :: len(lines)] = lines[channel, 0]
            offsets[channel :: len(lines)] = lines[channel, 1] / 255
        for start in range(0, len(samples), len(factors)):
            place = np.uint64(start)
            for k in range(np.uint64(min(len(factors), len(samples) - start))):
                value = factors[k] * load(samples, place + k) + offsets[k]
                target[place + k] = fit(target, value)

    return by_tables if dtype == np.uint8 else by_lines


@by_dtype
def _look_up_row(dtype: np.dtype[Any]) -> Any:
    """`_look_up_row(samples, tables, levels, target)` looks up samples, of floats their levels."""
    if dtype == np.uint8:
        return lambda samples, tables, _levels, target: look_up_row(samples, tables, target)
    kind, white = dtype.type, dtype.type(255)

    def look_up_levels(samples: Any, tables: Any, levels: Any, target: Any) -> None:
        look_up_row(levels, tables, levels)
        for k in range(np.uint64(len(samples))):
            level = kind(levels[k]) / white
            target[k] = level if samples[k] == samples[k] else samples[k]

    return look_up_levels


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
        for level in range(_LEVELS):  # sums of rows take a second to compile
            counts[0, level] += counts[turn, level]


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

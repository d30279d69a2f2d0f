"""Samples one by one: straight lines, lookup tables, single bits.

Every kernel takes rows of images `(M, H, W, C)`, C-contiguous, and writes another array of that
shape and dtype: uint8 or floats, as in `samples`. Where a kernel has an argument `outside`, an
array of one bool, it is set where a float lies outside 0..1 by more than rounding: a look at each
sample that is loaded anyway costs nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.samples import by_dtype, fit, is_outside, load, white

# Pixels the numbers of whose channels are laid out side by side, for loops over whole vectors.
_PATTERN = 64

_Array = NDArray[Any]


@jit
def any_outside(samples: _Array, low: Any, high: Any) -> bool:
    """Tells whether a sample lies below `low` or above `high`; NaN does neither.

    Args:
        samples: `(P,)`, C-contiguous, floats.
        low: Of their dtype, like `high`.
        high: The greatest value that is let pass.
    """
    found = False
    for k in range(np.uint64(len(samples))):
        found |= (samples[k] < low) | (samples[k] > high)
    return found


@jit
def clip(images: _Array, out: _Array, outside: _Array) -> None:
    """Writes floats clipped to 0..1, and bytes as they are."""
    found = False
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        for k in range(np.uint64(len(source))):
            found |= is_outside(source, k)
            target[k] = fit(target, load(source, k))
    outside[0] |= found


@jit
def scale(images: _Array, factors: _Array, offsets: _Array, out: _Array, outside: _Array) -> None:
    """Writes `factor * image + offset`, both `(M,)` and floats of the precision worked in."""
    found = False
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        factor, offset = factors[i], offsets[i]
        for k in range(np.uint64(len(source))):
            found |= is_outside(source, k)
            target[k] = fit(target, factor * load(source, k) + offset)
    outside[0] |= found


@jit
def add(images: _Array, offsets: _Array, out: _Array, outside: _Array) -> None:
    """Writes `image + offset`, offsets `(M, C)`: whole int16 numbers for bytes, else floats."""
    found = False
    channels = offsets.shape[1]
    period = _PATTERN * channels
    pattern = np.empty(period, offsets.dtype)
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        for k in range(period):
            pattern[k] = offsets[i, k % channels]
        for start in range(0, len(source), period):
            place = np.uint64(start)
            for k in range(np.uint64(min(period, len(source) - start))):
                found |= is_outside(source, place + k)
                target[place + k] = _sum(source, place + k, pattern[k])
    outside[0] |= found


@jit
def scale_channels(images: _Array, factors: _Array, out: _Array, outside: _Array) -> None:
    """Writes `factor * image`, factors `(M, C)`, floats of the precision worked in."""
    found = False
    channels = factors.shape[1]
    period = _PATTERN * channels
    pattern = np.empty(period, factors.dtype)
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        for k in range(period):
            pattern[k] = factors[i, k % channels]
        for start in range(0, len(source), period):
            place = np.uint64(start)
            for k in range(np.uint64(min(period, len(source) - start))):
                found |= is_outside(source, place + k)
                target[place + k] = fit(target, pattern[k] * load(source, place + k))
    outside[0] |= found


@jit
def standardize(
    images: _Array,
    factors: _Array,
    offsets: _Array,
    low: Any,
    high: Any,
    out: _Array,
    outside: _Array,
) -> None:
    """Writes `factor * image + offset`, of floats clipped to `low` and `high`; both `(M, C)`."""
    found = False
    channels = factors.shape[1]
    period = _PATTERN * channels
    slopes, starts = np.empty(period, factors.dtype), np.empty(period, offsets.dtype)
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        for k in range(period):
            slopes[k], starts[k] = factors[i, k % channels], offsets[i, k % channels]
        for start in range(0, len(source), period):
            place = np.uint64(start)
            for k in range(np.uint64(min(period, len(source) - start))):
                found |= is_outside(source, place + k)
                value = source[place + k]
                value = low if value < low else value
                value = high if value > high else value
                target[place + k] = slopes[k] * value + starts[k]
    outside[0] |= found


@by_dtype
def _sum(dtype: np.dtype[Any]) -> Any:
    """`_sum(samples, k, offset)` returns sample `k` and what is added to it."""
    if dtype != np.uint8:
        return lambda samples, k, offset: fit(samples, load(samples, k) + offset)
    none, full = np.int16(0), np.int16(255)

    def sum_bytes(samples: Any, k: Any, offset: Any) -> Any:
        total = np.int16(np.int16(samples[k]) + offset)
        total = total if total > none else none
        return np.uint8(total if total < full else full)

    return sum_bytes


@jit
def bend(images: _Array, moves: _Array, out: _Array, outside: _Array) -> None:
    """Writes `x + x * (1 - x) * ((1 - x) * first + x * second)`, of `x` in 0..1.

    Moves `(M, 2)`, first and second, are floats of the precision worked in.
    """
    found = False
    kind = moves.dtype.type
    one, unit = kind(1), kind(1 / white(images))
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        first, more = moves[i, 0], moves[i, 1] - moves[i, 0]
        for k in range(np.uint64(len(source))):
            found |= is_outside(source, k)
            sample = load(source, k)
            x = unit * sample
            target[k] = fit(target, sample + sample * (one - x) * (first + x * more))
    outside[0] |= found


@jit
def look_up(images: _Array, tables: _Array, out: _Array) -> None:
    """Writes `table[image]` for bytes; tables `(M, 1, 256)` for all channels or `(M, C, 256)`."""
    for i in range(len(images)):
        look_up_row(images[i].reshape(-1), tables[i], out[i].reshape(-1))


@jit
def look_up_row(source: _Array, table: _Array, target: _Array) -> None:
    """Writes `table[source]` for the bytes of one image; table `(1, 256)` or `(C, 256)`."""
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    channels = np.uint64(len(table))
    if channels == one:
        for sample in range(np.uint64(len(source))):
            target[sample] = table[0, source[sample]]
    elif channels == three:
        for pixel in range(np.uint64(len(source)) // three):
            k = three * pixel
            target[k] = table[0, source[k]]
            target[k + one] = table[1, source[k + one]]
            target[k + two] = table[2, source[k + two]]
    else:
        for pixel in range(np.uint64(len(source)) // channels):
            k = channels * pixel
            for channel in range(channels):
                target[k + channel] = table[channel, source[k + channel]]


@jit
def solarize(images: _Array, thresholds: _Array, out: _Array, outside: _Array) -> None:
    """Inverts samples from their row's threshold on.

    Thresholds `(M,)` are uint16 for bytes, 0..256, and floats of the precision worked in for those.
    """
    found = False
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        threshold = thresholds[i]
        for k in range(np.uint64(len(source))):
            found |= is_outside(source, k)
            target[k] = _solarized(source, k, threshold)
    outside[0] |= found


@by_dtype
def _solarized(dtype: np.dtype[Any]) -> Any:
    """`_solarized(samples, k, threshold)` returns sample `k` or its inverse."""

    def solarize_byte(samples: Any, k: Any, threshold: Any) -> Any:
        return samples[k] if np.uint16(samples[k]) < threshold else ~samples[k]

    def solarize_float(samples: Any, k: Any, threshold: Any) -> Any:
        sample = load(samples, k)
        return white(samples) - sample if sample >= threshold else sample

    return solarize_byte if dtype == np.uint8 else solarize_float


@jit
def posterize_floats(images: _Array, masks: _Array, out: _Array, outside: _Array) -> None:
    """Keeps the bits in `masks` `(M,)`, int32, of the nearest of 256 levels of floats."""
    found = False
    kind = images.dtype.type
    for i in range(len(images)):
        source, target, mask = images[i].reshape(-1), out[i].reshape(-1), masks[i]
        for k in range(np.uint64(len(source))):
            found |= is_outside(source, k)
            sample = load(source, k)
            level = np.int32(sample * kind(255) + kind(0.5)) & mask
            target[k] = kind(level) / kind(255) if sample == sample else sample
    outside[0] |= found

"""Noise pixel by pixel, from two random words per row.

A row's words are the key of a Threefry-2x32-20 stream (see `kaug._draw`), counted by the place of
the pixel: so many decisions need no more than two words from the draws, and depend on nothing else.
LLVM turns its loop into vector code. The stream comes in chunks; the words of counter `i` of a
chunk are `i` and `i + CHUNK / 2`, and the lower halves of all words come before the upper ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.colors import reaches_outside, turned
from kaug._kernels.samples import fit, is_outside, load
from kaug._kernels.threefry import encrypt32
from kaug._kernels.veils import repeat

CHUNK = 512  # words made at once
_COUNTERS = CHUNK // 2

_Array = NDArray[Any]


@jit
def fill_words(high: Any, low: Any, chunk: int, words: _Array) -> None:
    """Fills `words`, uint32 `(CHUNK,)`, with the `chunk`-th part of the stream of a key."""
    first = np.uint32(chunk * _COUNTERS)
    for i in range(np.uint64(_COUNTERS)):
        counter = np.uint32(first + np.uint32(i))
        words[i], words[i + np.uint64(_COUNTERS)] = encrypt32(high, low, counter, np.uint32(0))


@jit
def add_noise(
    images: _Array,
    words: _Array,
    scales: _Array,
    quantiles: _Array,
    out: _Array,
    outside: _Array,
) -> None:
    """Writes `images + scale * z`, rounded and clipped, into `out`.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8 or floats.
        words: `(M, 2)`, uint32: the key of each row's stream.
        scales: `(M,)`, in levels for bytes, of the precision worked in.
        quantiles: `(2**16,)`, float32: the values of `z`, each as likely.
        out: Like `images`.
        outside: See `pointwise`.
    """
    size = images[0].size if len(images) else 0
    found = False
    kind = scales.dtype.type
    stream, normals = np.empty(CHUNK, np.uint32), np.empty(2 * CHUNK, np.float32)
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        scale = scales[i]
        for start in range(0, size, 2 * CHUNK):
            fill_words(words[i, 0], words[i, 1], start // (2 * CHUNK), stream)
            _fill_normals(stream, quantiles, normals)
            place = np.uint64(start)
            for k in range(np.uint64(min(size - start, 2 * CHUNK))):
                found |= is_outside(source, place + k)
                target[place + k] = fit(target, kind(source[place + k]) + scale * normals[k])
    outside[0] |= found


@jit
def count_light(
    images: _Array,
    words: _Array,
    scales: _Array,
    quantiles: _Array,
    out: _Array,
    outside: _Array,
) -> None:
    """Writes squares of normal numbers: their mean is the image, their variance `scale` times that.

    `a * (z + d)²` has the mean `a * (1 + d²)` and the variance `2 * a² * (1 + 2 * d²)`. Where the
    image is below half of `scale` no `d` gives as much variance, and it is 0.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8 or floats.
        words: `(M, 2)`, uint32: the key of each row's stream.
        scales: `(M,)`, above 0, in levels for bytes, of the precision worked in.
        quantiles: See `add_noise`.
        out: Like `images`.
        outside: See `pointwise`.
    """
    size = images[0].size if len(images) else 0
    found = False
    kind = scales.dtype.type
    none, one, two = kind(0), kind(1), kind(2)
    stream, normals = np.empty(CHUNK, np.uint32), np.empty(2 * CHUNK, np.float32)
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        double = two / scales[i]
        for start in range(0, size, 2 * CHUNK):
            fill_words(words[i, 0], words[i, 1], start // (2 * CHUNK), stream)
            _fill_normals(stream, quantiles, normals)
            place = np.uint64(start)
            for k in range(np.uint64(min(size - start, 2 * CHUNK))):
                found |= is_outside(source, place + k)
                mean, z = load(source, place + k), kind(normals[k])
                count = double * mean
                square = count * (count - one)
                total = count + np.sqrt(square if square > none else none)
                total = total if total > one else one
                shift = np.sqrt(total - one)
                more = z * z - one + two * shift * z
                target[place + k] = fit(target, mean + mean / total * more)
    outside[0] |= found


@jit
def multiply_by_noise(
    images: _Array,
    words: _Array,
    scales: _Array,
    quantiles: _Array,
    times: Any,
    out: _Array,
    outside: _Array,
) -> None:
    """Writes `images * (1 + scale * z)`.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8 or floats.
        words: `(M, 2)`, uint32: the key of each row's stream.
        scales: `(M,)`, of the precision worked in.
        quantiles: See `add_noise`.
        times: How many samples, one after the other, have the same `z`: 1 or C.
        out: Like `images`.
        outside: See `pointwise`.
    """
    size = images[0].size if len(images) else 0
    found = False
    kind, times = scales.dtype.type, np.uint64(times)
    one, none = kind(1), np.uint64(0)
    stream, normals = np.empty(CHUNK, np.uint32), np.empty(2 * CHUNK, np.float32)
    repeated = np.empty(np.uint64(2 * CHUNK) * times, np.float32)
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        scale = scales[i]
        for start in range(0, size, len(repeated)):
            fill_words(words[i, 0], words[i, 1], start // len(repeated), stream)
            _fill_normals(stream, quantiles, normals)
            repeat(normals, none, np.uint64(2 * CHUNK), times, repeated)
            place = np.uint64(start)
            for k in range(np.uint64(min(size - start, len(repeated)))):
                found |= is_outside(source, place + k)
                factor = one + scale * repeated[k]
                target[place + k] = fit(target, factor * load(source, place + k))
    outside[0] |= found


@jit
def _fill_normals(words: _Array, quantiles: _Array, normals: _Array) -> None:
    """Looks up a value for each half of every word."""
    for k in range(np.uint64(CHUNK)):
        word = words[k]
        normals[k] = quantiles[np.uint64(word & np.uint32(0xFFFF))]
        normals[k + np.uint64(CHUNK)] = quantiles[np.uint64(word >> np.uint32(16))]


@jit
def add_color_noise(
    images: _Array,
    words: _Array,
    lights: _Array,
    turns: _Array,
    quantiles: _Array,
    out: _Array,
    outside: _Array,
) -> None:
    """Writes pixels with their hue turned by `turn * z`, and `light * z` added to all channels.

    Each pixel takes one word of the stream: its lower half for the light, its upper for the hue.

    Args:
        images: `(M, H, W, 3)`, C-contiguous, uint8 or floats.
        words: `(M, 2)`, uint32: the key of each row's stream.
        lights: `(M,)`, in levels for bytes, of the precision worked in.
        turns: `(M,)`, in sextants of the color wheel.
        quantiles: See `add_noise`.
        out: Like `images`.
        outside: See `pointwise`.
    """
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    size = images.shape[1] * images.shape[2]
    found = False
    kind = lights.dtype.type
    sixth, six, round_ = kind(1 / 6), kind(6), np.uint64(CHUNK)
    stream, normals = np.empty(CHUNK, np.uint32), np.empty(2 * CHUNK, np.float32)
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        light, turn = lights[i], turns[i]
        for start in range(0, size, CHUNK):
            fill_words(words[i, 0], words[i, 1], start // CHUNK, stream)
            _fill_normals(stream, quantiles, normals)
            for j in range(np.uint64(min(size - start, CHUNK))):
                k = three * (np.uint64(start) + j)
                found |= reaches_outside(source, k)
                way = turn * normals[j + round_]
                way = way - six * np.floor(way * sixth)
                red, green, blue = load(source, k), load(source, k + one), load(source, k + two)
                red, green, blue = turned(red, green, blue, way)
                more = light * normals[j]
                target[k] = fit(target, red + more)
                target[k + one] = fit(target, green + more)
                target[k + two] = fit(target, blue + more)
    outside[0] |= found


@jit
def add_salt_and_pepper(
    images: _Array, words: _Array, halves: _Array, black: Any, white: Any
) -> None:
    """Overwrites pixels of `images`, all their channels, with black or white.

    Args:
        images: `(M, H, W, C)`, C-contiguous; written to.
        words: `(M, 2)`, uint32: the key of each row's stream.
        halves: `(M,)`, uint64: of 2³² pixels, how many become black, and as many white.
        black: Value of pepper, of the dtype of `images`.
        white: Value of salt.
    """
    count, height, width, channels = images.shape
    size, depth = height * width, np.uint64(channels)
    stream = np.empty(CHUNK, np.uint32)
    for i in range(count):
        target = images[i].reshape(-1)
        half = np.uint64(halves[i])
        both = half + half
        if half == 0:
            continue
        for start in range(0, size, CHUNK):
            fill_words(words[i, 0], words[i, 1], start // CHUNK, stream)
            for k in range(np.uint64(min(size - start, CHUNK))):
                word = np.uint64(stream[k])
                if word < both:
                    place = (np.uint64(start) + k) * depth
                    for channel in range(depth):
                        target[place + channel] = black if word < half else white

"""What corruptions do pixel by pixel: counts of photons, glass, and motion.

All work on floats `(M, H, W, C)`, C-contiguous, and take two words of a row as the key of its
stream, as in `noise`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.noise import CHUNK, fill_words
from kaug._kernels.threefry import encrypt32

_Array = NDArray[Any]


@jit
def count_photons(images: _Array, words: _Array, most: float, out: _Array) -> None:
    """Writes samples of Poisson distributions, divided by what a count of white is.

    Each is the least count whose probability, with all lesser ones, reaches a number of (0, 1).

    Args:
        images: In 0..1, or NaN.
        words: `(M, 2)`, uint32.
        most: Mean count of white, up to 500.
        out: Like `images`.
    """
    stream = np.empty(CHUNK, np.uint32)
    for i in range(len(images)):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        for start in range(0, len(source), CHUNK):
            fill_words(words[i, 0], words[i, 1], start // CHUNK, stream)
            for k in range(min(CHUNK, len(source) - start)):
                mean = most * np.float64(source[start + k])
                unit = (np.float64(stream[k]) + 0.5) * 2.0**-32
                count, share = 0, math.exp(-mean)
                reached = share
                while unit > reached and share > 0:
                    count += 1
                    share *= mean / count
                    reached += share
                target[start + k] = count / most if mean == mean else mean


@jit
def shuffle(images: _Array, words: _Array, reaches: _Array, rounds: _Array) -> None:
    """Puts other pixels in place of pixels, from up to a reach away, line by line from the end.

    Args:
        images: Written to.
        words: `(M, 2)`, uint32.
        reaches: How far, `(M,)`, float64, at random the next lower or the next higher number of
            pixels; one less to the right and the bottom. Pixels as near to an edge stay.
        rounds: How often, `(M,)`, int64.
    """
    height, width, channels = images.shape[1:]
    low, bits = np.uint32(0xFFFF), np.uint32(16)
    stream, others = np.empty(width, np.uint32), np.empty(width, np.uint32)
    for i in range(len(images)):
        image, reach = images[i], reaches[i]
        least, margin = math.floor(reach), math.ceil(reach)
        limit = np.uint64((reach - least) * 2.0**32)
        for turn in range(rounds[i]):
            for r in range(height - margin, margin, -1):
                line = np.uint32(turn * height + r)
                for c in range(np.uint64(width)):
                    stream[c], others[c] = encrypt32(words[i, 0], words[i, 1], np.uint32(c), line)
                for c in range(width - margin, margin, -1):
                    own = least + np.int64(np.uint64(others[c]) < limit)
                    down = (np.int64(stream[c] >> bits) * 2 * own >> 16) - own
                    right = (np.int64(stream[c] & low) * 2 * own >> 16) - own
                    for channel in range(channels):
                        image[r, c, channel] = image[r + down, c + right, channel]


@jit
def drag(images: _Array, offsets: _Array, weights: _Array, out: _Array) -> None:
    """Writes weighted sums of shifted images, continued by the pixels at their edges.

    Args:
        images: Floats.
        offsets: `(M, T, 2)`, int64: from how many pixels down and to the right each is read.
        weights: `(T,)`, of the dtype of `images`.
        out: Like `images`.
    """
    height, width, channels = images.shape[1:]
    none = images.dtype.type(0)
    for i in range(len(images)):
        for r in range(height):
            target = out[i, r].reshape(-1)
            target[:] = none
            for t in range(len(weights)):
                down, right = offsets[i, t]
                weight = weights[t]
                source = images[i, min(max(r + down, 0), height - 1)].reshape(-1)
                first = min(max(-right, 0), width)
                stop = max(min(width - right, width), first)
                for c in range(first):
                    for channel in range(channels):
                        target[c * channels + channel] += weight * source[channel]
                start = np.uint64(first * channels)
                shift = np.int64((first + right) * channels)
                if stop > first:
                    begin = np.uint64(shift)
                    for k in range(np.uint64((stop - first) * channels)):
                        target[start + k] += weight * source[begin + k]
                last = (width - 1) * channels
                for c in range(stop, width):
                    for channel in range(channels):
                        target[c * channels + channel] += weight * source[last + channel]

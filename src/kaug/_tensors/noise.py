"""Noise on tensors: the streams of `kaug._kernels.noise`, pixel by pixel.

There a stream comes in chunks of as many words as `CHUNK`; the words of counter `i` of a chunk are
`i` and `i + CHUNK / 2`. Here all of it is made at once.
"""

import math
from typing import Any

import numpy as np

from kaug._kernels.noise import CHUNK
from kaug._tensors import ops
from kaug._tensors.colors import by_row, turned
from kaug._tensors.lookups import look_up
from kaug._tensors.words import below, encrypted, upper

_COUNTERS = CHUNK // 2


def add_noise(images: Any, words: Any, scales: Any, quantiles: Any) -> Any:
    """Returns `images + scale * z`.

    Args:
        images: `(B, H, W, C)`, float32.
        words: `(B, 2)`, int32: the key of each row's stream.
        scales: `(B,)`, float32.
        quantiles: `(2**16,)`, float32: the values of `z`, each as likely.
    """
    return images + by_row(scales) * _normals(words, quantiles, images.shape[1:])


def count_light(images: Any, words: Any, scales: Any, quantiles: Any) -> Any:
    """Returns squares of normal numbers, whose mean is the image; see the kernel.

    Args:
        images: `(B, H, W, C)`, float32 in 0..1.
        words: `(B, 2)`, int32: the key of each row's stream.
        scales: `(B,)`, float32, above 0.
        quantiles: As for `add_noise`.
    """
    normals = _normals(words, quantiles, images.shape[1:])
    count = images * by_row(2.0 / scales)
    total = ops.maximum(count + ops.sqrt(ops.maximum(count * (count - 1.0), 0.0)), 1.0)
    more = normals * normals - 1.0 + 2.0 * ops.sqrt(total - 1.0) * normals
    return images + images / total * more


def multiply_by_noise(
    images: Any, words: Any, scales: Any, quantiles: Any, *, per_channel: bool
) -> Any:
    """Returns `images * (1 + scale * z)`.

    Args:
        images: `(B, H, W, C)`, float32.
        words: `(B, 2)`, int32: the key of each row's stream.
        scales: `(B,)`, float32.
        quantiles: As for `add_noise`.
        per_channel: Whether each channel of a pixel has its own `z`.
    """
    height, width, channels = images.shape[1:]
    shape = (height, width, channels if per_channel else 1)
    return images * (1.0 + by_row(scales) * _normals(words, quantiles, shape))


def _normals(words: Any, quantiles: Any, shape: tuple[int, ...]) -> Any:
    """Returns a value of `quantiles` for each sample of images, `(B, *shape)`."""
    count, table = math.prod(shape), ops.convert_to_tensor(quantiles)
    both = _stream(words, math.ceil(count / (2 * CHUNK)))
    halves = [ops.bitwise_and(word, 0xFFFF) for word in both] + [upper(word, 16) for word in both]
    normals = _in_order([look_up(table, half) for half in halves], count)
    return ops.reshape(normals, (-1, *shape))


def add_color_noise(images: Any, words: Any, lights: Any, turns: Any, quantiles: Any) -> Any:
    """Returns images of three channels with hues turned and light added, pixel by pixel.

    Args:
        images: `(B, H, W, 3)`, float32 in 0..1.
        words: `(B, 2)`, int32: the key of each row's stream.
        lights: `(B,)`, float32.
        turns: `(B,)`, float32, in sextants of the color wheel.
        quantiles: As for `add_noise`.
    """
    height, width = images.shape[1:3]
    table = ops.convert_to_tensor(quantiles)
    both = _stream(words, math.ceil(height * width / CHUNK))
    halves = ([ops.bitwise_and(word, 0xFFFF) for word in both], [upper(word, 16) for word in both])
    light, hue = (
        _in_order([look_up(table, half) for half in each], height * width) for each in halves
    )
    hue = ops.reshape(turns, (-1, 1)) * hue
    hue = ops.reshape(hue - 6.0 * ops.floor(hue * (1 / 6)), (-1, height, width))
    light = ops.reshape(light, (-1, height, width, 1))
    return turned(images, hue) + by_row(lights) * light


def add_salt_and_pepper(images: Any, words: Any, amounts: Any) -> Any:
    """Returns images with some pixels 0 or 1, in all their channels.

    Args:
        images: `(B, H, W, C)`, float32.
        words: `(B, 2)`, int32: the key of each row's stream.
        amounts: `(B,)`, float32 in 0..1: of all pixels, how many; half of them are 0.
    """
    height, width = images.shape[1:3]
    hit, black = hits(words, amounts, (height, width, 1))
    return ops.where(hit, ops.where(black, 0.0, 1.0), images)


def hits(words: Any, amounts: Any, shape: tuple[int, int, int]) -> tuple[Any, Any]:
    """Returns which samples are hit, bool `(B, *shape)`, and which are among the first half.

    Args:
        words: `(B, 2)`, int32: the key of each row's stream.
        amounts: `(B,)`, float32 in 0..1: how many of all.
        shape: Height, width and depth; pixels are hit as a whole where the last is 1.
    """
    count = math.prod(shape)
    both = _stream(words, math.ceil(count / CHUNK))
    halves = _halves(amounts)
    # A word below twice the half of them is below it without its last bit.
    hit = [ops.cast(below(upper(word, 31), halves), "float32") for word in both]
    first = [ops.cast(below(word, halves), "float32") for word in both]
    return (
        ops.reshape(_in_order(hit, count), (-1, *shape)) > 0.5,
        ops.reshape(_in_order(first, count), (-1, *shape)) > 0.5,
    )


def _stream(words: Any, chunks: int) -> tuple[Any, Any]:
    """Returns the first and the second half of every chunk, `(B, chunks, CHUNK / 2)` each."""
    counters = np.arange(chunks * _COUNTERS, dtype=np.int32).reshape(1, chunks, _COUNTERS)
    return encrypted(words, ops.convert_to_tensor(counters))


def _in_order(parts: list[Any], count: int) -> Any:
    """Returns the first numbers of parts `(B, chunks, …)` of chunks, `(B, count)`."""
    chunks, length = parts[0].shape[1:]
    whole = ops.reshape(ops.stack(parts, axis=2), (-1, chunks * len(parts) * length))
    return whole[:, :count]


def _halves(amounts: Any) -> Any:
    """Returns half of 2³² times some amounts, as words `(B, 1, 1)`."""
    halves = ops.round(amounts * 2.0**31)
    # The largest float below 2³¹; that itself has the bits of the least int32.
    words = ops.cast(ops.minimum(halves, 2.0**31 - 2**7), "int32")
    return ops.reshape(ops.where(halves >= 2.0**31, -(2**31), words), (-1, 1, 1))

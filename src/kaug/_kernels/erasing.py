"""Rectangles: where they come to lie, and how they are overwritten, by one value or by noise.

A *patch* is a rectangle in pixels: top, left, height and width, and after how many pixels, down and
right, it comes again; 0 if never. It may stick out of the picture.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.noise import CHUNK, fill_words

_Array = NDArray[Any]


@jit
def erase(
    images: _Array,
    patches: _Array,
    noisy: bool,
    value: Any,
    span: float,
    words: _Array,
) -> None:
    """Overwrites rectangles of `images`.

    Args:
        images: `(M, H, W, C)`, C-contiguous; written to.
        patches: `(M, K, 5)`, int64; for each row its patches in the order they are erased.
        noisy: Whether each sample is drawn anew.
        value: Of the dtype of `images`; with noise, the least.
        span: Noise is spread evenly from `value` to less than `span` above it.
        words: `(M, 2)`, uint32: the key of each row's noise, whose words are used up one by one.
    """
    stream = np.empty(CHUNK, np.uint32)
    for i in range(len(images)):
        used = 0
        for k in range(patches.shape[1]):
            top, left, tall, wide, step = patches[i, k]
            if tall <= 0 or wide <= 0:
                continue
            for r in range(top, images.shape[1] if step > 0 else top + 1, max(step, 1)):
                for c in range(left, images.shape[2] if step > 0 else left + 1, max(step, 1)):
                    if noisy:
                        used = _fill_with_noise(
                            images[i], r, c, tall, wide, value, span, words[i], used, stream
                        )
                    else:
                        _fill(images[i], r, c, tall, wide, value)


@jit
def _fill(image: _Array, top: int, left: int, tall: int, wide: int, value: Any) -> None:
    height, width, channels = image.shape
    flat, depth = image.reshape(-1), np.uint64(channels)
    first = np.uint64(min(max(left, 0), width)) * depth
    last = np.uint64(min(max(left + wide, 0), width)) * depth
    for r in range(max(top, 0), min(top + tall, height)):
        row = np.uint64(r) * np.uint64(width) * depth
        for k in range(row + first, row + last):
            flat[k] = value


@jit
def _fill_with_noise(
    image: _Array,
    top: int,
    left: int,
    tall: int,
    wide: int,
    low: Any,
    span: float,
    key: _Array,
    used: int,
    stream: _Array,
) -> int:
    """Returns how many words of the stream are `used` up by now."""
    height, width, channels = image.shape
    kind = image.dtype.type
    for r in range(max(top, 0), min(top + tall, height)):
        for c in range(max(left, 0), min(left + wide, width)):
            for channel in range(channels):
                place = used % CHUNK
                if place == 0:
                    fill_words(key[0], key[1], used // CHUNK, stream)
                image[r, c, channel] = kind(low + kind(span * (stream[place] * 2.0**-32)))
                used += 1
    return used


@jit
def place_rectangles(
    areas: _Array,
    ratios: _Array,
    tops: _Array,
    lefts: _Array,
    height: int,
    width: int,
    patches: _Array,
) -> None:
    """Writes one patch for each row, that fits the picture.

    Args:
        areas: `(M,)`, fractions of the picture.
        ratios: `(M,)`, height divided by width; where that does not fit, the nearest that does.
        tops: `(M,)`, fractions of the room there is.
        lefts: Likewise.
        height: Of the picture.
        width: Of the picture.
        patches: `(M, 1, 5)`, written to.
    """
    for i in range(len(areas)):
        area = areas[i] * height * width
        # As high as the picture, or as wide.
        ratio = min(max(ratios[i], area / (width * width)), height * height / max(area, 1e-9))
        tall = min(_round(math.sqrt(area * ratio)), height)
        wide = min(_round(math.sqrt(area / ratio)), width)
        _put(patches[i, 0], _fit(tops[i], height, tall), _fit(lefts[i], width, wide), tall, wide, 0)


@jit
def place_squares(
    sizes: _Array, rows: _Array, columns: _Array, height: int, width: int, patches: _Array
) -> None:
    """Writes one patch for each row, about a centre anywhere in the picture.

    Args:
        sizes: `(M,)`, fractions of the picture's shorter side.
        rows: `(M,)`, where the centre is, a fraction of the height.
        columns: `(M,)`, a fraction of the width.
        height: Of the picture.
        width: Of the picture.
        patches: `(M, 1, 5)`, written to.
    """
    for i in range(len(sizes)):
        side = _round(sizes[i] * min(height, width))
        top, left = int(rows[i] * height) - side // 2, int(columns[i] * width) - side // 2
        _put(patches[i, 0], top, left, side, side, 0)


@jit
def place_grids(
    units: _Array,
    ratios: _Array,
    rows: _Array,
    columns: _Array,
    height: int,
    width: int,
    patches: _Array,
) -> None:
    """Writes one patch for each row, that comes again over the whole picture.

    Args:
        units: `(M,)`, from patch to patch, fractions of the picture's shorter side.
        ratios: `(M,)`, how much of that stays.
        rows: `(M,)`, how much of the first unit is cut off.
        columns: Likewise.
        height: Of the picture.
        width: Of the picture.
        patches: `(M, 1, 5)`, written to.
    """
    for i in range(len(units)):
        unit = max(_round(units[i] * min(height, width)), 1)
        # Something always stays, however small the unit.
        side = min(_round(unit * (1 - ratios[i])), unit - 1)
        _put(patches[i, 0], -int(rows[i] * unit), -int(columns[i] * unit), side, side, unit)


@jit
def place_holes(
    counts: _Array,
    heights: _Array,
    widths: _Array,
    tops: _Array,
    lefts: _Array,
    height: int,
    width: int,
    patches: _Array,
) -> None:
    """Writes some patches for each row, that fit the picture.

    Args:
        counts: `(M,)`, how many.
        heights: `(M, K)`, fractions of the picture's height.
        widths: `(M, K)`, fractions of the picture's width.
        tops: `(M, K)`, fractions of the room there is.
        lefts: Likewise.
        height: Of the picture.
        width: Of the picture.
        patches: `(M, K, 5)`, zeros, written to.
    """
    for i in range(len(counts)):
        for k in range(counts[i]):
            tall, wide = _round(heights[i, k] * height), _round(widths[i, k] * width)
            top, left = _fit(tops[i, k], height, tall), _fit(lefts[i, k], width, wide)
            _put(patches[i, k], top, left, tall, wide, 0)


@jit
def _round(value: float) -> int:
    return int(value + 0.5)


@jit
def _fit(fraction: float, length: int, size: int) -> int:
    """Returns a start for something of a size, each at which it fits as likely."""
    return int(fraction * (length - size + 1))


@jit
def _put(patch: _Array, top: int, left: int, tall: int, wide: int, step: int) -> None:
    patch[0], patch[1], patch[2], patch[3], patch[4] = top, left, tall, wide, step

"""Sharpening: every pixel against the mean of its neighbours, as Pillow takes it.

The mean weighs the pixel itself fivefold and its eight neighbours once, a 3 × 3 filter. Sums of
columns of three are shared by neighbouring pixels. Loops are written for LLVM to vectorise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.samples import is_outside

# `(x * 5042) >> 16` is `x // 13` for every x that a sum of bytes can reach.
_THIRTEENTH = 5042

_Array = NDArray[Any]


@jit
def clip(value: Any, kind: Any) -> Any:
    """Clips to 0..1 and lets NaN through."""
    value = kind(0) if value < kind(0) else value
    return kind(1) if value > kind(1) else value


@jit
def sharpen_bytes(images: _Array, factors: _Array, out: _Array) -> None:
    """Writes `smooth + factor * (images - smooth)`, rounded and clipped, into `out`.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8.
        factors: `(M,)`, float32.
        out: Like `images`.
    """
    count, height, width, channels = images.shape
    row, depth = np.uint64(width * channels), np.uint64(channels)
    last = row - depth
    columns = np.empty(width * channels, np.uint16)
    for i in range(count):
        factor = factors[i]
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        _copy_edges(images[i], out[i])
        for r in range(1, height - 1):
            middle = np.uint64(r) * row
            above, below = middle - row, middle + row
            for k in range(row):
                columns[k] = np.uint16(source[above + k]) + np.uint16(
                    np.uint16(source[middle + k]) + np.uint16(source[below + k])
                )
            for k in range(depth, last):
                here = source[middle + k]
                total = np.uint16(columns[k - depth] + columns[k + depth])
                total = np.uint16(total + columns[k])
                total = np.uint16(total + np.uint16(np.uint16(4) * np.uint16(here)))
                # Rounded: a thirteenth never ends in a half.
                total = np.uint16(total + np.uint16(6))
                smooth = np.float32(
                    np.int32(np.uint32(np.uint32(total) * np.uint32(_THIRTEENTH)) >> np.uint32(16))
                )
                value = smooth + factor * (np.float32(here) - smooth)
                value = value + np.float32(0.5)
                value = value if value > 0 else np.float32(0)
                value = value if value < np.float32(255) else np.float32(255)
                target[middle + k] = np.uint8(np.int32(value))


@jit
def sharpen_floats(images: _Array, factors: _Array, out: _Array, outside: _Array) -> None:
    """Writes `smooth + factor * (images - smooth)`, clipped to 0..1, into `out`.

    Args:
        images: `(M, H, W, C)`, C-contiguous, floats.
        factors: `(M,)`, of the dtype of `images`.
        out: Like `images`.
        outside: See `pointwise`.
    """
    found = False
    count, height, width, channels = images.shape
    row, depth = np.uint64(width * channels), np.uint64(channels)
    last = row - depth
    kind = images.dtype.type
    columns = np.empty(width * channels, images.dtype)
    for i in range(count):
        factor = factors[i]
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        _copy_edges(images[i], out[i])
        _clip_edges(out[i], kind)
        for r in range(height):
            for k in range(row):
                found |= is_outside(source, np.uint64(r) * row + k)
            if not 0 < r < height - 1:
                continue
            middle = np.uint64(r) * row
            above, below = middle - row, middle + row
            for k in range(row):
                columns[k] = source[above + k] + source[middle + k] + source[below + k]
            for k in range(depth, last):
                here = source[middle + k]
                total = columns[k - depth] + columns[k] + columns[k + depth] + kind(4) * here
                smooth = total * kind(1 / 13)
                target[middle + k] = clip(smooth + factor * (here - smooth), kind)
    outside[0] |= found


@jit
def _copy_edges(source: _Array, target: _Array) -> None:
    height, width, _ = source.shape
    target[0] = source[0]
    target[height - 1] = source[height - 1]
    for r in range(1, height - 1):
        target[r, 0] = source[r, 0]
        target[r, width - 1] = source[r, width - 1]


@jit
def _clip_edges(image: _Array, kind: Any) -> None:
    height, width, channels = image.shape
    for r in range(height):
        step = max(width - 1, 1) if 0 < r < height - 1 else 1
        for c in range(0, width, step):
            for channel in range(channels):
                image[r, c, channel] = clip(image[r, c, channel], kind)

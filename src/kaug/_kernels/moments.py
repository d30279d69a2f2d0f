"""Sums over the pixels of an image: of its channels, and of the products of two of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit, read_only
from kaug._kernels.samples import by_dtype, clip

# Pixels whose samples are summed side by side: the order of a sum is part of its result, and LLVM
# makes vectors of this one.
_LANES = 32
# So many bytes squared, at most, are added up in 32 bits.
_REPEATS = 2**15

_Array = NDArray[Any]


def moments(
    images: _Array, low: float = 0.0, high: float = 1.0, *, together: bool = True
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the means `(M, C)` and the covariances `(M, C, C)` of channels, black 0 and white 1.

    Sums of bytes are exact. Floats count as what they are clipped to, and NaN as black.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8 or floats.
        low: What is black in floats.
        high: What is white in them.
        together: Whether covariances are wanted, or variances alone, which are their diagonals.
    """
    count, height, width, channels = images.shape
    in_bytes = images.dtype == np.uint8
    distances = channels if together else 1
    lanes = np.zeros((distances + 1, _LANES * channels), np.uint32 if in_bytes else np.float64)
    means, products = np.zeros((count, channels)), np.zeros((count, channels, channels))
    kind = np.float32 if in_bytes else images.dtype.type
    add_up(read_only(images), kind(low), kind(1 / (high - low)), lanes, means, products)
    white, pixels = 255 if in_bytes else 1, max(height * width, 1)
    lower = np.tril_indices(channels, -1)
    products[:, lower[0], lower[1]] = products[:, lower[1], lower[0]]
    # Multiplied out in whole numbers where they are: what has one value has a variance of 0.
    spread = products * pixels - means[:, :, None] * means[:, None, :]
    return means / (pixels * white), spread / (pixels * white) ** 2


@jit
def add_up(
    images: _Array, low: Any, scale: Any, lanes: _Array, sums: _Array, products: _Array
) -> None:
    """Adds to sums and products.

    Samples lie side by side whatever channel they are of, and a product of two channels is one of
    two samples at a distance; those of two pixels are summed with them and left out at the end.

    Args:
        images: See `moments`.
        low: What is taken from floats.
        scale: What they are multiplied by then.
        lanes: `(D + 1, P)`, where P is a multiple of C; written to. Channels are multiplied with
            themselves and with the D - 1 that follow.
        sums: `(M, C)`, float64.
        products: `(M, C, C)`, float64, of which the upper triangles are written.
    """
    channels, distances, period = images.shape[3], len(lanes) - 1, lanes.shape[1]
    for i in range(len(images)):
        source = images[i].reshape(-1)
        size = len(source)
        for start in range(0, size, period * _REPEATS):
            stop = min(start + period * _REPEATS, size)
            lanes[:] = 0
            for first in range(start, stop, period):
                place, length = np.uint64(first), min(period, stop - first)
                total, squares = lanes[distances], lanes[0]
                for k in range(np.uint64(length)):
                    own = _known(source, place + k, low, scale)
                    total[k] += own
                    squares[k] += own * own
                for apart in range(1, distances):
                    lane, way = lanes[apart], np.uint64(apart)
                    for k in range(np.uint64(max(min(length, size - first - apart), 0))):
                        own = _known(source, place + k, low, scale)
                        lane[k] += own * _known(source, place + k + way, low, scale)
            for k in range(period):
                channel = k % channels
                sums[i, channel] += lanes[distances, k]
                for apart in range(min(distances, channels - channel)):
                    products[i, channel, channel + apart] += lanes[apart, k]


@by_dtype
def _known(dtype: np.dtype[Any]) -> Any:
    """`_known(samples, k, low, scale)` returns sample `k` as it is summed."""
    if dtype == np.uint8:
        return lambda samples, k, _low, _scale: np.uint32(samples[k])

    def known_float(samples: Any, k: Any, low: Any, scale: Any) -> Any:
        sample = np.float64(clip(samples, (samples[k] - low) * scale))
        return sample if sample == sample else 0.0

    return known_float

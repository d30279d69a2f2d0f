"""Channels put in other places."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit

_Array = NDArray[Any]


@jit
def rearrange(images: _Array, order: _Array, fill: Any, out: _Array) -> None:
    """Writes into each channel another one, or a value.

    Args:
        images: `(M, H, W, C)`, C-contiguous, unsigned integers: the bits of any numbers.
        order: `(M, C)`, int64: which channel comes into each; C means none, but `fill`.
        fill: Of the dtype of `images`.
        out: Like `images`.
    """
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    count, height, width, channels = images.shape
    depth, size = np.uint64(channels), np.uint64(height * width)
    for i in range(count):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        if channels == 3:  # chosen among what is loaded anyway, which becomes vector code
            a, b, c = order[i, 0], order[i, 1], order[i, 2]
            for pixel in range(size):
                k = three * pixel
                red, green, blue = source[k], source[k + one], source[k + two]
                target[k] = _chosen(a, red, green, blue, fill)
                target[k + one] = _chosen(b, red, green, blue, fill)
                target[k + two] = _chosen(c, red, green, blue, fill)
            continue
        for j in range(channels):
            place, own = np.uint64(order[i, j]), np.uint64(j)
            filled = place == depth
            place = np.uint64(0) if filled else place
            for pixel in range(size):
                k = depth * pixel
                target[k + own] = fill if filled else source[k + place]


@jit
def _chosen(place: Any, red: Any, green: Any, blue: Any, fill: Any) -> Any:
    color = red if place == 0 else (green if place == 1 else blue)
    return fill if place == 3 else color

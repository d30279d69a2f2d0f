"""Two pictures in one: blended in every pixel, or one pasted into the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.samples import rounded
from kaug._kernels.vectors import copy_elements

_Array = NDArray[Any]


@jit
def blend(images: _Array, partners: _Array, shares: _Array, out: _Array) -> None:
    """Writes `share * image + (1 - share) * partner`, bytes rounded half up.

    Args:
        images: `(M, P)`, C-contiguous, uint8 or floats.
        partners: The same.
        shares: `(M, 2)`, of the precision worked in: the share, and what is left.
        out: The same as `images`.
    """
    kind = shares.dtype.type
    for i in range(len(images)):
        own, other, target = images[i], partners[i], out[i]
        share, rest = shares[i, 0], shares[i, 1]
        for k in range(np.uint64(len(own))):
            target[k] = rounded(target, kind(own[k]) * share + kind(other[k]) * rest)


@jit
def paste(partners: _Array, spans: _Array, out: _Array) -> None:
    """Copies a rectangle of each partner to the same place in `out`.

    Args:
        partners: `(M, H, W, B)`, C-contiguous: the bytes of each pixel.
        spans: `(M, 4)`, int64: from and to which row, from and to which column.
        out: The same as `partners`.
    """
    width, size = out.shape[2], out.shape[3]
    for i in range(len(out)):
        top, bottom, left, right = spans[i]
        source, target = partners[i].reshape(-1), out[i].reshape(-1)
        for row in range(top, bottom):
            start = (row * width + left) * size
            copy_elements(source, start, target, start, (right - left) * size)

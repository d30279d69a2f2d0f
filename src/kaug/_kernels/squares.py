"""Sums, maxima and minima of squares of pixels.

Those of columns come first, then of rows of them. A window grows by being joined with the one that
begins behind it: twice as long, or one more, each time; so there are as many steps as the length
has bits. Each is one loop over samples that lie at one distance in memory, which LLVM turns into
vector code. Nothing is subtracted, so floats keep their precision, and NaN spreads no farther than
squares.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.edges import REFLECT, copy_beyond
from kaug._kernels.samples import by_dtype, fit

#: What is made of a square.
MEAN, GREATEST, LEAST = 0, 1, 2

# Bytes of each of three copies of some rows, so that they stay in the second-level cache.
_BAND = 1 << 16

_Array = NDArray[Any]


@jit
def gather(images: _Array, sizes: _Array, what: int, scratch: Any, out: _Array) -> None:
    """Writes the mean, the maximum or the minimum of the square around each pixel into `out`.

    Beyond its edges a picture is continued by its reflection, `d c b a | a b c d | d c b a`, which
    adds nothing to a maximum or a minimum. Channels are apart.

    Args:
        images: `(M, H, W, C)`, C-contiguous integers or floats; for means uint8 or floats.
        sizes: `(M,)`, int64, odd.
        what: `MEAN`, `GREATEST` or `LEAST`.
        scratch: dtype worked in: that of `images`, but for means of bytes an integer in which sums
            of squares fit.
        out: Like `images`; for means floats are clipped to 0..1.
    """
    count, height, width, channels = images.shape
    row = width * channels
    for i in range(count):
        size, radius = sizes[i], sizes[i] // 2
        margin = 2 * radius * channels
        long = row + margin
        band = min(height, max(_BAND // (long * out.itemsize) - 2 * radius, radius + 8))
        buffers = np.empty((3, (band + 2 * radius) * long), scratch)
        rows, one, two = buffers[0], buffers[1], buffers[2]
        flat, share = out[i].reshape(-1), 1.0 / (size * size)
        for first in range(0, height, band):
            stop = min(first + band, height)
            copy_beyond(images[i], first - radius, stop + radius, radius, REFLECT, rows)
            used = (stop - first) * long
            columns, spare = _gather_along(rows, long, size, what, one, two, used)
            squares, _ = _gather_along(columns, channels, size, what, rows, spare, used - margin)
            for r in range(stop - first):
                start, place = np.uint64(r * long), np.uint64((first + r) * row)
                if what == MEAN:
                    for k in range(np.uint64(row)):
                        flat[place + k] = _mean(flat, squares[start + k], share)
                else:
                    for k in range(np.uint64(row)):
                        flat[place + k] = squares[start + k]


@jit
def _gather_along(
    base: _Array, step: int, size: int, what: int, one: _Array, two: _Array, count: int
) -> tuple[_Array, _Array]:
    """Returns an array with what is made of `size` samples from each on, and one for other use.

    These are two of three: `base`, if nothing is to be done, and those that may be written to.
    """
    bit = 1
    while 2 * bit <= size:
        bit *= 2
    width, source, target, spare = 1, base, one, two
    while bit > 1:
        bit //= 2
        more = size & bit
        longer = 2 * width + (1 if more else 0)
        beyond = 2 * width * step if more else 0
        _join(what, source, width * step, base, beyond, target, count + (size - longer) * step)
        width, source, target, spare = longer, target, spare, target
    return source, target


@jit
def _join(
    what: int, source: _Array, near: int, base: _Array, beyond: int, target: _Array, count: int
) -> None:
    """Joins windows with those `near` behind them, and with single samples `beyond`, if not 0."""
    kind, size = target.dtype.type, np.uint64(count)
    second, third = np.uint64(near), np.uint64(beyond)
    if what == GREATEST:
        for k in range(size):
            target[k] = _greater(_greater(source[k], source[k + second]), base[k + third])
    elif what == LEAST:
        for k in range(size):
            target[k] = _lesser(_lesser(source[k], source[k + second]), base[k + third])
    elif beyond:
        for k in range(size):
            target[k] = kind(kind(source[k] + source[k + second]) + base[k + third])
    else:
        for k in range(size):
            target[k] = kind(source[k] + source[k + second])


# Of NaN and a number both return NaN.


@jit
def _greater(a: Any, b: Any) -> Any:
    return a if (a > b) | (a != a) else b


@jit
def _lesser(a: Any, b: Any) -> Any:
    return a if (a < b) | (a != a) else b


@by_dtype
def _mean(dtype: np.dtype[Any]) -> Any:
    """`_mean(samples, total, share)` returns a sum times a share of 1 as a sample."""
    kind = np.float32 if dtype == np.uint8 else dtype.type
    if dtype != np.uint8 and dtype.kind != "f":  # of which there are no means
        return lambda _samples, total, _share: kind(total)
    return lambda samples, total, share: fit(samples, kind(total) * kind(share))

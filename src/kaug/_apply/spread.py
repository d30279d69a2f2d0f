"""What a point of a picture spreads over: weights of the pixels around each one, that add up to 1.

Squares of an odd number of pixels a side, the middle one that of the pixel itself. Numbers of rows
are arrays or tensors.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from kaug._apply.dtypes import working_dtype
from kaug._apply.matrices import sine_and_cosine
from kaug._kernels import read_only
from kaug._kernels.convolve import convolve
from kaug._namespace import namespace
from kaug._types import Array

# Weights at once, of as many rows as that are.
_WEIGHTS = 2**18
# What rounding can make of a weight of 0.
_NONE = 1e-5


def convolved(images: Array, kernels_of: Callable[[slice], Array], radius: int) -> Array:
    """Returns images convolved with kernels, which a function makes for some of the rows."""
    out, dtype = np.empty_like(images), working_dtype(images.dtype)
    step = max(1, _WEIGHTS // (2 * radius + 1) ** 2)
    for first in range(0, len(images), step):
        rows = slice(first, first + step)
        kernels = kernels_of(rows).astype(dtype)
        convolve(read_only(images[rows]), read_only(kernels), out[rows])
    return out


def radius_of_line(length: float) -> int:
    """Returns how many pixels a line reaches."""
    return int(np.ceil((length - 1) / 2))


def line(lengths: Any, angles: Any, radius: int) -> Any:
    """Returns the weights of lines, `(M, K, K)` with `K = 2 * radius + 1`.

    They are `1 - d`, not below 0, with `d` the distance to a line through the middle, from the
    centre of its first pixel to that of its last.

    Args:
        lengths: In pixels, from 1 on, `(M,)`.
        angles: In degrees, counter-clockwise from the horizontal, `(M,)`.
        radius: At least `radius_of_line` of all of them.
    """
    xp: Any = namespace(lengths)
    down, across = _offsets(radius, lengths)
    sine, cosine = (xp.reshape(each, (-1, 1, 1)) for each in sine_and_cosine(angles))
    half = (xp.reshape(lengths, (-1, 1, 1)) - 1) / 2
    along = xp.absolute(across * cosine - down * sine)
    beyond = xp.maximum(along - half, 0.0)
    distance = xp.sqrt(beyond**2 + (across * sine + down * cosine) ** 2)
    return _normalized(1 - distance, xp)


def radius_of_disk(radius: float) -> int:
    """Returns how many pixels a disk reaches."""
    return max(int(np.ceil(radius - 0.5)), 0)


def disk(radii: Any, radius: int) -> Any:
    """Returns the weights of disks, `(M, K, K)` with `K = 2 * radius + 1`.

    They are 1 up to half a pixel within the radius, 0 from half a pixel beyond it, and fall evenly
    between these.

    Args:
        radii: In pixels, `(M,)`.
        radius: At least `radius_of_disk` of all of them.
    """
    xp: Any = namespace(radii)
    down, across = _offsets(radius, radii)
    distance = xp.sqrt(down**2 + across**2)
    return _normalized(xp.minimum(xp.reshape(radii, (-1, 1, 1)) + 0.5 - distance, 1.0), xp)


def sinc(cutoffs: Any, sizes: Any, radius: int) -> Any:
    """Returns the weights of a low pass in all directions, `(M, K, K)` with `K = 2 * radius + 1`.

    At a distance `r` they are as `J1(w * r) / r`, with `J1` the Bessel function of the first kind
    and first order and `w` the cutoff, within a square, and 0 outside.

    Args:
        cutoffs: In radians a pixel, `(M,)`.
        sizes: Of the squares, odd, floats `(M,)`.
        radius: At least half of all of them.
    """
    xp: Any = namespace(cutoffs)
    down, across = _offsets(radius, cutoffs)
    down, across = down[:, radius:], across[:, :, radius:]  # the others are as far away
    distance = xp.maximum(xp.sqrt(down**2 + across**2), _NONE)
    turns = xp.reshape(cutoffs, (-1, 1, 1)) * distance
    # The integral that defines J1, by a sum over a quarter of a circle; with the angles of the
    # other quarters there are 25 more than radians, which makes it as good as exact.
    count = int(np.ceil((np.pi * 2**0.5 * radius + 25) / 4))
    sines = np.sin((np.arange(count) + 0.5) * (np.pi / (2 * count))).tolist()
    heights = sum(sine * xp.sin(sine * turns) for sine in sines) / distance
    quarter = xp.where(2 * xp.maximum(down, across) < xp.reshape(sizes, (-1, 1, 1)), heights, 0.0)
    where = np.abs(np.arange(-radius, radius + 1, dtype=np.int32))
    where = where if xp is np else xp.convert_to_tensor(where)
    weights = xp.take(xp.take(quarter, where, axis=1), where, axis=2)
    return weights / xp.sum(weights, axis=(1, 2), keepdims=True)


def _offsets(radius: int, like: Any) -> tuple[Any, Any]:
    """Returns how many pixels down and to the right of the middle each pixel is."""
    xp: Any = namespace(like)
    offsets = np.arange(-radius, radius + 1, dtype=np.float64)
    both = offsets[None, :, None], offsets[None, None]
    return both if xp is np else tuple(xp.convert_to_tensor(e.astype(np.float32)) for e in both)


def _normalized(weights: Any, xp: Any) -> Any:
    weights = xp.where(weights < _NONE, 0.0, weights)
    return weights / xp.sum(weights, axis=(1, 2), keepdims=True)

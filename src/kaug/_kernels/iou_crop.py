"""Patches of pictures that overlap one of their boxes enough, found by trying.

A row's two words are the key of a Threefry-2x32-20 stream (see `kaug._draw`), counted by the number
of the trial: however many a row needs, it takes none from another.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.threefry import encrypt

_Array = NDArray[Any]

# Draws of a least overlap, after which the picture stays whole.
ROUNDS = 100
# What else is counted beside the trials.
OPTION, SIDES, PLACE = 0, 1, 2

_encrypt = jit(encrypt)


@jit
def choose(
    words: _Array,
    corners: _Array,
    seen: _Array,
    sizes: _Array,
    options: _Array,
    limits: _Array,
    trials: int,
    out: _Array,
) -> None:
    """Writes a patch for each row into `out`, `(M, 4)`: top, left, height and width in pixels.

    Args:
        words: `(M, 2)`, int64, 0..2³²-1.
        corners: `(M, B, 4)`, float64: left, top, right and bottom of boxes.
        seen: `(M, B)`, bool: which of them count.
        sizes: `(M, 2)`, float64: height and width of each picture.
        options: `(O,)`, float64: least overlaps; one of 1 or more is the whole picture.
        limits: The least and the greatest side as a part of the picture's, then the same of the
            width over the height.
        trials: How many patches are tried with one overlap.
        out: `(M, 4)`, float64.
    """
    for i in range(len(words)):
        high, low = words[i, 0], words[i, 1]
        found = False
        for number in range(ROUNDS):
            word, _ = _encrypt(high, low, number, OPTION)
            option = options[word * len(options) >> 32]
            if option >= 1:
                break
            for k in range(number * trials, (number + 1) * trials):
                found = _try(high, low, k, corners[i], seen[i], sizes[i], option, limits, out[i])
                if found:
                    break
            if found:
                break
        if not found:
            out[i, 0] = out[i, 1] = 0.0
            out[i, 2], out[i, 3] = sizes[i, 0], sizes[i, 1]


@jit
def _try(
    high: int,
    low: int,
    trial: int,
    corners: _Array,
    seen: _Array,
    size: _Array,
    option: float,
    limits: _Array,
    out: _Array,
) -> bool:
    """Writes the patch of a trial, and tells whether it will do."""
    first, second = _encrypt(high, low, trial, SIDES)
    width = size[1] * (limits[0] + (limits[1] - limits[0]) * _unit(first))
    height = size[0] * (limits[0] + (limits[1] - limits[0]) * _unit(second))
    if not limits[2] <= width / height <= limits[3]:
        return False
    first, second = _encrypt(high, low, trial, PLACE)
    out[0], out[1] = (size[0] - height) * _unit(second), (size[1] - width) * _unit(first)
    out[2], out[3] = height, width
    return _will_do(corners, seen, out, option)


@jit
def _unit(word: int) -> float:
    return (word + 0.5) / 4294967296.0


@jit
def _will_do(corners: _Array, seen: _Array, patch: _Array, option: float) -> bool:
    """Tells whether a box whose centre lies in a patch overlaps it enough, if there is any box."""
    top, left = patch[0], patch[1]
    bottom, right = top + patch[2], left + patch[3]
    none = True
    for b in range(len(seen)):
        if not seen[b]:
            continue
        none = False
        x0, y0, x1, y1 = corners[b]
        if not (left < (x0 + x1) / 2 < right and top < (y0 + y1) / 2 < bottom):
            continue
        common = (min(x1, right) - max(x0, left)) * (min(y1, bottom) - max(y0, top))
        if common >= option * ((x1 - x0) * (y1 - y0) + patch[2] * patch[3] - common):
            return True
    return none

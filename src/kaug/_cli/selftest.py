"""What comes out alike on every machine, made anew and compared with what it should be."""

import hashlib
from typing import Any, NamedTuple

import numpy as np

from kaug._draw.draws import Draws
from kaug._draw.keys import Key, permutation
from kaug._kernels import threefry
from kaug._types import Array
from kaug.transforms import (
    ChannelShuffle,
    Compose,
    Equalize,
    GridShuffle,
    HorizontalFlip,
    Invert,
    Rotation,
)

#: The vectors that Salmon et al. publish with Random123 for threefry2x32, 20 rounds: two words of
#: key, two of counter, and what they become.
VECTORS = (
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
)
#: Of what is made of whole numbers, and of draws that are.
DRAWS = "7f1adc4a8833a819"
PIXELS = "7b7b1cf257e8904e"
#: Of a rotation, whose sines and weights another processor may round otherwise.
ROUNDED = "e6d87b32b178ff1b"

_SHAPE = (8, 23, 31, 3)  # rows, height, width, channels


class Outcome(NamedTuple):
    """What a check gave.

    Args:
        name: What was checked.
        found: What came out, as a digest or in words.
        expected: What should have.
        exact: Whether anything else is a defect, and not another processor's way of rounding.
    """

    name: str
    found: str
    expected: str
    exact: bool

    @property
    def same(self) -> bool:
        """Whether it is as it should be."""
        return self.found == self.expected


def outcomes() -> list[Outcome]:
    """Returns what each check gives here; some seconds the first time, while kernels compile."""
    return [
        Outcome("published vectors of Threefry", _vectors(), "as published", exact=True),
        Outcome("draws", _draws(), DRAWS, exact=True),
        Outcome("whole-number kernels", _pixels(), PIXELS, exact=True),
        Outcome("rounding of a rotation", _rounded(), ROUNDED, exact=False),
    ]


def _vectors() -> str:
    """Says whether the cipher gives the published words, in Python and compiled."""
    for cipher in (threefry.encrypt, threefry._encrypt):
        for key, counter, words in VECTORS:
            found = tuple(int(word) for word in cipher(*key, *counter))
            if found != words:
                return f"{found[0]:08x} {found[1]:08x} instead of {words[0]:08x} {words[1]:08x}"
    return "as published"


def _draws() -> str:
    """Returns the digest of words, whole numbers and evenly spread numbers."""
    key = Key.from_seed(2**63 + 12345).child(7)
    draws = Draws(key, [0, 1, 2**32 + 5, 2**47 - 1])
    made = [draws.word(), draws.uniform(-10, 10), draws.chance(0.5), draws.integers(1000)]
    return _digest(*made, permutation(key, 100))


def _pixels() -> str:
    """Returns the digest of what is done in whole numbers alone."""
    steps = [HorizontalFlip(), Invert(p=0.5), Equalize(p=0.5), ChannelShuffle(p=0.5), GridShuffle()]
    return _digest(Compose(steps)(_pictures(), seed=1, epoch=2))


def _rounded() -> str:
    return _digest(Rotation(30)(_pictures().astype(np.float32) / 256, seed=1))


def _pictures() -> Array:
    """Returns pictures made of whole numbers, no two rows alike, uint8."""
    row, i, j, channel = np.ogrid[tuple(map(slice, _SHAPE))]
    mixed = ((row + i) * 7 + j * 13 + channel * 29) ^ (i * j)
    return np.asarray(mixed & 255, np.uint8)


def _digest(*arrays: Any) -> str:
    """Returns what tells arrays from others: of their bytes, the least significant first."""
    total = hashlib.sha256()
    for array in arrays:
        little = np.asarray(array).astype(np.asarray(array).dtype.newbyteorder("<"))
        total.update(f"{little.dtype.str}{little.shape}".encode() + little.tobytes())
    return total.hexdigest()[:16]

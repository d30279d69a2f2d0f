"""Keys: names of streams of words, in a tree.

The generator is Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror and Shaw, "Parallel random
numbers: as easy as 1, 2, 3", SC 2011, doi:10.1145/2063384.2063405). It needs only 32-bit
additions, rotations and exclusive ors, so that whatever computes with integers can make the same
stream, and it has no state: a draw is a function of a key and a counter.

`Key.from_seed(seed)` is the root, `key.child(i)` an independent key below it; a key and a row
number name a sequence of words.
"""

import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaug._kernels.threefry import encrypt, words
from kaug._validation import check_integer, describe, message

_WORD = 0xFFFFFFFF
_MAX_ROW = 2**47 - 1
MAX_BLOCKS = 2**16  # pairs of words of one row; their number shares a counter word with the row
CHILD = 0x8000_0000  # set in the second counter word of keys, never in that of rows


def resolve_seed(seed: Any) -> int:
    """Returns `seed` checked, or a fresh one from Python's `random` when it is None.

    `keras.utils.set_random_seed` seeds Python's `random`, so it makes `seed=None` repeatable
    too. NumPy's global generator is neither read nor reseeded.

    Raises:
        TypeError: `seed` is neither None nor an integer.
        ValueError: `seed` is outside 0..2⁶⁴-1.
    """
    if seed is None:
        return random.getrandbits(32)
    return check_integer(
        seed,
        "seed",
        maximum=2**64 - 1,
        fix="Pass a non-negative integer, or None to draw a seed.",
    )


@dataclass(frozen=True, slots=True)
class Key:
    """A node in the tree of keys: 64 bits that name one stream of words per row."""

    high: int
    low: int

    @classmethod
    def from_seed(cls, seed: int) -> "Key":
        """Returns the root of the tree of `seed` (0..2⁶⁴-1)."""
        return cls(seed >> 32, seed & _WORD)

    def child(self, number: int) -> "Key":
        """Returns the `number`-th key below this one (0..2⁶³-1)."""
        return _child(self, number)

    def words(self, rows: NDArray[np.int64], block: int, *, count: int = 1) -> NDArray[np.uint32]:
        """Returns the 32-bit words from number `2 * block` on of each row, uint32 `(2 * count, M)`.

        Args:
            rows: Row numbers 0..2⁴⁷-1, int64, shape `(M,)`.
            block: The first pair of words, 0..2¹⁶-1.
            count: How many pairs.
        """
        return words((self.high, self.low), rows, block, count)

    def integer(self, number: int, *, bits: int = 32) -> int:
        """Returns one integer of up to 32 bits, the `number`-th below this key.

        It seeds the generators of other libraries.
        """
        return self.child(number).high >> (32 - bits)


@lru_cache(maxsize=1024)
def _child(key: Key, number: int) -> Key:
    """Kept, since every batch asks for the keys of its epoch's policy."""
    return Key(*encrypt(key.high, key.low, number & _WORD, CHILD | number >> 32))


def root_key(seed: int, epoch: int) -> Key:
    """Returns the key of all draws of one epoch."""
    return Key.from_seed(seed).child(check_integer(epoch, "epoch", maximum=2**32 - 1))


def check_rows(rows: ArrayLike) -> NDArray[np.int64]:
    """Returns row numbers as int64 `(M,)`, or says why they are none."""
    array = np.asarray(rows)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        rule = "Row numbers must be a one-dimensional array of integers"
        raise TypeError(message(rule, describe(array)))
    numbers = array.astype(np.int64, copy=False)
    # Seen as unsigned, what is negative is too large: one pass finds both.
    if numbers.size and numbers.view(np.uint64).max() > _MAX_ROW:
        raise ValueError(
            message("Row numbers must lie in 0..2**47-1", f"{array.min()}..{array.max()}")
        )
    return numbers


def permutation(key: Key, count: int) -> NDArray[np.int64]:
    """Returns the numbers `0..count-1` in an order that is a function of `key`, int64."""
    high, low = key.words(np.arange(count), 0).astype(np.uint64)
    return np.argsort(high << np.uint64(32) | low, kind="stable")

"""Counter-based random draws: the same key and row give the same bits, whoever asks and when.

The generator is Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror and Shaw, "Parallel random
numbers: as easy as 1, 2, 3", SC 2011, doi:10.1145/2063384.2063405). It needs only 32-bit
additions, rotations and exclusive ors, so that whatever computes with integers can make the same
stream, and it has no state: a draw is a function of a key and a counter.

Keys form a tree. `Key.from_seed(seed)` is the root, `key.child(i)` an independent key below it;
a key and a row number name a sequence of words, and `Draws` hands those words out one decision at
a time, so that no two decisions ever share one.
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
_MAX_BLOCKS = 2**16  # pairs of words of one row; their number shares a counter word with the row
_CHILD = 0x8000_0000  # set in the second counter word of keys, never in that of rows
# Words taken ahead for small batches, where calling the kernel takes longer than the cipher.
_BLOCKS_AHEAD = 4
_FEW_ROWS = 2**11


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
    return Key(*encrypt(key.high, key.low, number & _WORD, _CHILD | number >> 32))


class Draws:
    """Random decisions for a batch of rows, each made from words of its own.

    Every call takes the next unused words of the key, so the order of calls is part of what a
    transform means, and the results depend on the key and the row numbers alone.

    Args:
        key: Names the stream.
        rows: Row numbers 0..2⁴⁷-1, shape `(M,)`.

    Example:
        >>> draws = Draws(Key.from_seed(7), np.arange(3))
        >>> angle = draws.uniform(-10, 10)
        >>> angle.shape
        (3,)
        >>> later = Draws(Key.from_seed(7), np.array([2]))
        >>> bool(later.uniform(-10, 10)[0] == angle[2])
        True
    """

    def __init__(self, key: Key, rows: ArrayLike) -> None:
        self.key = key
        self.rows = check_rows(rows)
        self._block = 0
        self._words = np.empty((0, len(self.rows)), np.uint32)  # taken ahead
        self._units: NDArray[Any] | None = None  # the same in (0, 1), once wanted
        self._place = -1  # of the last word that was handed out

    def __len__(self) -> int:
        return len(self.rows)

    def word(self) -> NDArray[np.uint32]:
        """Returns the next 32-bit word of each row, uint32 `(M,)`."""
        place = self._take()
        return np.asarray(self._words[place])

    def _unit(self) -> NDArray[np.float64]:
        """Returns the next word of each row as a number in the open interval (0, 1)."""
        place = self._take()
        if self._units is None:
            self._units = (self._words + 0.5) * 2.0**-32
        return np.asarray(self._units[place])

    def _take(self) -> int:
        """Returns the place of the next word in `_words`."""
        self._place += 1
        if self._place == len(self._words):
            left = _MAX_BLOCKS - self._block
            if not left:
                rule = f"A transform can draw up to {2 * _MAX_BLOCKS} words for a row"
                fix = "Draw one word and seed another generator with it."
                raise ValueError(message(rule, "a request for more", fix))
            count = min(_BLOCKS_AHEAD if len(self.rows) < _FEW_ROWS else 1, left)
            self._words = self.key.words(self.rows, self._block, count=count)
            self._units, self._place = None, 0
            self._block += count
        return self._place

    def uniform(self, low: float = 0.0, high: float = 1.0) -> NDArray[np.float64]:
        """Returns numbers spread evenly over the open interval `(low, high)`, float64 `(M,)`."""
        return low + (high - low) * self._unit()

    def chance(self, p: float) -> NDArray[np.bool_]:
        """Returns True with probability `p` (0 never, 1 always), bool `(M,)`."""
        return np.asarray(self._unit() < p)

    def sign(self) -> NDArray[np.float64]:
        """Returns -1.0 or 1.0 with equal probability, float64 `(M,)`."""
        return np.where(self.word() >> np.uint32(31), 1.0, -1.0)

    def integers(self, count: int) -> NDArray[np.int64]:
        """Returns integers of `0..count-1`, each as likely to within count / 2³², int64 `(M,)`."""
        product = self.word().astype(np.uint64) * np.uint64(count)
        return (product >> np.uint64(32)).astype(np.int64)

    def categorical(self, weights: ArrayLike) -> NDArray[np.int64]:
        """Returns indices into `weights`, each as likely as its share of the sum, int64 `(M,)`."""
        edges = np.cumsum(np.asarray(weights, np.float64))
        return np.searchsorted(edges, self.uniform(0.0, edges[-1]))

    def normal(self, mean: float = 0.0, stddev: float = 1.0) -> NDArray[np.float64]:
        """Returns normally distributed numbers, float64 `(M,)`.

        By the transform of Box and Muller (1958), doi:10.1214/aoms/1177706645, from two words.
        """
        radius = np.sqrt(-2.0 * np.log(self.uniform()))
        angle = 2.0 * np.pi * self.uniform()
        return np.asarray(mean + stddev * radius * np.cos(angle))


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

"""Draws: the words of many rows, handed out one decision at a time.

No two decisions ever share a word, so the same key and row give the same bits, whoever asks and
when.
"""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaug._draw.keys import MAX_BLOCKS, Key, check_rows
from kaug._types import Rows
from kaug._validation import message

# Words taken ahead for small batches, where calling the kernel takes longer than the cipher.
_BLOCKS_AHEAD = 4
_FEW_ROWS = 2**11


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

    #: The functions on arrays: `keras.ops` where draws are made on tensors.
    xp: Any = np

    def __init__(self, key: Key, rows: ArrayLike) -> None:
        self._begin(key, check_rows(rows))

    @classmethod
    def of_checked(cls, key: Key, rows: Rows) -> Self:
        """Returns draws for row numbers that `check_rows` has seen."""
        draws = cls.__new__(cls)
        draws._begin(key, rows)
        return draws

    def _begin(self, key: Key, rows: Rows) -> None:
        self.key = key
        self.rows = rows
        self._block = 0
        self._words = np.empty((0, len(self.rows)), np.uint32)  # taken ahead
        self._units: NDArray[Any] | None = None  # the same in (0, 1), once wanted
        self._place = -1  # of the last word that was handed out

    def __len__(self) -> int:
        return len(self.rows)

    def _child(self, number: int) -> "Draws":
        """Returns draws for the same rows with the `number`-th key below this one (0..2⁶³-1)."""
        return Draws.of_checked(self.key.child(number), self.rows)

    def word(self) -> NDArray[np.uint32]:
        """Returns the next 32-bit word of each row, uint32 `(M,)`."""
        place = self._take()
        return np.asarray(self._words[place])

    def words(self, count: int) -> NDArray[np.uint32]:
        """Returns the next words of each row, uint32 `(M, count)`."""
        return np.stack([self.word() for _ in range(count)], axis=1)

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
            check_blocks(self._block)
            left = MAX_BLOCKS - self._block
            count = min(_BLOCKS_AHEAD if len(self.rows) < _FEW_ROWS else 1, left)
            self._words = self.key.words(self.rows, self._block, count=count)
            self._units, self._place = None, 0
            self._block += count
        return self._place

    def uniform(self, low: float = 0.0, high: float = 1.0) -> NDArray[np.float64]:
        """Returns numbers spread evenly over the open interval `(low, high)`, float64 `(M,)`."""
        return low + (high - low) * self._unit()

    def chance(self, p: ArrayLike, of: Any = None) -> NDArray[np.bool_]:
        """Returns True with probability `p` (0 never, 1 always), bool `(M,)`.

        Args:
            p: The probability, or several of them.
            of: Which of several is each row's, integers `(M,)`.
        """
        return np.asarray(self._unit() < (np.asarray(p) if of is None else np.take(p, of)))

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

    def ranks(self, count: int) -> NDArray[np.int64]:
        """Returns the places of `count` things in an order, each as likely, int64 `(M, count)`."""
        words = self.words(count)
        return words.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")

    def quantiles(self, inverse: Callable[[Any], Any]) -> NDArray[np.float64]:
        """Returns numbers with a distribution function, float64 `(M,)`.

        Args:
            inverse: That of the distribution function, from numbers in (0, 1).
        """
        return np.asarray(inverse(self.uniform()))

    def normal(self, mean: float = 0.0, stddev: float = 1.0) -> NDArray[np.float64]:
        """Returns normally distributed numbers, float64 `(M,)`.

        By the transform of Box and Muller (1958), doi:10.1214/aoms/1177706645, from two words.
        """
        radius = np.sqrt(-2.0 * np.log(self.uniform()))
        angle = 2.0 * np.pi * self.uniform()
        return np.asarray(mean + stddev * radius * np.cos(angle))

    def constant(self, value: ArrayLike) -> NDArray[Any]:
        """Returns a value or an array for every row, `(M, …)`."""
        return np.tile(value, (len(self), *[1] * np.ndim(value)))


def check_blocks(number: int) -> None:
    """Raises where a row has no further words than those of so many blocks."""
    if number >= MAX_BLOCKS:
        rule = f"A transform can draw up to {2 * MAX_BLOCKS} words for a row"
        fix = "Draw one word and seed another generator with it."
        raise ValueError(message(rule, "a request for more", fix))

"""Draws on tensors: the words and decisions of `Draws`, made where a model runs.

All words are int32, whose additions, shifts and bitwise operations give the same bits on every
backend of Keras, compiled or not; a word is read as unsigned where it is a number. What is decided
(`chance`, `integers`, `categorical`, `ranks`) is decided on the words, and so alike to the bit.
Other numbers are float32, within 1e-7 of those of `Draws`.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Self

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from kaug._draw.draws import check_blocks
from kaug._draw.keys import CHILD, Key
from kaug._kernels.threefry import PARITY, ROTATIONS

# Of each row so many pairs of words are made in one pass, and of each key so many children.
_BLOCKS_AHEAD = 4
_CHILDREN = 16
_LARGEST_BELOW_1 = 1 - 2.0**-24
_SIGN = -(2**31)
# So many images a replica may have in a batch.
_ROWS_OF_A_REPLICA = 2**20
# What tables of quantiles are made for: logits of uniform numbers, out to those of the last words.
_LOGITS = np.linspace(-23, 23, 2**16)


def _signed(word: int) -> int:
    """Returns 32 bits as a Python int that int32 holds."""
    return (word + 2**31) % 2**32 - 2**31


def _shifted(words: Any, bits: int) -> Any:
    """Returns words shifted to the right, with zeros from the left."""
    return ops.bitwise_and(ops.right_shift(words, bits), 2 ** (32 - bits) - 1)


def encrypt(key0: Any, key1: Any, counter0: Any, counter1: Any) -> tuple[Any, Any]:
    """Returns what `kaug._kernels.threefry.encrypt` does, of int32 tensors that fit each other."""
    keys = (key0, key1, ops.bitwise_xor(ops.bitwise_xor(key0, key1), PARITY))
    x0, x1 = counter0 + key0, counter1 + key1
    for group in range(5):
        for turn in range(4):
            bits = ROTATIONS[4 * (group % 2) + turn]
            x0 = x0 + x1
            turned = ops.bitwise_or(ops.left_shift(x1, bits), _shifted(x1, 32 - bits))
            x1 = ops.bitwise_xor(turned, x0)
        x0 = x0 + keys[(group + 1) % 3]
        x1 = x1 + keys[(group + 2) % 3] + (group + 1)
    return x0, x1


def _encrypt_in_loop(key0: Any, key1: Any, counter0: Any, counter1: Any) -> tuple[Any, Any]:
    """Returns the same by a loop, for the few words of draws.

    A compiler would compute the long chain of cheap operations anew for each pixel that depends on
    it; what a loop returns it keeps.
    """
    x0, x1 = counter0 + key0, counter1 + key1
    x0, x1 = x0 + 0 * x1, x1 + 0 * x0  # of one shape
    key2 = ops.bitwise_xor(ops.bitwise_xor(key0, key1), PARITY)

    def four_rounds(group: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
        x0, x1, key0, key1, key2 = state
        even = ops.equal(ops.bitwise_and(group, 1), 0)
        for first, second in zip(ROTATIONS[:4], ROTATIONS[4:], strict=True):
            left = ops.where(even, first, second)
            right = ops.where(even, 32 - first, 32 - second)
            mask = ops.where(even, 2**first - 1, 2**second - 1)
            x0 = x0 + x1
            low = ops.bitwise_and(ops.right_shift(x1, right), mask)
            x1 = ops.bitwise_xor(ops.bitwise_or(ops.left_shift(x1, left), low), x0)
        return x0 + key1, x1 + key2 + (group + 1), key1, key2, key0

    state = ops.fori_loop(0, 5, four_rounds, (x0, x1, key0, key1, key2))
    return state[0], state[1]


class TensorKey:
    """A `Key` on tensors; one for all rows, or one for each.

    Args:
        high: int32, `()` or `(M,)`.
        low: Likewise.
    """

    def __init__(self, high: Any, low: Any) -> None:
        self.high, self.low = high, low
        self._children: tuple[Any, Any] | None = None

    @classmethod
    def of_epoch(cls, seed: int, epoch: Any) -> Self:
        """Returns the key of all draws of an epoch, or of as many as there are rows.

        Args:
            seed: 0..2⁶⁴-1.
            epoch: int32, `()` or `(M,)`, 0 or more.
        """
        root = Key.from_seed(seed)
        words = ops.convert_to_tensor([_signed(root.high), _signed(root.low)], "int32")
        return cls(*_encrypt_in_loop(words[0], words[1], epoch, _signed(CHILD)))

    def child(self, number: int) -> "TensorKey":
        """Returns the `number`-th key below this one (0..2⁶³-1)."""
        if number >= _CHILDREN:
            high = _signed(CHILD | number >> 32)
            return TensorKey(*_encrypt_in_loop(self.high, self.low, _signed(number % 2**32), high))
        if self._children is None:
            numbers = ops.convert_to_tensor(np.arange(_CHILDREN, dtype=np.int32))
            numbers = ops.reshape(numbers, (-1, *[1] * len(self.high.shape)))
            self._children = _encrypt_in_loop(self.high, self.low, numbers, _signed(CHILD))
        return TensorKey(self._children[0][number], self._children[1][number])


class TensorDraws:
    """What `Draws` decides for rows, as tensors.

    Args:
        key: Names the stream.
        rows: The lower 32 bits of row numbers, int32 `(M,)`.
        high: The bits above, int32 `(M,)` of 0..2¹⁵-1.
    """

    #: The functions on arrays.
    xp: Any = ops

    def __init__(self, key: TensorKey, rows: Any, high: Any) -> None:
        self.key, self.rows, self._high = key, rows, high
        self._block = 0
        self._ahead: list[Any] = []

    @classmethod
    def from_words(cls, seed: int, words: Any) -> Self:
        """Returns draws of `Key.from_seed(seed)` for rows that are named by words, int32 `(M,)`."""
        root = Key.from_seed(seed)
        key = ops.convert_to_tensor([_signed(root.high), _signed(root.low)], "int32")
        return cls(TensorKey(key[0], key[1]), words, ops.zeros_like(words))

    def _child(self, number: int) -> "TensorDraws":
        """Returns draws for the same rows with the `number`-th key below this one."""
        return TensorDraws(self.key.child(number), self.rows, self._high)

    def word(self) -> Any:
        """Returns the next 32 bits of each row, int32 `(M,)`."""
        if not self._ahead:
            check_blocks(self._block)
            blocks = np.arange(self._block, self._block + _BLOCKS_AHEAD, dtype=np.int32)
            self._block += _BLOCKS_AHEAD
            counters = ops.convert_to_tensor(blocks[:, np.newaxis])
            counters = counters + ops.left_shift(self._high, 16)
            x0, x1 = _encrypt_in_loop(self.key.high, self.key.low, self.rows[None], counters)
            self._ahead = [part[i] for i in range(_BLOCKS_AHEAD) for part in (x0, x1)]
        return self._ahead.pop(0)

    def words(self, count: int) -> Any:
        """Returns the next words of each row, int32 `(M, count)`."""
        return ops.stack([self.word() for _ in range(count)], axis=1)

    def _unit(self) -> Any:
        word = self.word()
        upper = ops.cast(_shifted(word, 16), "float32")
        lower = ops.cast(ops.bitwise_and(word, 0xFFFF), "float32")
        return ops.minimum(upper * 2.0**-16 + (lower + 0.5) * 2.0**-32, _LARGEST_BELOW_1)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Any:
        """Returns numbers spread evenly over `low` to `high`, float32 `(M,)`."""
        return low + (high - low) * self._unit()

    def chance(self, p: ArrayLike, of: Any = None) -> Any:
        """Returns True with probability `p`, bool `(M,)`; see `Draws.chance`."""
        limits = np.ceil(np.asarray(p, np.float64) * 2.0**32 - 0.5).clip(0, 2**32)
        below: Any = (limits - 2.0**31).clip(max=2**31 - 1).astype(np.int32)
        always: Any = limits == 2**32
        words = ops.bitwise_xor(self.word(), _SIGN)
        if of is None:
            return ops.logical_or(words < int(below), bool(always))
        return ops.logical_or(words < ops.take(below, of, axis=0), ops.take(always, of, axis=0))

    def sign(self) -> Any:
        """Returns -1.0 or 1.0 with equal probability, float32 `(M,)`."""
        return ops.where(self.word() < 0, 1.0, -1.0)

    def integers(self, count: int) -> Any:
        """Returns integers of `0..count-1`, int32 `(M,)`, up to a count of 2¹⁵."""
        word = self.word()
        upper, lower = _shifted(word, 16), ops.bitwise_and(word, 0xFFFF)
        return _shifted(upper * count + _shifted(lower * count, 16), 16)

    def categorical(self, weights: ArrayLike) -> Any:
        """Returns indices into `weights`, int32 `(M,)`."""
        starts = _first_words(tuple(np.asarray(weights, np.float64).tolist()))
        words = ops.bitwise_xor(self.word(), _SIGN)
        reached = words[:, None] >= ops.convert_to_tensor(starts)
        return ops.sum(ops.cast(reached, "int32"), axis=1)

    def ranks(self, count: int) -> Any:
        """Returns the places of `count` things in an order, int32 `(M, count)`."""
        words = ops.bitwise_xor(self.words(count), _SIGN)
        before = words[:, None, :] < words[:, :, None]
        # What has the same word keeps its place.
        earlier = ops.convert_to_tensor(np.tri(count, k=-1, dtype=bool))
        same = (words[:, None, :] == words[:, :, None]) & earlier
        return ops.sum(ops.cast(before | same, "int32"), axis=2)

    def quantiles(self, inverse: Callable[[Any], Any]) -> Any:
        """Returns numbers with a distribution function, given its inverse, float32 `(M,)`.

        It is tabulated evenly over logits, and interpolated: tails are exponential in them.
        """
        table = np.asarray(inverse(1 / (1 + np.exp(-_LOGITS))), np.float32)
        table = ops.convert_to_tensor(table)
        word = self.word()
        upper = ops.cast(_shifted(word, 16), "float32")
        lower = ops.cast(ops.bitwise_and(word, 0xFFFF), "float32")
        # Both ends, each from where it is exact.
        below = upper * 2.0**-16 + (lower + 0.5) * 2.0**-32
        above = (65535 - upper) * 2.0**-16 + (65535.5 - lower) * 2.0**-32
        place = (ops.log(below) - ops.log(above) - _LOGITS[0]) / (_LOGITS[1] - _LOGITS[0])
        place = ops.clip(place, 0.0, len(_LOGITS) - 1.001)
        first = ops.floor(place)
        index = ops.cast(first, "int32")
        low, high = ops.take(table, index, axis=0), ops.take(table, index + 1, axis=0)
        return low + (high - low) * (place - first)

    def normal(self, mean: float = 0.0, stddev: float = 1.0) -> Any:
        """Returns normally distributed numbers, float32 `(M,)`."""
        radius = ops.sqrt(-2.0 * ops.log(self.uniform()))
        return mean + stddev * radius * ops.cos(2.0 * np.pi * self.uniform())

    def constant(self, value: ArrayLike) -> Any:
        """Returns a value or an array for every row, `(M, …)`."""
        own = np.asarray(value)
        own = own.astype(np.float32) if own.dtype.kind == "f" else own
        zeros = ops.zeros_like(self.rows, dtype=own.dtype.name)
        zeros = ops.reshape(zeros, (-1, *[1] * own.ndim))
        if own.dtype == np.bool_:
            return ops.logical_or(zeros, ops.convert_to_tensor(own))
        return zeros + ops.convert_to_tensor(own)


def rows_of(index: Any, images: Any) -> tuple[Any, Any]:
    """Returns the row numbers of a batch: their lower 32 bits, and those above.

    Args:
        index: Integers `(B,)`, or None to count the images, apart on each replica of a model.
        images: `(B, H, W, C)`.
    """
    if index is None:
        count = ops.shape(images)[0]
        rows = ops.arange(count, dtype="int32") + _replica() * _ROWS_OF_A_REPLICA
        return rows, ops.zeros_like(rows)
    index = ops.reshape(ops.convert_to_tensor(index), (-1,))
    if not str(index.dtype).endswith("int64"):
        rows = ops.cast(index, "int32")
        return rows, ops.zeros_like(rows)
    low = ops.bitwise_and(index, 0xFFFFFFFF)
    low = ops.where(low >= 2**31, low - 2**32, low)
    return ops.cast(low, "int32"), ops.cast(ops.right_shift(index, 32), "int32")


def _replica() -> Any:
    """Returns the number of the replica of a `tf.distribute` strategy."""
    if keras.backend.backend() != "tensorflow":
        return 0
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return 0 if context is None else context.replica_id_in_sync_group


@lru_cache(maxsize=64)
def _first_words(weights: tuple[float, ...]) -> NDArray[np.int32]:
    """Returns from which word on `Draws.categorical` passes each weight but the last.

    Words are counted from -2³¹ on, as int32 compares them. Each is found by bisection with the very
    arithmetic that is used there.
    """
    edges = np.cumsum(weights)
    least = np.zeros(len(edges) - 1, np.int64)
    most = np.full(len(edges) - 1, 2**32, np.int64)
    for _ in range(33):
        middle = (least + most) // 2
        passed = edges[:-1] < edges[-1] * ((middle + 0.5) * 2.0**-32)
        most, least = np.where(passed, middle, most), np.where(passed, least, middle + 1)
    return (most - 2**31).clip(max=2**31 - 1).astype(np.int32)

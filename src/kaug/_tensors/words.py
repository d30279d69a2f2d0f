"""Words of random streams in bulk: as many as an image has samples.

Words are int32, read as unsigned. TensorFlow adds, multiplies, compares, joins and reshapes int32
on the host, wherever else the model runs, but not uint32, whose bits are the same. So here sums are
taken of the latter, and what has to be joined is made floats first.
"""

import operator
from collections.abc import Callable
from typing import Any

from kaug._tensors import ops

_SIGN = -(2**31)


def add(x: Any, y: Any) -> Any:
    """Returns the sums of int32 tensors, modulo 2³²."""
    return _computed(operator.add, x, y)


def multiply(x: Any, y: Any) -> Any:
    """Returns the products of int32 tensors, modulo 2³²."""
    return _computed(operator.mul, x, y)


def below(words: Any, limits: Any) -> Any:
    """Returns which words are less than others, both unsigned."""
    if on_tensorflow():
        return _unsigned(words) < _unsigned(limits)
    return ops.bitwise_xor(words, _SIGN) < ops.bitwise_xor(limits, _SIGN)


def upper(words: Any, bits: int) -> Any:
    """Returns so many of the upper bits of words, as int32 of 0 or more."""
    return ops.bitwise_and(ops.right_shift(words, 32 - bits), 2**bits - 1)


def look_up(table: Any, index: Any) -> Any:
    """Returns the entries `(…)` of a table `(N,)`, all of whose places are in it."""
    if on_tensorflow():
        import tensorflow as tf

        return tf.gather(table, index)
    return ops.take(table, index, axis=0)


def look_up_rows(tables: Any, index: Any) -> Any:
    """Returns for each row entries `(B, H, W)` of its own table of `(B, N)`."""
    if on_tensorflow():
        import tensorflow as tf

        return tf.gather(tables, index, batch_dims=1)
    height, width = index.shape[1:]
    flat = ops.reshape(index, (-1, height * width))
    return ops.reshape(ops.take_along_axis(tables, flat, axis=1), (-1, height, width))


def encrypted(words: Any, counters: Any, others: Any = 0) -> tuple[Any, Any]:
    """Returns two words of each row's stream for every counter.

    Args:
        words: `(B, 2)`, the keys of the streams.
        counters: The first words of counters, `(B, …)` or `(1, …)`.
        others: The second ones, that fit them.
    """
    from kaug._draw.tensors import encrypt  # which Keras must be there for

    ones = (1,) * (len(counters.shape) - 1)
    high, low = (ops.reshape(words[:, i], (-1, *ones)) for i in range(2))
    return encrypt(high, low, counters, others, add)


def _computed(function: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    if not on_tensorflow():
        return function(x, y)
    import tensorflow as tf

    return tf.bitcast(function(_unsigned(x), _unsigned(y)), tf.int32)


def _unsigned(words: Any) -> Any:
    import tensorflow as tf

    return tf.bitcast(words, tf.uint32)


def on_tensorflow() -> bool:
    """Returns whether Keras computes with TensorFlow."""
    import keras

    return bool(keras.backend.backend() == "tensorflow")

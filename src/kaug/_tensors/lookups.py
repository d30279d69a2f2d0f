"""Entries of tensors, at places that are all in them."""

from typing import Any

from kaug._tensors import ops


def look_up(values: Any, index: Any) -> Any:
    """Returns the entries `(…, *)` of values `(N, *)` at places `(…)`, int32 of 0..N-1."""
    import keras

    if keras.backend.backend() == "tensorflow":  # whose tensors take no arrays of places
        return ops.take(values, index, axis=0)
    return values[index]  # in the other one JAX checks every place


def look_up_rows(tables: Any, index: Any) -> Any:
    """Returns for each row entries `(B, …)` of its own table of `(B, N)`."""
    count, length = ops.shape(index)[0], tables.shape[1]
    first = ops.arange(count, dtype="int32") * length
    first = ops.reshape(first, (-1, *[1] * (len(index.shape) - 1)))
    return look_up(ops.reshape(tables, (-1,)), first + index)

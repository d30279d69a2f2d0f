"""The batches of a dataset as a `tf.data.Dataset`: the same bits, each pass an epoch."""

from __future__ import annotations

import copy
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kaug._types import Array
from kaug._validation import describe, message


class Batches(Protocol):
    """What is needed of a dataset."""

    epoch: int

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


class _Passes:
    """Which epoch a pass over a `tf.data.Dataset` is."""

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch

    def begin(self) -> NDArray[np.int64]:
        return np.array(self._epoch)

    def end(self, epoch: NDArray[np.int64]) -> NDArray[np.int64]:
        self._epoch = int(epoch) + 1
        return epoch


def to_tf_dataset(dataset: Batches, rows: int | None) -> Any:
    """Returns a `tf.data.Dataset` of the batches of a dataset; see its method.

    Args:
        dataset: What gives them.
        rows: How many rows all of them have; None if the last has fewer.
    """
    import tensorflow as tf

    # A copy, whose shape and seed nobody changes.
    dataset, passes = copy.copy(dataset), _Passes(dataset.epoch)
    count = len(dataset)
    if not count:
        rule = "A `tf.data.Dataset` is told by a first batch what its batches are like"
        fix = "Make fewer shards, or smaller batches."
        raise ValueError(message(rule, "a shard without batches", fix))
    example = _with_tuples(dataset[0])
    leaves = _leaves(example)
    dtypes = [tf.as_dtype(leaf.dtype) for leaf in leaves]

    def number_batches(_: Any) -> Any:
        epoch = tf.numpy_function(passes.begin, [], tf.int64)
        return tf.data.Dataset.range(count).map(lambda index: (epoch, index))

    def make(epoch: Any, index: Any) -> Any:
        def compute(epoch: Any, index: Any) -> list[Array]:
            # A copy again, since the batches of two epochs may be under way at once.
            at_epoch = copy.copy(dataset)
            at_epoch.epoch = int(epoch)
            return _leaves(_with_tuples(at_epoch[int(index)]))

        tensors = tf.numpy_function(compute, [epoch, index], dtypes, stateful=False)
        for tensor, leaf in zip(tensors, leaves, strict=True):
            tensor.set_shape((rows, *leaf.shape[1:]))
        remaining = iter(tensors)
        batch = tf.nest.map_structure(
            lambda leaf: None if leaf is None else next(remaining), example
        )
        return epoch, index, batch

    def deliver(epoch: Any, index: Any, batch: Any) -> Any:
        # Not before the last batch leaves the queue is the pass complete.
        done = tf.cond(
            index == count - 1,
            lambda: tf.ensure_shape(tf.numpy_function(passes.end, [epoch], tf.int64), ()),
            lambda: epoch,
        )
        with tf.control_dependencies([done]):
            return tf.nest.map_structure(
                lambda leaf: None if leaf is None else tf.identity(leaf), batch
            )

    result = tf.data.Dataset.range(1).flat_map(number_batches)
    result = result.map(make, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    result = result.prefetch(tf.data.AUTOTUNE).map(deliver)
    return result.apply(tf.data.experimental.assert_cardinality(count))


def _leaves(batch: Any) -> list[Array]:
    """Returns the arrays of a batch, or says which of them cannot be a tensor.

    In the machine's byte order, since TensorFlow takes the bytes of an array as they are.
    """
    import tensorflow as tf

    leaves = [leaf for leaf in tf.nest.flatten(batch) if leaf is not None]
    for leaf in leaves:
        _check_tensor_can_hold(leaf)
    return [
        leaf if leaf.dtype.isnative else leaf.astype(leaf.dtype.newbyteorder("="))
        for leaf in leaves
    ]


def _check_tensor_can_hold(array: Array) -> None:
    import tensorflow as tf

    rule, fix = "Tensors hold numbers, truth values and strings", "Pass numbers in their place."
    if array.dtype == object:
        for value in array.flat:
            if not isinstance(value, str | bytes):
                raise TypeError(message(rule, f"{describe(value)} in an array of objects", fix))
        return
    try:
        tf.as_dtype(array.dtype)
    except TypeError:
        raise TypeError(message(rule, f"an array of dtype {array.dtype}", fix)) from None


def _with_tuples(structure: Any) -> Any:
    """Returns a batch with tuples in place of lists, which `tf.data` would stack to one tensor."""
    if isinstance(structure, dict):
        return {key: _with_tuples(value) for key, value in structure.items()}
    if isinstance(structure, (tuple, list)):
        items = [_with_tuples(item) for item in structure]
        return type(structure)(*items) if hasattr(structure, "_fields") else tuple(items)
    return structure

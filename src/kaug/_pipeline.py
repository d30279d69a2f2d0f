"""Transforms on the tensors of a `tf.data` pipeline.

There they are carried out on arrays, whatever Keras' backend is: a pipeline runs on the CPU, where
compiled loops are faster than tensors.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._apply.leaf import shape_after
from kaug._targets.names import MAPS, MOVING
from kaug._validation import message
from kaug.transforms import Transform


def is_in_pipeline(data: Any) -> bool:
    """Tells whether images, or a dict with them, are of a function that `tf.data` traces."""
    tf: Any = sys.modules.get("tensorflow")
    images: Any = data.get("images") if isinstance(data, Mapping) else data
    if tf is None or not tf.is_symbolic_tensor(images):
        return False
    import keras

    # Under TensorFlow, models are traced as well; the functions of `tf.data` go by this name.
    graph = images.graph
    return keras.backend.backend() != "tensorflow" or str(graph.name).startswith("Dataset_")


def in_pipeline(
    data: Any, transform: Transform, seed: int, calls: Iterator[int], settings: dict[str, Any]
) -> Any:
    """Returns the data transformed, as tensors of TensorFlow.

    Args:
        data: Images, or a dict with them; a batch, or one image with what belongs to it.
        transform: What is to happen.
        seed: 0..2⁶⁴-1.
        calls: Gives the epoch of data without one: over all passes each batch has its own.
        settings: What a dict of arrays says about what is in it, such as `bounding_box_format`.
    """
    import tensorflow as tf

    alone = not isinstance(data, Mapping)
    parts = {"images": data} if alone else dict(data)
    one = parts["images"].shape.rank == 3

    def transformed(given: dict[str, Any]) -> dict[str, Any]:
        given = tf.nest.map_structure(lambda array: array[None], given) if one else given
        made = _transformed(given, transform, seed, calls, settings)
        return tf.nest.map_structure(lambda array: array[0], made) if one else made

    example = tf.nest.map_structure(_example, parts)
    example = transformed(example) if transform._mixes else example  # which changes labels
    leaves = tf.nest.flatten(example)

    def compute(*arrays: Any) -> list[Any]:
        made = transformed(tf.nest.pack_sequence_as(parts, arrays))
        return [np.asarray(each) for each in tf.nest.flatten(made)]

    dtypes = [tf.as_dtype(leaf.dtype) for leaf in leaves]
    tensors = tf.numpy_function(compute, tf.nest.flatten(parts), dtypes, stateful=True)
    for tensor, given, leaf in zip(tensors, tf.nest.flatten(parts), leaves, strict=True):
        tensor.set_shape(_known_shape(given.shape, leaf.shape))
    result = tf.nest.pack_sequence_as(example, tensors)
    shape = parts["images"].shape
    whole = shape_after(transform, tuple(shape[-3:]))
    result["images"].set_shape((*shape[:-3], *whole))
    return result["images"] if alone else result


def _transformed(
    given: dict[str, Any],
    transform: Transform,
    seed: int,
    calls: Iterator[int],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Returns a dict of arrays transformed."""
    stays = {"index", "epoch"}
    if transform._mixes:  # a transform would mix all that there is
        stays |= given.keys() - {"images", *MOVING, *MAPS}
    beside = {name: given[name] for name in stays if name in given}
    rest = {name: part for name, part in given.items() if name not in beside}
    epochs = np.unique(beside["epoch"]).tolist() if "epoch" in beside else [next(calls)]
    if len(epochs) != 1:
        rule = "In `tf.data`, all rows of a batch must be of one epoch"
        raise ValueError(message(rule, f"the epochs {epochs[:3]}", "Batch them afterwards."))
    made = transform({**rest, **settings}, seed=seed, epoch=epochs[0], index=beside.get("index"))
    return {name: beside[name] if name in beside else made[name] for name in given}


def _example(tensor: Any) -> NDArray[Any]:
    """Returns zeros of the dtype and shape of a tensor, with 4 in place of what is not known."""
    return np.zeros([side or 4 for side in tensor.shape], tensor.dtype.as_numpy_dtype)


def _known_shape(given: Any, made: tuple[int, ...]) -> tuple[int | None, ...]:
    """Returns the shape of an array made of an example, but for what was not known of that."""
    if len(given) > len(made):
        return made
    own = (*given, *made[len(given) :])
    return tuple(None if side is None else now for side, now in zip(own, made, strict=True))

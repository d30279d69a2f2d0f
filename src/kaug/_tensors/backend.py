"""Warps on tensors: what `kaug.layers` needs of each Keras backend.

Matrices are `(B, 6)`: output pixel to input pixel, counted from the first pixel, row by row.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from kaug._apply.resample import Resampling
from kaug._draw.keys import Key
from kaug._validation import message

Table = NDArray[np.float32]

# So many that hardly any image meets the same row twice, in 1.5 MiB.
ROWS = 2**16
# Tensors have float32 coordinates; so far outside, a pixel may still be one of the border.
_TOLERANCE = 1e-4


class AnyBackend:
    """What a layer needs of tensors, by `keras.ops`."""

    module: Any = ops

    def convert(self, values: Any) -> Any:
        return ops.convert_to_tensor(values)

    def cast(self, values: Any, dtype: Any) -> Any:
        return ops.cast(values, dtype)

    def random_rows(self, images: Any, generator: Any, seed: int) -> Any:
        """Returns a row of the table for each image, int32 `(B,)`."""
        del seed
        return keras.random.randint((ops.shape(images)[0],), 0, ROWS, seed=generator)

    def take(self, table: Table, rows: Any) -> Any:
        return ops.take(ops.convert_to_tensor(table), rows, axis=0)

    def any(self, values: Any) -> Any:
        """Returns whether any value along the last axis is true."""
        return ops.any(values, axis=-1)

    def warp(self, images: Any, matrices: Any, sampling: Resampling) -> Any:
        """Returns float32 images `(B, H, W, C)` resampled by pixel matrices `(B, 6)`."""
        size = (images.shape[1], images.shape[2])
        places = _places(matrices, size, ops)
        folded = [
            ops.clip(_fold(place, length, sampling.fill_mode), 0, length - 1)
            for place, length in zip(places, size, strict=True)
        ]
        if sampling.interpolation == "bilinear":
            result = _blend(images, folded, size)
        else:
            nearest = [ops.cast(ops.floor(place + 0.5), "int32") for place in folded]
            result = _gather(images, nearest[0], nearest[1])
        if sampling.fill_mode == "constant":
            result = ops.where(_inside(places, size), result, sampling.fill_value)
        return result


class TensorFlow(AnyBackend):
    """The same, with the one op that TensorFlow has for it."""

    def random_rows(self, images: Any, generator: Any, seed: int) -> Any:
        rows = super().random_rows(images, generator, seed)
        # The replicas of a model pick the same rows; neighbours in the table are strangers.
        replica = _tensorflow().distribute.get_replica_context()
        return rows if replica is None else (rows + replica.replica_id_in_sync_group) % ROWS

    def take(self, table: Table, rows: Any) -> Any:
        return _tensorflow().gather(table, rows)

    def warp(self, images: Any, matrices: Any, sampling: Resampling) -> Any:
        if sampling.fill_mode == "wrap":  # whose period is another there
            return super().warp(images, matrices, sampling)
        tf = _tensorflow()
        # The op counts (column, row), and its constant filling blends into the border.
        constant = sampling.fill_mode == "constant"
        vectors = tf.concat(
            [tf.gather(matrices, [4, 3, 5, 1, 0, 2], axis=1), tf.zeros_like(matrices[:, :2])], 1
        )
        result = tf.raw_ops.ImageProjectiveTransformV3(
            images=images,
            transforms=vectors,
            output_shape=tf.shape(images)[1:3],
            fill_value=0.0,
            interpolation=sampling.interpolation.upper(),
            fill_mode="NEAREST" if constant else sampling.fill_mode.upper(),
        )
        result = tf.ensure_shape(result, images.shape)
        if constant:
            size = (images.shape[1], images.shape[2])
            inside = _inside(_places(matrices, size, tf), size)
            result = tf.where(inside, result, sampling.fill_value)
        return result


class InDataPipeline(TensorFlow):
    """TensorFlow by itself, where Keras has another backend.

    Args:
        calls: Counts the batches, over all passes: a random op of `tf.data` begins anew with each.
    """

    def __init__(self, calls: Iterator[int]) -> None:
        self._calls = calls

    @property
    def module(self) -> Any:
        """The functions on tensors, by the names of `keras.ops`."""
        return _tensorflow()

    def convert(self, values: Any) -> Any:
        return _tensorflow().convert_to_tensor(values)

    def cast(self, values: Any, dtype: Any) -> Any:
        return _tensorflow().cast(values, dtype)

    def any(self, values: Any) -> Any:
        return _tensorflow().reduce_any(values, axis=-1)

    def warp(self, images: Any, matrices: Any, sampling: Resampling) -> Any:
        if sampling.fill_mode == "wrap":
            rule = 'In `tf.data`, fill_mode="wrap" needs Keras to have the TensorFlow backend'
            received = f"the backend {keras.backend.backend()!r}"
            raise ValueError(message(rule, received, "Put the layer into the model."))
        return super().warp(images, matrices, sampling)

    def random_rows(self, images: Any, generator: Any, seed: int) -> Any:
        del generator
        tf = _tensorflow()

        def number() -> Any:
            return np.int64(next(self._calls))  # one step, so that threads get different ones

        call = tf.ensure_shape(tf.numpy_function(number, [], tf.int64, stateful=True), ())
        seeds = tf.stack([tf.constant(Key.from_seed(seed).integer(0, bits=31), tf.int64), call])
        shape = tf.shape(images)[:1]
        return tf.random.stateless_uniform(shape, seeds, 0, ROWS, tf.int32)


def _tensorflow() -> Any:
    import tensorflow

    return tensorflow


def is_of_tensorflow_graph(data: Any) -> bool:
    tf = sys.modules.get("tensorflow")
    images = data.get("images") if isinstance(data, Mapping) else data
    return tf is not None and tf.is_symbolic_tensor(images)


def _places(matrices: Any, size: tuple[int, int], module: Any) -> list[Any]:
    """Returns where each output pixel's row and column lie in the input, `(B, H, W)` each."""
    # As tensors: NumPy would take those of PyTorch for arrays of its own, and fail on a GPU.
    rows = module.convert_to_tensor(np.arange(size[0], dtype=np.float32)[:, None])
    columns = module.convert_to_tensor(np.arange(size[1], dtype=np.float32)[None, :])
    entries = [module.reshape(matrices[:, i], (-1, 1, 1)) for i in range(6)]
    return [entries[i] * rows + entries[i + 1] * columns + entries[i + 2] for i in (0, 3)]


def _inside(places: list[Any], size: tuple[int, int]) -> Any:
    """Returns which pixels do not come from outside the picture, `(B, H, W, 1)`."""
    inside = [
        (place >= -_TOLERANCE) & (place <= length - 1 + _TOLERANCE)
        for place, length in zip(places, size, strict=True)
    ]
    return (inside[0] & inside[1])[..., None]


def _fold(place: Any, size: int, fill_mode: str) -> Any:
    """Brings coordinates back to the picture; what is near its edge is left to clipping."""
    if fill_mode == "reflect":
        place = ops.mod(place + 0.5, 2.0 * size)
        return ops.minimum(place, 2.0 * size - place) - 0.5
    if fill_mode == "wrap" and size > 1:
        period = size - 1.0
        above = ops.where(place > period, ops.mod(place, period), place)
        return ops.where(place < 0, period - ops.mod(-place, period), above)
    return place


def _blend(images: Any, places: list[Any], size: tuple[int, int]) -> Any:
    """Blends the four pixels around each place."""
    low = [
        ops.minimum(ops.floor(place), max(length - 2, 0))
        for place, length in zip(places, size, strict=True)
    ]
    down, right = ((place - floor)[..., None] for place, floor in zip(places, low, strict=True))
    row, column = (ops.cast(floor, "int32") for floor in low)
    below, beside = row + int(size[0] > 1), column + int(size[1] > 1)
    top = _gather(images, row, column) * (1 - right) + _gather(images, row, beside) * right
    bottom = _gather(images, below, column) * (1 - right) + _gather(images, below, beside) * right
    return top * (1 - down) + bottom * down


def _gather(images: Any, row: Any, column: Any) -> Any:
    """Returns the pixels at whole positions `(B, H, W)`."""
    height, width, channels = images.shape[1:]
    flat = ops.reshape(images, (-1, height * width, channels))
    index = ops.reshape(row * width + column, (-1, height * width, 1))
    return ops.reshape(ops.take_along_axis(flat, index, axis=1), (-1, height, width, channels))


def warped_masks(masks: Any, matrices: Any, backend: "AnyBackend", sampling: Resampling) -> Any:
    dtype, flat = masks.dtype, len(masks.shape) == 3
    masks = masks[..., None] if flat else masks
    nearest = Resampling(sampling.fill_mode, 0.0, "nearest")
    warped = backend.cast(backend.warp(backend.cast(masks, "float32"), matrices, nearest), dtype)
    return warped[..., 0] if flat else warped

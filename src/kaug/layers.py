"""Transforms as a Keras layer: on tensors, inside a model or a `tf.data` pipeline.

A transform decides in NumPy. So that the tensors of any backend get the same decisions, a layer
draws a long table of them once, for the rows 0..65,535, turns it into matrices, and then picks rows
of the table at random. The picture that row `r` was picked for comes out as the transform itself
would make it for row `r`.
"""

import sys
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from kaug._random import Key, check_rows, resolve_seed
from kaug._validation import check_choice, describe, message
from kaug.transforms import Transform
from kaug.transforms._base import register_with_keras
from kaug.transforms._boxes import FORMATS, corner_matrix
from kaug.transforms._matrices import to_pixels
from kaug.transforms._warp import Sampling

__all__ = ["RandomTransform"]

Table = NDArray[np.float32]

# So many that hardly any image meets the same row twice, in 1.5 MiB.
_ROWS = 2**16
# Tensors have float32 coordinates; so far outside, a pixel may still be one of the border.
_TOLERANCE = 1e-4
# What of Keras' dict moves with the images.
_MOVING = ("segmentation_masks", "bounding_boxes", "keypoints")
# What a dict says about its boxes when a transform is called itself; a layer is told once.
_SETTINGS = ("bounding_box_format", "min_visible_area")


@keras.saving.register_keras_serializable("kaug")
class RandomTransform(keras.layers.Layer):
    """Applies an affine transform, or a policy of them, to a batch of images on any backend.

    All of a policy is one resampling. It is active with `training=True` alone, which `fit` passes
    by itself; otherwise images pass unchanged. Each image gets one of 65,536 draws of the
    transform, picked at random.

    Images are `(B, H, W, C)`, or one image `(H, W, C)`, integers or floats of any value range, with
    H and W known. They come back in the same shape and in the layer's compute dtype.

    Called on a dict with the keys of Keras' preprocessing layers, it moves `"images"`, and along
    with them

    - `"segmentation_masks"`, integers or floats, `(B, H, W)` or `(B, H, W, C)`, without blending
      their values; new places are filled as the transform says, with 0 where that is constant;
    - `"bounding_boxes"`, a dict of `"boxes"` `(B, N, 4)` and `"labels"` `(B, N)`: the boxes around
      the moved corners, clipped to the image. A box of which nothing is left becomes zeros with the
      label -1, like padding;
    - `"keypoints"`, `(B, P, 2)`, (x, y) in pixels from the centre of the first, or `(B, P, 3)` with
      a visibility that becomes 0 where a point leaves the image.

    Everything else in the dict stays.

    In a `tf.data` pipeline it computes with TensorFlow, whatever the backend of Keras is.

    Args:
        transform: A transform of `kaug.transforms` that only moves pixels: a geometric one, or a
            policy of such with the same filling and interpolation.
        seed: 0..2⁶⁴-1; None draws one from Python's `random`.
        bounding_box_format: How boxes are written, one of the formats of
            `keras.utils.bounding_boxes`.
        **layer_options: `name` and `dtype` of `keras.layers.Layer`.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The transform can not be one affine warp, or a dict holds what can not be moved.

    Example:
        >>> import keras, numpy as np
        >>> from kaug.layers import RandomTransform
        >>> from kaug.transforms import Compose, HorizontalFlip, Rotation
        >>> layer = RandomTransform(Compose([Rotation(10), HorizontalFlip()]), seed=0)
        >>> images = np.ones((4, 28, 28, 1), "float32")
        >>> layer(images, training=True).shape == (4, 28, 28, 1)
        True
    """

    def __init__(
        self,
        transform: Transform,
        *,
        seed: int | None = None,
        bounding_box_format: str = "xyxy",
        **layer_options: Any,
    ) -> None:
        super().__init__(**layer_options)
        given: Any = transform
        if not isinstance(given, Transform):
            rule = "`transform` must be a transform of `kaug.transforms`"
            raise TypeError(message(rule, describe(given)))
        self.transform = transform
        self.seed = seed
        self.bounding_box_format = check_choice(bounding_box_format, "bounding_box_format", FORMATS)
        self._sampling = _checked_sampling(transform)
        self._table_seed = resolve_seed(seed)
        key = Key.from_seed(self._table_seed)
        self.seed_generator = keras.random.SeedGenerator(key.integer(0, bits=31))
        self._tables: dict[tuple[int, int], Table] = {}
        # TensorFlow's resampling is one op, which its compiler does not know.
        self.supports_jit = keras.backend.backend() != "tensorflow"
        self.built = True

    # What Keras calls ---------------------------------------------------------------------------

    def __call__(self, data: Any, *arguments: Any, **options: Any) -> Any:
        """Calls the layer, with TensorFlow itself on the tensors of a `tf.data` pipeline."""
        if isinstance(data, Mapping):
            _check_keys(data)
        if keras.backend.backend() != "tensorflow" and _is_of_tensorflow_graph(data):
            return self._call(data, bool(options.get("training", False)), _InDataPipeline())
        return super().__call__(data, *arguments, **options)

    def call(self, data: Any, training: bool = False) -> Any:
        """Returns the images of `data`, and what belongs to them, transformed."""
        backend = _TensorFlow() if keras.backend.backend() == "tensorflow" else _AnyBackend()
        return self._call(data, training, backend)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns `input_shape`."""
        return input_shape

    def compute_output_spec(self, data: Any, training: bool = False) -> Any:
        """Returns the shapes and dtypes of what `call` returns."""
        del training
        if isinstance(data, Mapping):
            return {**data, "images": self.compute_output_spec(data["images"])}
        return keras.KerasTensor(data.shape, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain data."""
        register_with_keras()
        transform = keras.saving.serialize_keras_object(self.transform)
        return {
            **super().get_config(),
            "transform": transform,
            "seed": self.seed,
            "bounding_box_format": self.bounding_box_format,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "RandomTransform":
        """Returns the layer that `get_config` described."""
        register_with_keras()
        transform = keras.saving.deserialize_keras_object(config["transform"])
        return cls(**{**config, "transform": transform})

    # How it is carried out ----------------------------------------------------------------------

    def _call(self, data: Any, training: bool, backend: "_AnyBackend") -> Any:
        parts = dict(data) if isinstance(data, Mapping) else {"images": data}
        images = backend.cast(parts["images"], self.compute_dtype)
        if training:
            single = len(images.shape) == 3
            moving = {name: parts[name] for name in _MOVING if name in parts}
            moving = _map_arrays(backend.convert, {**moving, "images": images})
            if single:
                moving = _map_arrays(lambda array: array[None], moving)
            moved = self._moved(moving, backend)
            parts.update(_map_arrays(lambda array: array[0], moved) if single else moved)
        else:
            parts["images"] = images
        return parts if isinstance(data, Mapping) else parts["images"]

    def _moved(self, parts: dict[str, Any], backend: "_AnyBackend") -> dict[str, Any]:
        """Returns batches moved together."""
        matrices = self._draw_matrices(parts["images"], backend)
        size = (int(parts["images"].shape[1]), int(parts["images"].shape[2]))
        result = {"images": self._warped(parts["images"], matrices, backend)}
        if "segmentation_masks" in parts:
            masks = parts["segmentation_masks"]
            moved = _warped_masks(masks, matrices, backend, self._sampling)
            result["segmentation_masks"] = moved
        if "bounding_boxes" in parts:
            boxes, box_format = parts["bounding_boxes"], self.bounding_box_format
            result["bounding_boxes"] = _moved_boxes(boxes, matrices, size, box_format, backend)
        if "keypoints" in parts:
            result["keypoints"] = _moved_keypoints(parts["keypoints"], matrices, size, backend)
        return result

    def _draw_matrices(self, images: Any, backend: "_AnyBackend") -> Any:
        """Returns the matrix of each image, float32 `(B, 6)`."""
        height, width = images.shape[1:3]
        if height is None or width is None:
            rule = "The height and the width of the images must be known"
            fix = "Give the `Input`, or the dataset, a shape with numbers for them."
            raise ValueError(message(rule, f"images of shape {tuple(images.shape)}", fix))
        rows = backend.random_rows(images, self.seed_generator, self._table_seed)
        return backend.take(self._table((int(height), int(width))), rows)

    def _table(self, size: tuple[int, int]) -> Table:
        """Returns the matrices of the rows `0.._ROWS-1` for images of a size, float32 `(_, 6)`."""
        if size not in self._tables:
            drawn = self.transform.draw(check_rows(np.arange(_ROWS)), seed=self._table_seed)
            matrices = to_pixels(self.transform.matrices(drawn, size), size)
            self._tables[size] = matrices.reshape(_ROWS, 6).astype(np.float32)
        return self._tables[size]

    def _warped(self, images: Any, matrices: Any, backend: "_AnyBackend") -> Any:
        # Half precision has too few bits for the sums.
        warped = backend.warp(backend.cast(images, "float32"), matrices, self._sampling)
        return backend.cast(warped, self.compute_dtype)


def _map_arrays(function: Callable[[Any], Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the parts, boxes with their labels among them, each through `function`."""
    return {
        name: _map_arrays(function, value) if isinstance(value, Mapping) else function(value)
        for name, value in parts.items()
    }


def _warped_masks(masks: Any, matrices: Any, backend: "_AnyBackend", sampling: Sampling) -> Any:
    dtype, flat = masks.dtype, len(masks.shape) == 3
    masks = masks[..., None] if flat else masks
    nearest = Sampling(sampling.fill_mode, 0.0, "nearest")
    warped = backend.cast(backend.warp(backend.cast(masks, "float32"), matrices, nearest), dtype)
    return warped[..., 0] if flat else warped


def _moved_boxes(
    given: Mapping[str, Any],
    matrices: Any,
    size: tuple[int, int],
    box_format: str,
    backend: "_AnyBackend",
) -> dict[str, Any]:
    """Returns the boxes around the moved corners of boxes, clipped, and their labels."""
    ops, (height, width) = backend.module, size
    boxes, labels = given["boxes"], given["labels"]
    matrix = corner_matrix(box_format, size)
    corners = ops.matmul(backend.cast(boxes, "float32"), matrix.astype(np.float32))
    left, top, right, bottom = (corners[..., i] for i in range(4))
    moved = [
        _moved_points(x - 0.5, y - 0.5, matrices, ops)
        for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))
    ]
    clipped = [
        ops.minimum(ops.maximum(reduce(extreme, [point[axis] + 0.5 for point in moved]), 0.0), end)
        for extreme in (ops.minimum, ops.maximum)
        for axis, end in ((0, float(width)), (1, float(height)))
    ]
    area = (clipped[2] - clipped[0]) * (clipped[3] - clipped[1])
    visible = (area > 0) & (labels != -1)
    result = ops.matmul(ops.stack(clipped, -1), np.linalg.inv(matrix).astype(np.float32))
    result = ops.where(visible[..., None], result, ops.zeros_like(result))
    return {
        **given,
        "boxes": backend.cast(result, boxes.dtype) if _is_float(boxes) else result,
        "labels": ops.where(visible, labels, ops.zeros_like(labels) - 1),
    }


def _moved_keypoints(
    keypoints: Any, matrices: Any, size: tuple[int, int], backend: "_AnyBackend"
) -> Any:
    ops, (height, width) = backend.module, size
    points = backend.cast(keypoints, "float32")
    x, y = _moved_points(points[..., 0], points[..., 1], matrices, ops)
    parts = [x, y]
    if keypoints.shape[-1] == 3:
        inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
        parts.append(ops.where(inside, points[..., 2], ops.zeros_like(x)))
    result = ops.stack(parts, -1)
    return backend.cast(result, keypoints.dtype) if _is_float(keypoints) else result


def _moved_points(x: Any, y: Any, matrices: Any, ops: Any) -> tuple[Any, Any]:
    """Returns where points `(B, P)` go: by the inverse of output pixel to input pixel."""
    a, b, row0, c, d, column0 = (ops.reshape(matrices[:, i], (-1, 1)) for i in range(6))
    row, column, determinant = y - row0, x - column0, a * d - b * c
    return (a * column - c * row) / determinant, (d * row - b * column) / determinant


def _is_float(tensor: Any) -> bool:
    return "float" in str(tensor.dtype)


class _AnyBackend:
    """What a layer needs of tensors, by `keras.ops`."""

    module: Any = ops

    def convert(self, values: Any) -> Any:
        return ops.convert_to_tensor(values)

    def cast(self, values: Any, dtype: Any) -> Any:
        return ops.cast(values, dtype)

    def random_rows(self, images: Any, generator: Any, seed: int) -> Any:
        """Returns a row of the table for each image, int32 `(B,)`."""
        del seed
        return keras.random.randint((ops.shape(images)[0],), 0, _ROWS, seed=generator)

    def take(self, table: Table, rows: Any) -> Any:
        return ops.take(ops.convert_to_tensor(table), rows, axis=0)

    def warp(self, images: Any, matrices: Any, sampling: Sampling) -> Any:
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


class _TensorFlow(_AnyBackend):
    """The same, with the one op that TensorFlow has for it."""

    def take(self, table: Table, rows: Any) -> Any:
        return _tensorflow().gather(table, rows)

    def warp(self, images: Any, matrices: Any, sampling: Sampling) -> Any:
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


class _InDataPipeline(_TensorFlow):
    """TensorFlow by itself, where Keras has another backend."""

    @property
    def module(self) -> Any:
        """The functions on tensors, by the names of `keras.ops`."""
        return _tensorflow()

    def convert(self, values: Any) -> Any:
        return _tensorflow().convert_to_tensor(values)

    def cast(self, values: Any, dtype: Any) -> Any:
        return _tensorflow().cast(values, dtype)

    def warp(self, images: Any, matrices: Any, sampling: Sampling) -> Any:
        if sampling.fill_mode == "wrap":
            rule = 'In `tf.data`, fill_mode="wrap" needs Keras to have the TensorFlow backend'
            received = f"the backend {keras.backend.backend()!r}"
            raise ValueError(message(rule, received, "Put the layer into the model."))
        return super().warp(images, matrices, sampling)

    def random_rows(self, images: Any, generator: Any, seed: int) -> Any:
        del generator
        tf = _tensorflow()
        seed = Key.from_seed(seed).integer(0, bits=31)
        return tf.random.uniform(tf.shape(images)[:1], 0, _ROWS, tf.int32, seed=seed)


def _tensorflow() -> Any:
    import tensorflow

    return tensorflow


def _is_of_tensorflow_graph(data: Any) -> bool:
    tf = sys.modules.get("tensorflow")
    images = data.get("images") if isinstance(data, Mapping) else data
    return tf is not None and tf.is_symbolic_tensor(images)


def _places(matrices: Any, size: tuple[int, int], module: Any) -> list[Any]:
    """Returns where each output pixel's row and column lie in the input, `(B, H, W)` each."""
    rows = np.arange(size[0], dtype=np.float32)[:, None]
    columns = np.arange(size[1], dtype=np.float32)[None, :]
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


def _check_keys(parts: Mapping[str, Any]) -> None:
    if "images" not in parts:
        rule = 'A dict must have the images under the key "images"'
        raise ValueError(message(rule, f"the keys {sorted(map(str, parts))}"))
    boxes = parts.get("bounding_boxes")
    if boxes is not None and not (isinstance(boxes, Mapping) and {"boxes", "labels"} <= {*boxes}):
        rule = '`bounding_boxes` must be a dict of "boxes" and "labels"'
        given = sorted(map(str, boxes)) if isinstance(boxes, Mapping) else describe(boxes)
        raise ValueError(message(rule, f"{given}"))
    for key in _SETTINGS:
        if key in parts:
            rule = f"A `RandomTransform` does not take {key!r} from its dict"
            fix = "Give `bounding_box_format` to the layer itself."
            raise ValueError(message(rule, f"the keys {sorted(map(str, parts))}", fix))


def _checked_sampling(transform: Transform) -> Sampling:
    """Returns how the transform resamples, or says what in it is no affine warp."""
    sampling = transform.sampling()
    if sampling is not None:
        return sampling
    for leaf in transform.leaves():
        if leaf.sampling() is None:
            rule = "`RandomTransform` applies transforms that only move pixels"
            received = repr(transform) if leaf is transform else f"{leaf!r} in {transform!r}"
            fix = "Use kaug.AugmentedDataset, or kaug.augment_dataset, for the others."
            raise ValueError(message(rule, received, fix))
    rule = "All transforms in a `RandomTransform` must fill and interpolate alike"
    fix = "Give them the same fill_mode, fill_value and interpolation, or use one layer for each."
    raise ValueError(message(rule, repr(transform), fix))

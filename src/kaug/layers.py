"""Transforms as a Keras layer: on tensors, inside a model or a `tf.data` pipeline.

A transform decides in NumPy. So that the tensors of any backend get the same decisions, a layer
draws a long table of them once, for the rows 0..65,535, turns it into matrices, and then picks rows
of the table at random. The picture that row `r` was picked for comes out as the transform itself
would make it for row `r`.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from kaug._apply.boxes import FORMATS
from kaug._apply.leaf import shape_after
from kaug._apply.matrices import to_pixels
from kaug._apply.resample import Resampling
from kaug._draw.keys import Key, check_rows, resolve_seed
from kaug._show import html
from kaug._targets.box_checks import check_format
from kaug._targets.names import MAPS, MOVING
from kaug._tensors.backend import (
    ROWS,
    AnyBackend,
    InDataPipeline,
    Table,
    TensorFlow,
    is_of_tensorflow_graph,
    warped_masks,
)
from kaug._tensors.inputs import (
    check_arguments,
    check_data,
    check_moving,
    checked_rank,
    doubt,
    moving_maps,
)
from kaug._tensors.targets import moved_boxes, moved_keypoints
from kaug._types import Shape
from kaug._validation import describe, message
from kaug.transforms import Transform
from kaug.transforms._bases.config import register_with_keras

__all__ = ["RandomTransform"]


@keras.saving.register_keras_serializable("kaug")
class RandomTransform(keras.layers.Layer):
    """Applies an affine transform, or a policy of them, to a batch of images on any backend.

    All of a policy is one resampling. It is active with `training=True` alone, which `fit` passes
    by itself; otherwise images pass unchanged. Each image gets one of 65,536 draws of the
    transform, picked at random, and on each replica of a `tf.distribute` strategy another one.

    Images are `(B, H, W, C)`, or one image `(H, W, C)`, integers or floats of any value range, with
    H and W known. They come back in the same shape and in the layer's compute dtype.

    Called on a dict with the keys of Keras' preprocessing layers, it moves `"images"`, and along
    with them

    - `"segmentation_masks"`, integers or floats, `(B, H, W)` or `(B, H, W, C)`, without blending
      their values; new places are filled as the transform says, with 0 where that is constant;
    - `"bounding_boxes"`, a dict of `"boxes"` `(B, N, 4)` and `"labels"` `(B, N)`: the boxes around
      what is seen of the moved ones. A box of which no pixel is left becomes zeros with the label
      -1, like padding. Further fields, numbers `(B, N, …)` with an entry for each box, go along,
      and are zeros where it has gone;
    - `"keypoints"`, `(B, P, 2)`, (x, y) in pixels from the centre of the first, or `(B, P, 3)` with
      a visibility that becomes 0 where a point leaves the image; of several persons
      `(B, P, K, 2)` or `(B, P, K, 3)`;
    - `"labels"` and `"sample_weight"` with a value for each pixel, `(B, H, W)` or `(B, H, W, 1)`,
      as masks.

    Everything else in the dict stays; what has the name of a target in another library is refused,
    and what looks like one is pointed out with a warning. Half precision is for the images alone:
    floats beside them keep their dtype.

    In a `tf.data` pipeline it computes with TensorFlow, whatever the backend of Keras is.

    Args:
        transform: A transform of `kaug.transforms` that only moves pixels: a geometric one, or a
            policy of such with the same filling and interpolation.
        seed: 0..2⁶⁴-1; None draws one from Python's `random`.
        bounding_box_format: How boxes are written, one of the formats of
            `keras.utils.bounding_boxes`, in any case, none of oriented ones. Boxes that cannot be
            what it says are an error where their values can be seen: outside of compiled functions.
        **layer_options: `name` and `dtype` of `keras.layers.Layer`.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The transform cannot be one affine warp, or a dict holds what cannot be moved.

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
        # Keras would bring every float to the compute dtype first, coordinates as well: of two
        # pixels above 256, bfloat16 knows but one.
        super().__init__(autocast=False, **layer_options)
        given: Any = transform
        if not isinstance(given, Transform):
            rule = "`transform` must be a transform of `kaug.transforms`"
            raise TypeError(message(rule, describe(given)))
        self.transform = transform
        self.seed = seed
        fix = "Oriented boxes move with kaug.AugmentedDataset, or in a call of the transform."
        self.bounding_box_format = check_format(bounding_box_format, FORMATS, fix)
        self._sampling = _checked_sampling(transform)
        self._table_seed = resolve_seed(seed)
        key = Key.from_seed(self._table_seed)
        self.seed_generator = keras.random.SeedGenerator(key.integer(0, bits=31))
        self._calls = itertools.count()  # of batches in `tf.data`, where Keras cannot count
        self._tables: dict[tuple[int, int], Table] = {}
        # TensorFlow's resampling is one op, which its compiler does not know.
        self.supports_jit = keras.backend.backend() != "tensorflow"
        self.built = True

    # What Keras calls ---------------------------------------------------------------------------

    def __call__(self, data: Any, *arguments: Any, **options: Any) -> Any:
        """Calls the layer, with TensorFlow itself on the tensors of a `tf.data` pipeline."""
        check_data(data, self.bounding_box_format)
        check_arguments(arguments)
        if keras.backend.backend() != "tensorflow" and is_of_tensorflow_graph(data):
            training = arguments[0] if arguments else options.get("training", False)
            return self._call(data, bool(training), InDataPipeline(self._calls))
        return super().__call__(data, *arguments, **options)

    def call(self, data: Any, training: bool = False) -> Any:
        """Returns the images of `data`, and what belongs to them, transformed."""
        backend = TensorFlow() if keras.backend.backend() == "tensorflow" else AnyBackend()
        return self._call(data, training, backend)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns `input_shape`."""
        return input_shape

    def compute_output_spec(self, data: Any, training: bool = False) -> Any:
        """Returns the shapes and dtypes of what `call` returns."""
        del training
        if isinstance(data, Mapping):
            # Anew, since to a model the same tensor would be both before and behind the layer.
            others = {name: keras.tree.map_structure(_anew, part) for name, part in data.items()}
            return {**others, "images": self.compute_output_spec(data["images"])}
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

    # What it looks like -------------------------------------------------------------------------

    def __repr__(self) -> str:
        facts = f"name={self.name}, transform={self.transform!r}, seed={self.seed}"
        return f"<{type(self).__name__} {facts}>"

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: the facts, and what the transform makes of a picture."""
        from kaug._show.preview import is_foreign, pretty, preview

        facts = [
            ("name", self.name),
            ("seed", str(self.seed)),
            ("boxes", self.bounding_box_format),
            ("transform", pretty(self.transform)),
        ]
        foreign = is_foreign(self.transform)
        text = html.table(type(self).__name__, facts)
        return html.card(text, lambda: preview(self.transform), foreign=foreign)

    # How it is carried out ----------------------------------------------------------------------

    def _call(self, data: Any, training: bool, backend: "AnyBackend") -> Any:
        parts = dict(data) if isinstance(data, Mapping) else {"images": data}
        if training:
            maps = moving_maps(parts)
            names = [name for name in ("images", *MOVING, *maps) if name in parts]
            doubt(parts, names)
            moving = _map_arrays(backend.convert, {name: parts[name] for name in names})
            single = checked_rank(moving["images"]) == 3
            if single:
                moving = _map_arrays(lambda array: array[None], moving)
            moved = self._moved(moving, backend)
            parts.update(_map_arrays(lambda array: array[0], moved) if single else moved)
        else:
            parts["images"] = backend.cast(parts["images"], self.compute_dtype)
        return parts if isinstance(data, Mapping) else parts["images"]

    def _moved(self, parts: dict[str, Any], backend: "AnyBackend") -> dict[str, Any]:
        """Returns batches moved together."""
        check_moving(parts)
        matrices = self._draw_matrices(parts["images"], backend)
        size = (int(parts["images"].shape[1]), int(parts["images"].shape[2]))
        result = {"images": self._warped(parts["images"], matrices, backend)}
        for name in ("segmentation_masks", *MAPS):
            if name in parts:
                result[name] = warped_masks(parts[name], matrices, backend, self._sampling)
        if "bounding_boxes" in parts:
            boxes, box_format = parts["bounding_boxes"], self.bounding_box_format
            result["bounding_boxes"] = moved_boxes(
                boxes, matrices, size, box_format, self._sampling, backend
            )
        if "keypoints" in parts:
            result["keypoints"] = moved_keypoints(parts["keypoints"], matrices, size, backend)
        return result

    def _draw_matrices(self, images: Any, backend: "AnyBackend") -> Any:
        """Returns the matrix of each image, float32 `(B, 6)`."""
        height, width = images.shape[1:3]
        rows = backend.random_rows(images, self.seed_generator, self._table_seed)
        return backend.take(self._table((int(height), int(width))), rows)

    def _table(self, size: tuple[int, int]) -> Table:
        """Returns the matrices of the rows `0..ROWS-1` for images of a size, float32 `(_, 6)`."""
        if size not in self._tables:
            _check_keeps_size(self.transform, (*size, 1))
            drawn = self.transform.draw(check_rows(np.arange(ROWS)), seed=self._table_seed)
            matrices = to_pixels(self.transform._matrices(drawn, size), size)
            self._tables[size] = matrices.reshape(ROWS, 6).astype(np.float32)
        return self._tables[size]

    def _warped(self, images: Any, matrices: Any, backend: "AnyBackend") -> Any:
        # Half precision has too few bits for the sums.
        warped = backend.warp(backend.cast(images, "float32"), matrices, self._sampling)
        return backend.cast(warped, self.compute_dtype)


def _map_arrays(function: Callable[[Any], Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the parts, boxes with their labels among them, each through `function`."""
    return {
        name: _map_arrays(function, value) if isinstance(value, Mapping) else function(value)
        for name, value in parts.items()
    }


def _anew(value: Any) -> Any:
    symbolic = isinstance(value, keras.KerasTensor)
    return keras.KerasTensor(value.shape, value.dtype) if symbolic else value


def _check_keeps_size(transform: Transform, shape: Shape) -> None:
    """Raises where a transform gives images another size, as far as that is known."""
    result = shape_after(transform, shape)
    if result[:2] != shape[:2]:
        rule = "`RandomTransform` applies transforms that keep the size of images"
        received = f"{transform!r}, which makes images of {result[0]} × {result[1]} pixels"
        fix = "Use kaug.AugmentedDataset, or keras.layers.Resizing beside the layer."
        raise ValueError(message(rule, received, fix))


def _checked_sampling(transform: Transform) -> Resampling:
    """Returns how the transform resamples, or says what in it is no affine warp."""
    _check_keeps_size(transform, (None, None, 1))
    sampling = transform._resampling()
    if sampling is not None and not sampling.areas:
        return sampling.settled()
    for leaf in transform._leaves():
        own = leaf._resampling()
        if own is None or own.areas:
            rule = "`RandomTransform` applies transforms that only move pixels"
            received = repr(transform) if leaf is transform else f"{leaf!r} in {transform!r}"
            fix = "Use kaug.AugmentedDataset, or kaug.augment_dataset, for the others."
            raise ValueError(message(rule, received, fix))
    rule = "All transforms in a `RandomTransform` must fill and interpolate alike"
    fix = "Give them the same fill_mode, fill_value and interpolation, or use one layer for each."
    raise ValueError(message(rule, repr(transform), fix))

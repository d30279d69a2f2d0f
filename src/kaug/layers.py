"""Transforms as a Keras layer: on tensors, inside a model or a `tf.data` pipeline.

The layer draws on tensors what a transform draws in NumPy (`kaug._draw.tensors`), plans with the
same code, and carries the plan out on tensors (`kaug._tensors`).
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import keras
from keras import ops

from kaug._apply.leaf import shape_after
from kaug._apply.plan import plan
from kaug._draw.keys import resolve_seed
from kaug._draw.tensors import TensorDraws, TensorKey, rows_of
from kaug._pipeline import in_pipeline, is_in_pipeline
from kaug._show import html
from kaug._targets.names import MOVING
from kaug._targets.soft_labels import num_classes
from kaug._tensors import mixing, targets, videos
from kaug._tensors.carried import carries_map, check_carried
from kaug._tensors.compiled import compiled
from kaug._tensors.execute import carry_out
from kaug._tensors.inputs import (
    check_arguments,
    check_data,
    check_frames,
    check_mixed,
    check_moving,
    check_white,
    checked_rank,
    doubt,
    dtype_of,
    moving_maps,
    refuse_places,
)
from kaug._tensors.settings import Settings
from kaug._validation import describe, message
from kaug.transforms import Transform
from kaug.transforms._bases.config import register_with_keras

__all__ = ["RandomTransform"]


@keras.saving.register_keras_serializable("kaug")
class RandomTransform(keras.layers.Layer):
    """Applies a transform or a policy to a batch of images on any backend of Keras.

    It draws what `transform(images, seed=seed, epoch=epoch, index=index)` draws, and makes the same
    images: of bytes to one level, of floats to 2e-5, but where pixels or decisions tie. It is
    active with `training=True` alone, which `fit` passes by itself, to a model that is a class of
    your own if its `call` has a `training` argument; otherwise, and in an exported model, images
    pass unchanged. Layers of Keras 3.15 are active unless `training=False` is passed.

    The epoch is the step, which the layer counts with every call in training, and the rows are
    those of the batch; replicas of a `tf.distribute` strategy draw apart. A dict that has
    `"index"`, integers `(B,)`, and `"epoch"`, `()` or `(B,)`, says which they are, and each
    image is that of `kaug.AugmentedDataset` for its row.

    Images are `(B, H, W, C)`, or one image `(H, W, C)`, integers or floats of any value range, with
    H and W known; or videos `(B, T, H, W, C)`, whose frames are all changed alike, and then what
    travels along has an entry for each frame, `(B, T, …)`. They come back in the layer's compute
    dtype.

    Called on a dict with the keys of Keras' preprocessing layers, it moves `"images"`, and along
    with them

    - `"segmentation_masks"`, integers or floats, `(B, H, W)` or `(B, H, W, K)`, or several in a
      dict by name, without blending their values; new places are filled as the transform says,
      where that is constant with `mask_fill_value`;
    - `"maps"`, a dict of floats by name, likewise, interpolated;
    - `"bounding_boxes"`, a dict of `"boxes"` `(B, N, 4)` and `"labels"` `(B, N)`: the boxes around
      what is seen of the moved ones. A box of which no pixel is left becomes zeros with the label
      -1, like padding. Further fields, numbers `(B, N, …)` with an entry for each box, go along,
      and are zeros where it has gone; so are `"masks"` `(B, H, W, N)`, which move;
    - `"keypoints"`, `(B, P, 2)`, (x, y) in pixels from the centre of the first, or `(B, P, 3)` with
      a visibility that becomes 0 where a point leaves the image; of several persons
      `(B, P, K, 2)` or `(B, P, K, 3)`;
    - `"labels"` and `"sample_weight"` with a value for each pixel, `(B, H, W)` or `(B, H, W, 1)`,
      as masks;
    - where images are mixed, as by `MixUp`, all other `"labels"`, `(B,)` or `(B, K)`, and
      `"sample_weight"`, arrays or structures of them: they are mixed alike, and come out as floats,
      class numbers as rows of `num_classes`, outside of training as well. Partners are rows of the
      same batch. Boxes and keypoints are mixed in a `tf.data` pipeline alone.

    Everything else in the dict stays; what has the name of a target in another library is refused,
    and what looks like one is pointed out with a warning. Half precision is for the images alone:
    floats beside them keep their dtype.

    In a `tf.data` pipeline it computes with TensorFlow, whatever the backend of Keras is.

    Args:
        transform: A transform of `kaug.transforms`; one of your own must define
            `transform_tensors`.
        seed: 0..2⁶⁴-1; None draws one from Python's `random`.
        bounding_box_format: How boxes are written, one of the formats of
            `keras.utils.bounding_boxes`, in any case, or of oriented ones. Boxes that cannot be
            what it says are an error where their values can be seen: outside of compiled functions.
        min_visible_area: A box stays if at least this share of its area was seen at all times.
        min_area: A box stays if so many square pixels of it are in the image that comes out.
        min_size: A box stays if both its sides have so many pixels there.
        keypoint_flip_pairs: Numbers of points, in pairs, that change places where an image is
            mirrored.
        mask_fill_value: What comes into masks from outside where images are filled with a
            constant: a number, or a dict of such for masks and maps by their names; None means 0.
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
        min_visible_area: float = 0.0,
        min_area: float = 0.0,
        min_size: float = 0.0,
        keypoint_flip_pairs: Sequence[tuple[int, int]] = (),
        mask_fill_value: float | Mapping[str, float] | None = None,
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
        self._settings = Settings.of(
            {
                "bounding_box_format": bounding_box_format,
                "min_visible_area": min_visible_area,
                "min_area": min_area,
                "min_size": min_size,
                "keypoint_flip_pairs": keypoint_flip_pairs,
                "mask_fill_value": mask_fill_value,
            }
        )
        self.bounding_box_format = self._settings.boxes.bounding_box_format
        _check_runs_on_tensors(transform)
        self._classes = num_classes(transform)
        self._seed = resolve_seed(seed)
        self._compiled = compiled(self._through)
        self._calls = itertools.count()  # of batches in `tf.data`, where Keras cannot count

    # What Keras calls ---------------------------------------------------------------------------

    def __call__(self, data: Any, *arguments: Any, **options: Any) -> Any:
        """Calls the layer; on the tensors of a `tf.data` pipeline, on arrays."""
        check_data(data, self.bounding_box_format)
        check_arguments(arguments)
        if self.transform._mixes:
            check_mixed(data, self.transform)
        if is_in_pipeline(data):
            training = arguments[0] if arguments else options.get("training", False)
            return self._call_in_pipeline(data, training=bool(training))
        return super().__call__(data, *arguments, **options)

    def build(self, input_shape: Any = None) -> None:
        """Makes the step, which `tf.data` has no use for, and so could not make."""
        del input_shape
        self.step = self.add_weight(
            shape=(), dtype="int32", initializer="zeros", trainable=False, name="step"
        )

    def call(self, data: Any, training: bool = False) -> Any:
        """Returns the images of `data`, and what belongs to them, transformed."""
        parts = dict(data) if isinstance(data, Mapping) else {"images": data}
        parts |= self._soft(parts)
        if training:
            parts |= self._transformed(parts)
        parts["images"] = ops.cast(parts["images"], self.compute_dtype)
        return parts if isinstance(data, Mapping) else parts["images"]

    def load_own_variables(self, store: Any) -> None:
        """Takes over the step; layers of version 0.1 have none."""
        if len(store):
            super().load_own_variables(store)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape of images, given that of a batch of images."""
        return (*input_shape[:-3], *shape_after(self.transform, tuple(input_shape[-3:])))

    def compute_output_spec(self, data: Any, training: bool = False) -> Any:
        """Returns the shapes and dtypes of what `call` returns."""
        del training
        if isinstance(data, Mapping):
            # Anew, since to a model the same tensor would be both before and behind the layer.
            others = {name: keras.tree.map_structure(_anew, part) for name, part in data.items()}
            others |= keras.tree.map_structure(_anew, self._soft(others))
            return {**others, "images": self.compute_output_spec(data["images"])}
        return keras.KerasTensor(self.compute_output_shape(data.shape), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain data."""
        register_with_keras()
        transform = keras.saving.serialize_keras_object(self.transform)
        return {
            **super().get_config(),
            "transform": transform,
            "seed": self.seed,
            **self._settings.arguments(),
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

    def _soft(self, parts: dict[str, Any]) -> dict[str, Any]:
        """Returns those labels and weights that are mixed, or would be in training, as floats."""
        if not self.transform._mixes:
            return {}
        refuse_places(parts, self.transform)
        return mixing.soft(parts, self._classes)

    def _transformed(self, parts: dict[str, Any]) -> dict[str, Any]:
        """Returns those of the parts that change, transformed together."""
        check_carried(self.transform, parts)
        maps = [name for name in moving_maps(parts) if carries_map(self.transform, name)]
        names = [name for name in ("images", *MOVING, *maps) if name in parts]
        doubt(parts, names)
        moving = _map_tensors(ops.convert_to_tensor, {name: parts[name] for name in names})
        rank = checked_rank(moving["images"])
        if rank == 3:
            moving = _map_tensors(lambda tensor: tensor[None], moving)
        if rank == 5:
            videos.check_videos(self.transform)
        if any(leaf._takes_white_from_dtype for leaf in self.transform._leaves()):
            check_white(moving["images"], type(self.transform).__name__)
        numbers = self._numbers(parts, moving["images"])
        blended = mixing.leaves(parts) if self.transform._mixes else {}
        made = self._compiled(moving | blended, *numbers)
        if blended:
            made |= mixing.with_leaves(parts, made)
        made = {name: part for name, part in made.items() if name not in blended}
        return _map_tensors(lambda tensor: tensor[0], made) if rank == 3 else made

    def _numbers(self, parts: Mapping[str, Any], images: Any) -> tuple[Any, Any, Any]:
        """Returns the epoch and the numbers of the rows; without an epoch, that of the next step.

        They are int32, the epoch `()` or `(B,)`, the others `(B,)`: the lower 32 bits of row
        numbers, and those above.
        """
        epoch = parts.get("epoch")
        if epoch is None:
            epoch = self.step + 0
            self.step.assign_add(1)
        return (ops.cast(epoch, "int32"), *rows_of(parts.get("index"), images))

    def _through(self, parts: dict[str, Any], epoch: Any, low: Any, high: Any) -> dict[str, Any]:
        """Returns a batch carried through what is drawn for its rows."""
        video = len(parts["images"].shape) == 5
        frames = check_frames(parts) if video else 1
        if video:
            parts = _map_tensors(videos.in_frames, parts)
        check_moving(parts, self.bounding_box_format)
        draws: Any = TensorDraws(TensorKey.of_epoch(self._seed, epoch), low, high)
        images = parts["images"]
        size = (images.shape[1], images.shape[2])
        parameters: Any = self.transform._draw_all(draws)
        if frames > 1:
            parameters = videos.for_frames(parameters, frames)
        stages = plan(self.transform._course(parameters), tuple(images.shape[1:]))
        straight = all(leaf._resampling() or leaf.photometric for leaf in self.transform._leaves())
        blended = {name: part for name, part in parts.items() if name.startswith("mixed ")}
        batch = {
            "images": ops.cast(images, "float32"),
            **blended,
            **targets.begin(parts, self._settings, size, straight=straight),
        }
        made = carry_out(stages, batch, dtype_of(images))
        after = tuple(made["images"].shape[1:3])
        result = {
            "images": made["images"],
            **{name: made[name] for name in blended},
            **targets.finish(made, parts, self._settings, (after[0], after[1])),
        }
        return _map_tensors(partial(videos.in_rows, frames=frames), result) if video else result

    def _call_in_pipeline(self, data: Any, *, training: bool) -> Any:
        import tensorflow as tf

        if training:
            settings = self._settings.beside(data)
            data = in_pipeline(data, self.transform, self._seed, self._calls, settings)
        elif isinstance(data, Mapping) and self.transform._mixes:
            data = {**data, **mixing.soft(data, self._classes, tf)}
        if isinstance(data, Mapping):
            return {**data, "images": tf.cast(data["images"], self.compute_dtype)}
        return tf.cast(data, self.compute_dtype)


def _map_tensors(function: Callable[[Any], Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the parts, boxes with their labels among them, each through `function`."""
    return {
        name: _map_tensors(function, value) if isinstance(value, Mapping) else function(value)
        for name, value in parts.items()
    }


def _anew(value: Any) -> Any:
    symbolic = isinstance(value, keras.KerasTensor)
    return keras.KerasTensor(value.shape, value.dtype) if symbolic else value


def _check_runs_on_tensors(transform: Transform) -> None:
    """Raises for a transform that does not say how it acts on tensors."""
    for leaf in transform._leaves():
        runs = leaf._mixes or leaf._defines("transform_tensors")
        if leaf._resampling() is None and not runs:
            rule = "A `RandomTransform` needs transforms that act on tensors"
            received = repr(leaf) if leaf is transform else f"{leaf!r} in {transform!r}"
            fix = "Define `transform_tensors`, or augment with kaug.AugmentedDataset."
            raise TypeError(message(rule, received, fix))

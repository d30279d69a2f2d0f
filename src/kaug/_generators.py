"""Adapters: anything that augments, brought to one protocol.

`as_generator` recognises what it is given without importing the library it comes from: an object
can only be, say, a Keras layer if Keras has been imported already.
"""

import random
import sys
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from kaug._draw.keys import Key
from kaug._returned import (
    check_result,
    keep_dtype,
    like_rank,
    round_to,
    with_channel_axis,
)
from kaug._types import Array
from kaug._validation import as_array, describe, message, with_channels
from kaug._value_ranges import Values
from kaug.foreign import Albumentations, is_albumentations
from kaug.image_data_generator import native_equivalent
from kaug.image_data_generator._options import NEED_FLOATS
from kaug.per_class import Native
from kaug.schedule import Schedule

ACCEPTED = (
    "a transform of `kaug.transforms`, a Keras `ImageDataGenerator`, a Keras layer (also "
    "`Sequential` or `Pipeline`), an albumentations transform, a torchvision v2 transform, or a "
    "function that takes a batch of images and returns a batch of images"
)


class Generator(Protocol):
    """What every adapter offers.

    Attributes:
        wrapped: The object that augments.
    """

    wrapped: Any

    def augment(self, images: Array, key: Key, /) -> tuple[Array, NDArray[np.int64]]:
        """Returns augmented images and, for each, which row of `images` it was made from.

        Args:
            images: A batch of its own, `(M, H, W, C)` or `(M, H, W)`, M at least 1.
            key: Names the random stream of this batch.

        Returns:
            Images with the rank and dtype of `images`, and int64 positions `0..M-1`.
        """


def as_generator(generator: Any) -> Native | Generator:
    """Returns the native transform that `generator` is or equals, or else an adapter for it.

    Raises:
        TypeError: `generator` is nothing kaug can use.
        ValueError: It is, but its options make labels or values ambiguous.
    """
    if isinstance(generator, type):
        raise TypeError(
            message(
                "`generator` must be an object that augments, not its class",
                f"the class {generator.__qualname__}",
                f"Call it first: {generator.__qualname__}(...).",
            )
        )
    if isinstance(generator, Native):
        return generator
    if _is_instance(generator, "keras", "Layer"):
        return _KerasLayer(generator)
    if callable(getattr(generator, "flow", None)):
        return native_equivalent(generator) or _Flow(generator)
    if is_albumentations(generator):
        return Albumentations(generator)
    if _is_instance(generator, "torchvision.transforms.v2", "Transform"):
        return _Torchvision(generator)
    if callable(generator):
        return _Function(generator)
    fix = ""
    if hasattr(generator, "__next__") or hasattr(generator, "index_array"):
        fix = "Pass the ImageDataGenerator itself, not what its `flow` returns."
    if isinstance(generator, list | tuple):
        fix = "Put transforms that act one after the other into a Compose([...])."
    if isinstance(generator, Schedule):
        fix = "AugmentedDataset alone has epochs. Take the policy of one of them: schedule.at(0)."
    raise TypeError(message(f"`generator` must be {ACCEPTED}", describe(generator), fix))


def _is_instance(value: Any, module: str, *names: str) -> bool:
    loaded = sys.modules.get(module)
    classes = tuple(getattr(loaded, name) for name in names if hasattr(loaded, name))
    return isinstance(value, classes)


class _Adapter:
    """What all adapters do: call what augments, and look at what comes back."""

    # Whether it computes in floats whatever it is given, so that integers are to be rounded.
    in_floats: ClassVar[bool] = False

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped

    def augment(self, images: Array, key: Key) -> tuple[Array, NDArray[np.int64]]:
        # Noted first, since what augments may work in place.
        shape, dtype, values = images.shape, images.dtype, Values.of(images)
        self.check_values(values)
        result, position = self.made(images, key)
        check_result(result, shape)
        finished = (round_to if self.in_floats else keep_dtype)(result, dtype)
        values.check_kept(result)
        return finished, position

    def check_values(self, values: Values) -> None:
        """Raises for images whose values `wrapped` is known to take for others."""

    @abstractmethod
    def made(self, images: Array, key: Key) -> tuple[Array, NDArray[np.int64]]:
        """Returns what `augment` does, in any dtype."""


class _Function(_Adapter):
    """A callable from a batch of images to a batch of images of the same length."""

    def made(self, images: Array, key: Key) -> tuple[Array, NDArray[np.int64]]:
        count = len(images)
        with _seeded_globals(key):
            return as_array(self.wrapped(images), "generator(images)"), np.arange(count)


@contextmanager
def _seeded_globals(key: Key) -> Iterator[None]:
    """Seeds the generators of Python and NumPy that all share, and puts them back afterwards.

    Or forked workers would draw the same from them, batch for batch.
    """
    python_state = random.getstate()
    with numpy_state_kept():
        random.seed(key.integer(0))
        np.random.seed(key.integer(1))
        try:
            yield
        finally:
            random.setstate(python_state)


class _Torchvision(_Adapter):
    """A torchvision v2 transform, called image by image on `(C, H, W)` tensors."""

    def made(self, images: Array, key: Key) -> tuple[Array, NDArray[np.int64]]:
        torch = sys.modules["torch"]

        def transform(image: Array) -> Array:
            tensor = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
            return np.asarray(self.wrapped(tensor)).transpose(1, 2, 0)

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(key.integer(0))
            return _image_by_image(transform, with_channels(images), images)


def _image_by_image(
    transform: Callable[[Array], Array], prepared: Array, images: Array
) -> tuple[Array, NDArray[np.int64]]:
    """Applies `transform` to each image `(H, W, C)`; the rank of `images` comes back."""
    results = [with_channel_axis(transform(image), image) for image in prepared]
    shapes = {result.shape for result in results}
    if len(shapes) > 1:
        raise ValueError(
            message(
                "A generator must return images of one shape",
                f"shapes {sorted(shapes)[:3]}",
                "Let its last step crop or resize to a fixed size.",
            )
        )
    return like_rank(np.stack(results), images.ndim), np.arange(len(images))


class _KerasLayer(_Adapter):
    """A Keras layer, called on batches with `training=True`."""

    in_floats = True

    def __init__(self, layer: Any) -> None:
        for part in _layers(layer):
            _check_channels_last(part)
            kind = type(part).__name__
            if _is_instance(part, "keras.layers", "MixUp", "CutMix"):
                raise ValueError(
                    message(
                        "A layer that mixes images of different rows leaves no single label for "
                        "the result",
                        f"generator with a `keras.layers.{kind}` in it",
                        "Apply it to batches of images and labels while training.",
                    )
                )
        super().__init__(layer)

    def check_values(self, values: Values) -> None:
        # What stands behind a layer that changes the range gets other values.
        for part in _layers(self.wrapped):
            if values.dtype.kind == "f" or _casts_integers(part):
                values.check_held(type(part).__name__, part.compute_dtype)
            if _is_instance(part, "keras.layers", "Rescaling", "Normalization"):
                return
            values.check_known(type(part).__name__, getattr(part, "value_range", None))

    def made(self, images: Array, key: Key) -> tuple[Array, NDArray[np.int64]]:
        keras = sys.modules["keras"]
        with _seeded_layer(self.wrapped, key):
            output = self.wrapped(with_channels(images), training=True)
        result = like_rank(np.asarray(keras.ops.convert_to_numpy(output)), images.ndim)
        return result, np.arange(len(images))


def _check_channels_last(generator: Any) -> None:
    data_format = getattr(generator, "data_format", None)
    if data_format == "channels_first":
        rule = "Images are channels last everywhere in kaug"
        received = f"a generator with data_format={data_format!r} ({type(generator).__name__})"
        raise ValueError(message(rule, received, 'Make it with data_format="channels_last".'))


def _casts_integers(layer: Any) -> bool:
    """Tells whether a layer computes in floats even when it is given integers."""
    # Keras has no public name for what its preprocessing layers have in common.
    return any(".layers.preprocessing." in base.__module__ for base in type(layer).__mro__) or (
        _is_instance(layer, "kaug.layers", "RandomTransform")
    )


def _layers(layer: Any) -> Iterator[Any]:
    yield layer
    for part in getattr(layer, "layers", ()):
        yield from _layers(part)


@contextmanager
def _seeded_layer(layer: Any, key: Key) -> Iterator[None]:
    """Puts every seed generator of the layer at a place of its own, and back afterwards.

    Python's `random` as well: Keras' AugMix draws its operations from it.
    """
    keras = sys.modules["keras"]
    states = [v for v in layer.variables if v.path.endswith("seed_generator_state")]
    before = [np.array(keras.ops.convert_to_numpy(state)) for state in states]
    python_state = random.getstate()
    random.seed(key.integer(len(states)))
    try:
        for number, state in enumerate(states):
            state.assign([key.integer(number, bits=31), 0])
        yield
    finally:
        random.setstate(python_state)
        for state, value in zip(states, before, strict=True):
            state.assign(value)


class _Flow(_Adapter):
    """An object with Keras' `flow(x, y, …)`; row numbers ride along as `y`."""

    in_floats = True

    def __init__(self, generator: Any) -> None:
        _check_channels_last(generator)
        super().__init__(generator)
        self._rescales = [name for name in NEED_FLOATS if getattr(generator, name, None)]

    def check_values(self, values: Values) -> None:
        if self._rescales and values.dtype.kind in "iu":
            rule = "An option that changes the value range needs float images"
            received = f"x of dtype {values.dtype} and a generator with `{self._rescales[0]}`"
            raise ValueError(message(rule, received, 'Pass x.astype("float32").'))

    def made(self, images: Array, key: Key) -> tuple[Array, NDArray[np.int64]]:
        batches, rows = self._collect(with_channels(images), key.integer(0, bits=31))
        result = like_rank(np.concatenate(batches), images.ndim)
        position = _check_positions(np.concatenate(rows), len(result), len(images))
        check_result(result, images.shape)
        order = np.argsort(position, kind="stable")
        return result[order], position[order]

    def _collect(self, images: Array, seed: int) -> tuple[list[Array], list[Array]]:
        """Returns one epoch of the flow: its batches of images and of row numbers."""
        count = len(images)
        with numpy_state_kept(), warnings.catch_warnings():
            # Keras warns of channel counts other than 1, 3 and 4, which work all the same.
            warnings.filterwarnings("ignore", message=".*channels on axis.*")
            flow = self.wrapped.flow(
                images, np.arange(count), batch_size=count, shuffle=False, seed=seed
            )
            pairs = [next(flow) for _ in range(len(flow))]
        return [np.asarray(x) for x, _ in pairs], [np.asarray(rows) for _, rows in pairs]


@contextmanager
def numpy_state_kept() -> Iterator[None]:
    """Leaves NumPy's global generator as it was, whatever happens inside."""
    state = np.random.get_state()
    try:
        yield
    finally:
        np.random.set_state(state)


def _check_positions(rows: Array, returned: int, count: int) -> NDArray[np.int64]:
    """Returns the row numbers that came back with the images, verified."""
    valid = rows.shape == (returned,) and rows.dtype.kind in "iuf"
    if not valid or not np.isin(rows, np.arange(count)).all():
        raise ValueError(
            message(
                "The `flow` of a generator must return, beside each image, the label it was "
                "given for it: kaug passes row numbers as labels, to know which row an image is",
                f"{describe(rows)} for {returned} images",
            )
        )
    return rows.astype(np.int64)

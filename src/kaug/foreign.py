"""Transforms of albumentations as steps among kaug's own.

`kaug.augment_dataset` and all else that takes a generator make one of an albumentations transform
by themselves; made by hand it can stand in a `Compose` or a `OneOf`.
"""

import copy
import random
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from kaug._apply.batches import MapName, maps_of
from kaug._apply.leaf import of_each_frame
from kaug._apply.parameters import Bounds
from kaug._draw.draws import Draws
from kaug._returned import channels_first, check_result, keep_dtype
from kaug._types import Array, Batch, Parameters
from kaug._validation import describe, message
from kaug._value_ranges import Values
from kaug.transforms.transform import Transform

# Beyond it single precision, in which albumentations takes masks, skips integers.
_WHOLE = 2**24
# Of PCG64: any odd number makes a stream.
_INCREMENT = 0x5851F42D4C957F2D14057B7EF767814F
# What scales points as if pixels were points, not areas: (x, y) * scale.
_SCALING = (
    "Resize",
    "LongestMaxSize",
    "SmallestMaxSize",
    "RandomScale",
    "RandomResizedCrop",
    "RandomSizedCrop",
    "CropAndPad",
)
# In place of what loses points.
_BENT = (
    "Use ElasticDeformation, GridDistortion, OpticalDistortion or ThinPlateSpline of "
    "`kaug.transforms`."
)
# What is put through a transform to see which size it gives images of any size.
_TRIED = ((1021, 1531), (1531, 1021))


@dataclass(frozen=True, repr=False, eq=False)
class Albumentations(Transform):
    """An albumentations transform, called image by image with draws that kaug makes.

    What happens to a row is a function of the seed, the epoch and its number, as with kaug's own
    transforms; so rows can be made by number, written to a store, and on several threads. Masks,
    keypoints and the outlines of boxes move with the image, in the same call, as albumentations
    moves masks and keypoints; only where it scales images, and is half a pixel off for each one
    that a pixel becomes, points go where their pixels go. Which boxes stay is decided by kaug's
    rules, and those of a `bbox_params` or `keypoint_params` do not count. What is dropped out of an
    image hides neither boxes nor keypoints. New places of masks get what the transform says, not
    `mask_fill_value`.

    Images are bytes, or floats in 0..1, which go in as float32; albumentations takes few other
    dtypes. Keypoints come back in single precision. Its last step has to leave all images in one
    size. It runs on arrays alone, not in `kaug.layers.RandomTransform`.

    Args:
        transform: An albumentations transform, `Compose` or other composition; it is copied.
            Albumentations 2.0.8 or newer.

    Raises:
        TypeError: `transform` is none of albumentations. Later: it does not move targets that are
            there, or returns another dtype.
        ValueError: Later: images come back in another size, or in another value range.

    Example:
        >>> import albumentations as A
        >>> import numpy as np
        >>> from kaug.foreign import Albumentations
        >>> from kaug.transforms import Compose, HorizontalFlip
        >>> policy = Compose([HorizontalFlip(p=1), Albumentations(A.Transpose(p=1))])
        >>> policy(np.arange(6, dtype="uint8").reshape(1, 2, 3, 1), seed=0)[0, ..., 0]
        array([[2, 5],
               [1, 4],
               [0, 3]], dtype=uint8)
    """

    transform: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        if not is_albumentations(self.transform):
            rule = "`transform` must be a transform of albumentations"
            raise TypeError(message(rule, describe(self.transform)))
        for part in _parts(self.transform):
            _check_takes(part)
        object.__setattr__(self, "transform", copy.deepcopy(self.transform))
        # Targets stay as they are then, and albumentations need not see them.
        object.__setattr__(self, "photometric", _only_values(self.transform))

    def __getstate__(self) -> dict[str, Any]:
        # Without the copies that are in use.
        return {"transform": self.transform, "photometric": self.photometric}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Albumentations):
            return NotImplemented
        return self.transform is other.transform or self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash(type(self))

    def get_config(self) -> dict[str, Any]:
        """Returns what `albumentations.to_dict` makes of the transform, as `transform`."""
        config = _albumentations().to_dict(self.transform)
        _complete(config["transform"], self.transform)
        return {"transform": config}

    @classmethod
    def from_config(cls, config: Any) -> "Albumentations":
        """Returns the transform that `get_config` described; albumentations is imported."""
        import albumentations

        return cls(albumentations.from_dict(config["transform"]))

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns four `words` of each row, `(M, 4)`, that seed all its draws."""
        return {"words": draws.words(4)}

    def _bounds(self) -> Bounds:
        return {"words": {"minimum": 0, "maximum": 2**32 - 1}}

    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        """Returns what albumentations makes of the images."""
        return self._transform_batch({"images": images}, parameters)["images"]

    def _transform_batch(self, batch: Batch, parameters: Parameters) -> Batch:
        names, images = maps_of(batch), batch["images"]
        size = self.output_shape(images.shape[1:])
        made = {
            name: np.empty((len(array), *size[:2], array.shape[3]), array.dtype)
            for name, array in batch.items()
            if name != "points"
        }
        made["images"] = np.empty((len(images), *size), images.dtype)
        if "points" in batch:
            made["points"] = np.empty_like(batch["points"])
        with self._copy() as (call, stream):
            for row, words in enumerate(parameters["words"]):
                stream.begin(words)
                one = _call(call, {name: array[row] for name, array in batch.items()}, names)
                _check_size(one["images"], size)
                for name, array in one.items():
                    made[name][row] = array
        return made

    @of_each_frame
    def output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Returns the shape that albumentations gives an image of this shape.

        One is put through the transform. Sides that are not known are None, and so are those of the
        result unless they are the same for two images of different sizes.
        """
        (height, width), channels = shape[:2], shape[2:]
        unknown = any(side is None for side in shape)
        if unknown or np.ndim(height) or np.ndim(width):
            first = self._shape_of_all(channels)
            if first is not None and None not in first:
                return first
            if unknown:
                return first or (None, None, *channels)
            # Of images of different sizes that go through together.
            sizes = zip(*np.broadcast_arrays(height, width), strict=True)
            made = [self._shape_after((int(own[0]), int(own[1]), *channels)) for own in sizes]
            heights, widths = np.array([each[:2] for each in made], np.int64).reshape(-1, 2).T
            return (heights, widths, *(made[0][2:] if made else channels))
        return self._shape_after(tuple(shape))

    def _shape_of_all(self, channels: tuple[int, ...]) -> tuple[Any, ...] | None:
        """Returns what images of any size come to; None where those that are tried are too small.

        Sides that differ are None.
        """
        for times in (1, 4):
            sizes = [(times * height, times * width) for height, width in _TRIED]
            try:
                first, second = (self._shape_after((*size, *channels)) for size in sizes)
            except Exception:  # albumentations' CropSizeError is nothing more
                continue
            return first if first == second else (None, None, *first[2:])
        return None

    @cached_property
    def _shape_after(self) -> Callable[[tuple[int, ...]], tuple[int, ...]]:
        @lru_cache(maxsize=64)
        def shape_after(shape: tuple[int, ...]) -> tuple[int, ...]:
            with self._copy() as (call, stream):
                stream.begin(np.zeros(4, np.int64))
                image = np.zeros((*shape[:2], *(shape[2:] or (1,))), np.uint8)
                # Some crops ask for a mask, which decides where they are, not how large.
                mask = {} if self.photometric else {"mask": np.zeros(shape[:2], np.uint8)}
                return _image_of(call(image=image, **mask), image).shape[: len(shape)]

        return shape_after

    @property
    def _gives_size(self) -> bool:
        shape = (*_TRIED[0], 3)
        try:
            return self._shape_after(shape) != shape
        except Exception:  # a crop that is larger: see `_shape_of_all`
            return True

    # Targets ------------------------------------------------------------------------------------

    def _check_carries(self, what: str) -> None:
        rule = f"A transform must say what happens to {what}"
        for part in _parts(self.transform):
            fault, fix = _fault_of(part, what)
            if fault:
                raise TypeError(message(rule, f"{part!r}, which {fault}", fix))

    def _check_targets(self, names: Collection[str]) -> None:
        filled = [name for name in names if isinstance(name, MapName) and name.fill_value]
        if filled:
            rule = "What masks are filled with, albumentations' own `fill_mask` says"
            fix = "Give it to the transform, and leave `mask_fill_value` out."
            raise ValueError(message(rule, f"fill_value={filled[0].fill_value:g}", fix))

    # Copies -------------------------------------------------------------------------------------

    @contextmanager
    def _copy(self) -> Iterator[tuple[Any, "_Stream"]]:
        """Lends a copy that nobody else uses meanwhile, and the stream that it draws from."""
        try:
            lent = self._idle.get_nowait()
        except Empty:
            lent = _prepared(self.transform)
        try:
            yield lent
        finally:
            self._idle.put(lent)

    @cached_property
    def _idle(self) -> SimpleQueue[tuple[Any, "_Stream"]]:
        return SimpleQueue()


class _Stream:
    """The random generators that a copy and all its parts draw from, one after the other."""

    def __init__(self) -> None:
        self.bits = np.random.PCG64()
        self.numbers, self.python = np.random.Generator(self.bits), random.Random()

    def begin(self, words: Array) -> None:
        """Begins the stream of four words."""
        a, b, c, d = (int(word) for word in words)
        state: Any = {"state": a << 96 | b << 64 | c << 32 | d, "inc": _INCREMENT}
        self.bits.state = {"bit_generator": "PCG64", "state": state, "has_uint32": 0, "uinteger": 0}
        self.python.seed(c << 96 | d << 64 | a << 32 | b)


def is_albumentations(value: Any) -> bool:
    """Tells whether something is a transform of albumentations, without importing it."""
    loaded = sys.modules.get("albumentations")
    classes = tuple(
        getattr(loaded, name) for name in ("BasicTransform", "BaseCompose") if hasattr(loaded, name)
    )
    return isinstance(value, classes)


def _albumentations() -> Any:
    return sys.modules["albumentations"]


def _parts(transform: Any) -> Iterator[Any]:
    """Yields the transforms of a tree that are no compositions."""
    children = getattr(transform, "transforms", None)
    if children is None or not is_albumentations(transform) or _is_leaf(transform):
        yield transform
        return
    for child in children:
        yield from _parts(child)


def _complete(config: dict[str, Any], transform: Any) -> None:
    """Puts what `to_dict` forgets into what it made of a transform."""
    if isinstance(transform, _albumentations().SelectiveChannelTransform):
        config["channels"] = [int(channel) for channel in transform.channels]
    if "transforms" in config:
        for each, child in zip(config["transforms"], transform.transforms, strict=True):
            _complete(each, child)


def _check_takes(part: Any) -> None:
    """Raises for a transform that asks for more than images, masks and points."""
    if "BBox" in type(part).__name__:
        rule = "albumentations is given the outlines of boxes as points, not boxes"
        fix = "Use BoxSafeCrop or RandomIoUCrop of `kaug.transforms`."
        raise TypeError(message(rule, f"{part!r}, which asks for boxes", fix))
    asked = sorted({*part.targets_as_params} - {"image", "mask"})
    if _is_of(part, "Transform3D"):
        asked = ["volume"]
    if asked:
        rule = "albumentations is given images, masks and points, and nothing else"
        received = f"{part!r}, which asks for {' and '.join(asked)}"
        fix = "Leave it out, or call albumentations in a function of your own."
        raise TypeError(message(rule, received, fix))


def _only_values(transform: Any) -> bool:
    """Tells whether a transform moves no pixel."""
    only = _albumentations().ImageOnlyTransform
    return all(isinstance(part, only) for part in _parts(transform))


def _fault_of(part: Any, what: str) -> tuple[str, str]:
    """Returns what a transform does wrong with targets of a kind, if anything, and the fix."""
    if isinstance(part, _albumentations().ImageOnlyTransform):
        return "", ""
    if what == "maps":
        return "reads masks alone", 'Give maps interpolation="nearest", as masks are read.'
    due = "MASK" if what == "segmentation masks" else "KEYPOINTS"
    if due not in {each.name for each in part._targets}:
        return "does not", "Use transforms of `kaug.transforms` for them."
    if due == "KEYPOINTS" and _is_of(part, "BaseDistortion"):
        return "loses points, and moves others a few pixels too far", _BENT
    if what != "bounding boxes":
        return "", ""
    name = type(part).__name__
    if name == "RandomGridShuffle":
        return "cuts them to pieces", "Leave it out."
    return "", ""


def _is_of(part: Any, base: str) -> bool:
    # Not all bases have a name in albumentations itself.
    return any(each.__name__ == base for each in type(part).__mro__)


def _is_leaf(transform: Any) -> bool:
    # ColorJitter has plain functions under the name `transforms`.
    return isinstance(transform, _albumentations().BasicTransform)


def _prepared(transform: Any) -> tuple[Any, _Stream]:
    """Returns a copy that takes points, and the stream that all its parts draw from."""
    albumentations, stream = _albumentations(), _Stream()
    own = copy.deepcopy(transform)
    if isinstance(own, albumentations.ReplayCompose):
        own.set_deterministic(False)  # nobody reads what it would note down
    whole = isinstance(own, albumentations.Compose)
    params = albumentations.KeypointParams("xy", remove_invisible=False)
    if _only_values(transform):
        params = None
    p = own.p if whole else 1.0
    parts = own.transforms if whole else [own]
    call = albumentations.Compose(parts, p=p, keypoint_params=params)
    for part in _parts(call):
        if type(part).__name__ in _SCALING:
            _scale_from_edges(part)
    call.set_random_state(stream.numbers, stream.python)
    return call, stream


def _scale_from_edges(part: Any) -> None:
    """Lets a transform scale points from where the first pixel begins, as it scales pixels."""
    moved = part.apply_to_keypoints

    def apply_to_keypoints(points: Array, *arguments: Any, **options: Any) -> Array:
        half = np.array([0.5, 0.5] + [0] * (points.shape[1] - 2), points.dtype)
        result: Array = moved(points + half, *arguments, **options) - half
        return result

    part._key2func["keypoints"] = apply_to_keypoints


def _call(call: Any, row: Batch, names: Collection[MapName]) -> Batch:
    """Returns a row, with its maps and points, transformed."""
    image = row["images"]
    floats = image.dtype.kind == "f"
    given: dict[str, Any] = {"image": image.astype(np.float32) if floats else image}
    if names:
        mask = np.concatenate([_readable(row[name]) for name in names], axis=-1)
        # Without the axis, since not all take it.
        given["mask"] = mask[..., 0] if mask.shape[-1] == 1 else mask
    if "points" in row:
        given["keypoints"] = row["points"].astype(np.float32)
    try:
        got = call(**given)
    except Exception as error:  # OpenCV's, KeyErrors and others: it goes on as the cause
        if given["image"].dtype in (np.uint8, np.float32):
            raise
        rule = "albumentations takes uint8 and float32, and other dtypes in few of its transforms"
        received = f"dtype {image.dtype}, with which it raised {type(error).__name__}: {error}"
        fix = 'Pass x as one of them, floats divided by white: (x / 4095).astype("float32"), say.'
        raise TypeError(message(rule, received, fix)) from error
    result = _image_of(got, image)
    made: Batch = {"images": keep_dtype(result, image.dtype)}
    if floats:
        Values.of(image).check_range(result)
    if names:
        mask = got["mask"] if got["mask"].ndim == 3 else got["mask"][..., np.newaxis]
        ends = np.cumsum([row[name].shape[-1] for name in names])[:-1]
        for name, part in zip(names, np.split(mask, ends, axis=-1), strict=True):
            made[name] = part.astype(row[name].dtype)
    if "points" in row:
        points = np.asarray(got["keypoints"], np.float64)
        if len(points) != len(row["points"]):
            rule = "albumentations must return every keypoint, and all corners of boxes"
            received = f"{len(points)} of {len(row['points'])} points"
            raise ValueError(message(rule, received, "Use transforms of `kaug.transforms`."))
        made["points"] = points.reshape(row["points"].shape)
    return made


def _image_of(got: Any, image: Array) -> Array:
    """Returns the image that albumentations made of one."""
    result, torch = got["image"], sys.modules.get("torch")
    if torch is not None and isinstance(result, torch.Tensor):
        raise channels_first(f"a tensor of shape {tuple(result.shape)}")
    result = np.asarray(result)
    if result.ndim == 2 and image.ndim == 3:  # of one channel, as it came or as it was made
        result = result[..., np.newaxis]
    check_result(result[np.newaxis], (1, *image.shape))
    return result


def _readable(mask: Array) -> Array:
    """Returns a mask in a dtype that albumentations moves without changing a value."""
    if mask.dtype.kind == "b" or mask.dtype == np.uint8:
        return mask.astype(np.uint8)
    wide = mask.dtype.kind in "iu" and mask.dtype.itemsize > 2
    if wide and mask.size and max(-int(mask.min()), int(mask.max())) > _WHOLE:
        rule = f"albumentations moves masks in float32, which holds integers up to {_WHOLE}"
        raise ValueError(message(rule, f"{mask.max()}", "Number the objects from 0 on."))
    single: Array = mask.astype(np.float32)
    if mask.dtype == np.float64 and not np.array_equal(mask, single, equal_nan=True):
        rule = "albumentations moves masks in float32"
        raise ValueError(message(rule, "float64 values that it rounds", 'Use .astype("float32").'))
    return single


def _check_size(image: Array, shape: tuple[int, ...]) -> None:
    if image.shape != shape:
        rule = "albumentations must leave all images in one size"
        received = f"images of shapes {image.shape} and {shape}"
        fix = "Let its last step crop or resize to a fixed size."
        raise ValueError(message(rule, received, fix))

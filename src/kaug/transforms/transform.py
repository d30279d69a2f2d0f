"""The protocol of every transform: describe, draw, apply."""

import dataclasses
import json
import math
from abc import ABC, abstractmethod
from collections import ChainMap
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar, Self, cast, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaug._apply.batches import MapName, maps_of
from kaug._apply.destination import offered
from kaug._apply.execute import carry_out
from kaug._apply.matrices import Matrices
from kaug._apply.one_by_one import carry_out_one_by_one
from kaug._apply.parameters import Bounds, check_bounds, check_drawn, fitted
from kaug._apply.plan import plan
from kaug._apply.resample import Resampling
from kaug._apply.stages import Course, Step
from kaug._apply.videos import carry_out_videos
from kaug._draw.draws import Draws
from kaug._draw.keys import Key, check_rows, resolve_seed, root_key
from kaug._images import ImageSequence, frames_of
from kaug._targets.given import Given
from kaug._types import Array, Batch, Parameters, Size
from kaug._validation import (
    describe,
    message,
    with_channels,
)
from kaug.transforms._bases.config import (
    REGISTRY,
    arguments_of,
    create,
    from_json,
    register_with_keras,
    registered_name,
    same,
    to_plain,
)
from kaug.transforms._bases.fields import Check, Integers, Range
from kaug.transforms._bases.invertible import Invertible

# Rows whose parameters are drawn at once, by one thread: many short NumPy calls on several threads
# would wait for each other. Few enough that the arrays stay in the cache.
_DRAWN_AT_ONCE = 2**14
# Policies name their children 0, 1, 2…; this is none of them.
_PARTNERS = 2**62 + 2


class Transform(Invertible, ABC):
    """What may happen to a batch of images.

    A transform is an immutable description. `draw` decides what does happen to each row, `apply`
    does it; calling the transform does both. What happens to a row is a pure function of
    `(seed, epoch, row number, position in the policy)`: neither batch size nor threads, workers
    or machines change it.

    To make your own, write a frozen dataclass with `draw_parameters` and `transform_images`:

    Example:
        >>> from dataclasses import dataclass
        >>> import numpy as np
        >>> @dataclass(frozen=True, repr=False)
        ... class Darken(Transform):
        ...     strength: float = 0.5
        ...
        ...     def draw_parameters(self, draws):
        ...         return {"factor": draws.uniform(1 - self.strength, 1)}
        ...
        ...     def transform_images(self, images, parameters):
        ...         factor = parameters["factor"].reshape(-1, 1, 1, 1)
        ...         return (images * factor).astype(images.dtype)
        >>> Darken(0.25)
        Darken(strength=0.25)
        >>> images = np.full((4, 5, 7, 3), 200, "uint8")
        >>> darker = Darken(0.25)(images, seed=1)
        >>> bool((darker <= 200).all() and (darker >= 149).all())
        True
    """

    registry: ClassVar[dict[str, type["Transform"]]] = REGISTRY

    #: True for a transform that only changes values: masks, boxes and keypoints stay as they are.
    photometric: ClassVar[bool] = False
    # Whether a class is kaug's own, whose draws need no check.
    _ours: ClassVar[bool] = True
    # What the options that a class adds are checked by; all of them, with those of its bases; and
    # those of options that are drawn from ranges.
    _checks: ClassVar[Mapping[str, Check]] = {}
    _all_checks: ClassVar[Mapping[str, Check]] = {}
    _ranges: ClassVar[Mapping[str, Range | Integers]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        home, *places = cls.__module__.split(".")
        cls._ours = home == "kaug"
        checks = dict(ChainMap(*(vars(base).get("_checks", {}) for base in cls.__mro__)))
        cls._all_checks = checks
        cls._ranges = {
            name: each for name, each in checks.items() if isinstance(each, (Range, Integers))
        }
        if cls._ours and any(name.startswith("_") for name in (*places, cls.__name__)):
            return  # what others are made of, and what nobody makes by itself
        Transform.registry[registered_name(cls)] = cls
        register_with_keras()

    def __post_init__(self) -> None:
        for name, check in self._all_checks.items():
            self._check(name, check)

    def _check(self, name: str, check: Check) -> None:
        """Puts an option through a check; what that makes of it is the option from then on."""
        object.__setattr__(self, name, check(getattr(self, name), name))

    def _ends(self, name: str) -> tuple[Any, Any]:
        """Returns the least and the greatest value of an option that is drawn from a range."""
        return self._ranges[name].ends(getattr(self, name))

    # What a subclass writes ---------------------------------------------------------------------

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns what happens to each of the rows of `draws`: arrays with M rows by name.

        Every random decision must come from `draws`, always in the same order. By default
        nothing is drawn but whether a row is transformed at all, and, where kaug's own classes have
        options that are ranges, a value from each, evenly.
        """
        ranges = self._ranges.items()
        return {name: check.draw(draws, getattr(self, name)) for name, check in ranges}

    @abstractmethod
    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        """Returns `images` transformed as `parameters` say.

        Args:
            images: `(M, H, W, C)`; must not be written to.
            parameters: What `draw_parameters` returned for these rows.

        Returns:
            Images of the same dtype and length.
        """

    def transform_masks(self, masks: Array, parameters: Parameters) -> Array:
        """Returns segmentation masks moved as `transform_images` moves the images.

        Args:
            masks: `(M, H, W, K)`, any dtype; must not be written to. Their values are never
                blended: each pixel shows one pixel of the mask.
            parameters: What `draw_parameters` returned for these rows.

        Raises:
            TypeError: The transform does not say how.
        """
        del parameters
        if self.photometric:
            return masks
        raise _does_not_say(self, "segmentation masks", "transform_masks")

    def transform_maps(self, maps: Array, parameters: Parameters) -> Array:
        """Returns maps, such as of depth, moved as `transform_images` moves the images.

        Args:
            maps: `(M, H, W, K)`, floats; must not be written to. Between pixels they are
                interpolated linearly. Where whole pixels move it is `transform_masks` again.
            parameters: What `draw_parameters` returned for these rows.

        Raises:
            TypeError: The transform does not say how.
        """
        del parameters
        if self.photometric:
            return maps
        raise _does_not_say(self, "maps", "transform_maps")

    def transform_points(
        self, points: Array, parameters: Parameters, size: tuple[int, int]
    ) -> Array:
        """Returns where `transform_images` moves points of the images.

        Args:
            points: `(M, P, 2)`, float64, (x, y) in pixels, with (0, 0) the centre of the first
                pixel; must not be written to. They may lie outside the image.
            parameters: What `draw_parameters` returned for these rows.
            size: Height and width of the images before the transform.

        Raises:
            TypeError: The transform does not say where.
        """
        del parameters, size
        if self.photometric:
            return points
        raise _does_not_say(self, "keypoints and bounding boxes", "transform_points")

    def transform_tensors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        """Returns images transformed as `transform_images` does it, on tensors of Keras' backend.

        `kaug.layers.RandomTransform` asks for it. Affine transforms and policies have it already.

        Args:
            images: `(M, H, W, C)`, float32, whatever they were given as.
            parameters: What `draw_parameters` returned for these rows, given draws whose numbers
                are tensors.
            dtype: Of the images as they were given. What comes of integers is rounded and cut to
                their range afterwards.

        Raises:
            TypeError: The transform does not say how.
        """
        del images, parameters, dtype
        raise _does_not_say(self, "tensors", "transform_tensors")

    # What users call ----------------------------------------------------------------------------

    @overload
    def __call__(
        self,
        images: Mapping[str, Any],
        *,
        seed: int | None = None,
        epoch: int = 0,
        index: ArrayLike | None = None,
    ) -> dict[str, Any]: ...

    @overload
    def __call__(
        self,
        images: ArrayLike,
        *,
        seed: int | None = None,
        epoch: int = 0,
        index: ArrayLike | None = None,
    ) -> Array: ...

    def __call__(
        self,
        images: Any,
        *,
        seed: int | None = None,
        epoch: int = 0,
        index: ArrayLike | None = None,
    ) -> Any:
        """Returns a new batch of transformed images, and what belongs to them.

        Args:
            images: `(M, H, W, C)` or `(M, H, W)` (one channel), integers or floats; videos
                `(M, T, H, W, C)`, all of whose frames are changed alike; or a sequence of images of
                any size, to which the transform gives one. Or a dict with them under `"images"` and
                more beside them: see the page on masks and boxes.
            seed: 0..2⁶⁴-1; None draws one from Python's `random`.
            epoch: 0 or more; another epoch is another set of draws.
            index: Row numbers `(M,)`, 0..2⁴⁷-1. None numbers the rows 0..M-1.

        Returns:
            Images with the rank and dtype of `images`, or a dict with the keys it had.

        Raises:
            TypeError: An argument has the wrong type, or targets cannot follow the images.
            ValueError: An argument is out of its range.
        """
        given = Given(images, self)
        count = len(given.images)
        numbers = check_rows(np.arange(count) if index is None else index)
        if len(numbers) != count:
            rule = f"`index` must have one row number for each of the {count} images"
            raise ValueError(message(rule, describe(numbers)))
        key = root_key(resolve_seed(seed), epoch)
        self._fill(given.out, given.source, np.arange(count), key, numbers)
        return given.answer()

    def draw(self, index: ArrayLike, *, seed: int | None = None, epoch: int = 0) -> Parameters:
        """Returns what happens to the rows numbered `index`: arrays with M rows, by name.

        Args:
            index: Row numbers `(M,)`, 0..2⁴⁷-1.
            seed: 0..2⁶⁴-1; None draws one from Python's `random`.
            epoch: 0 or more.
        """
        key = root_key(resolve_seed(seed), epoch)
        return self._draw_all(Draws.of_checked(key, check_rows(index)))

    def apply(self, images: Any, parameters: Parameters) -> Any:
        """Returns `images` transformed as `parameters`, made by `draw`, say.

        Args:
            images: As for calling the transform, a dict as well.
            parameters: For the same number of rows. Numbers may be changed, within what the
                transform could be told to draw.

        Raises:
            TypeError: The parameters have another nesting or dtypes of another kind.
            ValueError: They are of another transform or another number of rows, or a number is not
                finite or out of its range.
        """
        given = Given(images, self)
        count = len(given.images)
        checked = fitted(self._example, parameters, count)
        self._check_drawn(checked)
        self._carry_out(given.out, given.source, np.arange(count), checked)
        return given.answer()

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of an augmented image, given that of an image.

        Args:
            shape: `(H, W, C)`, or `(T, H, W, C)` of a video.
        """
        return shape

    # Configuration ------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain data, for `from_config`."""
        register_with_keras()
        return {name: to_plain(value) for name, value in self._fields()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Returns the transform that `get_config` described.

        Raises:
            TypeError: An argument has the wrong type, is missing, or not one of the transform's.
            ValueError: An argument is out of its range, or names what is not known.
        """
        return create(cls, **arguments_of(config))

    def to_json(self) -> str:
        """Returns the transform as JSON, for `from_json`."""
        return json.dumps(to_plain(self))

    @staticmethod
    def from_json(text: str | bytes) -> "Transform":
        """Returns the transform that `to_json` wrote, or someone by hand.

        Args:
            text: A JSON object with `class_name` and `config`; or the bytes of a file with one.

        Raises:
            TypeError: An argument has the wrong type, is missing, or not one of the transform's.
            ValueError: The text is no transform, or of a class that was not imported; or an
                argument is out of its range.
        """
        value = from_json(text)
        if not isinstance(value, Transform):
            rule = "The JSON of a transform is an object with `class_name` and `config`"
            raise ValueError(message(rule, describe(text)))
        return value

    def __repr__(self) -> str:
        parts = [f"{name}={value!r}" for name, value in self._described()]
        return f"{type(self).__name__}({', '.join(parts)})"

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: the `repr`, and what becomes of an image."""
        from kaug._show.preview import to_html

        return to_html(self)

    def _described(self) -> Iterator[tuple[str, Any]]:
        """Yields the constructor's arguments that are not at their defaults, as in the `repr`."""
        defaults = {
            field.name: field.default for field in dataclasses.fields(cast(Any, type(self)))
        }
        for name, value in self._fields():
            if not same(value, defaults[name]):
                yield name, value

    def _fields(self) -> Iterator[tuple[str, Any]]:
        """The constructor's arguments: the class's own, those it inherited, and `p`."""
        own = vars(type(self)).get("__annotations__", {})
        names = [field.name for field in dataclasses.fields(cast(Any, type(self)))]
        for name in sorted(names, key=lambda name: (name == "p", name not in own)):
            yield name, getattr(self, name)

    # How it is carried out ----------------------------------------------------------------------

    def _fill(
        self,
        out: Batch,
        source: Mapping[str, Any],
        rows: NDArray[np.int64],
        key: Key,
        numbers: NDArray[np.int64],
    ) -> None:
        """Writes augmented rows into `out`, in parallel, in one pass over the rows.

        Args:
            out: Where to: `"images"`, and what moves with them (see `_apply.batches`), M rows; of
                videos `(M, T, …)`, all but what is mixed.
            source: What from: the same keys, N rows each.
            rows: Which row of `source` each output row is made from, int64 `(M,)`.
            key: Names the random stream.
            numbers: Row numbers of the draws, int64 `(M,)`.
        """
        # What is drawn for a video is repeated for each of its frames.
        step = max(1, _DRAWN_AT_ONCE // math.prod(frames_of(source["images"])))
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            parameters = self._draw_all(Draws.of_checked(key, numbers[part]))
            piece = {name: array[part] for name, array in out.items()}
            self._carry_out(piece, source, rows[part], parameters)

    def _carry_out(
        self,
        out: Batch,
        source: Mapping[str, Any],
        rows: NDArray[np.int64],
        parameters: Parameters,
    ) -> None:
        out = {**out, "images": with_channels(out["images"])}
        source = {**source, "images": with_channels(source["images"])}
        course, images = self._course(parameters), source["images"]
        if isinstance(images, ImageSequence):
            carry_out_one_by_one(course, out, source, rows)
            return
        if frames_of(images):
            carry_out_videos(course, out, source, rows)
            return
        carry_out(plan(course, images.shape[1:]), out, source, rows)

    def _course(self, parameters: Parameters) -> Course:
        partners = (self._course(each) for each in _partners_of(parameters))
        return Course(tuple(self._steps(parameters)), tuple(partners))

    def _draw_all(self, draws: Draws) -> Parameters:
        """Draws for the rows and, if they are mixed with others, for what those go through."""
        mixing = tuple(leaf for leaf in self._leaves() if leaf._mixes)
        return self._draw_mixed(draws, mixing)

    def _draw_mixed(self, draws: Draws, mixing: tuple["Transform", ...]) -> Parameters:
        """Draws for rows that go through mixing transforms, which others go through as well."""
        parameters = self._draw(draws)
        if not mixing:
            return parameters
        # What is mixed in goes through those that do more than blend, with partners of its own.
        before = tuple(leaf for leaf in mixing[:-1] if not leaf._blends)
        partners = tuple(
            self._draw_mixed(draws._child(_PARTNERS + i), before)
            for i in range(max(leaf._partners for leaf in mixing))
        )
        return {**parameters, "partners": partners if len(partners) > 1 else partners[0]}

    @cached_property
    def _example(self) -> Parameters:
        """Parameters of one row, to compare others with."""
        return self._draw_all(Draws(Key.from_seed(0), [0]))

    def _draw(self, draws: Draws) -> Parameters:
        # Always drawn first, so that another `p` leaves all other draws as they are.
        applied = draws.chance(getattr(self, "p", 1.0))
        drawn = self.draw_parameters(draws)
        if not self._ours:
            on_arrays = draws.xp is np  # what tensors hold cannot be seen
            count = len(draws) if on_arrays else None
            check_drawn(drawn, count, type(self).__name__, taken=("applied", "partners"))
            if on_arrays:
                self._check_values_of(drawn)
        return {"applied": applied, **drawn}

    def _bounds(self) -> Bounds:
        """Returns what the parameters lie between; every number that a kernel gets has bounds.

        A parameter with the name of an option that is drawn from a range lies within that.
        """
        return {name: check.bounds for name, check in self._ranges.items()}

    def _check_values_of(self, parameters: Parameters) -> None:
        """Raises for numbers that cannot have been drawn; policies ask their children as well."""
        check_bounds(self._bounds(), parameters, type(self).__name__)

    def _check_drawn(self, parameters: Parameters) -> None:
        """Raises for what cannot have been drawn, for rows or for those mixed in."""
        self._check_values_of(parameters)
        for each in _partners_of(parameters):
            self._check_drawn(each)

    @property
    def _mixes(self) -> bool:
        """Whether the transform mixes each row with others of the dataset; see `mix`."""
        return self._partners > 0

    @property
    def _partners(self) -> int:
        """With how many other rows each row is mixed; in a policy the most of all transforms."""
        return 0

    @property
    def _blends(self) -> bool:
        """Whether what later transforms mix in is left out of it: see `Course.before`."""
        return False

    @property
    def _aims(self) -> bool:
        """Whether its warp depends on where the boxes of a batch are; see `box_crop`."""
        return False

    def _widest(self, size: tuple[int, int]) -> tuple[float, float] | None:
        """Returns how many pixels one of the result covers along either axis at most.

        None where it is no affine warp that leaves rows rows and columns columns in any case.
        """
        del size
        return None

    @property
    def _gives_size(self) -> bool:
        """Whether the transform may give images another size, and so must act on every row."""
        return False

    @property
    def _takes_white_from_dtype(self) -> bool:
        """Whether what is white depends on the dtype of the images, since nobody has said it."""
        return False

    @property
    def _leaves_range(self) -> bool:
        """Whether values leave black and white behind, for which there must be floats."""
        return False

    def _check_dtype(self, dtype: np.dtype[Any]) -> None:
        """Raises where images of a dtype cannot hold what the transform makes of them."""

    def _leaves(self) -> Iterator["Transform"]:
        """Yields the transforms that are no policies."""
        yield self

    def _check_carries(self, what: str) -> None:
        """Raises when the transform does not know where targets of a kind would go.

        Args:
            what: "segmentation masks", "maps", "bounding boxes" or "keypoints".
        """
        methods = {"segmentation masks": "transform_masks", "maps": "transform_maps"}
        method = methods.get(what, "transform_points")
        if not self.photometric and not self._defines(method):
            raise _does_not_say(self, what, method)

    def _transform_batch(self, batch: Batch, parameters: Parameters) -> Batch:
        """Returns images, maps and points, of those that are in a batch, transformed alike."""
        images, size = batch["images"], batch["images"].shape[1:3]
        made: Batch = {"images": self.transform_images(images, parameters)}
        with offered(None):  # no map is written where images go
            for name in maps_of(batch):
                made[name] = self._move_map(batch[name], parameters, name)
        if "points" in batch:
            made["points"] = self.transform_points(batch["points"], parameters, size)
        return made

    def _move_map(self, values: Array, parameters: Parameters, name: MapName) -> Array:
        """Returns a map moved as the images are, read as its name says.

        A user's own transform fills new places by itself.
        """
        linear = name.interpolation == "bilinear"
        return (self.transform_maps if linear else self.transform_masks)(values, parameters)

    def _move_tensor_map(self, values: Any, parameters: Any, name: MapName) -> Any:
        """Returns a map on tensors `(M, H, W, K)` moved as the images are."""
        del values, parameters, name
        raise _does_not_say(self, "maps on tensors", "transform_tensors")

    def _check_targets(self, names: Collection[str]) -> None:
        """Raises when targets that the transform needs are not among those of a batch."""

    def _defines(self, method: str) -> bool:
        """Returns whether the transform has a method of its own in place of `Transform`'s."""
        return getattr(type(self), method) is not getattr(Transform, method)

    # What makes geometry fuse: see `geometry` and `compose` -------------------------------------

    def _steps(
        self, parameters: Parameters, within: NDArray[np.bool_] | None = None
    ) -> Iterator[Step]:
        """Yields what the transform comes down to: itself, or the transforms in a policy.

        As many steps, and the same transforms, whatever the parameters.

        Args:
            parameters: For all rows.
            within: Which rows are to be transformed at all; None means all.
        """
        applied = parameters["applied"]
        yield Step(self, parameters, applied if within is None else applied & within)

    def _resampling(self) -> Resampling | None:
        """Returns how the transform resamples, or None when it is no mere affine warp."""
        return None

    def _matrices(self, parameters: Parameters, size: Size) -> Matrices:
        """Returns the affine warp of each row; only what has a `_resampling` has one.

        Raises:
            TypeError: The transform is no affine warp.
        """
        del parameters
        rule = "Only affine transforms have matrices"
        raise TypeError(message(rule, f"{self!r} and an image of {size[0]} × {size[1]} pixels"))


def _partners_of(parameters: Parameters) -> tuple[Parameters, ...]:
    """Returns the parameters of each row that is mixed in."""
    partners = parameters.get("partners", ())
    return (partners,) if isinstance(partners, Mapping) else tuple(partners)


def _does_not_say(transform: Transform, what: str, method: str) -> TypeError:
    rule = f"A transform must say what happens to {what}"
    fix = f"Define `{method}`, or set `photometric = True` if it only changes values."
    return TypeError(message(rule, f"{transform!r}, which does not", fix))

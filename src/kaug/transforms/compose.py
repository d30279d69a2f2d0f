"""Policies: several transforms in order, one of them, some of them, or now and then."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from kaug._apply import matrices
from kaug._apply.execute import carried_out
from kaug._apply.leaf import shape_after
from kaug._apply.matrices import Matrices
from kaug._apply.plan import plan
from kaug._apply.resample import INDIFFERENT, Resampling
from kaug._apply.stages import Aim, Course, Step, Warp
from kaug._draw.draws import Draws
from kaug._tensors import ops
from kaug._types import Array, Parameters, Size
from kaug._validation import check_number, check_probability, describe, fix_for_step, message
from kaug.transforms._bases.affine import AffineTransform
from kaug.transforms._bases.config import MAX_DEPTH
from kaug.transforms._bases.fields import Integers, or_none
from kaug.transforms.transform import Transform

_LEAST_WEIGHT = 1e-300


def _checked_children(transforms: Any, name: str) -> tuple[Transform, ...]:
    rule = f"`{name}` must be a sequence of transforms"
    if isinstance(transforms, Transform) or not isinstance(transforms, (tuple, list)):
        raise TypeError(message(rule, describe(transforms), "Put it into a list."))
    for child in transforms:
        if not isinstance(child, Transform):
            fix = fix_for_step(child, "Wrap a function in Lambda.")
            raise TypeError(message(rule, f"{describe(child)} among them", fix))
    _check_depth(transforms)
    return tuple(transforms)


def _checked_child_or_children(transforms: Any, name: str) -> tuple[Transform, ...]:
    single = isinstance(transforms, Transform)
    return _checked_children((transforms,) if single else transforms, name)


def _checked_weights(weights: Any, name: str) -> tuple[float, ...]:
    return tuple(check_number(weight, name) for weight in weights)


def _checked_function(function: Any, name: str) -> Any:
    if not callable(function):
        rule = f"`{name}` must be something that can be called"
        raise TypeError(message(rule, describe(function)))
    return function


def _check_depth(transforms: Sequence[Transform]) -> None:
    """Raises for what is nested so deeply that Python could neither write nor compare it."""
    level, depth = list(transforms), 0
    while level:
        inner = (child for each in level for child in getattr(each, "transforms", ()))
        level, depth = list({id(child): child for child in inner}.values()), depth + 1
        if depth > MAX_DEPTH:
            rule = f"Transforms may be nested {MAX_DEPTH} deep"
            raise ValueError(message(rule, "more", "Put them into one list."))


@dataclass(frozen=True, repr=False)
class _Policy(Transform):
    """Children, each drawn under a key of its own, and for each row the choice of them."""

    _checks: ClassVar = {"transforms": _checked_children, "p": check_probability}

    transforms: Transform | Sequence[Transform]
    p: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.p < 1:
            self._refuse_sizes()

    def _refuse_sizes(self) -> None:
        """Refuses what gives images another size, where rows may be left out of it."""
        for leaf in self._leaves():
            if leaf._gives_size:
                rule = "A transform that changes the size of images must act on every row"
                received = f"{leaf!r} in {self!r}"
                fix = "Put it before or behind what is left to chance."
                raise ValueError(message(rule, received, fix))

    @property
    def _children(self) -> tuple[Transform, ...]:
        return cast(tuple[Transform, ...], self.transforms)

    @property
    def _partners(self) -> int:
        return max((child._partners for child in self._children), default=0)

    def _leaves(self) -> Iterator[Transform]:
        for child in self._children:
            yield from child._leaves()

    def choose(self, draws: Draws) -> NDArray[np.bool_]:
        """Returns which children act on which rows, bool `(M, children)`; by default all."""
        return draws.constant(np.ones(len(self._children), np.bool_))

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns which children were `chosen` for each row, and the parameters of each child."""
        parameters = tuple(child._draw(draws._child(i)) for i, child in enumerate(self._children))
        return {"chosen": self.choose(draws), "transforms": parameters}

    def _check_values_of(self, parameters: Parameters) -> None:
        for child, own in zip(self._children, parameters["transforms"], strict=True):
            child._check_values_of(own)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        for child in self._children:
            shape = shape_after(child, shape)
        return shape

    def _resampling(self) -> Resampling | None:
        merged: Resampling | None = INDIFFERENT
        for child in self._children:
            sampling = child._resampling()
            merged = None if merged is None or sampling is None else merged.merge(sampling)
        return merged

    def _matrices(self, parameters: Parameters, size: Size) -> Matrices:
        """Returns the one warp of all children that were chosen."""
        course = Course(tuple(self._steps(parameters)))
        (warp,) = plan(course, (*size, 1)) or (None,)
        warp = warp.aimed({}) if isinstance(warp, Aim) else warp
        still = matrices.identity(parameters["applied"])
        return warp.matrices if isinstance(warp, Warp) else still

    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        """Returns `images` after every child that was chosen, runs of warps in one resampling."""
        return carried_out(self._steps(parameters), images)

    def _steps(
        self, parameters: Parameters, within: NDArray[np.bool_] | None = None
    ) -> Iterator[Step]:
        """Yields the steps of all children; nested policies dissolve."""
        within = parameters["applied"] if within is None else parameters["applied"] & within
        for i, child in enumerate(self._children):
            yield from child._steps(
                parameters["transforms"][i], parameters["chosen"][:, i] & within
            )


@dataclass(frozen=True, repr=False)
class Compose(_Policy):
    """Applies transforms one after the other.

    Every run of affine transforms with the same filling and interpolation is one resampling,
    nested policies included: their matrices are composed first.

    Args:
        transforms: In the order in which they act.
        p: Probability that a row goes through them at all.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Compose, HorizontalFlip, Rotation
        >>> policy = Compose([Rotation((90, 90)), HorizontalFlip(p=1)])
        >>> policy(np.arange(4).reshape(1, 2, 2), seed=0)[0]
        array([[3, 1],
               [2, 0]])
    """

    transforms: Sequence[Transform]


@dataclass(frozen=True, repr=False)
class OneOf(_Policy):
    """Applies one of several transforms, drawn row by row.

    Args:
        transforms: What to choose from, at least one.
        weights: How likely each is, in any scale; None makes all alike.
        p: Probability that a row is transformed at all.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import HorizontalFlip, OneOf, VerticalFlip
        >>> flip = OneOf([HorizontalFlip(p=1), VerticalFlip(p=1)])
        >>> flip(np.arange(4).reshape(1, 2, 2), seed=1)[0]
        array([[1, 0],
               [3, 2]])
    """

    _checks: ClassVar = {"weights": or_none(_checked_weights)}

    transforms: Sequence[Transform]
    weights: Sequence[float] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.transforms:
            raise ValueError(message("`transforms` must not be empty", "no transforms"))
        if len(self.transforms) > 1:
            self._refuse_sizes()
        if self.weights is None:
            return
        fitting = len(self.weights) == len(self.transforms) and min(self.weights) >= 0
        # Shares of what is hardly above 0, or of more than can be added up, are none.
        if not fitting or not _LEAST_WEIGHT <= sum(self.weights) < np.inf:
            rule = "`weights` must be a number of 0 or more for each transform, not all 0"
            received = f"{len(self.transforms)} transforms and weights={self.weights}"
            raise ValueError(message(rule, received))

    def choose(self, draws: Draws) -> NDArray[np.bool_]:
        count = len(self.transforms)
        choice: Any = draws.categorical(self.weights or np.ones(count))
        chosen: NDArray[np.bool_] = choice[:, None] == draws.xp.arange(count)
        return chosen


@dataclass(frozen=True, repr=False)
class SomeOf(_Policy):
    """Applies some of several transforms, in their order, drawn row by row without repetition.

    Args:
        transforms: What to choose from.
        n: How many: an integer, or a pair (low, high) of which every number is as likely.
        p: Probability that a row is transformed at all.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import HorizontalFlip, SomeOf, VerticalFlip
        >>> flips = SomeOf([HorizontalFlip(p=1), VerticalFlip(p=1)], n=2)
        >>> flips(np.arange(4).reshape(1, 2, 2), seed=1)[0]
        array([[3, 2],
               [1, 0]])
    """

    transforms: Sequence[Transform]
    n: int | tuple[int, int] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("n", Integers(0, len(self.transforms)))
        if Integers.ends(self.n)[0] < len(self.transforms):
            self._refuse_sizes()

    def choose(self, draws: Draws) -> NDArray[np.bool_]:
        """Returns the children with the smallest of as many random words."""
        low, high = Integers.ends(self.n)
        count = low + draws.integers(high - low + 1)
        chosen: NDArray[np.bool_] = draws.ranks(len(self.transforms)) < count[:, None]
        return chosen


@dataclass(frozen=True, repr=False)
class Sometimes(_Policy):
    """Applies a transform, or several in order, with a probability, drawn row by row.

    Args:
        transforms: A transform, or a sequence of them.
        p: Probability.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Rotation, Sometimes
        >>> turned = Sometimes(Rotation((180, 180)), p=0.5)(np.arange(8).reshape(4, 1, 2), seed=3)
        >>> turned.shape
        (4, 1, 2)
    """

    _checks: ClassVar = {"transforms": _checked_child_or_children}

    p: float = 0.5


@dataclass(frozen=True, repr=False)
class Identity(AffineTransform):
    """Changes nothing: the choice in a `OneOf` to leave a row alone.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Identity
        >>> Identity()(np.arange(2).reshape(1, 1, 2))
        array([[[0, 1]]])
    """

    def _resampling(self) -> Resampling:
        return INDIFFERENT

    def _matrices(self, parameters: Parameters, size: Size) -> Matrices:
        del size
        return matrices.identity(parameters["applied"])


@dataclass(frozen=True, repr=False)
class Lambda(Transform):
    """Applies a function to the images.

    Args:
        function: Takes images `(M, H, W, C)` and returns as many of the same shape and dtype,
            row by row, without randomness of its own: that is what subclasses of `Transform` are
            for. To save a policy, register it with `keras.saving.register_keras_serializable`.
            `kaug.layers.RandomTransform` gives it tensors of Keras' backend, float32 whatever the
            images were given as: arithmetic serves both, and other functions are `keras.ops` there.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: `function` cannot be called, or changes the dtype.
        ValueError: `function` changes the shape.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Lambda
        >>> Lambda(lambda images: 255 - images)(np.array([[[0, 5]]], "uint8"), seed=0)
        array([[[255, 250]]], dtype=uint8)
    """

    _checks: ClassVar = {"function": _checked_function, "p": check_probability}

    function: Callable[[Array], Array]
    p: float = field(default=1.0, kw_only=True)

    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        del parameters
        result = np.asarray(self.function(images.copy()))
        if result.shape != images.shape:
            rule = f"A function must keep the shape {images.shape} of the images"
            raise ValueError(message(rule, describe(result)))
        if result.dtype != images.dtype:
            rule = f"A function must keep the dtype {images.dtype} of the images"
            raise TypeError(message(rule, describe(result)))
        return result

    def transform_tensors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        """Returns what the function makes of tensors."""
        del parameters, dtype
        try:
            result = ops.convert_to_tensor(self.function(images), dtype="float32")
        except Exception as error:  # a user's function may raise anything
            rule = "`RandomTransform` gives the function of a Lambda tensors"
            received = f"{type(error).__name__} from that of {self!r}: {error}"
            fix = "Compute with `keras.ops` there, or augment with kaug.AugmentedDataset."
            raise RuntimeError(message(rule, received, fix)) from error
        if tuple(result.shape[1:]) != tuple(images.shape[1:]):
            rule = f"A function must keep the shape {tuple(images.shape)} of the images"
            raise ValueError(message(rule, f"a tensor of shape {tuple(result.shape)}"))
        return result

"""What transforms to a size share: the size, and crops that are resized to it."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kaug._apply import matrices
from kaug._apply.leaf import of_each_frame
from kaug._apply.matrices import Matrices
from kaug._apply.resample import Resampling
from kaug._apply.stages import Step
from kaug._namespace import namespace
from kaug._types import Floats, Parameters, Side, Size
from kaug._validation import message
from kaug.transforms._bases.affine import AffineTransform
from kaug.transforms._bases.fields import integer, or_none
from kaug.transforms.transform import Transform

#: The longest side of an image that has any business here.
LONGEST = 2**15
#: The check of a side in pixels, or None.
LENGTH = or_none(integer(1, LONGEST))


@dataclass(frozen=True, repr=False)
class SizeOptions(Transform):
    """The size of the result; one number stands for both, and none keeps that of the images."""

    _checks: ClassVar = {"height": LENGTH, "width": LENGTH}

    height: int | None = None
    width: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.height is None and self.width is not None:
            rule = f"`{type(self).__name__}` must have a height where it has a width"
            raise ValueError(message(rule, f"height=None, width={self.width}"))

    @property
    def _gives_size(self) -> bool:
        return self.height is not None

    @of_each_frame
    def output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Returns the shape of an augmented image, given that of an image."""
        if self.height is None:
            return shape
        return (self.height, self.width or self.height, *shape[2:])


@dataclass(frozen=True, repr=False)
class ToSize(SizeOptions, AffineTransform):
    """An affine transform to a size."""


class ResizedCrop(AffineTransform):
    """A crop that is resized: `boxes` says of what, rows that are not cropped being whole."""

    height: int | None
    width: int | None
    interpolation: str

    def _widest(self, size: tuple[int, int]) -> tuple[float, float]:
        return across(size, self.output_shape(size))

    @abstractmethod
    def boxes(self, parameters: Parameters, size: Size) -> Floats:
        """Returns the boxes, `(M, 4)`: top, left, height and width in pixels."""

    def _steps(
        self, parameters: Parameters, within: NDArray[np.bool_] | None = None
    ) -> Iterator[Step]:
        """Yields the transform; where it changes the size, it acts on every row in some way."""
        if self.height is None and self.width is None:
            yield from super()._steps(parameters, within)
            return
        applied = parameters["applied"] if within is None else parameters["applied"] & within
        every = namespace(applied).ones_like(applied)
        yield Step(self, {**parameters, "applied": applied}, every)

    def _resampling(self) -> Resampling:
        return Resampling("", 0.0, self.interpolation, areas=True)

    def _matrices(self, parameters: Parameters, size: Size) -> Matrices:
        return self._cut(self.boxes(parameters, size), size)

    def _cut(self, boxes: Floats, size: Size) -> Matrices:
        """Returns what cuts out boxes, and resizes them."""
        top, left, height, width = (boxes[:, i] for i in range(4))
        after = self.output_shape(size)
        return matrices.crop((top, left, height, width), size, (after[0], after[1]), top)


def across(size: tuple[int, int], after: tuple[int, ...]) -> tuple[float, float]:
    """Returns how many pixels of images are one of what they are resized to, along either axis."""
    return size[0] / after[0], size[1] / after[1]


def rounded(length: Side) -> Any:
    """Returns lengths as whole pixels, at least one."""
    whole = np.maximum(np.floor(length + 0.5), 1)
    return int(whole) if np.ndim(whole) == 0 else whole.astype(np.int64)

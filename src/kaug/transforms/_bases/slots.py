"""What the published policies share: slots, in each of which a row goes through one operation.

A slot is two steps: one warp for all geometric operations, and one transform for all others, which
sorts the rows by operation. (One step for each operation spends more time on starting than on
pixels, where images are small or a piece is a single large one.) As no row has two operations in a
slot, the order of its steps means nothing: the warp comes where it can merge with neighbours.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kaug._apply import matrices
from kaug._apply.destination import result_like
from kaug._apply.matrices import Matrices
from kaug._apply.parameters import UNIT, Bounds, check_bounds
from kaug._apply.resample import Resampling
from kaug._apply.stages import Step
from kaug._namespace import entries, namespace
from kaug._tensors import ops
from kaug._tensors.colors import by_row
from kaug._tensors.operations import changed
from kaug._types import Array, Parameters, Side, Size
from kaug.transforms._bases.affine import AffineTransform
from kaug.transforms._bases.magnitudes import (
    GEOMETRIC,
    LEAST,
    MOST,
    NUMBERS,
    OPERATIONS,
    WIDE_PIXELS,
)
from kaug.transforms._bases.options import ResamplingOptions, ValueOptions
from kaug.transforms._bases.photometric import Photometric, Ranged
from kaug.transforms.color import Brightness, Contrast, Invert, Saturation
from kaug.transforms.filters import Sharpness
from kaug.transforms.tone import AutoContrast, Equalize, Posterize, Solarize


@dataclass(frozen=True, repr=False)
class GeometrySlot(AffineTransform):
    """All geometric operations: for each row the strength of one, 0 for all others.

    Shears are about the upper left corner and rotations about the centre, as Pillow's are, and ways
    are whole pixels.
    """

    fill_mode: str
    fill_value: float
    interpolation: str
    # The longest way of a translation as a part of the image, or None for TrivialAugment's.
    longest_way: float | None

    def _resampling(self) -> Resampling:
        return Resampling(self.fill_mode, self.fill_value, self.interpolation)

    def _matrices(self, parameters: Parameters, size: Size) -> Matrices:
        height, width = size
        xp = namespace(parameters["Rotate"])
        sine, cosine = matrices.sine_and_cosine(parameters["Rotate"])
        x, y = parameters["ShearX"], parameters["ShearY"]
        right, down = (
            xp.trunc(parameters[name] * self._pixels(length))
            for name, length in (("TranslateX", width), ("TranslateY", height))
        )
        rows = (
            (cosine, sine + y, y * width / 2 - down),
            (x - sine, cosine, x * height / 2 - right),
        )
        return matrices.from_entries(rows, sine)

    def _pixels(self, length: Side) -> Any:
        if self.longest_way is None:
            return np.minimum(WIDE_PIXELS, length)
        return self.longest_way * length


@dataclass(frozen=True, repr=False)
class Color(Saturation):
    """Saturation, which leaves images alone that have no three channels."""

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        if images.shape[-1] != 3:
            return images.copy()
        return super().change(images, parameters, outside)


# What carries an operation out, and what it calls the strength.
_COLORS: dict[str, tuple[type[Any], str]] = {
    "Brightness": (Brightness, "brightness"),
    "Color": (Color, "saturation"),
    "Contrast": (Contrast, "contrast"),
    "Sharpness": (Sharpness, "sharpness"),
    "Posterize": (Posterize, "bits"),
    "Solarize": (Solarize, "threshold"),
    "AutoContrast": (AutoContrast, "cutoff"),
    "Equalize": (Equalize, ""),
    "Invert": (Invert, ""),
}
_CHANGING = np.array([name in _COLORS for name in NUMBERS])


@dataclass(frozen=True, repr=False)
class ValueSlot(Ranged):
    """All operations on values: for each row the number of one, and its strength."""

    @cached_property
    def _parts(self) -> dict[int, tuple[Photometric, str]]:
        return {
            NUMBERS[name]: (cls(value_range=self.value_range, opacity=self.opacity), parameter)
            for name, (cls, parameter) in _COLORS.items()
        }

    def transform_colors(self, images: Array, parameters: Parameters) -> Array:
        operations, strengths = parameters["operation"], parameters["strength"]
        present = np.unique(operations)
        if len(present) == 1:
            return self._changed(images, present[0], strengths)
        out = result_like(images)
        for number in present:
            rows = np.flatnonzero(operations == number)
            out[rows] = self._changed(images[rows], number, strengths[rows])
        return out

    def _changed(self, images: Array, number: int, strengths: NDArray[np.float64]) -> Array:
        leaf, parameter = self._parts[number]
        return leaf.transform_colors(images, {parameter: strengths} if parameter else {})

    def transform_tensor_colors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        """Returns images after each row's operation, on tensors."""
        result = super().transform_tensor_colors(images, parameters, dtype)
        if images.shape[-1] == 3:
            return result
        colored = parameters["operation"] == NUMBERS["Color"]
        return ops.where(by_row(colored), images, result)  # not even clipped

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        chosen = {name: parameters["operation"] == NUMBERS[name] for name in _COLORS}
        return changed(images, chosen, parameters["strength"], in_bytes=in_bytes)


@dataclass(frozen=True, repr=False)
class Slots(ValueOptions, ResamplingOptions):
    """A policy of operations, and the options that all such policies have."""

    #: Every operation in the order of their numbers, with the unit of its strength.
    operations: ClassVar[Mapping[str, str | None]] = MappingProxyType(OPERATIONS)

    fill_mode: str = field(default="constant", kw_only=True)
    interpolation: str = field(default="nearest", kw_only=True)

    @abstractmethod
    def longest_way(self) -> float | None:
        """Returns the longest way of a translation; see `GeometrySlot`."""

    def _bounds(self) -> Bounds:
        return {
            "operation": {"minimum": 0, "maximum": len(NUMBERS) - 1},
            "strength": {"minimum": LEAST.min(), "maximum": MOST.max()},
            # Of AugMix, which mixes its copies by shares.
            "weight": UNIT,
            "share": UNIT,
        }

    def _check_values_of(self, parameters: Parameters) -> None:
        super()._check_values_of(parameters)
        operations = parameters["operation"]
        reach = {"minimum": LEAST[operations], "maximum": MOST[operations]}
        check_bounds({"strength": reach}, parameters, type(self).__name__)

    @cached_property
    def _geometry(self) -> GeometrySlot:
        return GeometrySlot(self.fill_mode, self.fill_value, self.interpolation, self.longest_way())

    @cached_property
    def _values(self) -> ValueSlot:
        return ValueSlot(value_range=self.value_range, opacity=self.opacity)

    def slots(
        self,
        operations: NDArray[np.int64],
        strengths: NDArray[np.float64],
        within: NDArray[np.bool_],
    ) -> Iterator[Step]:
        """Yields steps for the operations of all slots, both `(M, slots)`."""
        count = operations.shape[1]
        for slot in range(count):
            steps = self._slot(operations[:, slot], strengths[:, slot], within)
            at_the_end = slot > 0 and slot == count - 1
            yield from reversed(steps) if at_the_end else steps

    def _slot(
        self,
        operation: NDArray[np.int64],
        strength: NDArray[np.float64],
        within: NDArray[np.bool_],
    ) -> tuple[Step, Step]:
        """Returns the steps of the geometric and of all other operations."""
        xp = namespace(operation)
        moves = {name: xp.where(operation == NUMBERS[name], strength, 0.0) for name in GEOMETRIC}
        changes = {"operation": operation, "strength": strength}
        changing = within & entries(_CHANGING, operation)
        return Step(self._geometry, moves, within), Step(self._values, changes, changing)

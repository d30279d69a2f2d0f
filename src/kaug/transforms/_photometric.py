"""Transforms that change values and move nothing, and what the values mean."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import read_only
from kaug._validation import FAR_BELOW_BLACK, check_number, check_probability, describe, message
from kaug.transforms._base import Parameters, Transform
from kaug.transforms._parameters import Bounds
from kaug.transforms._ranges import set_range

Array = NDArray[Any]

# What overshoots 1 is clipped; what reaches this was never meant as 0..1.
_FAR_ABOVE_WHITE = 16
# Integers of 32 bits or more that stay below this part of their range hold less than 16 bits.
_NEARLY_BLACK = 2**-15


@dataclass(frozen=True, repr=False)
class Photometric(Transform):
    """A transform of values: masks, boxes and keypoints stay as they are.

    A subclass says what happens to bytes, 0..255, and to floats, 0..1. Images of other dtypes and
    value ranges are brought to floats and back, so all of them come out alike. Values outside the
    range are clipped to it; NaN stays NaN. Without a `value_range`, floats far outside 0..1 are an
    error, as they would be clipped to black or white, and so are bytes in integers of 32 or 64
    bits, which would be as good as black.
    """

    photometric: ClassVar[bool] = True
    # The fields that are given as ranges, with the options of `set_range`.
    ranges: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    value_range: tuple[float, float] | None = field(default=None, kw_only=True)
    p: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", check_probability(self.p))
        if self.value_range is not None:
            object.__setattr__(self, "value_range", _checked_range(self.value_range))
        for name, options in self.ranges.items():
            set_range(self, name, **options)

    def _bounds(self) -> Bounds:
        return self.ranges

    def limits(self, dtype: np.dtype[Any]) -> tuple[float, float]:
        """Returns what is black and what is white in images of a dtype.

        That is `value_range`, or else 0..1 for floats and for integers 0 and the largest.
        """
        if self.value_range is not None:
            return self.value_range
        return (0.0, 1.0) if dtype.kind == "f" else (0.0, float(np.iinfo(dtype).max))

    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        """Returns `images` with other values."""
        self._check_values(images)
        low, high = self.limits(images.dtype)
        if images.dtype == np.uint8 and (low, high) == (0, 255):
            return self.change_bytes(np.ascontiguousarray(images), parameters)
        # Wide integers do not fit into single precision.
        exact = images.dtype.kind == "f" and images.dtype.itemsize <= 4
        dtype: Any = np.float32 if exact or images.dtype.itemsize <= 2 else np.float64
        floats: Array = np.ascontiguousarray(images, dtype)
        if (low, high) != (0, 1):
            floats = (floats - dtype(low)) / dtype(high - low)
        changed = self.change_floats(floats, parameters)
        if (low, high) != (0, 1):
            changed = changed * dtype(high - low) + dtype(low)
        if images.dtype.kind == "f":
            return changed.astype(images.dtype, copy=False)
        return _to_integers(changed, images.dtype)

    def _check_values(self, images: Array) -> None:
        """Raises for values that are meant otherwise: floats of 0..255, bytes in wide integers.

        It looks at every fourth row of the first image: at all of them would take long.

        Raises:
            ValueError: They can not be in the range of their dtype, and no `value_range` is given.
        """
        kind, size = images.dtype.kind, images.dtype.itemsize
        if self.value_range is not None or not images.size or (kind != "f" and size < 4):
            return
        rows = images[0, ::4]
        if kind != "f":
            white = np.iinfo(images.dtype).max
            highest = int(rows.max())
            if 0 < highest < white * _NEARLY_BLACK:
                rule = f"White is {white} in {images.dtype} for {type(self).__name__}"
                fix = 'Convert bytes with .astype("uint8"), or pass value_range=(0, 255), say.'
                raise ValueError(message(rule, f"values up to {highest}", fix))
            return
        if rows.min() >= FAR_BELOW_BLACK and rows.max() <= _FAR_ABOVE_WHITE:
            return
        rows = rows[np.isfinite(rows)]  # takes ten times as long
        lowest, highest = rows.min(initial=0), rows.max(initial=0)
        if lowest >= FAR_BELOW_BLACK and highest <= _FAR_ABOVE_WHITE:
            return
        rule = f"Floats must be in [0, 1] for {type(self).__name__} without a `value_range`"
        fix = "Divide the images by 255, or pass value_range=(0, 255)."
        if lowest < FAR_BELOW_BLACK:
            fix = "Say what is black and what is white, for example value_range=(-1, 1)."
        raise ValueError(message(rule, f"values from {lowest:g} to {highest:g}", fix))

    def change_bytes(self, images: Array, parameters: Parameters) -> Array:
        """Returns new images from uint8 `(M, H, W, C)`, C-contiguous, not to be written to."""
        raise NotImplementedError

    def change_floats(self, images: Array, parameters: Parameters) -> Array:
        """Returns new images from float32 or float64 `(M, H, W, C)` in 0..1, C-contiguous.

        The result has the same dtype and lies in 0..1.
        """
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class Compiled(Photometric):
    """A transform of values by kernels that take bytes and floats alike."""

    def change_bytes(self, images: Array, parameters: Parameters) -> Array:
        """Returns new images from uint8."""
        return self.change(read_only(images), parameters, np.dtype(np.float32))

    def change_floats(self, images: Array, parameters: Parameters) -> Array:
        """Returns new images from floats in 0..1."""
        return self.change(read_only(images), parameters, images.dtype)

    @abstractmethod
    def change(self, images: Array, parameters: Parameters, precision: np.dtype[Any]) -> Array:
        """Returns new images.

        Args:
            images: `(M, H, W, C)`, C-contiguous, not to be written to: uint8 of 0..255, or floats
                of 0..1.
            parameters: What to do.
            precision: The dtype to work in.
        """


def strengths(parameters: Parameters, name: str, dtype: Any) -> Array:
    """Returns a parameter as kernels take it: contiguous, of one dtype, not to be written to."""
    return read_only(np.ascontiguousarray(parameters[name], dtype))


def _to_integers(values: Array, dtype: np.dtype[Any]) -> Array:
    """Returns floats rounded and clipped to an integer dtype."""
    limits = np.iinfo(dtype)
    highest = values.dtype.type(limits.max)
    if int(highest) > limits.max:  # it was rounded up, to what does not fit
        highest = np.nextafter(highest, values.dtype.type(0))
    return np.clip(np.rint(values), values.dtype.type(limits.min), highest).astype(dtype)


def _checked_range(value: Any) -> tuple[float, float]:
    rule = "`value_range` must be a pair (black, white) of numbers, black below white"
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(message(rule, f"value_range={describe(value)}", "Pass (0, 255), say."))
    low, high = (check_number(item, "value_range", rule) for item in value)
    if low >= high:
        raise ValueError(message(rule, f"value_range={value}"))
    return low, high

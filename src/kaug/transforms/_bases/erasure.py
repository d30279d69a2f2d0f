"""Transforms that overwrite rectangles, with one value or with noise."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kaug._apply.dtypes import checked_fill, kept_dtype, working_dtype
from kaug._apply.parameters import UNIT, Bounds
from kaug._apply.resample import warn_of_idle_fill
from kaug._apply.values import check_values
from kaug._draw.draws import Draws
from kaug._kernels.erasing import erase
from kaug._tensors import erasing, ops
from kaug._types import Array, Parameters
from kaug._validation import check_number
from kaug.transforms._bases.fields import choice
from kaug.transforms._bases.photometric import Photometric

Patches = NDArray[np.int64]


@dataclass(frozen=True, repr=False)
class Erasure(Photometric):
    """A transform that overwrites rectangles; `place` says which."""

    _checks: ClassVar = {"fill_mode": choice("constant", "noise"), "fill_value": check_number}

    fill_mode: str = field(default="constant", kw_only=True)
    fill_value: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        warn_of_idle_fill(self.fill_mode, self.fill_value)

    def _bounds(self) -> Bounds:
        places = dict.fromkeys(("top", "left", "row", "column"), UNIT)
        return {**super()._bounds(), **places, "holes": {"minimum": 1, "maximum": self.most}}

    @property
    def most(self) -> int:
        """How many rectangles there are at most."""
        return 1

    @abstractmethod
    def draw_patches(self, draws: Draws) -> dict[str, Any]:
        """Returns sizes and places of each row as fractions."""

    @abstractmethod
    def place(self, parameters: Parameters, size: tuple[int, int], patches: Patches) -> None:
        """Writes what is erased of images of a height and width, `(M, most, 5)`, as pixels."""

    @abstractmethod
    def place_tensors(self, parameters: Any, size: tuple[int, int]) -> erasing.Patch:
        """Returns what is erased of images of a height and width, on tensors."""

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns sizes and places as fractions, and two `words` `(M, 2)` that make the noise."""
        return {**self.draw_patches(draws), "words": draws.words(2)}

    @property
    def _takes_white_from_dtype(self) -> bool:
        return self.fill_mode == "noise" and self.value_range is None

    def transform_colors(self, images: Array, parameters: Parameters) -> Array:
        dtype = kept_dtype(images.dtype)
        noisy = self.fill_mode == "noise"
        if noisy and self.value_range is None and images.dtype != np.uint8:
            floats = np.ascontiguousarray(images, working_dtype(images.dtype))
            check_values(floats, images.dtype, type(self).__name__)
        low, span = self._noise_limits(dtype) if noisy else (self._value(dtype), 0.0)
        patches = np.zeros((len(images), self.most, 5), np.int64)
        self.place(parameters, (images.shape[1], images.shape[2]), patches)
        out = np.array(images, dtype, order="C")
        erase(out, patches, noisy, dtype.type(low), span, parameters["words"])
        return out.astype(images.dtype, copy=False)

    def transform_tensor_colors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        kept, shape = kept_dtype(dtype), images.shape[1:]
        patch = self.place_tensors(parameters, (shape[0], shape[1]))
        if self.fill_mode == "constant":
            return ops.where(erasing.covered(patch, shape[:2]), self._value(kept), images)
        low, span = self._noise_limits(kept)
        inside, noise = erasing.noisy(patch, parameters["words"], shape)
        noise = noise * span if kept.kind == "f" else ops.floor(noise * span)
        return ops.where(inside, low + noise, images)

    def _value(self, dtype: np.dtype[Any]) -> float:
        return checked_fill("constant", self.fill_value, dtype)

    def _noise_limits(self, dtype: np.dtype[Any]) -> tuple[float, float]:
        """Returns the least value of noise, and how many integers or how wide a range follow."""
        low, high = self.limits(dtype)
        if dtype.kind == "f":
            return low, high - low
        kind = np.iinfo(dtype)
        low, high = max(np.ceil(low), kind.min), min(np.floor(high), kind.max)
        return low, high - low + 1

"""Transforms whose pixels are averages, which need neither black nor white."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from kaug._apply.dtypes import to_dtype, working_dtype
from kaug._apply.values import reaches_outside
from kaug._types import Array, Parameters
from kaug.transforms._bases.photometric import Normalized


@dataclass(frozen=True, repr=False)
class Averaging(Normalized):
    """A transform that averages pixels: values may lie anywhere, unless a `value_range` is given.

    To that results are clipped.
    """

    @property
    def _takes_white_from_dtype(self) -> bool:
        return False

    def transform_colors(self, images: Array, parameters: Parameters) -> Array:
        unsigned = images.dtype.kind == "u" and images.dtype.itemsize <= 2
        if self.value_range is not None or unsigned:
            return super().transform_colors(images, parameters)
        floats: Array = np.ascontiguousarray(images, working_dtype(images.dtype))
        if not reaches_outside(floats, 0, 1):
            return to_dtype(self.average(floats, parameters), images.dtype)
        low, high = _reach(floats)
        averages = self.average((floats - low) / (high - low), parameters)
        return to_dtype(averages * (high - low) + low, images.dtype)

    def transform_tensor_colors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        averages = self.average_tensors(images, parameters)
        return self.tensors_within_range(averages, dtype)

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        del outside  # without a value range, they may lie anywhere
        return self.average(images, parameters)

    @abstractmethod
    def average(self, images: Array, parameters: Parameters) -> Array:
        """Returns averages of C-contiguous images, bytes or floats of 0..1."""

    @abstractmethod
    def average_tensors(self, images: Any, parameters: Any) -> Any:
        """Returns averages of tensors of any values."""


def _reach(images: Array) -> tuple[Array, Array]:
    """Returns the least and the greatest finite value of each image, 0 and 1 or beyond."""
    options: Any = {"axis": (1, 2, 3), "keepdims": True, "where": np.isfinite(images)}
    return images.min(initial=0, **options), images.max(initial=1, **options)

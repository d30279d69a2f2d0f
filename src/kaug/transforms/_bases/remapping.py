"""One resampling of a batch by a kernel that is no affine warp."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from kaug._apply.batches import MapName
from kaug._apply.dtypes import checked_fill
from kaug._apply.resample import Resampling
from kaug._tensors import geometry, ops
from kaug._types import Array, Parameters
from kaug._validation import check_probability
from kaug.transforms._bases.fields import Check
from kaug.transforms._bases.options import ResamplingOptions


@dataclass(frozen=True, repr=False)
class Remapping(ResamplingOptions):
    """A geometric transform that resamples by itself.

    Masks and maps are images to it, that are read in another way.
    """

    _checks: ClassVar[Mapping[str, Check]] = {"p": check_probability}

    p: float = field(default=1.0, kw_only=True)

    def transform_tensors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        fill = checked_fill(self.fill_mode, self.fill_value, dtype)
        return self._remap_tensors(images, parameters, replace(self._sampling, fill_value=fill))

    def _move_tensor_map(self, values: Any, parameters: Any, name: MapName) -> Any:
        sampling = name.sampling(self._sampling)
        read = geometry.for_reading(values, sampling)
        return ops.cast(self._remap_tensors(read, parameters, sampling), values.dtype)

    @abstractmethod
    def _remap_tensors(self, images: Any, parameters: Any, sampling: Resampling) -> Any:
        """Returns images or maps resampled, on tensors.

        Args:
            images: `(M, H, W, C)`; of any dtype where pixels are not blended, else float32.
            parameters: What to do.
            sampling: Fill and interpolation.
        """

    def transform_masks(self, masks: Array, parameters: Parameters) -> Array:
        return self._move_map(masks, parameters, MapName("masks"))

    def transform_maps(self, maps: Array, parameters: Parameters) -> Array:
        return self._move_map(maps, parameters, MapName("maps", "bilinear"))

    def _move_map(self, values: Array, parameters: Parameters, name: MapName) -> Array:
        fill = name.fill_value if self.fill_mode == "constant" else 0.0
        other = replace(self, interpolation=name.interpolation, fill_value=fill)
        return other.transform_images(values, parameters)

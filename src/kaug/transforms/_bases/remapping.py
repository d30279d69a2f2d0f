"""One resampling of a batch by a kernel that is no affine warp."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from kaug._apply.batches import MapName
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

    def transform_masks(self, masks: Array, parameters: Parameters) -> Array:
        return self._move_map(masks, parameters, MapName("masks"))

    def transform_maps(self, maps: Array, parameters: Parameters) -> Array:
        return self._move_map(maps, parameters, MapName("maps", "bilinear"))

    def _move_map(self, values: Array, parameters: Parameters, name: MapName) -> Array:
        fill = name.fill_value if self.fill_mode == "constant" else 0.0
        other = replace(self, interpolation=name.interpolation, fill_value=fill)
        return other.transform_images(values, parameters)

"""One resampling of a batch by a kernel that is no affine warp."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from kaug._apply.resample import Resampling
from kaug._validation import check_probability
from kaug.transforms._bases.fields import Check
from kaug.transforms._bases.options import ResamplingOptions


@dataclass(frozen=True, repr=False)
class Remapping(ResamplingOptions):
    """A geometric transform that resamples by itself."""

    _checks: ClassVar[Mapping[str, Check]] = {"p": check_probability}

    p: float = field(default=1.0, kw_only=True)

    @property
    def _mask_sampling(self) -> Resampling:
        return replace(self._sampling, fill_value=0.0, interpolation="nearest")

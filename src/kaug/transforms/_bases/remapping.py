"""One resampling of a batch by a kernel that is no affine warp."""

from dataclasses import dataclass, field, replace

from kaug._apply.resample import Resampling, check_fill, warn_of_idle_fill
from kaug._validation import check_probability
from kaug.transforms.transform import Transform


@dataclass(frozen=True, repr=False)
class Remapping(Transform):
    """A geometric transform that resamples by itself: what lies outside, and between pixels."""

    fill_mode: str = field(default="nearest", kw_only=True)
    fill_value: float = field(default=0.0, kw_only=True)
    interpolation: str = field(default="bilinear", kw_only=True)
    p: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        check_fill(self.fill_mode, self.fill_value, self.interpolation)
        warn_of_idle_fill(self.fill_mode, self.fill_value)
        object.__setattr__(self, "fill_value", float(self.fill_value))
        object.__setattr__(self, "p", check_probability(self.p))

    @property
    def _sampling(self) -> Resampling:
        return Resampling(self.fill_mode, self.fill_value, self.interpolation)

    @property
    def _mask_resampling(self) -> Resampling:
        """How masks are resampled."""
        return replace(self._sampling, fill_value=0.0, interpolation="nearest")

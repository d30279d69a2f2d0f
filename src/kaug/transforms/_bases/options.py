"""Options that several families have: how images are resampled, and what their values mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from kaug._apply.resample import INTERPOLATIONS, Resampling, warn_of_idle_fill
from kaug._kernels.warp import FILL_MODES
from kaug._validation import check_flag, check_number, check_probability, describe, message
from kaug.transforms._bases.fields import Check, choice, or_none
from kaug.transforms.transform import Transform

# What `value_range` may be: single precision has its ends and what lies between them.
_LARGEST, _NARROWEST = 1e30, 1e-30


@dataclass(frozen=True, repr=False)
class ResamplingOptions(Transform):
    """What lies outside the image, and between its pixels."""

    _checks: ClassVar[Mapping[str, Check]] = {
        "fill_mode": choice(*FILL_MODES),
        "fill_value": check_number,
        "interpolation": choice(*INTERPOLATIONS),
    }

    fill_mode: str = field(default="nearest", kw_only=True)
    fill_value: float = field(default=0.0, kw_only=True)
    interpolation: str = field(default="bilinear", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        warn_of_idle_fill(self.fill_mode, self.fill_value)

    @property
    def _sampling(self) -> Resampling:
        return Resampling(self.fill_mode, self.fill_value, self.interpolation)


def _check_value_range(value: Any, name: str) -> tuple[float, float]:
    rule = f"`{name}` must be a pair (black, white) of numbers, black below white"
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(message(rule, f"{name}={describe(value)}", "Pass (0, 255), say."))
    low, high = (check_number(item, name, rule) for item in value)
    if low >= high or max(-low, high) > _LARGEST:
        raise ValueError(message(f"{rule}, both within 1e30", f"{name}={value}"))
    if high - low < _NARROWEST:
        raise ValueError(message(f"{rule} by 1e-30 at least", f"{name}={value}"))
    return low, high


@dataclass(frozen=True, repr=False)
class ValueOptions(Transform):
    """What is black, what is white, and whether a channel is opacity."""

    _checks: ClassVar[Mapping[str, Check]] = {
        "value_range": or_none(_check_value_range),
        "opacity": check_flag,
        "p": check_probability,
    }

    value_range: tuple[float, float] | None = field(default=None, kw_only=True)
    opacity: bool = field(default=True, kw_only=True)
    p: float = field(default=1.0, kw_only=True)

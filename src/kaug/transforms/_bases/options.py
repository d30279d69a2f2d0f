"""Options that several families have: sizes, how images are resampled, what values mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from kaug._apply.resample import INTERPOLATIONS, Resampling, warn_of_idle_fill
from kaug._kernels.warp import FILL_MODES
from kaug._types import Side
from kaug._validation import check_flag, check_number, check_probability, describe, message
from kaug.transforms._bases.fields import Check, choice, integer, or_none
from kaug.transforms.transform import Transform

# The longest side of an image that has any business here.
LONGEST = 2**15
LENGTH = or_none(integer(1, LONGEST))
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

    def output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Returns the shape of an augmented image, given that of an image."""
        if self.height is None:
            return shape
        return (self.height, self.width or self.height, *shape[2:])


def rounded(length: Side) -> Any:
    """Returns lengths as whole pixels, at least one."""
    whole = np.maximum(np.floor(length + 0.5), 1)
    return int(whole) if np.ndim(whole) == 0 else whole.astype(np.int64)

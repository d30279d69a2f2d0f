"""One resampling of a batch by a kernel that is no affine warp."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from kaug._apply.dtypes import checked_fill, holds, moved_exactly, to_dtype, working_dtype
from kaug._apply.resample import Resampling
from kaug._kernels import read_only
from kaug._kernels.warp import FILL_MODES
from kaug._types import Array
from kaug._validation import check_probability
from kaug.transforms.transform import Transform, check_fill


@dataclass(frozen=True, slots=True)
class Reading:
    """A sampling as kernels take it, for images of one dtype."""

    linear: bool
    mode: int
    fill: Any
    weight_dtype: np.dtype[Any]


@dataclass(frozen=True, repr=False)
class Remapping(Transform):
    """A geometric transform that resamples by itself: what lies outside, and between pixels."""

    fill_mode: str = field(default="nearest", kw_only=True)
    fill_value: float = field(default=0.0, kw_only=True)
    interpolation: str = field(default="bilinear", kw_only=True)
    p: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        check_fill(self.fill_mode, self.fill_value, self.interpolation)
        object.__setattr__(self, "fill_value", float(self.fill_value))
        object.__setattr__(self, "p", check_probability(self.p))

    @property
    def _sampling(self) -> Resampling:
        return Resampling(self.fill_mode, self.fill_value, self.interpolation)

    @property
    def _mask_resampling(self) -> Resampling:
        """How masks are resampled."""
        return replace(self._sampling, fill_value=0.0, interpolation="nearest")


def remapped(
    images: Array,
    sampling: Resampling,
    kernel: Callable[[Array, Array, Reading], None],
    size: tuple[int, int] | None = None,
) -> Array:
    """Returns what a kernel makes of images, in their dtype.

    Args:
        images: `(M, H, W, C)`, any integer or float dtype.
        sampling: Fill and interpolation.
        kernel: Called with the images, C-contiguous and of a dtype that kernels know, with where
            to write, and with the sampling.
        size: Height and width of the result; None keeps those of the images.
    """
    if sampling.interpolation == "nearest" and not holds(images):
        bare = replace(sampling, fill_value=0.0)
        constant = sampling.fill_mode == "constant"
        fill = checked_fill("constant", sampling.fill_value, images.dtype) if constant else None
        return moved_exactly(images, lambda each: remapped(each, bare, kernel, size), fill)
    reading = _read(sampling, images.dtype)
    source = np.ascontiguousarray(images, reading.fill.dtype)
    if not source.flags.aligned:
        source = source.copy()
    out = np.empty((len(images), *(size or images.shape[1:3]), images.shape[3]), source.dtype)
    # Writable or not is part of a compiled function's signature: read-only serves both.
    kernel(read_only(source), out, reading)
    return out if source.dtype == images.dtype else to_dtype(out, images.dtype)


# Small pieces of a batch ask for the same again and again.
@lru_cache(maxsize=64)
def _read(sampling: Resampling, dtype: np.dtype[Any]) -> Reading:
    work = dtype if dtype == np.uint8 else working_dtype(dtype)
    return Reading(
        sampling.interpolation == "bilinear",
        FILL_MODES.index(sampling.fill_mode),
        work.type(checked_fill(sampling.fill_mode, sampling.fill_value, dtype)),
        np.dtype(np.float64 if work == np.float64 else np.float32),
    )

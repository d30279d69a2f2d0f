"""What tells bytes from floats, so that a kernel is one text for both.

White is 255 in uint8 and 1 in floats. Arithmetic on bytes is done in float32 and rounded once, half
up; arithmetic on floats in their own precision. Floats outside 0..1 count as what they are clipped
to, and NaN stays NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.extending import overload
from numba.np.numpy_support import as_dtype

from kaug._colors import BLUE, GREEN, RED
from kaug._kernels.parts import OPTIONS

# What rounding can do to 0 and 1, in half precision as well.
SLACK = 2e-3
# The weights of red, green and blue are in units of one over this.
UNIT = 1 << 16

# Constants of another precision would widen the loops they are in, and halve their speed.


def by_dtype(choose: Callable[[Any], Callable[..., Any]]) -> Callable[..., Any]:
    """Makes a function of kernels of what chooses it by the dtype of its first argument."""

    def chosen(samples: Any, *others: Any) -> Any: ...

    # Not strict, since annotations would have to be the same too.
    overload(chosen, jit_options=OPTIONS, strict=False)(
        lambda samples, *_: choose(as_dtype(samples.dtype))
    )
    chosen.__name__, chosen.__doc__ = choose.__name__, choose.__doc__
    return chosen


@by_dtype
def load(dtype: np.dtype[Any]) -> Any:
    """`load(samples, k)` returns sample `k` as a float of 0..`white(samples)`."""
    if dtype == np.uint8:
        return lambda samples, k: np.float32(samples[k])
    return lambda samples, k: clip(samples, samples[k])


@by_dtype
def clip(dtype: np.dtype[Any]) -> Any:
    """`clip(samples, value)` brings a float back to 0..`white(samples)`, and lets NaN through."""
    kind = np.float32 if dtype == np.uint8 else dtype.type
    none, full = kind(0), kind(255 if dtype == np.uint8 else 1)

    def clipped(_samples: Any, value: Any) -> Any:
        value = none if value < none else value
        return full if value > full else value

    return clipped


@by_dtype
def fit(dtype: np.dtype[Any]) -> Any:
    """`fit(samples, value)` returns a float as a sample: clipped, and bytes are rounded half up."""
    if dtype != np.uint8:
        return lambda samples, value: clip(samples, value)
    none, full, half = np.float32(0), np.float32(255), np.float32(0.5)

    def fit_byte(_samples: Any, value: Any) -> Any:
        value = value + half
        value = value if value > none else none
        value = value if value < full else full
        return np.uint8(np.int32(value))

    return fit_byte


@by_dtype
def rounded(dtype: np.dtype[Any]) -> Any:
    """`rounded(samples, value)` is `fit`, for what lies in the range anyway."""
    half = np.float32(0.5)
    if dtype == np.uint8:
        return lambda _samples, value: np.uint8(np.int32(value + half))
    return lambda _samples, value: value


@by_dtype
def white(dtype: np.dtype[Any]) -> Any:
    """`white(samples)` returns what is white, as a float."""
    full = np.float32(255) if dtype == np.uint8 else dtype.type(1)
    return lambda _samples: full


@by_dtype
def is_outside(dtype: np.dtype[Any]) -> Any:
    """`is_outside(samples, k)` tells of floats outside 0..1; NaN and bytes are not."""
    if dtype == np.uint8:
        return lambda _samples, _k: False
    low, high = dtype.type(-SLACK), dtype.type(1 + SLACK)
    return lambda samples, k: (samples[k] < low) | (samples[k] > high)


@by_dtype
def luma(dtype: np.dtype[Any]) -> Any:
    """`luma(samples, red, green, blue)` is the brightness: whole for bytes, as Pillow rounds it."""
    kind = np.float32 if dtype == np.uint8 else dtype.type
    r, g, b, unit, half = kind(RED), kind(GREEN), kind(BLUE), kind(1 / UNIT), kind(UNIT / 2)

    def byte_luma(_samples: Any, red: Any, green: Any, blue: Any) -> Any:
        return np.floor((r * red + g * green + b * blue + half) * unit)

    def float_luma(_samples: Any, red: Any, green: Any, blue: Any) -> Any:
        return (r * red + g * green + b * blue) * unit

    return byte_luma if dtype == np.uint8 else float_luma

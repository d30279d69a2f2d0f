"""In which precision images are worked on, and how they come back to their dtype."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kaug._types import Array
from kaug._validation import message

# The largest whole number up to which float64 has all of them.
_EXACT = 2**53


def working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Returns the float that holds every value of `dtype`, or float64 where none does."""
    exact = np.can_cast(dtype, np.float32, "safe")
    return np.dtype(np.float32 if exact else np.float64)


def kept_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Returns the dtype in which kernels move values as they are: half precision they have not."""
    if dtype.kind == "f" and dtype.itemsize not in (4, 8):
        return np.dtype(np.float32 if dtype.itemsize < 4 else np.float64)
    return dtype.newbyteorder("=")


def to_dtype(values: Array, dtype: np.dtype[Any]) -> Array:
    """Returns floats as `dtype`: rounded half to even and clipped where that is an integer.

    Args:
        values: Floats; written to. NaN must not be among them where integers are due.
        dtype: Of the result; flags, of masks, are 0 and 1.
    """
    if dtype.kind not in "iu":
        return values.astype(dtype, copy=False)
    ends = np.iinfo(dtype)
    least, most = (values.dtype.type(end) for end in (ends.min, ends.max))
    past = int(most) > ends.max  # it was rounded up, to what does not fit
    np.clip(np.rint(values, out=values), least, most, out=values)
    with np.errstate(invalid="ignore"):
        result = values.astype(dtype)
    if past:
        result[values == most] = ends.max
    return result


def holds(images: Array) -> bool:
    """Tells whether `working_dtype` holds all values of images as they are."""
    if images.dtype.itemsize <= (8 if images.dtype.kind == "f" else 4) or not images.size:
        return True
    return images.dtype.kind != "f" and bool(images.max() <= _EXACT and images.min() >= -_EXACT)


def moved_exactly(images: Array, move: Callable[[Array], Array], fill: float = 0) -> Array:
    """Returns images with their pixels moved, bit for bit, whatever they hold.

    Args:
        images: `(M, H, W, C)`.
        move: Moves the pixels of uint8 images of any number of channels, and puts 0 where nothing
            comes from. It is given the bytes that values are made of as channels.
        fill: What belongs where nothing comes from.
    """
    moved = move(np.ascontiguousarray(images).view(np.uint8)).view(images.dtype)
    if fill:
        inside = move(np.ones((*images.shape[:3], 1), np.uint8))[..., 0] > 0
        moved[~inside] = fill
    return moved


def checked_fill(fill_mode: str, fill_value: float, dtype: np.dtype[Any]) -> float:
    """Returns what `"constant"` puts outside images of a dtype.

    Raises:
        ValueError: The dtype does not have the value.
    """
    if fill_mode != "constant" or dtype.kind == "b":
        return fill_value
    ends: Any = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    least, most = (end if dtype.kind in "iu" else float(end) for end in (ends.min, ends.max))
    if not least <= fill_value <= most:
        rule = f"`fill_value` must lie in {least}..{most} for {dtype} images"
        raise ValueError(message(rule, f"fill_value={fill_value}"))
    return float(np.rint(fill_value)) if dtype.kind in "iu" else fill_value

"""What other libraries return for images, checked and brought to the form that was given."""

from typing import Any

import numpy as np

from kaug._apply.dtypes import to_dtype
from kaug._types import Array
from kaug._validation import describe, message


def check_result(result: Array, shape: tuple[int, ...]) -> None:
    """Checks what a generator returned for images `(M, H, W, C)` or `(M, H, W)`."""
    count, rank = shape[0], len(shape)
    if result.ndim == 0 or len(result) != count:
        raise ValueError(
            message(
                "A generator must return one image for each image it is given, or no label "
                "belongs to the rest",
                f"{describe(result)} for {count} images",
            )
        )
    if result.ndim != rank or 0 in result.shape:
        raise ValueError(
            message(
                f"A generator must return images of {rank} dimensions, as it is given",
                describe(result),
            )
        )
    channels = shape[-1]
    ends_so = result.shape[-1] in (1, channels)
    if rank == 4 and result.shape[1] == channels != shape[1] and not ends_so:
        raise channels_first(f"shape {result.shape} for images of shape {shape}")


def channels_first(received: str) -> ValueError:
    rule = "A generator must return images with their channels last, as it is given them"
    return ValueError(message(rule, received, "Leave out what moves the channels: ToTensorV2."))


def keep_dtype(result: Array, dtype: np.dtype[Any]) -> Array:
    """Returns `result` as `dtype` if that loses nothing but float precision.

    White is another number in each dtype of integers, so a wider one would not do.
    """
    floats = result.dtype.kind == "f" and dtype.kind == "f"
    if not floats and not np.can_cast(result.dtype, dtype, "equiv"):
        raise TypeError(
            message(
                f"A generator must return images of the dtype it is given, {dtype}",
                f"dtype {result.dtype}",
                f"Convert inside it, minding the value range, or pass x as {result.dtype}.",
            )
        )
    return result.astype(dtype, copy=False)


def round_to(result: Array, dtype: np.dtype[Any]) -> Array:
    """Returns the float images of a generator that computes in floats as `dtype`."""
    if dtype.kind == "f":
        return result.astype(dtype, copy=False)
    floats = result.astype(np.float64)
    if np.isnan(floats).any():
        rule = f"A generator must return numbers for images of {dtype}, which has no NaN"
        raise ValueError(message(rule, f"{int(np.isnan(floats).sum())} samples that are NaN"))
    return to_dtype(floats, dtype)


def with_channel_axis(result: Array, image: Array) -> Array:
    """Gives back the channel axis that some libraries drop from one-channel images."""
    return result[..., np.newaxis] if result.ndim == 2 and image.shape[-1] == 1 else result


def like_rank(images: Array, rank: int) -> Array:
    """Undoes `with_channels`."""
    if rank == 3 and images.ndim == 4 and images.shape[-1] == 1:
        return images[..., 0]
    return images

"""Whether images can mean what transforms of values take them for.

Black is 0; white is 1 for floats and the largest number for integers, unless a `value_range` says
otherwise. An image that reaches far outside of that, or holds bytes in integers so wide that they
are as good as black, was meant otherwise. Each image is judged by itself and by all of its samples,
so what is refused does not depend on what else is in the batch.
"""

from typing import Any

import numpy as np

from kaug._colors import FAR_ABOVE_WHITE, FAR_BELOW_BLACK
from kaug._kernels import read_only
from kaug._kernels.pointwise import any_outside
from kaug._kernels.samples import SLACK
from kaug._types import Array
from kaug._validation import message, warn

# Integers of 32 bits or more that stay below this part of their range hold less than 16 bits.
_NEARLY_BLACK = 2**-15


def check_values(images: Array, dtype: np.dtype[Any], who: str) -> bool:
    """Checks images for which no `value_range` was given.

    Args:
        images: `(M, H, W, C)`, floats with the values of `dtype`, C-contiguous.
        dtype: That of the images as they were given.
        who: The transform, for the message.

    Returns:
        Whether some values are infinite.

    Raises:
        ValueError: An image was meant otherwise.

    Warns:
        UserWarning: Floats reach outside 0..1, though not far, or are infinite, and are clipped.
    """
    if not images.size:
        return False
    if dtype.kind == "f":
        return _check_floats(images, who)
    if dtype.kind == "i" and images.min() < 0:
        rule = f"Black is 0 in {dtype} for {who} without a `value_range`"
        fix = "Say what is black and what is white, for example value_range=(-1024, 3071)."
        raise ValueError(message(rule, f"values down to {images.min():g}", fix))
    if dtype.itemsize >= 4:
        _check_wide(images, dtype, who)
    return False


def reaches_outside(images: Array, low: float, high: float) -> bool:
    """Tells whether any sample of C-contiguous floats lies below or above; NaN does neither."""
    kind = images.dtype.type
    return bool(any_outside(read_only(images.reshape(-1)), kind(low), kind(high)))


def _check_floats(images: Array, who: str) -> bool:
    if not reaches_outside(images, -SLACK, 1 + SLACK):
        return False
    infinite = bool(np.isinf(images).any())
    finite = images[np.isfinite(images)]
    lowest, highest = (finite.min(), finite.max()) if finite.size else (0, 0)
    rule = f"Floats must be in [0, 1] for {who} without a `value_range`"
    if lowest >= -SLACK and highest <= 1 + SLACK:
        if infinite:
            fix = "Replace them first, for example with numpy.nan_to_num."
            warn(message(f"{rule}; what lies outside is clipped", "infinite values", fix))
        return infinite
    received = f"values from {lowest:g} to {highest:g}"
    fix = "Divide the images by 255, or pass value_range=(0, 255)."
    if lowest >= FAR_BELOW_BLACK and highest <= FAR_ABOVE_WHITE:
        fix = "Clip them first, to 0..1; or say what is black and what is white by a value_range."
    elif highest < 32 or lowest < FAR_BELOW_BLACK:
        least, most = np.floor(min(lowest + SLACK, 0)), np.ceil(highest - SLACK)
        fix = (
            "Say what is black and what is white, for example "
            f"value_range=({least:g}, {max(most, 1):g})."
        )
    if lowest < FAR_BELOW_BLACK or highest > FAR_ABOVE_WHITE:
        raise ValueError(message(rule, received, fix))
    warn(message(f"{rule}; what lies outside is clipped", received, fix))
    return infinite


def _check_wide(images: Array, dtype: np.dtype[Any], who: str) -> None:
    white = np.iinfo(dtype).max
    highest = images.max(axis=(1, 2, 3))
    dark = (highest > 0) & (highest < white * _NEARLY_BLACK)
    if dark.any():
        rule = f"White is {white} in {dtype} for {who} without a `value_range`"
        fix = 'Convert bytes with .astype("uint8"), or pass value_range=(0, 255), say.'
        raise ValueError(message(rule, f"an image of values up to {highest[dark][0]:g}", fix))

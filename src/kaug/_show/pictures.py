"""Images as figures show them: which channels, and what is black and white."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kaug._colors import FAR_ABOVE_WHITE, FAR_BELOW_BLACK
from kaug._images import are_any_size, as_images
from kaug._types import Array
from kaug._validation import (
    as_array,
    check_integer,
    check_number,
    describe,
    fix_for_clips,
    message,
    refuse_one_image,
)

_PHOTOGRAPH = 4  # channels at most; what has more was measured, in a unit of its own
# What white is in integers: bytes in a larger dtype are common, but not in this one.
_WHITE = {"uint16": 65_535.0}


def check_pictures(images: Any, name: str = "images") -> Any:
    """Returns images `(N, H, W)`, `(N, H, W, C)` or of any size, as an array or a sequence."""
    if are_any_size(images):
        return as_images(images, name)
    array = as_array(images, name)
    rule = f"`{name}` must be (N, H, W), or (N, H, W, C) with any number of channels"
    if array.dtype.kind not in "buif":
        what = f"`{name}` must hold real numbers"
        raise TypeError(message(what, describe(array), "Convert them first."))
    if array.ndim not in (3, 4):
        fix = fix_for_clips(array.shape, name) or "A single image x goes in as x[None]."
        raise ValueError(message(rule, describe(array), fix))
    if 0 in array.shape:
        what = f"`{name}` must hold at least one image of at least one pixel"
        raise ValueError(message(what, describe(array), "Check how the images were selected."))
    refuse_one_image(array, name, rule)
    if array.ndim == 4 and array.shape[1] in (1, 3, 4) and array.shape[3] > _PHOTOGRAPH:
        fix = f"These seem to come first: pass np.moveaxis({name}, 1, -1)."
        raise ValueError(message(f"{rule}, which come last", describe(array), fix))
    return array


def pictures_of(
    images: Any, most: int, channels: Any, value_range: Any
) -> tuple[list[Array], float]:
    """Returns no more than so many images as imshow takes them, and height over width.

    Args:
        images: What `check_pictures` returned.
        most: How many are shown at most.
        channels: Which are shown: a number, three numbers, or None for the usual ones.
        value_range: Black and white, or None for the usual ones.
    """
    if isinstance(images, np.ndarray):
        return as_shown(list(images[:most]), channels, value_range), images.shape[1] / images.shape[
            2
        ]
    several = [images[i] for i in range(min(most, len(images)))]
    return as_shown(several, channels, value_range), 1.0


def as_shown(pictures: list[Array], channels: Any = None, value_range: Any = None) -> list[Array]:
    """Returns pictures `(H, W)` or `(H, W, C)` as imshow takes them.

    Args:
        pictures: Of one dtype, and of one number of channels.
        channels: As for `pictures_of`.
        value_range: As for `pictures_of`.

    Returns:
        `(H, W)`, gray, or `(H, W, 3 | 4)`, uint8 or float32 in [0, 1].
    """
    solid = [each if each.ndim == 3 else each[..., np.newaxis] for each in pictures]
    count = solid[0].shape[2]
    chosen, opacity = _chosen(channels, count)
    first = chosen == [*range(len(chosen))]  # a view, no copy
    colors = [each[..., : len(chosen)] if first else each[..., chosen] for each in solid]
    limits = _limits(colors, value_range, stretched=count > _PHOTOGRAPH)
    shown = [_scaled(each, *limits) for each in colors]
    if opacity is None:
        return [each[..., 0] if len(chosen) == 1 else each for each in shown]
    return [
        _with_opacity(color, _scaled(each[..., [opacity]], *_usual(each.dtype)))
        for color, each in zip(shown, solid, strict=True)
    ]


def _chosen(channels: Any, count: int) -> tuple[list[int], int | None]:
    """Returns the numbers of one or three channels, and that of the opacity if there is one."""
    if channels is None:
        opacity = count - 1 if count in (2, _PHOTOGRAPH) else None
        return ([0] if count < 3 else [0, 1, 2]), opacity
    several = isinstance(channels, (Sequence, np.ndarray)) and not isinstance(channels, str)
    given = list(channels) if several else [channels]
    if len(given) not in (1, 3):
        rule = "`channels` must be the number of one channel, or those of red, green and blue"
        raise ValueError(message(rule, f"channels={describe(channels)}"))
    return [check_integer(each, "channels", maximum=count - 1) for each in given], None


def _usual(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Returns what black and white are in a dtype."""
    return 0.0, _WHITE.get(dtype.name, 255.0) if dtype.kind in "iu" else 1.0


def _limits(pictures: list[Array], value_range: Any, *, stretched: bool) -> tuple[float, float]:
    """Returns which values are black and white in all of the pictures."""
    if value_range is not None:
        return _checked_range(value_range)
    dtype = pictures[0].dtype
    black, white = _usual(dtype)
    # Of floats, cubic interpolation overshoots a little, which is clipped.
    low, high = (FAR_BELOW_BLACK, FAR_ABOVE_WHITE) if dtype.kind == "f" else (black, white)
    ends = np.array([_ends(each) for each in pictures])
    least, most = float(np.nanmin(ends)), float(np.nanmax(ends))
    if stretched or least < low or most > high:
        return least, most if most > least else least + 1
    return black, white


def _ends(picture: Array) -> tuple[float, float]:
    """Returns the least and the greatest number; of infinities alone, 0."""
    if picture.dtype.kind != "f":
        return float(picture.min()), float(picture.max())
    finite = np.isfinite(picture)
    if not finite.any():
        return 0.0, 0.0
    least = np.min(picture, where=finite, initial=np.inf)
    return float(least), float(np.max(picture, where=finite, initial=-np.inf))


def _checked_range(value_range: Any) -> tuple[float, float]:
    rule = "`value_range` must be two numbers, black and white, the first below the second"
    try:
        black, white = value_range
    except (TypeError, ValueError):
        raise TypeError(message(rule, f"value_range={describe(value_range)}")) from None
    black, white = (check_number(each, "value_range", rule) for each in (black, white))
    if black >= white:
        raise ValueError(message(rule, f"value_range={describe(value_range)}"))
    return black, white


def _scaled(values: Array, black: float, white: float) -> Array:
    """Returns values as bytes if they are such, else as float32 in [0, 1]."""
    if values.dtype.kind in "iu" and (black, white) == (0, 255):
        bytes_already = values.dtype == np.uint8
        return values if bytes_already else values.clip(0, 255).astype(np.uint8)
    exact = values.dtype.kind == "f" and values.dtype.itemsize > 2
    floats = values if exact else values.astype(np.float64)
    scaled = ((floats - black) / (white - black)).clip(0, 1).astype(np.float32)
    # A color of which a part is not known cannot be drawn; imshow leaves out such gray alone.
    return scaled if scaled.shape[2] == 1 else np.nan_to_num(scaled, copy=False, nan=0)


def _with_opacity(color: Array, opacity: Array) -> Array:
    """Returns `(H, W, 4)` of gray or colors and opacity, as bytes or floats as the colors are."""
    if opacity.dtype != color.dtype:
        floats = color.dtype.kind == "f"
        opacity = opacity / np.float32(255) if floats else np.rint(opacity * 255).astype(np.uint8)
    return np.concatenate([np.broadcast_to(color, (*color.shape[:2], 3)), opacity], axis=-1)

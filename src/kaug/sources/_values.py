"""Pixels as they are stored become what was asked for: turned, in channels, in a dtype."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from kaug._images import Window
from kaug._types import Array
from kaug.sources._opening import UnusableError

MOST = {"uint8": 255, "uint16": 65535, "float32": 1.0}
_STEP = 257  # bytes are this far apart in 16 bits
_WEIGHTS = (19595, 38470, 7471)  # of red, green and blue in gray, over 2**16: ITU-R 601

# By EXIF orientation: whether rows and columns change places, and which of them then go backwards.
_TURNS = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


class Stored(NamedTuple):
    """Pixels as they are in a file.

    Attributes:
        values: `(H, W, C)`, uint8, uint16 or float32.
        colors: How many channels are gray (1) or RGB (3), the first ones; 0 if there are neither.
        opacity: Whether the last channel is that.
    """

    values: Array
    colors: int
    opacity: bool


def turned_size(height: int, width: int, orientation: int) -> tuple[int, int]:
    """Returns height and width as they are after a picture is turned."""
    return (width, height) if _TURNS[orientation][0] else (height, width)


def turn(
    values: Array, orientation: int, size: tuple[int, int], reduction: int
) -> tuple[Array, int, int]:
    """Returns a view of pixels turned as their camera noted, and where it begins.

    Args:
        values: `(H, W, C)`, perhaps reduced: as many as are needed to cover the picture.
        orientation: 1 to 8.
        size: Height and width of the full picture, after it is turned.
        reduction: How many full pixels one stands for, in either direction.
    """
    swapped, upwards, leftwards = _TURNS[orientation]
    if swapped:
        values = values.transpose(1, 0, 2)
    height, width = values.shape[:2]
    values = values[:: -1 if upwards else 1, :: -1 if leftwards else 1]
    # What the last pixel covers beyond the picture comes first if it goes backwards.
    top = size[0] - height * reduction if upwards else 0
    left = size[1] - width * reduction if leftwards else 0
    return values, top, left


def turn_points(points: Array, orientation: int, size: tuple[int, int], *, first: float) -> Array:
    """Returns the places that points have after their picture is turned.

    Args:
        points: `(..., 2)`, (x, y) in the picture as it is stored.
        orientation: 1 to 8.
        size: Height and width of the picture after it is turned.
        first: Where the centre of the first pixel is: 0 or 0.5.
    """
    swapped, upwards, leftwards = _TURNS[orientation]
    points = points[..., ::-1].copy() if swapped else points.copy()
    for axis, (backwards, length) in enumerate([(leftwards, size[1]), (upwards, size[0])]):
        if backwards:
            points[..., axis] = length - 1 + 2 * first - points[..., axis]
    return points


def to_channels(stored: Stored, channels: int | None) -> Array:
    """Returns pixels in a number of channels.

    Args:
        stored: What the file holds.
        channels: 1 (gray), 3 (RGB) or 4 (with opacity); None for as they are.
    """
    values, colors, opacity = stored
    count = values.shape[2]
    if channels is None:
        return values
    if not colors:
        what = f"{count} channels, which are neither gray nor RGB"
        raise UnusableError(what, "Pass channels=None for all of them.")
    color = values[..., :colors]
    if channels == 1:
        return color if colors == 1 else _gray(color)
    if colors == 1:
        color = np.repeat(color, 3, axis=2)
    if channels == 3:
        return color
    opaque = np.full((*values.shape[:2], 1), MOST[values.dtype.name], values.dtype)
    return np.concatenate([color, values[..., -1:] if opacity else opaque], axis=2)


def _gray(values: Array) -> Array:
    if values.dtype == np.uint8:
        gray: Array = np.array(Image.fromarray(np.ascontiguousarray(values)).convert("L"))
        return gray[..., None]
    if values.dtype.kind == "f":
        weights = np.array(_WEIGHTS) / 2**16
        return (values @ weights)[..., None].astype(values.dtype)
    wide = values.astype(np.uint32) @ np.array(_WEIGHTS, np.uint32)
    return ((wide + 2**15) >> 16)[..., None].astype(values.dtype)


def to_dtype(values: Array, dtype: str) -> Array:
    """Returns pixels in a dtype, 0 and the most that it can be in their place."""
    if values.dtype == dtype:
        return values
    if values.dtype.kind == "f":
        raise UnusableError("floats", 'Pass dtype="float32", which keeps them as they are.')
    result: Array
    if dtype == "float32":
        result = values.astype(np.float32) / np.float32(MOST[values.dtype.name])
    elif dtype == "uint16":
        result = values.astype(np.uint16) * np.uint16(_STEP)
    else:
        result = ((values.astype(np.uint32) + _STEP // 2) // _STEP).astype(np.uint8)
    return result


def cut(
    values: Array, top: int, left: int, window: Window, reduction: int
) -> tuple[Array, int, int]:
    """Returns the part of turned pixels that covers a window, and where it begins."""
    first_row, first_column = (window[0] - top) // reduction, (window[1] - left) // reduction
    last_row, last_column = -((top - window[2]) // reduction), -((left - window[3]) // reduction)
    part = values[first_row:last_row, first_column:last_column]
    return part, top + first_row * reduction, left + first_column * reduction

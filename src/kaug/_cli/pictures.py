"""Pictures from files, as arrays."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from kaug._validation import message

LONGEST = 1024  # pixels; a larger picture is shown no better, and takes long
_GRAY = ("1", "L", "LA", "La")
_WHITE_16 = 65535


def read_picture(
    path: Path, size: tuple[int, ...] | None = None
) -> tuple[NDArray[Any], tuple[int, int]]:
    """Returns a picture as it is to be looked at, and the height and width it had.

    It is turned as the camera noted. Transparent parts are laid on white. Of several pictures in a
    file the first one is taken.

    Args:
        path: The file.
        size: Height and width to resize it to; None takes its own, or less for a picture that has
            a side longer than `LONGEST`.

    Returns:
        `(H, W)` if it is grey, else `(H, W, 3)` with red, green and blue. uint8, or float32 in
        [0, 1] if the file has more than 8 bits of grey.

    Raises:
        ValueError: It is no picture, or damaged.
    """
    try:
        with warnings.catch_warnings():
            # Of pictures whose pixels would fill the memory.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as file:
                picture = _flattened(ImageOps.exif_transpose(file))
    except Exception as error:  # damaged files make Pillow raise all sorts
        if isinstance(error, FileNotFoundError):
            error = FileNotFoundError("there is no such file")
        rule = "A picture must be a file that Pillow can read"
        raise ValueError(message(rule, f"{str(path)!r} ({error})")) from error
    width, height = picture.size
    rows, columns = size or _shrunk(height, width)
    if (rows, columns) != (height, width):
        picture = picture.resize((columns, rows), Image.Resampling.BILINEAR)
    return np.array(picture), (height, width)


def _shrunk(height: int, width: int) -> tuple[int, int]:
    factor = min(1.0, LONGEST / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def _flattened(picture: Image.Image) -> Image.Image:
    """Returns a picture of mode L, F or RGB."""
    if picture.mode.startswith("I"):
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > _WHITE_16:
            rule, received = "grey values must be in 0..65535", f"{values.min()} to {values.max()}"
            raise ValueError(message(rule, received))
        return Image.fromarray((values / _WHITE_16).astype(np.float32))
    if picture.mode == "F":
        return picture
    mode = "L" if picture.mode in _GRAY else "RGB"
    if {"A", "a"} & set(picture.getbands()) or "transparency" in picture.info:
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture.convert("RGBA"))
        picture = white
    return picture.convert(mode)

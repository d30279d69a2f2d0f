"""How a file becomes an array: decoded, turned, in the channels and the depth asked for."""

from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from kaug._files import open_regular
from kaug._types import Array
from kaug._validation import check_choice, check_integer, message
from kaug.sources._opening import open_picture, orientation_of

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM")
_ON_THEIR_SIDE = (5, 6, 7, 8)
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
DTYPES = ("uint8",)


class Region(NamedTuple):
    """What was decoded of a picture: all of it or a part, perhaps at a fraction of its size.

    Pixel `(k, j)` shows the full picture's rows from `top + k * reduction` and columns from
    `left + j * reduction` on, `reduction` of each. At the edges it may show a part of what is not
    there: `top` and `left` may be negative, and the last pixels reach beyond the picture.

    Attributes:
        pixels: `(H, W, C)`.
        top: Row of the full picture, after orientation, at which the first row of pixels begins.
        left: The same for columns.
        reduction: 1, 2, 4 or 8.
    """

    pixels: Array
    top: int
    left: int
    reduction: int


class Facts(NamedTuple):
    """What a file's header tells: the size of the picture after orientation, that of the file."""

    height: int
    width: int
    file_bytes: int


@dataclass(frozen=True)
class Decoder:
    """How files are decoded.

    Args:
        channels: 1, 3 or 4; None for those of the file.
        dtype: Of the pixels.
    """

    channels: int | None
    dtype: str

    def __post_init__(self) -> None:
        if self.channels is not None:
            channels = check_integer(self.channels, "channels", minimum=1, maximum=4)
            if channels not in _MODES:
                rule = "`channels` must be 1, 3 or 4, or None for those of the file"
                raise ValueError(message(rule, f"channels={channels}"))
            object.__setattr__(self, "channels", channels)
        check_choice(self.dtype, "dtype", DTYPES)

    def facts(self, path: str) -> Facts:
        """Returns what the header tells; nothing is decoded."""
        with open_regular(path) as file:
            picture, _ = open_picture(file, _formats())
            with picture:
                width, height = picture.size
                if orientation_of(picture) in _ON_THEIR_SIDE:
                    height, width = width, height
                return Facts(height, width, _length(file))

    def decode(
        self, path: str, window: tuple[int, int, int, int] | None = None
    ) -> tuple[Region, Facts]:
        """Returns a window of a picture, and what its header tells."""
        with open_regular(path) as file:
            picture, _ = open_picture(file, _formats())
            with picture:
                picture.load()
                turned = ImageOps.exif_transpose(picture)
            width, height = turned.size
            top = left = 0
            if window is not None:
                top, left, bottom, right = window
                turned = turned.crop((left, top, right, bottom))
            pixels = self._converted(turned)
            return Region(pixels, top, left, 1), Facts(height, width, _length(file))

    def _converted(self, picture: Any) -> Array:
        mode = picture.mode if self.channels is None else _MODES[self.channels]
        values = np.array(picture if picture.mode == mode else picture.convert(mode))
        return values.reshape(*values.shape[:2], -1)


def _length(file: BinaryIO) -> int:
    return file.seek(0, 2)


@cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)

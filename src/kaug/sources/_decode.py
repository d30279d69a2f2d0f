"""How a file becomes an array: decoded, turned, in the channels and the depth asked for."""

import os
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from kaug._files import open_regular
from kaug._types import Array
from kaug._validation import check_choice, check_integer, message
from kaug.sources._jpeg import Jpeg, is_jpeg
from kaug.sources._opening import UnusableError, open_picture
from kaug.sources._plain import Opened, Plain
from kaug.sources._png import DeepPng, is_deep_png
from kaug.sources._tiff import Tiff, reads_rightly
from kaug.sources._values import MOST, Window, cut, to_channels, to_dtype, turn, turned_size

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM")


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
            if channels == 2:
                rule = "`channels` must be 1, 3 or 4, or None for those of the file"
                raise ValueError(message(rule, f"channels={channels}"))
            object.__setattr__(self, "channels", channels)
        check_choice(self.dtype, "dtype", MOST)

    def facts(self, path: str) -> Facts:
        """Returns what the header tells; nothing is decoded."""
        with open_regular(path) as file:
            return _facts(self._open(file), file)

    def decode(
        self, path: str, window: Window | None = None, reduce: int = 1
    ) -> tuple[Region, Facts]:
        """Returns at least a window of a picture, and what its header tells.

        Args:
            path: Of the file.
            window: As `Pictures._read` takes it.
            reduce: As `Pictures._read` takes it.
        """
        with open_regular(path) as file:
            opened = self._open(file)
            facts = _facts(opened, file)
            stored, reduction = opened.load(reduce)
        size = facts.height, facts.width
        values, top, left = turn(stored.values, opened.orientation, size, reduction)
        if window is not None:
            values, top, left = cut(values, top, left, window, reduction)
        values = to_dtype(to_channels(stored._replace(values=values), self.channels), self.dtype)
        return Region(np.ascontiguousarray(values), top, left, reduction), facts

    def _open(self, file: BinaryIO) -> Opened:
        try:
            picture, head = open_picture(file, _formats())
        except UnusableError:  # a TIFF
            return self._open_tiff(file)
        if picture.format == "TIFF" and not reads_rightly(picture):
            return self._open_tiff(file)
        if is_jpeg(head):
            return Jpeg(picture, file)
        if is_deep_png(head):
            return DeepPng(picture, file)
        return Plain(picture, head, file)

    def _open_tiff(self, file: BinaryIO) -> Opened:
        tiff = Tiff(file)
        if tiff.pages > 1 and self.channels is not None:
            fix = "Pass channels=None to have a channel of each, or save the one that you need."
            raise UnusableError(f"{tiff.pages} pages", fix)
        return tiff


def _facts(opened: Opened, file: BinaryIO) -> Facts:
    return Facts(*turned_size(*opened.size, opened.orientation), os.fstat(file.fileno()).st_size)


@cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)

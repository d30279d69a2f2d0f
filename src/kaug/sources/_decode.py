"""How a file becomes an array: decoded, turned, in the channels and the depth asked for."""

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from kaug._files import open_regular
from kaug._images import Region, Window
from kaug._validation import check_choice, check_integer, message
from kaug.sources._jpeg import Jpeg, is_jpeg
from kaug.sources._opening import UnusableError, open_picture
from kaug.sources._plain import Opened, Plain
from kaug.sources._png import DeepPng, is_deep_png
from kaug.sources._tiff import Tiff, reads_rightly
from kaug.sources._values import MOST, cut, to_channels, to_dtype, turn, turned_size

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM")


class Facts(NamedTuple):
    """What a file's header tells: the size of the picture after orientation, that of the file."""

    height: int
    width: int
    file_bytes: int
    orientation: int


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
            opened = self._open(file)
            length = os.fstat(file.fileno()).st_size
            return _facts(opened, length)

    def open(self, path: str) -> tuple[Facts, Callable[[Window | None, int], Region]]:
        """Returns what the header tells, and what decodes a window; the file is read once, here."""
        with open_regular(path) as file:
            data = file.read()
        opened = self._open(io.BytesIO(data))
        facts = _facts(opened, len(data))
        return facts, partial(self._region, opened, (facts.height, facts.width))

    def _region(
        self, opened: Opened, size: tuple[int, int], window: Window | None, reduce: int
    ) -> Region:
        stored, reduction = opened.load(reduce)
        values, top, left = turn(stored.values, opened.orientation, size, reduction)
        if window is not None:
            values, top, left = cut(values, top, left, window, reduction)
        values = to_dtype(to_channels(stored._replace(values=values), self.channels), self.dtype)
        return Region(np.ascontiguousarray(values), top, left, reduction)

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


def _facts(opened: Opened, length: int) -> Facts:
    size = turned_size(*opened.size, opened.orientation)
    return Facts(*size, length, opened.orientation)


@cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)

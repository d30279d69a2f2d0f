"""Picture files as Pillow opens them, before anything is decoded."""

import io
import re
from collections.abc import Mapping
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from kaug._validation import message

BITS = 258  # the tag of a TIFF that says how many a value has
COMPRESSION = 259

_AT_ONCE = 2**16  # bytes
_HEADER = 512  # of them, which are enough for the header of a PPM
_JPEG_2000 = b"\xff\x4f\xff\x51"  # its codestream, which may lie in a box
_MAY_BE_JPEG_2000 = (_JPEG_2000, b"\0\0\0\x0cjP  ")
_TO_BITS = 42  # bytes on, of the first component
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ORIENTATION = 0x0112
_ORIENTATIONS = 8
_NOTES = ("exif", "xmp", "Raw profile type exif", "XML:com.adobe.xmp")
_NAMED = 3  # how many bad files a message names


class UnusableError(ValueError):
    """A file that is an image, but not one that can become what was asked for.

    Args:
        what: What it holds.
        fix: What to do about it.
    """

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.fix = fix


def open_picture(
    file: BinaryIO, formats: tuple[str, ...] | None = None
) -> tuple[Image.Image, bytes]:
    """Returns an image that is not decoded yet, and the first bytes of its file.

    Args:
        file: As `open_regular` gives it.
        formats: Those that are taken, as Pillow calls them; None for all.

    Raises:
        ValueError: It is no image, or has more pixels than `PIL.Image.MAX_IMAGE_PIXELS`.
    """
    head = file.read(_AT_ONCE)
    file.seek(0)
    try:
        # What is in memory already is read from there, which is faster.
        source = io.BytesIO(head) if len(head) < _AT_ONCE else file
        picture: Image.Image = Image.open(source, formats=formats)
    except UnidentifiedImageError:
        if head.startswith(_TIFF):
            what = "a TIFF of a depth or of so many channels as Pillow cannot read"
            fix = "Save it as gray of 8 or 16 bits or float32, or as RGB."
            raise UnusableError(what, fix) from None
        raise ValueError("nothing that Pillow knows as an image") from None
    refuse_bombs(*picture.size)
    return picture, head


def refuse_bombs(width: int, height: int) -> None:
    """Refuses pictures whose pixels would fill the memory, before they are decoded."""
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and width * height > limit:
        raise ValueError(
            message(
                f"An image must have at most {limit} pixels",
                f"{width} × {height}",
                "Raise PIL.Image.MAX_IMAGE_PIXELS if you trust it.",
            )
        )


def orientation_of(picture: Image.Image) -> int:
    """Returns how a photograph is to be turned, 1 to 8; Pillow has done it where it is a TIFF."""
    if not any(name in picture.info for name in _NOTES):  # asking takes longer
        return 1
    try:
        orientation = int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # notes that are damaged say nothing, and the pixels may be good
        return 1
    return orientation if 1 <= orientation <= _ORIENTATIONS else 1


def swaps_twice(picture: Image.Image) -> bool:
    """Tells a compressed TIFF of floats or signed integers whose bytes Pillow swaps twice.

    The highest comes first in them, and libtiff has done it already when Pillow does.
    """
    tags: Any = getattr(picture, "tag_v2", None)
    big = tags is not None and tags.prefix == b"MM"
    return big and picture.mode in ("F", "I") and tags.get(COMPRESSION, 1) != 1


def named(errors: Mapping[str, object]) -> str:
    """Names the first few files and what is wrong with them."""
    parts = [f"{path} ({error})" for path, error in list(errors.items())[:_NAMED]]
    more = len(errors) - _NAMED
    return "; ".join(parts) + (f"; and {more} more" if more > 0 else "")


def stored_bits(tags: Any, head: bytes) -> int:
    """Returns the bits of a value in the file, 8 where nothing says that there are more."""
    if tags:
        return int(max(tags.get(BITS, (1,))))
    if head.startswith(b"\x89PNG"):
        return head[24]
    if (place := head.find(_JPEG_2000)) >= 0 and head.startswith(_MAY_BE_JPEG_2000):
        return (head[place + _TO_BITS] & 127) + 1
    if head.startswith((b"P3", b"P6")):
        words = re.sub(rb"#[^\r\n]*", b"", head[:_HEADER]).split(maxsplit=4)
        return int(words[3]).bit_length()
    return 8

"""Picture files as Pillow opens them, before anything is decoded."""

import io
from collections.abc import Mapping
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from kaug._validation import message

_AT_ONCE = 2**16  # bytes
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ORIENTATION = 0x0112
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
    _refuse_bombs(picture)
    return picture, head


def _refuse_bombs(picture: Image.Image) -> None:
    """Refuses pictures whose pixels would fill the memory, before they are decoded."""
    limit, (width, height) = Image.MAX_IMAGE_PIXELS, picture.size
    if limit is not None and width * height > limit:
        raise ValueError(
            message(
                f"An image must have at most {limit} pixels",
                f"{width} × {height}",
                "Raise PIL.Image.MAX_IMAGE_PIXELS if you trust it.",
            )
        )


def orientation_of(picture: Image.Image) -> int:
    """Returns how a photograph is to be turned; Pillow has done it already where it is a TIFF."""
    if "exif" not in picture.info and "xmp" not in picture.info:  # asking takes longer
        return 1
    return int(picture.getexif().get(_ORIENTATION, 1))


def named(errors: Mapping[str, object]) -> str:
    """Names the first few files and what is wrong with them."""
    parts = [f"{path} ({error})" for path, error in list(errors.items())[:_NAMED]]
    more = len(errors) - _NAMED
    return "; ".join(parts) + (f"; and {more} more" if more > 0 else "")

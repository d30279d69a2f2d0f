"""What a file holds, as an array of its own channels and depth, decoded by Pillow."""

import os
import struct
from typing import BinaryIO, Protocol

import numpy as np
from PIL import Image

from kaug.sources._opening import UnusableError, orientation_of, stored_bits
from kaug.sources._values import Stored

# What Pillow calls the ways in which pixels are stored, and as what they are read.
_READ_AS = {
    "1": "L",
    "L": "L",
    "LA": "LA",
    "La": "LA",
    "RGB": "RGB",
    "RGBA": "RGBA",
    "RGBa": "RGBA",
    "RGBX": "RGBX",
    "P": "RGB",
    "PA": "RGBA",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "F": "F",
}
_WITH_OPACITY = {"L": "LA", "RGB": "RGBA"}
_KEYED = ("1", "L", "P", "RGB")  # of which one color, or some of a palette, may be no color
_SIGNATURE = 8  # bytes at the beginning of a PNG
_NOTES = (b"eXIf", b"iTXt", b"tEXt", b"zTXt")


class Opened(Protocol):
    """A picture file of some format that is opened, and not decoded yet."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width as they are stored."""

    @property
    def orientation(self) -> int:
        """How the picture is to be turned, 1 to 8."""

    def load(self, reduce: int) -> tuple[Stored, int]:
        """Decodes it at a reduction of at most `reduce`, and says which."""


class Plain:
    """A picture of a format that Pillow reads as it is, or knows not to.

    Args:
        picture: As it was opened.
        head: The first bytes of the file.
        file: The file.

    Raises:
        UnusableError: It has more bits than Pillow would give.
    """

    def __init__(self, picture: Image.Image, head: bytes, file: BinaryIO) -> None:
        self._picture = picture
        width, height = picture.size
        self.size = height, width
        bits = stored_bits(getattr(picture, "tag_v2", {}), head)
        if bits > 8 and picture.mode[0] not in "IF":
            fix = "Save it as a PNG or TIFF of 16 bits."
            raise UnusableError(f"colors of {bits} bits, of which Pillow keeps 8", fix)
        self.orientation = turns_of(picture, file)

    def load(self, reduce: int) -> tuple[Stored, int]:
        """Decodes it, whole."""
        del reduce
        return pixels_of(self._picture), 1


def turns_of(picture: Image.Image, file: BinaryIO) -> int:
    """Returns how a picture is to be turned, wherever in the file that stands."""
    if picture.format == "TIFF":  # Pillow turns it
        return 1
    if picture.format == "PNG" and _has_late_notes(file):
        picture.load()
    return orientation_of(picture)


def _has_late_notes(file: BinaryIO) -> bool:
    """Tells whether a PNG has notes behind its pixels, of which one may be its orientation."""
    place = file.tell()
    file.seek(_SIGNATURE)
    begun = found = False
    while not found and len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        begun = begun or name == b"IDAT"
        found = begun and name in _NOTES
        file.seek(length + 4, os.SEEK_CUR)
    file.seek(place)
    return found


def pixels_of(picture: Image.Image) -> Stored:
    """Returns the pixels of a picture, which is decoded for it if it is not yet.

    Raises:
        UnusableError: They are neither gray nor color.
    """
    picture.load()
    if picture.mode.startswith("I"):
        # Of gray files of 16 bits Pillow makes integers of 32 here and there.
        return Stored(np.asarray(picture).astype(np.uint16)[..., None], 1, opacity=False)
    if picture.mode not in _READ_AS:
        what = f"pixels of the kind that Pillow calls {picture.mode}"
        raise UnusableError(what, "Save it as gray or RGB.")
    mode = _READ_AS[picture.mode]
    if "transparency" in picture.info and picture.mode in _KEYED:
        mode = _WITH_OPACITY[mode]
    values = np.array(picture if picture.mode == mode else picture.convert(mode))
    opacity = mode in _WITH_OPACITY.values()
    return Stored(values.reshape(*values.shape[:2], -1), 3 if "RGB" in mode else 1, opacity)

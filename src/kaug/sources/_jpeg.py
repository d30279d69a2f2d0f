"""JPEGs, whole or at a half, a quarter or an eighth of their size.

Pillow decodes them, or simplejpeg where it is installed: faster, and bit for bit the same. Where
it gives up Pillow decides, so that the same files can be read with and without it.
"""

from functools import cache
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageFile

from kaug._types import Array
from kaug.sources._opening import orientation_of
from kaug.sources._plain import pixels_of
from kaug.sources._values import Stored

_START = b"\xff\xd8\xff"
_COLORS = {"L": "GRAY", "RGB": "RGB"}  # of Pillow's modes, as simplejpeg calls them


def is_jpeg(head: bytes) -> bool:
    """Tells a JPEG by its first bytes."""
    return head.startswith(_START)


class Jpeg:
    """A JPEG.

    Args:
        picture: As Pillow opened it.
        file: The file.
    """

    def __init__(self, picture: Image.Image, file: BinaryIO) -> None:
        self._picture, self._file = picture, file
        width, height = picture.size
        self.size = height, width
        self.orientation = orientation_of(picture)

    def load(self, reduce: int) -> tuple[Stored, int]:
        """Decodes it at the reduction that is asked for, unless it is too small for it."""
        while reduce > min(self.size):
            reduce //= 2
        values = self._by_simplejpeg(reduce)
        if values is not None:
            return Stored(values, values.shape[2], opacity=False), reduce
        height, width = self.size
        if reduce > 1:
            self._picture.draft(None, (width // reduce, height // reduce))
        return pixels_of(self._picture), reduce

    def _by_simplejpeg(self, reduce: int) -> Array | None:
        """Decodes a gray or color JPEG, if simplejpeg is there and does not give up."""
        library, mode = _simplejpeg(), self._picture.mode
        # Whoever has told Pillow to read what is cut off gets that.
        if library is None or ImageFile.LOAD_TRUNCATED_IMAGES or mode not in _COLORS:
            return None
        self._file.seek(0)
        data = self._file.read()
        height, width = self.size
        least = (0, 0) if reduce == 1 else (-(-height // reduce), -(-width // reduce))
        try:
            return np.asarray(
                library.decode_jpeg(data, _COLORS[mode], min_height=least[0], min_width=least[1])
            )
        except ValueError:
            return None


@cache
def _simplejpeg() -> Any:
    try:
        import simplejpeg
    except ImportError:
        return None
    return simplejpeg

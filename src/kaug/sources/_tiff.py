"""TIFFs that Pillow cannot read, or reads wrongly: by tifffile, the extra `kaug[tiff]`.

Pillow keeps 8 bits of deep colors, mixes up deep planes and some floats, knows at most four
channels, and gives the first page alone.
"""

from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from kaug._memory import check_memory
from kaug._types import Array
from kaug.sources._opening import BITS, UnusableError, refuse_bombs, swaps_twice
from kaug.sources._values import Stored

_PHOTOMETRIC, _SAMPLES, _SAMPLE_FORMAT = 262, 277, 339
_ORIENTATION, _PLANES = 274, 32997  # the latter of volumes
_UNSIGNED, _FLOATS = 1, 3
_WHITE_IS_0, _BLACK_IS_0, _RGB = 0, 1, 2
_OPACITY, _MULTIPLIED = 2, 1  # kinds of a channel beside those of color
_THUMBNAIL_OR_MASK = 1 | 4
_FIX = "Save it as gray, RGB or RGBA of 8 or 16 bits or float32, without a palette."


def reads_rightly(picture: Image.Image) -> bool:
    """Tells whether Pillow gives the values of a TIFF that it has opened, and all of them."""
    tags: Any = getattr(picture, "tag_v2", {})
    bits, samples = int(max(tags.get(BITS, (1,)))), int(tags.get(_SAMPLES, 1))
    kind = int(tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0])
    several = getattr(picture, "n_frames", 1) > 1 or tags.get(_PLANES, 1) > 1
    if several or swaps_twice(picture):
        return False
    if bits in (1, 2, 4, 8):
        return kind == _UNSIGNED and samples == len(picture.getbands())
    deep = {(16, _UNSIGNED), (32, _FLOATS)}
    gray: bool = samples == 1 and tags.get(_PHOTOMETRIC, -1) == _BLACK_IS_0
    return gray and (bits, kind) in deep and picture.mode[0] in "IF"


class Tiff:
    """A TIFF that tifffile has opened.

    Args:
        file: As `open_regular` gives it.

    Raises:
        UnusableError: tifffile is not installed, or the pixels are none that can be used.
    """

    def __init__(self, file: BinaryIO) -> None:
        try:
            import tifffile
        except ImportError:
            what = "a TIFF of pages, a depth or channels that Pillow does not read rightly"
            raise UnusableError(what, 'It needs tifffile: pip install "kaug[tiff]".') from None
        file.seek(0)
        self._file = tifffile.TiffFile(file, name="picture")  # files by number have none
        pages: Any = self._file.pages
        pages = [page for page in pages if not page.subfiletype & _THUMBNAIL_OR_MASK]
        self._pages = pages or [self._file.pages[0]]
        self._first = self._pages[0]
        self._check()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width as they are stored."""
        return int(self._first.imagelength), int(self._first.imagewidth)

    @property
    def orientation(self) -> int:
        """How the picture is to be turned."""
        tag = self._first.tags.get(_ORIENTATION)
        return int(tag.value) if tag is not None and tag.value in range(1, 9) else 1

    @property
    def pages(self) -> int:
        """How many there are, thumbnails and masks not counted."""
        return len(self._pages)

    def load(self, reduce: int) -> tuple[Stored, int]:
        """Decodes it, whole."""
        del reduce
        first, (height, width) = self._first, self.size
        count = len(self._pages) * first.samplesperpixel
        check_memory((height, width, count), first.dtype, 1, 0, "Cut it into smaller ones.")
        pages = [self._pixels(page) for page in self._pages]
        values = pages[0] if len(pages) == 1 else np.concatenate(pages, axis=2)
        values = values.astype(values.dtype.newbyteorder("="))
        if values.dtype.kind == "f":
            values = values.astype(np.float32)
        elif first.photometric == _WHITE_IS_0:
            values = np.iinfo(values.dtype).max - values
        opacity = self._last_channel() == _OPACITY
        return Stored(values, self._colors(values.shape[2] - opacity), opacity), 1

    def _check(self) -> None:
        first, count = self._first, len(self._pages)
        refuse_bombs(first.imagewidth, first.imagelength)
        if first.dtype is None or first.dtype.name not in (
            *("uint8", "uint16"),
            *("float16", "float32", "float64"),
        ):
            what = f"values of {first.bitspersample} bits, {first.dtype}"
            raise UnusableError(what, _FIX)
        if first.photometric not in (_WHITE_IS_0, _BLACK_IS_0, _RGB):
            what = f"{first.bitspersample} bits of colors that are not RGB, {first.photometric!s}"
            raise UnusableError(what, _FIX)
        if self._last_channel() == _MULTIPLIED:
            raise UnusableError("colors multiplied by their opacity", _FIX)
        if first.axes not in ("YX", "YXS", "SYX"):
            raise UnusableError(f"axes {first.axes}", "Save its planes as files of their own.")
        if count > 1 and any(
            page.shape != first.shape or page.dtype != first.dtype for page in self._pages
        ):
            what = f"{count} pages of different sizes or depths"
            raise UnusableError(what, "Save them as files of their own.")
        if count >= min(self.size) and count > 1:
            what = f"{count} pages of {self.size[0]} × {self.size[1]}"
            fix = (
                "If these are the rows of one picture, write it with tifffile's "
                'photometric="minisblack", planarconfig="contig".'
            )
            raise UnusableError(what, fix)

    def _colors(self, count: int) -> int:
        """Returns how many of the channels beside opacity are gray or RGB, if it is these."""
        if self._first.photometric == _RGB:
            return 3
        return 1 if count == 1 else 0

    def _last_channel(self) -> int:
        extra = self._first.extrasamples
        return int(extra[-1]) if extra and len(self._pages) == 1 else 0

    def _pixels(self, page: Any) -> Array:
        values: Array = page.asarray(maxworkers=1)
        if page.axes == "SYX":
            values = np.moveaxis(values, 0, -1)
        return values[..., None] if page.axes == "YX" else values

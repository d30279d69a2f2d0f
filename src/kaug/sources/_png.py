"""PNGs of 16 bits, of which Pillow keeps 8 where they have color or opacity."""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from PIL import Image

from kaug.sources._opening import UnusableError
from kaug.sources._plain import turns_of
from kaug.sources._values import Stored

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # by the kind of color
_WITH_OPACITY = (4, 6)
_COLORED = 2
_LAST_FILTER = 4


def is_deep_png(head: bytes) -> bool:
    """Tells a PNG of 16 bits by its first bytes."""
    return head.startswith(_SIGNATURE) and head[24:25] == b"\x10"


class DeepPng:
    """A PNG of 16 bits.

    Args:
        picture: As Pillow opened it.
        file: The file.
    """

    def __init__(self, picture: Image.Image, file: BinaryIO) -> None:
        width, height = picture.size
        self._file = file
        self.size = height, width
        self.orientation = turns_of(picture, file)

    def load(self, reduce: int) -> tuple[Stored, int]:
        """Decodes it, whole.

        Raises:
            ValueError: It is damaged or cut off.
            UnusableError: It is interlaced.
        """
        del reduce
        return _decode(self._file), 1


def _decode(file: BinaryIO) -> Stored:
    from kaug._kernels.unfilter import unfilter  # late: few files need Numba

    file.seek(len(_SIGNATURE))
    packed, key, header = [], b"", b""
    for name, data in _chunks(file):
        if name == b"IHDR":
            header = data
        elif name == b"tRNS":
            key = data
        elif name == b"IDAT":
            packed.append(data)
    width, height, _, color, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if interlaced:
        raise UnusableError("16 bits, interlaced", "Save it without interlacing.")
    if not height or color not in _CHANNELS:
        raise ValueError("it is damaged")
    channels, colors = _CHANNELS[color], 3 if color & _COLORED else 1
    length = 1 + 2 * channels * width
    # No more than there must be: what follows may be without end.
    raw = zlib.decompressobj().decompress(b"".join(packed), height * length)
    if len(raw) < height * length:
        raise ValueError("it is cut off")
    stored = np.frombuffer(raw, np.uint8).reshape(height, length)
    kinds, rows = stored[:, 0].copy(), stored[:, 1:].copy()
    if kinds.max() > _LAST_FILTER:
        raise ValueError("it is damaged")
    unfilter(kinds, rows, 2 * channels)
    values = rows.view(">u2").astype(np.uint16).reshape(height, width, channels)
    if not key or color in _WITH_OPACITY:
        return Stored(values, colors, color in _WITH_OPACITY)
    shown = (values != np.frombuffer(key, ">u2", channels)).any(axis=2, keepdims=True)
    return Stored(np.concatenate([values, shown * np.uint16(65535)], axis=2), colors, opacity=True)


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        data = file.read(length)
        if file.read(4) != struct.pack(">I", zlib.crc32(data, zlib.crc32(name))):
            raise ValueError("it is damaged or cut off")
        yield name, data
        if name == b"IEND":
            return
    raise ValueError("it is cut off")

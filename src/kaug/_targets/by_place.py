"""Pickles of memory maps that hold no values, but where these lie: a worker maps them as well."""

import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kaug._targets.structures import map_arrays
from kaug._types import Array
from kaug._validation import message


@dataclass(frozen=True)
class _Place:
    """Where an array lies in a file, and what tells whether it is still that file."""

    filename: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int
    size: int
    # None where the map itself may be written to.
    changed_ns: int | None

    def open(self) -> Array:
        """Returns the array, mapped read-only.

        Raises:
            FileNotFoundError: The file is gone.
            ValueError: It is another one.
        """
        now = Path(self.filename).stat()
        if now.st_size != self.size or self.changed_ns not in (None, now.st_mtime_ns):
            rule = "A pickle of memory-mapped arrays needs their files as they were"
            received = f"{self.filename}, which was changed or replaced since"
            raise ValueError(message(rule, received, "Make what was pickled anew from the file."))
        return np.memmap(self.filename, self.dtype, "r", self.offset, self.shape)


class PickledByPlace:
    """A class whose attributes, and structures of arrays in them, are pickled so."""

    def __getstate__(self) -> dict[str, Any]:
        """Returns what is pickled."""
        return {name: map_arrays(_place_of, value) for name, value in self.__dict__.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({name: map_arrays(_opened, value) for name, value in state.items()})


def _place_of(array: Any, _: str) -> Any:
    """Returns where a memory map lies; other arrays, and what is none, as they are."""
    file, filename = getattr(array, "_mmap", None), getattr(array, "filename", None)
    # What was written to a copy-on-write map is in no file.
    shared = isinstance(array, np.memmap) and array.mode in ("r", "r+", "w+")
    if not shared or file is None or filename is None or not array.flags.c_contiguous:
        return array
    try:
        found = Path(filename).stat()
    except OSError:  # gone, while the map still holds what was in it
        return array
    # A part of a map says the offset of the whole, so its own is counted from the memory.
    begin = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY
    offset = begin + array.ctypes.data - np.frombuffer(file, np.uint8).ctypes.data
    changed_ns = found.st_mtime_ns if array.mode == "r" else None
    place = (os.fspath(filename), array.dtype, array.shape, int(offset))
    return _Place(*place, found.st_size, changed_ns)


def _opened(leaf: Any, _: str) -> Any:
    return leaf.open() if isinstance(leaf, _Place) else leaf

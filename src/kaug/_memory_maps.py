"""Pickles of memory maps that hold no values, but where these lie: a worker maps them as well."""

import mmap
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug.targets import map_arrays

Array = NDArray[Any]


@dataclass(frozen=True)
class _Place:
    """Where an array lies in a file."""

    filename: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int

    def open(self) -> Array:
        """Returns the array, mapped read-only."""
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
    # A part of a map says the offset of the whole, so its own is counted from the memory.
    begin = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY
    offset = begin + array.ctypes.data - np.frombuffer(file, np.uint8).ctypes.data
    return _Place(os.fspath(filename), array.dtype, array.shape, int(offset))


def _opened(leaf: Any, _: str) -> Any:
    return leaf.open() if isinstance(leaf, _Place) else leaf

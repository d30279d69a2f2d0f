"""Where images come from: arrays in memory, memory maps, or anything that gives its rows on demand.

Zarr and HDF5 arrays, and whatever else has `shape`, `dtype` and slices of rows, may be larger than
memory. Of these only the rows that are asked for are ever read.
"""

import copy
from typing import Any

import numpy as np

from kaug._parallel import ForkSafeLock
from kaug._types import Array
from kaug._validation import check_images, describe, message

# Not every library lets two threads read one of its files.
_one_reader = ForkSafeLock()


def is_lazy(x: Any) -> bool:
    """Tells what gives its rows on demand (Zarr, h5py and the like) from arrays in memory."""
    if isinstance(x, np.ndarray) or not hasattr(x, "shape") or not hasattr(x, "__getitem__"):
        return False
    if hasattr(x, "__dlpack__"):  # an array of another library, in memory
        return False
    try:
        np.dtype(x.dtype)
    except (TypeError, AttributeError):  # a tensor of another library
        return False
    return True


def stand_in(x: Any, name: str = "x") -> Array:
    """Returns an array for checks: of the shape and dtype of `x`, if need be without its values."""
    if not is_lazy(x):
        _check_held(x, name)
        return check_images(x, name)
    return check_images(np.broadcast_to(np.zeros((), np.dtype(x.dtype)), tuple(x.shape)), name)


def as_source(x: Any, name: str = "x") -> Any:
    """Returns images as an array, or as `LazyRows` where they are read on demand; checked."""
    checked = stand_in(x, name)
    return LazyRows(x) if is_lazy(x) else checked


def _check_held(x: Any, name: str) -> None:
    """Refuses what NumPy would read row by row, as a whole, though it need not be in memory."""
    array = hasattr(x, "__array__") or hasattr(x, "__array_interface__") or hasattr(x, "__dlpack__")
    if array or isinstance(x, (list, tuple)) or not hasattr(x, "__getitem__"):
        return
    if hasattr(x, "__len__") and not isinstance(x, (str, bytes, bytearray, memoryview, dict)):
        rule = (
            f"`{name}` must be an array, or have `shape`, `dtype` and slices of rows: it would be "
            "read as a whole otherwise"
        )
        fix = f"If it fits into memory, pass np.stack([image for image in {name}])."
        raise TypeError(message(rule, describe(x), fix))


class LazyRows:
    """Images of which rows are read when they are asked for.

    Args:
        x: What gives them: `shape`, `dtype`, and slices of rows.
    """

    def __init__(self, x: Any) -> None:
        self._x = x
        self.shape: tuple[int, ...] = tuple(map(int, x.shape))
        self._own = self.shape  # as the source itself has it
        self.dtype: np.dtype[Any] = np.dtype(x.dtype)
        self.itemsize, self.ndim = self.dtype.itemsize, len(self.shape)
        chunks = getattr(x, "chunks", None)
        length: Any = chunks[0] if isinstance(chunks, tuple) and chunks else 1
        self._chunk = length if isinstance(length, int) and length > 0 else 1

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Array:
        """Returns the rows of a slice, or of row numbers in any order, as an array."""
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        numbers, places = np.unique(np.asarray(rows, np.int64), return_inverse=True)
        read = np.empty((len(numbers), *self._own[1:]), self.dtype)
        # What lies in one chunk is read at once, since it would be unpacked for each of its rows.
        apart = np.diff(numbers) != 1
        if self._chunk > 1:
            apart = np.diff(numbers // self._chunk) != 0
        ends = np.flatnonzero(np.append(apart, len(numbers) > 0)) + 1
        for begin, end in zip([0, *ends[:-1]], ends, strict=False):
            own = numbers[begin:end]
            read[begin:end] = self._read(int(own[0]), int(own[-1]) + 1)[own - own[0]]
        return read[places].reshape(len(places), *self.shape[1:])

    def with_channels(self) -> "LazyRows":
        """Returns the same rows, of one channel where they have no axis for it."""
        other = copy.copy(self)
        other.shape, other.ndim = (*self.shape, 1), 4
        return other

    def _read(self, start: int, stop: int) -> Array:
        with _one_reader.held():
            rows = np.asarray(self._x[start:stop])
        if rows.shape != (stop - start, *self._own[1:]) or rows.dtype != self.dtype:
            rule = f"x[{start}:{stop}] must give {stop - start} rows of {self._own[1:]}"
            received = f"{rows.shape}, {rows.dtype}"
            raise ValueError(message(f"{rule}, {self.dtype}", received))
        return rows

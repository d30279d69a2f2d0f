"""A folder of `.npy` files, written at offsets: no page of them stays in the process's memory."""

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from kaug._types import Array
from kaug._validation import message
from kaug.store._manifest import check_file, refuse_link
from kaug.store._structure import Spec, bytes_of

_REPAIR = "Run augment_dataset with the same arguments again: it makes what is missing."


class NpyFiles:
    """The files of a store.

    Args:
        folder: The store.
        specs: Its arrays.
        writable: Whether missing files are made and damaged headers mended.
    """

    def __init__(self, folder: Path, specs: Sequence[Spec], *, writable: bool) -> None:
        self._specs = specs
        self._headers = [header(spec) for spec in specs]
        self._files: list[int] = []
        try:
            for spec, head in zip(specs, self._headers, strict=True):
                self._files.append(_open(file_of(folder, spec), writable=writable))
                if writable:
                    self._prepare(self._files[-1], spec, head)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _prepare(file: int, spec: Spec, head: bytes) -> None:
        size = len(head) + spec.shape[0] * spec.row_bytes
        if os.pread(file, len(head), 0) != head:
            _write_at(file, memoryview(head), 0)
        if os.fstat(file).st_size > size:
            os.ftruncate(file, size)

    def write(self, number: int, start: int, rows: Array) -> None:
        """Writes rows of an array, from row `start` on."""
        offset = len(self._headers[number]) + start * self._specs[number].row_bytes
        _write_at(self._files[number], bytes_of(rows), offset)

    def read(self, number: int, start: int, stop: int) -> Array:
        """Returns rows of an array.

        Raises:
            OSError: The file ends before.
        """
        spec = self._specs[number]
        rows = np.empty((stop - start, *spec.shape[1:]), spec.dtype)
        view, done = bytes_of(rows), 0
        offset = len(self._headers[number]) + start * spec.row_bytes
        while done < len(view):
            count = os.preadv(self._files[number], [view[done:]], offset + done)
            if not count:
                raise OSError(f"{spec.name}.npy ends at byte {offset + done}")
            done += count
        return rows

    def finish(self) -> None:
        """Makes what was written last."""
        for file in self._files:
            os.fsync(file)

    def close(self) -> None:
        """Closes the files."""
        while self._files:
            os.close(self._files.pop())


def open_arrays(folder: Path, specs: Sequence[Spec]) -> list[Array]:
    """Returns the arrays of a store, memory-mapped and read-only.

    Nothing is parsed: a header must be, byte for byte, what belongs to the array.

    Raises:
        ValueError: A file is missing, a link, or not as long as it must be.
    """
    return [_mapped(file_of(folder, spec), spec) for spec in specs]


def _mapped(file: Path, spec: Spec) -> Array:
    head = header(spec)
    size = len(head) + spec.shape[0] * spec.row_bytes
    number = _open(file, writable=False)
    with open(file, "rb", opener=lambda *_: number) as stream:
        found = os.fstat(number).st_size
        if found != size or stream.read(len(head)) != head:
            rule = (
                f"{str(file)!r} must be {size} bytes, with the header of {spec.shape} {spec.dtype}"
            )
            received = f"{found} bytes" if found != size else "another header"
            raise ValueError(message(rule, received, _REPAIR))
        return np.memmap(stream, spec.dtype, "r", len(head), spec.shape)


def file_of(folder: Path, spec: Spec) -> Path:
    """Returns where an array is."""
    return folder / f"{spec.name}.npy"


def header(spec: Spec) -> bytes:
    """Returns what `numpy.save` writes before the values."""
    stream = io.BytesIO()
    descr = npy.dtype_to_descr(spec.dtype)
    npy.write_array_header_1_0(
        stream, {"descr": descr, "fortran_order": False, "shape": spec.shape}
    )
    return stream.getvalue()


def _open(file: Path, *, writable: bool) -> int:
    """Opens a file of the store, and nothing else: no link, no pipe."""
    refuse_link(file)
    if not writable and not file.exists():
        rule = "The files of a store must be files"
        raise ValueError(message(rule, f"no file {str(file)!r}", _REPAIR))
    flags = os.O_RDWR | os.O_CREAT if writable else os.O_RDONLY
    number = os.open(file, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    try:
        check_file(file, os.fstat(number), writable=writable)
    except ValueError:
        os.close(number)
        raise
    return number


def _write_at(file: int, view: memoryview, offset: int) -> None:
    """Writes all of `view`, as often as it takes."""
    while len(view):
        count = os.pwrite(file, view, offset)
        view, offset = view[count:], offset + count

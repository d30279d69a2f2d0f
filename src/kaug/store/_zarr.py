"""A Zarr group, version 3, one array for each array of the store."""

import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from kaug._types import Array
from kaug._validation import message
from kaug.store._manifest import check_file, refuse_link
from kaug.store._structure import Spec

_CHUNK_BYTES = 2**21  # what has to be decompressed to read one row

_PARTIAL = ".partial"  # what Zarr is writing; later it is renamed

_CODECS = {"BytesCodec", "ZstdCodec"}


def import_zarr() -> Any:
    """Returns the module, or says how to install it."""
    try:
        import zarr
    except ImportError as error:
        rule = "A path that ends in .zarr needs the package zarr"
        fix = 'Run: pip install "kaug[zarr]"'
        raise ImportError(message(rule, str(error), fix)) from None
    return zarr


class ZarrArrays:
    """The arrays of a store.

    Args:
        folder: The store; its manifest must be there.
        specs: Its arrays.
        chunk_rows: Rows that are written at once.
        writable: Whether missing or damaged arrays are made anew.
    """

    def __init__(
        self, folder: Path, specs: Sequence[Spec], chunk_rows: int, *, writable: bool
    ) -> None:
        self._folder = folder
        self._specs = specs
        _check_files(folder, writable=writable)
        group = _open(folder, writable=writable)
        if writable:
            self._remove_partial()
            for spec in specs:
                self._prepare(group, spec, chunk_rows)
        self.arrays = [_array(group, spec, chunk_rows) for spec in specs]

    def _prepare(self, group: Any, spec: Spec, chunk_rows: int) -> None:
        try:
            _array(group, spec, chunk_rows)
        except Exception:  # whatever is wrong with it, it is made anew
            shutil.rmtree(self._folder / spec.name, ignore_errors=True)
            with _quiet():
                group.create_array(
                    spec.name,
                    shape=spec.shape,
                    dtype=spec.dtype,
                    chunks=_chunks_of(spec, chunk_rows),
                    # No value counts as empty: -0.0 must not come back as 0.0.
                    config={"write_empty_chunks": True},
                )

    def write(self, number: int, start: int, rows: Array) -> None:
        """Writes rows of an array, from row `start` on."""
        self.arrays[number][start : start + len(rows)] = rows

    def read(self, number: int, start: int, stop: int) -> Array:
        """Returns rows of an array; damage raises whatever the codecs raise."""
        rows = np.asarray(self.arrays[number][start:stop])
        return rows.astype(self._specs[number].dtype, copy=False)  # Zarr keeps no byte order

    def finish(self) -> None:
        """Removes what writes that were interrupted left behind."""
        self._remove_partial()

    def close(self) -> None:
        """Nothing to close."""

    def _remove_partial(self) -> None:
        for file in self._folder.rglob(f"*{_PARTIAL}"):
            file.unlink()


def _open(folder: Path, *, writable: bool) -> Any:
    zarr = import_zarr()
    try:
        # A path and not a string, of which newer versions of Zarr would make an address.
        return zarr.open_group(folder, mode="r+" if writable else "r")
    except OSError:
        raise
    except Exception as error:  # what else stands in the metadata makes Zarr raise all sorts
        rule = "A store must be a Zarr group that can be opened"
        fix = "Delete the store and make it again."
        raise ValueError(message(rule, f"{str(folder)!r} ({error})", fix)) from error


def _chunks_of(spec: Spec, chunk_rows: int) -> tuple[int, ...]:
    rows = min(chunk_rows, max(1, spec.shape[0]))
    # A part of what is written at once, so that no two writes meet in a chunk.
    parts = max(1, -(-chunk_rows * spec.row_bytes // _CHUNK_BYTES))
    while rows % parts:
        parts -= 1
    return rows // parts, *(max(1, length) for length in spec.shape[1:])


def _array(group: Any, spec: Spec, chunk_rows: int) -> Any:
    """Returns an array of the group, whose own metadata must be what kaug had written."""
    try:
        with _quiet():
            array = group.get(spec.name)
        fits = array.shape == spec.shape and array.chunks == _chunks_of(spec, chunk_rows)
        fits = fits and array.dtype.newbyteorder("=") == spec.dtype.newbyteorder("=")
        # Those that create_array takes: none of them runs anything that a file may ask for.
        fits = fits and {type(codec).__name__ for codec in array.metadata.codecs} <= _CODECS
        received = repr(array)
    except Exception as error:  # metadata that were edited make Zarr raise all sorts
        fits, received = False, f"one that cannot be read ({error})"
    if not fits:
        rule = f"The store must hold an array {spec.name!r}, {spec.shape} {spec.dtype}"
        fix = "Run augment_dataset with the same arguments again: it makes what is missing."
        raise ValueError(message(rule, received, fix))
    return array


@contextmanager
def _quiet() -> Iterator[None]:
    """Zarr warns that strings of a fixed length are not in its specification yet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _check_files(folder: Path, *, writable: bool) -> None:
    """Raises when anything in a store is a link, which could lead out of it, or no file."""
    for file in folder.rglob("*"):
        refuse_link(file)
        if not file.is_dir() and file.suffix != _PARTIAL:
            check_file(file, file.stat(), writable=writable)

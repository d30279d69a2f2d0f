"""The chunks of a store: made, written, noted, and checked."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from kaug._progress import Progress, Verbose
from kaug._types import Array
from kaug._validation import message, warn
from kaug.store._manifest import Manifest, is_zarr, sync_folder
from kaug.store._npy import NpyFiles, open_arrays
from kaug.store._recipe import Recipe
from kaug.store._structure import Spec, bytes_of
from kaug.store._zarr import ZarrArrays

_SAVE_EVERY = 1.0  # seconds of work that a kill may cost, at least…
_SAVE_SHARE = 20  # …and at least this often the time it takes to save


class Arrays(Protocol):
    """Where the arrays of a store go."""

    def write(self, number: int, start: int, rows: Array) -> None:
        """Writes rows of an array, from row `start` on."""

    def read(self, number: int, start: int, stop: int) -> Array:
        """Returns rows of an array, or raises."""

    def finish(self) -> None:
        """Makes what was written last."""

    def close(self) -> None:
        """Closes what is open."""


class Writer:
    """Brings a store to its end."""

    def __init__(self, manifest: Manifest, specs: Sequence[Spec], recipe: Recipe) -> None:
        self._manifest, self._recipe = manifest, recipe
        self._specs = specs
        self._rows: int = specs[0].shape[0]
        with explained(manifest.folder):
            self._arrays = open_for_chunks(manifest, specs, writable=True)
        self._saved, self._pause = time.monotonic(), _SAVE_EVERY

    def run(self, verbose: Verbose) -> None:
        """Makes and writes the chunks that are missing."""
        with contextlib.closing(self._arrays):
            missing = self._missing()
            if missing:
                self._make(missing, verbose)
            if not self._manifest.content["complete"]:
                with explained(self._manifest.folder):
                    self._arrays.finish()
                    sync_folder(self._manifest.folder)
                    self._manifest.content["complete"] = True
                    self._manifest.save()

    def _missing(self) -> list[int]:
        """Returns the chunks to make: those never finished, and those that were damaged."""
        chunks = self._manifest.chunks
        damaged = list(damaged_chunks(self._manifest, self._arrays, len(self._specs), self._rows))
        if damaged:
            for number in damaged:
                chunks[number] = None
            self._manifest.content["complete"] = False
            with explained(self._manifest.folder):
                self._manifest.save()
            warn(
                f"{len(damaged)} of the chunks in {str(self._manifest.folder)!r} do not match "
                "their checksums and are made again."
            )
        return [number for number, chunk in enumerate(chunks) if chunk is None]

    def _make(self, missing: Sequence[int], verbose: Verbose) -> None:
        spans = [span_of(self._manifest, number, self._rows) for number in missing]
        progress, done = Progress(sum(stop - start for start, stop in spans), verbose), 0
        try:
            for number, (start, stop) in zip(missing, spans, strict=True):
                # Joined arrays lose a foreign byte order.
                leaves = [
                    leaf.astype(spec.dtype, copy=False)
                    for leaf, spec in zip(
                        self._recipe.leaves(start, stop), self._specs, strict=True
                    )
                ]
                with explained(self._manifest.folder):
                    for place, leaf in enumerate(leaves):
                        self._arrays.write(place, start, leaf)
                self._manifest.chunks[number] = digest_of(leaves)
                self._recipe.forget()
                done += stop - start
                progress.update(done)
                self._save()
        except BaseException:
            with contextlib.suppress(OSError):  # what stopped the job is what matters
                self._manifest.save()
            raise

    def _save(self) -> None:
        """Saves the manifest, seldom enough that it takes little of the time."""
        begin = time.monotonic()
        if begin - self._saved < self._pause:
            return
        with explained(self._manifest.folder):
            self._manifest.save()
        self._saved = time.monotonic()
        self._pause = max(_SAVE_EVERY, _SAVE_SHARE * (self._saved - begin))


def span_of(manifest: Manifest, number: int, rows: int) -> tuple[int, int]:
    """Returns the rows of a chunk, the first one and the one after the last."""
    start = number * manifest.content["chunk_rows"]
    return start, min(start + manifest.content["chunk_rows"], rows)


def damaged_chunks(manifest: Manifest, arrays: Arrays, count: int, rows: int) -> Iterator[int]:
    """Yields the chunks whose bytes are not those that were written."""
    for number, recorded in enumerate(manifest.chunks):
        if recorded is None:
            continue
        span = span_of(manifest, number, rows)
        try:
            found = digest_of([arrays.read(place, *span) for place in range(count)])
        except Exception:  # the end of a file, a codec's complaint: it cannot be read
            found = ""
        if found != recorded:
            yield number


def digest_of(leaves: Sequence[Array]) -> str:
    """Returns the checksum of a chunk: of the bytes of its arrays, one after the other."""
    digest = hashlib.sha256()
    for leaf in leaves:
        digest.update(bytes_of(leaf))
    return digest.hexdigest()[:32]


def open_for_chunks(manifest: Manifest, specs: Sequence[Spec], *, writable: bool) -> Arrays:
    """Returns the arrays of a store for reading or writing chunks."""
    folder = manifest.folder
    if is_zarr(folder):
        return ZarrArrays(folder, specs, manifest.content["chunk_rows"], writable=writable)
    return NpyFiles(folder, specs, writable=writable)


def open_for_users(manifest: Manifest, specs: Sequence[Spec]) -> list[Any]:
    """Returns the arrays of a store for users."""
    if is_zarr(manifest.folder):
        chunk_rows = manifest.content["chunk_rows"]
        return ZarrArrays(manifest.folder, specs, chunk_rows, writable=False).arrays
    return open_arrays(manifest.folder, specs)


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Says what to do when the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        rule = f"The disk must have room for {str(folder)!r}"
        fix = "Make room, then run it again with the same arguments: it goes on from here."
        raise OSError(error.errno, message(rule, os.strerror(error.errno).lower(), fix)) from error

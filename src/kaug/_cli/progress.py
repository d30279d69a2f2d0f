"""How far a store is, for whoever sits at the terminal."""

import argparse
import contextlib
import sys
import threading
from pathlib import Path
from typing import Self

from kaug.store._manifest import Manifest

_EVERY = 1.0  # seconds, as often as the manifest is saved at most


class Watch:
    """Shows on stderr, if that is a terminal, how much of a store is written.

    It reads the manifest, so it needs nothing from the one who writes.

    Args:
        arguments: Those of the command.
        folder: The store.
    """

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self._name, self._folder = f"kaug {arguments.command}", folder
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _show(self) -> None:
        shown = False
        while not self._over.wait(_EVERY):
            # It may not be there yet.
            with contextlib.suppress(OSError, ValueError, LookupError):
                chunks = Manifest.load(self._folder).chunks
                done = sum(chunk is not None for chunk in chunks)
                print(f"\r{self._name}: {done / len(chunks):.0%}", end="", file=sys.stderr)
                shown = True
        if shown:
            print(file=sys.stderr)

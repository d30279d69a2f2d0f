"""Files that a command writes: whole or not at all, and never over what it reads."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from kaug._validation import message


def check_output(path: Path, source: Path) -> None:
    """Raises when a file can not be written there, before any work is done.

    Args:
        path: Where to.
        source: What the command reads.

    Raises:
        OSError: The path is that of a folder, or lies in none that can be written to.
        ValueError: It is what the command reads.
    """
    if path.is_dir():
        raise IsADirectoryError(message("The output must be a file", f"the folder {str(path)!r}"))
    if not path.parent.is_dir():
        rule = "The output must lie in a folder that exists"
        raise NotADirectoryError(message(rule, repr(str(path)), "Create its folder first."))
    if not os.access(path.parent, os.W_OK):
        rule = "The output must lie in a folder that can be written to"
        raise PermissionError(message(rule, repr(str(path)), "Choose another folder."))
    if path.exists() and source.exists() and path.samefile(source):
        rule = "The output must not be the input"
        raise ValueError(message(rule, repr(str(path)), "Choose another name for it."))


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Opens a file to write; only what was written to its end takes the place of `path`."""
    partial = path.with_name(f".kaug-{os.getpid()}.partial")
    try:
        with partial.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)

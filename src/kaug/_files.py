"""Files on the disk: the one way in which kaug opens what it is told to read."""

import errno
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from kaug._validation import describe, message

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Returns a regular file opened for reading bytes; links are followed.

    Pipes and devices are refused, since they can be waited for without end: a file is asked what it
    is after it was opened, so that nobody can put another one in its place in between.

    Args:
        path: Of the file.

    Raises:
        FileNotFoundError: There is none.
        OSError: It can not be opened, or is no regular file.
    """
    # Without waiting for somebody to write into a pipe. Regular files pay no attention to it.
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags)
    kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
    if kind != stat.S_IFREG:
        os.close(descriptor)
        rule = "What is read must be a regular file"
        received = f"{_KINDS.get(kind, 'something else')}, {str(Path(path))!r}"
        raise OSError(errno.EINVAL, message(rule, received, "Copy what it gives into a file."))
    return os.fdopen(descriptor, "rb")


def check_path(value: Any, name: str) -> Path:
    """Returns `value` as a path when it is a string or a path that the system can take."""
    rule = f"`{name}` must be a path, as a string or a pathlib.Path"
    if not isinstance(value, (str, os.PathLike)) or not isinstance(os.fspath(value), str):
        raise TypeError(message(rule, f"{name}={describe(value)}"))
    if "\0" in os.fspath(value) or value == "":
        rule += ", neither empty nor with NUL in it"
        raise ValueError(message(rule, f"{name}={describe(value)}"))
    return Path(value)

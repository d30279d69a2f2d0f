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


def check_path(value: Any, name: str) -> Path:
    """Returns what a user named as a path.

    Args:
        value: The path, a string or an object of `os.PathLike`.
        name: What the caller calls it.

    Raises:
        TypeError: It is no path.
        ValueError: It is empty, or holds what no path can.
    """
    rule = f"`{name}` must be a path"
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(message(rule, f"{name}={describe(value)}"))
    text = os.fsdecode(value)
    if not text or "\0" in text:
        fix = "" if text else "For the current folder pass '.'."
        raise ValueError(message(f"{rule}, neither empty nor with zeros", f"{name}={text!r}", fix))
    return Path(text)


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Returns a regular file opened for reading bytes; links are followed.

    Pipes and devices are refused, since they can be waited for without end: a file is asked what it
    is after it was opened, so that nobody can put another one in its place in between.

    Args:
        path: Of the file.

    Raises:
        FileNotFoundError: There is none.
        OSError: It cannot be opened, or is no regular file.
    """
    # Without waiting for somebody to write into a pipe. Regular files pay no attention to it.
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags)
    kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
    if kind != stat.S_IFREG:
        os.close(descriptor)
        rule = "What is read must be a regular file"
        received = f"{_KINDS.get(kind, 'something else')}, {str(Path(path))!r}"
        fix = "" if kind == stat.S_IFDIR else "Copy what it gives into a file."
        raise OSError(errno.EINVAL, message(rule, received, fix))
    return os.fdopen(descriptor, "rb")

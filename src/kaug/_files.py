"""Files on the disk: the one way in which kaug opens what it is told to read."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from kaug._validation import message

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

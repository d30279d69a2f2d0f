"""Files on the disk: the one way in which kaug finds and opens what it is told to read."""

import errno
import os
import stat
from collections.abc import Iterable
from functools import cache
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


def check_parent(path: Path, name: str) -> None:
    """Raises when there is no folder for what is to be written.

    Args:
        path: Of the file or folder to write.
        name: What the caller calls it.
    """
    if not path.parent.is_dir():
        rule = f"`{name}` must lie in a folder that exists"
        fix = "Create its parent first."
        raise NotADirectoryError(message(rule, f"{name}={str(path)!r}", fix))


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


def absolute(folder: Any) -> Path:
    """Returns the absolute path of `directory`, without `..`, links as they are."""
    return Path(os.path.normpath(check_path(folder, "directory").absolute()))


def check_folder(folder: Path) -> Path:
    """Returns `directory` when it is a folder that exists."""
    if not folder.is_dir():
        raise ValueError(message("`directory` must be a folder that exists", repr(str(folder))))
    return folder


def list_files(folder: Path, *, follow_links: bool, hidden: bool = False) -> list[Path]:
    """Lists the files below a folder, always in the same order.

    Args:
        folder: Where to look, at any depth.
        follow_links: Whether to enter folders that are symbolic links, each folder but once.
        hidden: Whether to enter folders whose names begin with a dot.

    Raises:
        OSError: A folder cannot be read.
    """
    seen = {folder.resolve()}
    found = []
    for root, folders, names in os.walk(folder, followlinks=follow_links, onerror=_raise):
        if not hidden:
            folders[:] = [name for name in folders if not name.startswith(".")]
        if follow_links:
            folders[:] = [name for name in folders if _is_new(Path(root, name), seen)]
        found.append((root, sorted(names)))
    return [Path(root, name) for root, names in sorted(found) for name in names]


def _raise(error: OSError) -> None:
    raise error


def _is_new(folder: Path, seen: set[Path]) -> bool:
    place = folder.resolve()
    new = place not in seen
    seen.add(place)
    return new


def check_inside(
    folder: Path, names: Iterable[str | Path], *, follow_links: bool, fix: str
) -> list[str]:
    """Returns the paths of files by their names, none of them outside of the folder.

    Args:
        folder: An absolute path.
        names: Relative to it, or absolute.
        follow_links: Whether symbolic links, also of folders on the way, may lead outside.
        fix: What to do about a path that is outside.

    Raises:
        ValueError: A path leads out of the folder.
    """
    # As text: a table has names by the hundred thousand, and objects of paths would take longer
    # than all that is asked of the disk.
    paths = [os.path.normpath(os.path.join(folder, name)) for name in names]  # noqa: PTH118 - as text
    begin = f"{folder}{os.sep}"
    real = folder.resolve()

    @cache  # folders hold many files
    def leads_inside(place: str) -> bool:
        return Path(place).resolve().is_relative_to(real)

    for path in paths:
        inside = path.startswith(begin) or Path(path).is_relative_to(folder)
        if inside and not follow_links:
            linked = os.path.islink(path)  # noqa: PTH114 - as text
            inside = leads_inside(path if linked else os.path.dirname(path))  # noqa: PTH120 - as text
        if not inside:
            rule = f"Files must lie inside the folder {str(folder)!r}"
            raise ValueError(message(rule, repr(path), fix))
    return paths

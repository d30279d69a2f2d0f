"""Paths, and the one way to open files: regular ones alone."""

import os
from pathlib import Path

import pytest

from kaug._files import check_path, open_regular


def test_a_file_and_a_link_to_it(tmp_path):
    (tmp_path / "a").write_bytes(b"some\r\nbytes\x1a")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for name in ("a", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"some\r\nbytes\x1a"


def test_what_is_none(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # opening it in the usual way would wait for a writer
    for path, kind in ((tmp_path / "pipe", "a named pipe"), (tmp_path, "a folder")):
        with pytest.raises(OSError, match=f"must be a regular file. Received: {kind}, "):
            open_regular(path)
    with pytest.raises(OSError, match="a device"):
        open_regular(os.devnull)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")


def test_paths():
    for value in ("a/b", Path("a/b")):
        assert check_path(value, "out") == Path("a/b")
    for wrong in (None, 5, b"a", ["a"]):
        with pytest.raises(TypeError, match=r"`out` must be a path.*Received: out="):
            check_path(wrong, "out")
    for wrong in ("", "a\0b"):
        with pytest.raises(ValueError, match=r"`out` must be a path.*neither empty nor with zeros"):
            check_path(wrong, "out")

"""Files of text, line by line."""

import os

from kaug._files import open_regular
from kaug._validation import message


def lines_of(path: str | os.PathLike[str]) -> list[str]:
    """Returns the lines of a text file, also those that are empty.

    Raises:
        OSError: It cannot be opened.
        ValueError: It is no text.
    """
    with open_regular(path) as file:
        data = file.read()
    try:
        return data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        received = f"{os.fspath(path)!r} ({error})"
        raise ValueError(message("Text must be in UTF-8", received, "Save it as such.")) from None


def entries_of(path: str | os.PathLike[str]) -> list[str]:
    """Returns the lines of a text file that are not empty, without spaces around them."""
    return [line.strip() for line in lines_of(path) if line.strip()]

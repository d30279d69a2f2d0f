"""A sequence of pictures in files, and what is asked of all of them."""

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np

from kaug import _parallel
from kaug._files import check_path
from kaug._images import Opened, Region, Window
from kaug._types import Array, Rows
from kaug._validation import check_choice, describe, message, warn
from kaug.sources._decode import Decoder, Facts
from kaug.sources._opening import UnusableError, named
from kaug.sources._rows import row_number, row_numbers

_RULE = "Every file must be a picture that can be read"
_SMALLEST = 8  # the size at which it is seen whether a JPEG can be read

_Result = TypeVar("_Result")


class Pictures:
    """Pictures of any size in files, decoded when they are asked for; made by `kaug.sources`.

    `len(x)` is their number. `x[i]` decodes one, an array `(H, W, C)`; photographs are turned
    as their camera noted. `x[rows]`, with a slice, row numbers or a mask, gives these rows as
    `Pictures`, and decodes nothing. There is no way to change them, so that threads and processes
    may share them; what is pickled are the paths.

    Args:
        paths: Absolute ones.
        decoder: How they are decoded.
        class_names: The names of the classes that the labels beside the pictures count.
        facts: What is known of the files, a row of `Facts` each, or None.
    """

    def __init__(
        self,
        paths: tuple[str, ...],
        decoder: Decoder,
        class_names: tuple[str, ...] | None = None,
        facts: Rows | None = None,
    ) -> None:
        self._paths = paths
        self._decoder = decoder
        self._class_names = class_names
        self._facts = facts

    @property
    def paths(self) -> tuple[str, ...]:
        """The absolute path of each file."""
        return self._paths

    @property
    def channels(self) -> int | None:
        """How many channels a picture has; None if that depends on the file."""
        return self._decoder.channels

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the pixels."""
        return np.dtype(self._decoder.dtype)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The name of each class number, where there are classes; else None."""
        return self._class_names

    @property
    def sizes(self) -> Rows:
        """Height and width of each picture after it is turned, `(N, 2)` integers, read-only.

        They are read from the headers alone, by all threads, when they are first asked for, and
        kept. From then on a file that has changed since is an error.

        Raises:
            FileNotFoundError: A file is not there any more.
            ValueError: A file is no picture that can be read.
        """
        if self._facts is None:
            facts, errors = attempt(self._decoder.facts, self._paths)
            raise_for(errors)
            self._facts = _as_rows(facts)
        return self._facts[:, :2]

    @property
    def _orientations(self) -> Rows:
        """How each picture is turned when it is decoded, 1 (not at all) to 8."""
        _ = self.sizes
        assert self._facts is not None  # they are read by now
        return self._facts[:, 3]

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, rows: Any) -> Any:
        number = row_number(rows, len(self))
        if number is not None:
            return self._read(number).pixels
        numbers = row_numbers(rows, len(self))
        paths = tuple(self._paths[row] for row in numbers)
        facts = None if self._facts is None else _frozen(self._facts[numbers])
        return Pictures(paths, self._decoder, self._class_names, facts)

    def __repr__(self) -> str:
        channels = "" if self.channels is None else f", channels={self.channels}"
        classes = "" if self._class_names is None else f", {len(self._class_names)} classes"
        return f"<{len(self):,} pictures in files, {self.dtype}{channels}{classes}>"

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        rule = "Pictures in files are no array, since each may have a size of its own"
        fix = "Pass them as they are, x[rows] for some of them; x[i] is the array of one."
        raise TypeError(message(rule, repr(self), fix))

    def _read(self, row: int, window: Window | None = None, reduce: int = 1) -> Region:
        """Decodes a picture or a part of it, as `Opened.read` does."""
        return self._open_row(row).read(window, reduce)

    def _open_row(self, row: int) -> Opened:
        """Reads the file of a row; what of it is decoded is up to who asks for a window.

        Raises:
            FileNotFoundError: The file is not there any more.
            ValueError: It cannot be read, or has changed since `sizes` were.
        """
        path = self._paths[row]
        facts, read = _named(path, self._decoder.open)(path)
        if self._facts is not None and tuple(self._facts[row]) != facts:
            height, width, length, _ = self._facts[row]
            rule = "A file must not change after its size was read"
            received = (
                f"{path!r}, {facts.height} × {facts.width} in {facts.file_bytes:,} bytes now, "
                f"{height} × {width} in {length:,} before"
            )
            raise ValueError(message(rule, received, "Make the pictures anew."))
        return Opened((facts.height, facts.width), _named(path, read))

    def _identity(self, row: int) -> bytes:
        """Returns the checksum of a file."""
        return hashlib.sha256(Path(self._paths[row]).read_bytes()).digest()


def files(
    paths: Iterable[str | os.PathLike[str]],
    *,
    channels: int | None = 3,
    dtype: str = "uint8",
    on_error: str = "raise",
) -> Pictures:
    """Makes a sequence of the pictures in files, which are decoded when they are asked for.

    Args:
        paths: Of the files, in the order of the rows.
        channels: 1 (gray), 3 (RGB), 4 (with opacity), or None for those of the file.
        dtype: `"uint8"`.
        on_error: What to do about files that cannot be read. With `"raise"` they are an error when
            they are read; only that each is there is seen at once. With `"skip"` all of them are
            read once now, by all threads, and those that cannot be are left out with a warning.

    Raises:
        FileNotFoundError: A file is not there.
        TypeError: `paths` are no paths.
        ValueError: An option is none of its choices, or no file at all can be read.

    Example:
        >>> import tempfile, pathlib, kaug
        >>> from PIL import Image
        >>> path = pathlib.Path(tempfile.mkdtemp(), "a.png")
        >>> Image.new("RGB", (7, 5), (10, 20, 30)).save(path)
        >>> x = kaug.sources.files([path])
        >>> x[0].shape, x[0][0, 0]
        ((5, 7, 3), array([10, 20, 30], dtype=uint8))
    """
    if isinstance(paths, (str, bytes, os.PathLike)):
        rule = "`paths` must be a list of paths"
        fix = f"Write [{str(paths)!r}], or kaug.sources.folder for a folder of class folders."
        raise TypeError(message(rule, f"paths={describe(paths)}", fix))
    decoder = Decoder(channels, dtype)
    return choose(whole_paths(paths), decoder, on_error, None)[0]


def whole_paths(paths: Iterable[str | os.PathLike[str]]) -> tuple[str, ...]:
    """Returns paths that stay the same when the current folder changes."""
    return tuple(os.path.abspath(check_path(path, "paths")) for path in paths)  # noqa: PTH100


def choose(
    paths: tuple[str, ...], decoder: Decoder, on_error: str, class_names: tuple[str, ...] | None
) -> tuple[Pictures, Rows]:
    """Returns pictures in files, and the numbers of those files that are among them."""
    check_choice(on_error, "on_error", ("raise", "skip"))
    if on_error == "raise":
        _, missing = attempt(os.stat, paths)
        raise_for(missing)
        return Pictures(paths, decoder, class_names), np.arange(len(paths))

    def read(path: str) -> Facts:
        facts, decode = decoder.open(path)
        decode(None, _SMALLEST)
        return facts

    facts, errors = attempt(read, paths)
    if errors and len(errors) == len(set(paths)):
        raise_for(errors)
    if errors:
        rule = f"{_RULE}: {len(errors)} of {len(paths)} are left out"
        warn(message(rule, named(errors)))
    kept = np.array([row for row, path in enumerate(paths) if path not in errors], np.int64)
    known = _as_rows([facts[row] for row in kept])
    return Pictures(tuple(paths[row] for row in kept), decoder, class_names, known), kept


def _named(path: str, task: Callable[..., _Result]) -> Callable[..., _Result]:
    """Returns a task whose errors name a file."""

    def named_task(*arguments: Any) -> _Result:
        try:
            return task(*arguments)
        except Exception as error:  # damaged files make Pillow raise all sorts
            raise_for({path: error})
            raise

    return named_task


def attempt(
    task: Callable[[str], _Result], paths: tuple[str, ...]
) -> tuple[list[_Result], dict[str, Exception]]:
    """Returns what a task gives for each path, by all threads, and the errors by their paths."""
    results: list[Any] = [None] * len(paths)
    errors: dict[str, Exception] = {}

    def piece(start: int, stop: int) -> None:
        for row in range(start, stop):
            try:
                results[row] = task(paths[row])
            except MemoryError:  # it is not the file's fault
                raise
            except Exception as error:  # damaged files make Pillow raise all sorts
                errors[paths[row]] = error

    _parallel.run(piece, len(paths))
    return results, {path: errors[path] for path in paths if path in errors} if errors else {}


def raise_for(errors: dict[str, Exception]) -> None:
    """Raises for files that cannot be read, if there are any, with the first of their names."""
    if not errors:
        return
    first = next(iter(errors.values()))
    if isinstance(first, MemoryError):
        raise first
    if isinstance(first, FileNotFoundError):
        fix = "Put it back, or make the pictures anew without it."
        missing = {path: "not there" for path, e in errors.items() if type(e) is type(first)}
        raise FileNotFoundError(message(_RULE, named(missing), fix)) from first
    fix = first.fix if isinstance(first, UnusableError) else "Repair it or take it out."
    fix += ' Or pass on_error="skip".'
    raise ValueError(message(_RULE, named(errors), fix)) from first


def _as_rows(facts: list[Facts]) -> Rows:
    return _frozen(np.array(facts, np.int64).reshape(len(facts), len(Facts._fields)))


def _frozen(rows: Array) -> Array:
    rows.flags.writeable = False
    return rows

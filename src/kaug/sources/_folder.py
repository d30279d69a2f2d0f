"""`kaug.sources.folder`: one folder a class."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from kaug._files import absolute, check_inside, list_files
from kaug._types import Rows
from kaug._validation import message, warn
from kaug.sources._classes import (
    chosen_classes,
    class_folders,
    warn_of_empty_classes,
    warn_of_loose,
    warn_of_numbers,
)
from kaug.sources._decode import Decoder
from kaug.sources._pictures import Pictures, choose

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"),
    *(".avif", ".jp2", ".j2k", ".ppm", ".pgm", ".pbm", ".pnm"),
)
_NAMED = 3  # how many suffixes a message names


def folder(
    directory: str | os.PathLike[str],
    *,
    classes: Iterable[str] | None = None,
    channels: int | None = 3,
    dtype: str = "uint8",
    on_error: str = "raise",
) -> tuple[Pictures, Rows]:
    """Makes a sequence of the pictures in a folder of class folders, with their classes.

    Files are found at any depth below the folder of their class, and come in the order of the
    classes, then of their paths, byte by byte, whatever the system's language. What begins with a
    dot is passed over, and a folder without a picture is no class.

    Args:
        directory: The folder.
        classes: Names of class folders in the order of their numbers; None for all, sorted by
            name. Name them where several folders must agree in their numbers.
        channels: As for `kaug.sources.files`.
        dtype: As for `kaug.sources.files`.
        on_error: As for `kaug.sources.files`.

    Returns:
        The pictures, `x`, and the number of the class of each, `y`, `(N,)` integers;
        `x.class_names` has their names.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: There are no class folders or no pictures in them, a link leads out of the
            folder, or an option is none of its choices.

    Example:
        >>> import tempfile, pathlib, kaug
        >>> from PIL import Image
        >>> place = pathlib.Path(tempfile.mkdtemp())
        >>> for name in ("cat", "dog"):
        ...     (place / name).mkdir()
        ...     Image.new("RGB", (7, 5)).save(place / name / "0.png")
        >>> x, y = kaug.sources.folder(place)
        >>> x.class_names, y, x[1].shape
        (('cat', 'dog'), array([0, 1]), (5, 7, 3))
    """
    decoder = Decoder(channels, dtype)
    place = absolute(directory)
    chosen = chosen_classes(classes)
    names = class_folders(place, chosen, as_keras=False)
    if chosen is None:
        names = sorted(names, key=os.fsencode)
    found, others = {}, []
    for name in names:
        found[name], unknown = pictures_in(place / name)
        others += unknown
    warn_of_suffixes(others)
    warn_of_loose(place, SUFFIXES)
    if not any(found.values()):
        rule = f"The class folders must hold pictures ({', '.join(SUFFIXES)})"
        raise ValueError(message(rule, f"none in {str(place)!r}, classes {names}"))
    empty = [name for name in names if not found[name]]
    if chosen is None:
        _warn_of_empty(empty)
        names = [name for name in names if found[name]]
        warn_of_numbers("class folders", names, "x.class_names")
    else:
        warn_of_empty_classes("the class folders", empty, None)
    fix = "Name the files themselves if you trust the links: kaug.sources.files(paths)."
    listed = [file for name in names for file in found[name]]
    paths = check_inside(place, listed, follow_links=False, fix=fix)
    y = np.repeat(np.arange(len(names)), [len(found[name]) for name in names])
    x, kept = choose(tuple(paths), decoder, on_error, tuple(names))
    return x, y[kept]


def pictures_in(place: Path) -> tuple[list[Path], list[Path]]:
    """Returns the pictures at any depth of a folder, sorted, and the files of other suffixes."""
    listed = [path for path in list_files(place, follow_links=False) if path.name[0] != "."]
    listed.sort(key=lambda path: os.fsencode(path.relative_to(place).as_posix()))
    pictures = [path for path in listed if path.name.lower().endswith(SUFFIXES)]
    return pictures, [path for path in listed if not path.name.lower().endswith(SUFFIXES)]


def warn_of_suffixes(others: list[Path]) -> None:
    """Warns of files that are no pictures by their suffix."""
    if others:
        counts = Counter(path.suffix.lower() for path in others)
        kinds = ", ".join(f"{n} of suffix {suffix!r}" for suffix, n in counts.most_common(_NAMED))
        kinds += ", …" if len(counts) > _NAMED else ""
        rule = f"Of folders the files that end in {', '.join(SUFFIXES)} are taken"
        received = f"{len(others)} others ({kinds}), the first {str(others[0])!r}"
        warn(message(rule, received, "Convert them if they are pictures."))


def _warn_of_empty(empty: list[str]) -> None:
    if empty:
        names = ", ".join(map(repr, empty[:_NAMED])) + (", …" if len(empty) > _NAMED else "")
        rule = "A folder without pictures is no class and gets no number"
        fix = "Pass classes=[…], all names in their order, where other folders have pictures of it."
        warn(message(rule, f"{len(empty)} such: {names}", fix))

"""Classes by the names of folders or labels, and what may be wrong with them."""

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from kaug._files import check_folder, check_inside, check_path
from kaug._validation import describe, message, warn

_NAMED = 3  # how many empty classes a message names
_DIGITS = 20  # what has as many is a code, no number


def chosen_classes(classes: Any, argument: str = "classes") -> list[Any] | None:
    """Returns the class names that were asked for, each once, or None for all."""
    rule = f"`{argument}` must be a list of names"
    if isinstance(classes, str):
        fix = f"Write {argument}=[{classes!r}]."
        raise TypeError(message(rule, f"{argument}={classes!r}", fix))
    if classes is not None and not np.iterable(classes):
        raise TypeError(message(rule, describe(classes)))
    return (None if classes is None else list(dict.fromkeys(classes))) or None


def warn_of_empty_classes(where: str, empty: Sequence[str], subset: str | None) -> None:
    """Warns of classes that no image belongs to."""
    if empty:
        names = ", ".join(map(repr, empty[:_NAMED])) + (", …" if len(empty) > _NAMED else "")
        part = "" if subset is None else f" in subset={subset!r}"
        rule = f"Every class should have images{part}, since it counts without them too"
        fix = "Give it more, remove it, or name the classes you mean by `classes`."
        warn(message(rule, f"none in {where} {names}", fix))


def warn_of_numbers(where: str, names: Sequence[Any], listed: str = "class_indices") -> None:
    """Warns of classes whose names are numbers, but not in the order of these.

    Args:
        where: What the names are of.
        names: In the order of the classes.
        listed: Which attribute has that order.
    """
    if not all(isinstance(name, str) and name.isdecimal() for name in names):
        return
    for first, second in pairwise(names):
        if max(len(first), len(second)) < _DIGITS and int(first) > int(second):
            rule = "Classes are numbered in the order of their names as text"
            received = f"numbers as {where}, of which {first!r} comes before {second!r}"
            fix = (
                f"Their order is in `{listed}`; for another one pass `classes`, the names in "
                "the order you want."
            )
            warn(message(rule, received, fix))
            return


def warn_of_loose(folder: Path, kinds: tuple[str, ...]) -> None:
    """Warns of pictures that lie beside the class folders."""
    loose = sorted(path for path in folder.iterdir() if path.name.lower().endswith(kinds))
    loose = [path for path in loose if path.is_file()]
    if loose:
        rule = "Pictures must lie in the folder of their class, or they are passed over"
        received = f"{len(loose)} beside the class folders; the first: {str(loose[0])!r}"
        warn(message(rule, received, "Move them."))


def class_folders(folder: Path, classes: Any, *, as_keras: bool) -> list[str]:
    """Returns the class folders that were named, or all that are not hidden."""
    check_folder(folder)
    chosen = chosen_classes(classes)
    if chosen is None:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
        names = [name for name in names if as_keras or not name.startswith(".")]
        if not names and not as_keras:
            rule = "`directory` must hold one folder per class"
            raise ValueError(message(rule, f"{str(folder)!r} without folders"))
        return names
    for name in chosen:
        check_path(name if isinstance(name, os.PathLike) else str(name), "classes")
    names = [str(name) for name in chosen]
    fix = "Name folders inside it."
    for path in map(Path, check_inside(folder, names, follow_links=True, fix=fix)):
        if not path.is_dir() and not as_keras:
            rule = f"`classes` must name folders in {str(folder)!r}"
            raise ValueError(message(rule, repr(path.name)))
    return names

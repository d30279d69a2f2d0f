"""`flow_from_dataframe`: a table of file names, labels and weights."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from kaug._files import absolute, check_folder, check_inside
from kaug._types import Rows
from kaug._validation import check_flag, describe, message, warn
from kaug.image_data_generator._file_batches import (
    WITH_CLASSES,
    FileIterator,
    check_binary,
    check_class_mode,
)
from kaug.image_data_generator._files import EXTENSIONS, OTHERS
from kaug.image_data_generator._iterators import check_subset, split_range
from kaug.image_data_generator._protocol import Augments
from kaug.image_data_generator._table import check_columns, targets, weights
from kaug.sources._classes import chosen_classes, warn_of_empty_classes, warn_of_numbers
from kaug.sources._columns import check_lengths, check_table, class_names, column, file_names

_NAMED = 5  # how many classes a message names

# What older versions of Keras had, and what to do today.
_GONE = {
    "has_ext": "File names must be whole, with their extension.",
    "sort": "Batches come in the table's order if shuffle=False.",
    "drop_duplicates": "Use the table's own method of that name.",
}


class DataFrameIterator(FileIterator):
    """Batches of the files in a table, made by `ImageDataGenerator.flow_from_dataframe`.

    The table is read column by column, once; nothing here needs pandas itself.
    """

    allowed_class_modes = ("categorical", "binary", "sparse", "input", "multi_output", "raw", None)

    def __init__(
        self,
        dataframe: Any,
        directory: Any,
        image_data_generator: Augments,
        *,
        x_col: str,
        y_col: Any,
        weight_col: str | None,
        classes: Any,
        class_mode: str | None,
        subset: str | None,
        validate_filenames: bool,
        **options: Any,
    ) -> None:
        check_class_mode(class_mode, self.allowed_class_modes)
        as_keras = image_data_generator.keras_compat
        check_subset(image_data_generator, subset)
        chosen = chosen_classes(classes)
        check_table(dataframe)
        names = file_names(column(dataframe, x_col, "x_col"), f"the column x_col={x_col!r}")
        used = y_col if class_mode not in (None, "input") else []
        check_lengths(dataframe, len(names), y_col=used, weight_col=weight_col)
        check_columns(dataframe, y_col, class_mode, weight_col)
        self.directory = _folder(directory, as_keras=as_keras)
        paths = _paths(self.directory, names)
        validate = check_flag(validate_filenames, "validate_filenames")
        rows = _existing(paths, x_col) if validate else np.arange(len(paths))
        indices: dict[str, int] = {}
        if class_mode in WITH_CLASSES:
            rows, numbers, indices = _number_classes(
                dataframe, y_col, class_mode, chosen, rows, as_keras=as_keras
            )
        elif chosen is not None:
            warn(f"`classes` does nothing with class_mode={class_mode!r}.")
        part = split_range(image_data_generator, len(rows), subset)
        rows = rows[part]
        if not len(rows) and not as_keras:
            rule = "The table must name images"
            received = f"{len(names)} rows of which none can be used, subset={subset!r}"
            raise ValueError(message(rule, received))
        # Keras lets missing values through, and they make every loss NaN.
        complete = not as_keras
        if class_mode in WITH_CLASSES:
            self.classes = numbers[part]
            labels: Any = self.classes
        else:
            labels = targets(dataframe, y_col, class_mode, rows, complete=complete)
        self.filenames = [names[row] for row in rows]
        super().__init__(
            image_data_generator,
            [paths[row] for row in rows],
            class_mode=class_mode,
            labels=labels,
            class_indices=indices,
            sample_weight=weights(dataframe, weight_col, rows, complete=complete),
            subset=subset,
            **options,
        )
        what = "validated" if validate else "non-validated"
        end = f" belonging to {self.num_classes} classes" if class_mode in WITH_CLASSES else ""
        print(f"Found {self.samples} {what} image filenames{end}.")


def warn_of_deprecated(options: Iterable[str], class_mode: str | None) -> str | None:
    """Warns of what Keras has only for old programs' sake, and returns today's `class_mode`."""
    for name in options:
        if name not in _GONE:
            rule = f"`flow_from_dataframe` has no argument {name!r}"
            raise TypeError(message(rule, f"{name}=…", "Check its spelling."))
        warn(f"`{name}` does nothing. {_GONE[name]}", DeprecationWarning)
    if class_mode != "other":
        return class_mode
    warn('Write class_mode="raw" for "other".', DeprecationWarning)
    return "raw"


def _folder(directory: Any, *, as_keras: bool) -> str:
    """Returns the folder that file names are relative to, or nothing for whole paths."""
    if directory is None or directory == "":  # as in Keras
        return ""
    folder = absolute(directory)
    return str(folder if as_keras else check_folder(folder))


def _paths(directory: str, names: list[str]) -> list[str]:
    if not directory:
        return names
    fix = "Leave `directory` out to use paths as they are."
    return check_inside(Path(directory), names, follow_links=False, fix=fix)


def _existing(paths: list[str], x_col: str) -> Rows:
    """Returns the rows whose file is there and has an image's extension."""
    good = [path.lower().endswith(EXTENSIONS) and _is_file(path) for path in paths]
    if not all(good):
        bad = [path for path, is_good in zip(paths, good, strict=True) if not is_good]
        others = any(path.lower().endswith(OTHERS) for path in bad)
        fix = " Pictures of other kinds are read with validate_filenames=False." if others else ""
        warn(
            f"The column x_col={x_col!r} names {len(bad)} files that are not there or no images; "
            f"their rows are left out. The first: {', '.join(bad[:3])}.{fix}"
        )
    return np.flatnonzero(good)


def _is_file(path: str) -> bool:
    """Tells whether there is a file; raises where the system does not let one look."""
    return os.path.isfile(path) or Path(path).is_file()  # noqa: PTH113 - it takes half the time


def _number_classes(
    dataframe: Any,
    y_col: Any,
    class_mode: str,
    chosen: list[str] | None,
    rows: Rows,
    *,
    as_keras: bool,
) -> tuple[Rows, list[Any], dict[str, int]]:
    """Returns the rows that have a class, its number (or a list of them), and all numbers."""
    where = f'class_mode="{class_mode}" the column y_col={y_col!r}'
    fix = 'Convert them with `.astype(str)`, or pass class_mode="raw" to get them as they are.'
    values, several = column(dataframe, y_col, "y_col"), class_mode == "categorical"
    labels = class_names(values, where, several=several, fix=fix)
    names = chosen or _all_classes((labels[row] for row in rows), where)
    # Keras counts also the classes of files that are not there.
    check_binary(class_mode, chosen or _all_classes(labels, where) if as_keras else names)
    if chosen is None and not as_keras:
        warn_of_numbers(f"classes in {where}", names)
    indices = {name: number for number, name in enumerate(names)}
    kept, numbers, seen = [], [], set()
    for row in rows:
        known = [indices[name] for name in _as_list(labels[row]) if name in indices]
        seen.update(known)
        # A row without any class is an example of none, unless the classes were chosen.
        if known or chosen is None:
            kept.append(row)
            numbers.append(known[0] if isinstance(labels[row], str) else known)
    if chosen and len(rows) and not kept and not as_keras:
        rule = f"`classes` must name classes in {where}"
        others = _all_classes((labels[row] for row in rows), where)
        fix = f"There are {len(others)}: {', '.join(map(repr, others[:_NAMED]))}."
        raise ValueError(message(rule, describe(chosen), fix))
    if kept and not as_keras:
        empty = [name for name, number in indices.items() if number not in seen]
        warn_of_empty_classes(where, empty, None)
    return np.array(kept, np.int64), numbers, indices


def _all_classes(labels: Iterable[Any], where: str) -> list[str]:
    names: set[Any] = set()
    try:
        for label in labels:
            names.update(_as_list(label))
        return sorted(names)
    except TypeError as error:  # they are of several types, or lists themselves
        rule = f"The classes in the lists must be strings in {where}"
        raise TypeError(message(rule, str(error), "Convert all of them by str().")) from None


def _as_list(label: Any) -> list[str]:
    return [label] if isinstance(label, str) else list(label)

"""`flow_from_dataframe`: a table of file names, labels and weights."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kaug._validation import check_choice, describe, message
from kaug.image_data_generator.file_batches import FileIterator
from kaug.image_data_generator.files import EXTENSIONS, absolute, check_inside
from kaug.image_data_generator.iterators import split_range

if TYPE_CHECKING:
    from kaug.image_data_generator.generator import ImageDataGenerator

Rows = NDArray[np.int64]

CLASS_MODES = ("categorical", "binary", "sparse", "input", "multi_output", "raw")
_WITH_CLASSES = ("categorical", "binary", "sparse")


class DataFrameIterator(FileIterator):
    """Batches of the files in a table, made by `ImageDataGenerator.flow_from_dataframe`.

    The table is read column by column, once; nothing here needs pandas itself.
    """

    def __init__(
        self,
        dataframe: Any,
        directory: Any,
        image_data_generator: "ImageDataGenerator",
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
        if class_mode is not None:
            check_choice(class_mode, "class_mode", CLASS_MODES)
        names = _file_names(dataframe, x_col)
        self.directory = None if directory is None else str(absolute(directory))
        paths = _paths(self.directory, names)
        rows = _existing(paths, x_col) if validate_filenames else np.arange(len(paths))
        indices: dict[str, int] = {}
        if class_mode in _WITH_CLASSES:
            rows, numbers, indices = _number_classes(dataframe, y_col, class_mode, classes, rows)
        part = split_range(image_data_generator, len(rows), subset)
        rows = rows[part]
        if not len(rows):
            rule = "The table must name images"
            raise ValueError(message(rule, f"{len(names)} rows of which none can be used"))
        if class_mode in _WITH_CLASSES:
            self.classes = numbers[part]
            targets: Any = self.classes
        else:
            targets = _targets(dataframe, y_col, class_mode, rows)
        self.filenames = [names[row] for row in rows]
        super().__init__(
            image_data_generator,
            [paths[row] for row in rows],
            class_mode=class_mode,
            labels=targets,
            class_indices=indices,
            sample_weight=_weights(dataframe, weight_col, rows),
            **options,
        )
        what = "validated" if validate_filenames else "non-validated"
        end = f" belonging to {self.num_classes} classes" if indices else ""
        print(f"Found {self.samples} {what} image filenames{end}.")


def _column(dataframe: Any, name: Any, argument: str) -> Any:
    try:
        return dataframe[name]
    except KeyError:
        known = ", ".join(repr(column) for column in getattr(dataframe, "columns", dataframe))
        rule = f"`{argument}` must name a column of the table ({known})"
        raise ValueError(message(rule, f"{argument}={name!r}")) from None


def _file_names(dataframe: Any, x_col: str) -> list[str]:
    names = list(_column(dataframe, x_col, "x_col"))
    _check_all(names, str, f"Every value of the column x_col={x_col!r} must be a string")
    return names


def _check_all(values: list[Any], kinds: Any, rule: str) -> None:
    for row, value in enumerate(values):
        if not isinstance(value, kinds):
            raise TypeError(message(rule, f"{describe(value)} in row {row}"))


def _paths(directory: str | None, names: list[str]) -> list[str]:
    if directory is None:
        return names
    fix = "Leave `directory` out to use paths as they are."
    paths = check_inside(Path(directory), names, follow_links=False, fix=fix)
    return [str(path) for path in paths]


def _existing(paths: list[str], x_col: str) -> Rows:
    """Returns the rows whose file is there and has an image's extension."""
    good = [path.lower().endswith(EXTENSIONS) and Path(path).is_file() for path in paths]
    if not all(good):
        bad = [path for path, is_good in zip(paths, good, strict=True) if not is_good]
        warnings.warn(
            f"The column x_col={x_col!r} names {len(bad)} files that are not there or no images; "
            f"their rows are left out. The first: {', '.join(bad[:3])}.",
            stacklevel=4,
        )
    return np.flatnonzero(good)


def _number_classes(
    dataframe: Any, y_col: Any, class_mode: str, classes: Any, rows: Rows
) -> tuple[Rows, list[Any], dict[str, int]]:
    """Returns the rows that have a class, its number (or a list of them), and all numbers."""
    labels = _class_labels(dataframe, y_col, class_mode)
    names = _class_names([labels[row] for row in rows], classes, class_mode)
    indices = {name: number for number, name in enumerate(names)}
    kept, numbers = [], []
    for row in rows:
        known = [indices[name] for name in _as_list(labels[row]) if name in indices]
        if known:
            kept.append(row)
            numbers.append(known[0] if isinstance(labels[row], str) else known)
    return np.array(kept, np.int64), numbers, indices


def _class_labels(dataframe: Any, y_col: Any, class_mode: str) -> list[Any]:
    labels = list(_column(dataframe, y_col, "y_col"))
    several = class_mode == "categorical"
    what = "a string, or a list or tuple of them" if several else "a string"
    rule = f'With class_mode="{class_mode}" every value of y_col={y_col!r} must be {what}'
    _check_all(labels, (str, list, tuple) if several else str, rule)
    return labels


def _class_names(labels: list[Any], classes: Any, class_mode: str) -> list[str]:
    if classes is not None and len(classes):
        names = list(dict.fromkeys(classes))
    else:
        names = sorted({name for label in labels for name in _as_list(label)})
    if class_mode == "binary" and len(names) != 2:
        rule = 'With class_mode="binary" there must be two classes'
        raise ValueError(message(rule, f"{len(names)}: {describe(names)}"))
    return names


def _as_list(label: Any) -> list[str]:
    return [label] if isinstance(label, str) else list(label)


def _targets(dataframe: Any, y_col: Any, class_mode: str | None, rows: Rows) -> Any:
    if class_mode == "raw":
        return np.asarray(_column(dataframe, y_col, "y_col"))[rows]
    if class_mode != "multi_output":
        return None
    if not isinstance(y_col, list):
        rule = 'With class_mode="multi_output", `y_col` must be a list of columns'
        raise TypeError(message(rule, f"y_col={describe(y_col)}"))
    return [np.array(list(_column(dataframe, name, "y_col")))[rows] for name in y_col]


def _weights(dataframe: Any, weight_col: str | None, rows: Rows) -> Any:
    if weight_col is None:
        return None
    weights = np.asarray(_column(dataframe, weight_col, "weight_col"))
    if weights.dtype.kind not in "iuf":
        rule = f"The column weight_col={weight_col!r} must hold numbers"
        raise TypeError(message(rule, describe(weights)))
    if not np.isfinite(weights).all():
        row = int(np.flatnonzero(~np.isfinite(weights))[0])
        rule = f"The column weight_col={weight_col!r} must hold finite numbers"
        raise ValueError(message(rule, f"{weights[row]} in row {row}"))
    return weights[rows]

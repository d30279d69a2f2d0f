"""Columns of a table, read by name and checked row by row; nothing here needs pandas itself."""

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._types import Array, Rows
from kaug._validation import describe, message

_NAMED = 5  # how many bad rows a message names
_FILL_IN = "Drop these rows or fill them in."


def check_table(table: Any) -> None:
    """Raises unless columns can be had by name."""
    nameless = isinstance(table, (str, bytes, list, tuple)) or not hasattr(table, "__getitem__")
    if nameless or (isinstance(table, np.ndarray) and table.dtype.names is None):
        rule = "`dataframe` must be a table of columns by name: a pandas data frame or a dict"
        fix = "Read files of tables with pandas.read_csv."
        raise TypeError(message(rule, describe(table), fix))


def column(table: Any, name: Any, argument: str) -> Any:
    """Returns a column of a table, or says which columns there are."""
    try:
        return table[name]
    except Exception:  # every library has its own, and some names cannot be hashed either
        known = ", ".join(repr(column) for column in getattr(table, "columns", table))
        rule = f"`{argument}` must name a column of the table ({known})"
        raise ValueError(message(rule, f"{argument}={name!r}")) from None


def check_lengths(table: Any, count: int, **names: Any) -> None:
    """Raises when columns do not have `count` rows, as those of a dict need not.

    Args:
        table: Where they are.
        count: How many rows there are.
        **names: By the argument that names them: a column or a list of them. One that is not there
            is left to whoever reads it.
    """
    for argument, given in names.items():
        for name in given if isinstance(given, list) else [given]:
            try:
                values = table[name]
            except Exception:  # as above
                continue
            if hasattr(values, "__len__") and len(values) != count:
                rule = f"The columns of a table must have a row for each of the {count} file names"
                received = f"{len(values)} in the column {argument}={name!r}"
                raise ValueError(message(rule, received, "Pass columns of one length."))


def file_names(values: Any, where: str) -> list[str]:
    """Returns the names in a column as strings; paths are taken as well."""
    fix = "Convert them with `.astype(str)`."
    names = _check_kinds(values, (str, os.PathLike), "a string or a path", where, fix)
    paths = [os.fspath(name) for name in names]
    wrong = [row for row, path in enumerate(paths) if not isinstance(path, str) or "\0" in path]
    if wrong:
        rule = f"Every value must be a path that the system can take in {where}"
        raise ValueError(message(rule, f"{describe(names[wrong[0]])} in {rows_of(wrong)}"))
    return paths


def class_names(values: Any, where: str, *, several: bool, fix: str) -> list[Any]:
    """Returns the classes in a column: strings, or with `several` also lists of them."""
    kinds = (str, list, tuple) if several else (str,)
    what = "a string, or a list or tuple of them" if several else "a string"
    labels = _check_kinds(values, kinds, what, where, fix)
    wrong = [row for row, label in enumerate(labels) if is_missing(label)]
    if wrong:
        rule = f"No class may be missing in {where}"
        received = f"{describe(labels[wrong[0]])} in {rows_of(wrong)}"
        raise TypeError(message(rule, received, _FILL_IN))
    return labels


def _check_kinds(
    values: Any, kinds: tuple[type, ...], what: str, where: str, fix: str
) -> list[Any]:
    """Returns the values of a column as a list, all of them of these kinds."""
    if getattr(values, "ndim", 1) != 1:
        rule = f"There must be one value a row in {where}"
        raise ValueError(message(rule, "several columns", "Name one column."))
    result: list[Any] = list(values)
    wrong = [row for row, value in enumerate(result) if not isinstance(value, kinds)]
    if wrong:
        first = result[wrong[0]]
        received = f"{describe(first)} in {rows_of(wrong)}"
        if is_missing(first):
            fix = _FILL_IN
        elif isinstance(first, bytes):
            fix = "Convert them with `.str.decode()`."
        raise TypeError(message(f"Every value must be {what} in {where}", received, fix))
    return result


def check_complete(values: Array, rows: Rows, where: str) -> None:
    """Raises when a value is missing."""
    wrong = _missing(values)
    if wrong.any():
        rule = f"{where} must hold a finite value in every row that is used"
        received = f"{values[wrong][0]} in {rows_of(rows[wrong])}"
        raise ValueError(message(rule, received, _FILL_IN))


def _missing(values: Array) -> NDArray[np.bool_]:
    """Tells which rows hold NaN, an infinity, or one of pandas' signs for nothing."""
    if values.dtype.kind == "f":
        bad = ~np.isfinite(values)
    elif values.dtype.kind in "Mm":
        bad = np.isnat(values)
    elif values.dtype.kind == "O":
        bad = np.array([is_missing(value) for value in values], bool)
    else:
        bad = np.zeros(len(values), bool)
    return np.asarray(bad.reshape(len(values), -1).any(axis=1))


def is_missing(value: Any) -> bool:
    """Tells NaN, infinities and other signs for nothing, in a list too."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return any(is_missing(item) for item in value)
    if isinstance(value, (float, np.floating)):
        return not np.isfinite(value)
    # Recognised by name, so that pandas need not be imported.
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def rows_of(numbers: Iterable[int]) -> str:
    """Names the first few rows, counted from 0."""
    rows = [str(number) for number in numbers]
    more = len(rows) - _NAMED
    end = f" and {more} more" if more > 0 else ""
    return f"row{'s' * (len(rows) > 1)} {', '.join(rows[:_NAMED])}{end} (counted from 0)"

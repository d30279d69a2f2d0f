"""Columns of a table, read by name and checked row by row; nothing here needs pandas itself."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._validation import describe, message

Array = NDArray[Any]
Rows = NDArray[np.int64]

_NAMED = 5  # how many bad rows a message names


def column(table: Any, name: Any, argument: str) -> Any:
    """Returns a column of a table, or says which columns there are."""
    try:
        return table[name]
    except (KeyError, TypeError):  # what cannot be a name cannot be hashed either
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
            except (KeyError, TypeError):
                continue
            if hasattr(values, "__len__") and len(values) != count:
                rule = f"The columns of a table must have a row for each of the {count} file names"
                received = f"{len(values)} in the column {argument}={name!r}"
                raise ValueError(message(rule, received, "Pass columns of one length."))


def check_all(values: Any, kinds: Any, where: str) -> list[Any]:
    """Returns the values of a column, all of them strings (or lists of them, if `kinds` has it)."""
    if getattr(values, "ndim", 1) != 1:
        rule = f"There must be one value a row in {where}"
        raise ValueError(message(rule, "several columns", "Name one column."))
    result: list[Any] = list(values)
    wrong = [row for row, value in enumerate(result) if not isinstance(value, kinds)]
    if wrong:
        what = "a string" if kinds is str else "a string, or a list or tuple of them"
        rule = f"Every value must be {what} in {where}"
        raise TypeError(
            message(
                rule,
                f"{describe(result[wrong[0]])} in {_rows(wrong)}",
                "Drop these rows or fill them in.",
            )
        )
    return result


def targets(table: Any, y_col: Any, class_mode: str | None, rows: Rows, *, complete: bool) -> Any:
    """Returns the labels of the class modes without classes.

    Args:
        table: Where they are.
        y_col: Its column, or a list of them.
        class_mode: `"raw"` gives an array and `"multi_output"` a list of arrays; others None.
        rows: Those that are used.
        complete: Whether a missing value is an error.
    """

    def read(name: Any, values: Array) -> Array:
        if complete:
            _check_complete(values[rows], rows, f"y_col={name!r}")
        return values[rows]

    if class_mode == "raw":
        return read(y_col, np.asarray(column(table, y_col, "y_col")))
    if class_mode != "multi_output":
        return None
    if not isinstance(y_col, list):
        rule = 'With class_mode="multi_output", `y_col` must be a list of columns'
        raise TypeError(message(rule, f"y_col={describe(y_col)}"))
    # By way of a list, so that arrays in the cells are stacked.
    return [read(name, np.array(list(column(table, name, "y_col")))) for name in y_col]


def weights(table: Any, weight_col: str | None, rows: Rows, *, complete: bool) -> Array | None:
    """Returns the weights of the rows that are used, numbers all of them."""
    if weight_col is None:
        return None
    values = np.asarray(column(table, weight_col, "weight_col"))[rows]
    if complete:
        _check_complete(values, rows, f"weight_col={weight_col!r}")
    if values.dtype.kind not in "iuf":
        wrong = [not _is_number(value) for value in values]
        received = f"{describe(values[wrong][0])} in {_rows(rows[wrong])}" if any(wrong) else ""
        rule = f"The column weight_col={weight_col!r} must hold numbers"
        fix = "Convert it with `astype(float)`."
        raise TypeError(message(rule, received or describe(values), fix))
    return values


def _check_complete(values: Array, rows: Rows, where: str) -> None:
    wrong = _missing(values)
    if wrong.any():
        rule = f"The column {where} must hold a finite value in every row that is used"
        received = f"{values[wrong][0]} in {_rows(rows[wrong])}"
        raise ValueError(message(rule, received, "Drop these rows or fill them in."))


def _missing(values: Array) -> NDArray[np.bool_]:
    """Tells which rows hold NaN, an infinity, or one of pandas' signs for nothing."""
    if values.dtype.kind == "f":
        bad = ~np.isfinite(values)
    elif values.dtype.kind in "Mm":
        bad = np.isnat(values)
    elif values.dtype.kind == "O":
        bad = np.array([_is_missing(value) for value in values], bool)
    else:
        bad = np.zeros(len(values), bool)
    return np.asarray(bad.reshape(len(values), -1).any(axis=1))


def _is_number(value: Any) -> bool:
    numbers = (int, float, np.integer, np.floating)
    return isinstance(value, numbers) and not isinstance(value, bool)


def _is_missing(value: Any) -> bool:
    if isinstance(value, (list, tuple, np.ndarray)):
        return any(_is_missing(item) for item in value)
    if isinstance(value, (float, np.floating)):
        return not np.isfinite(value)
    # Recognised by name, so that pandas need not be imported.
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _rows(numbers: Iterable[int]) -> str:
    """Names the first few rows, counted from 0."""
    rows = [str(number) for number in numbers]
    more = len(rows) - _NAMED
    end = f" and {more} more" if more > 0 else ""
    return f"row{'s' * (len(rows) > 1)} {', '.join(rows[:_NAMED])}{end} (counted from 0)"

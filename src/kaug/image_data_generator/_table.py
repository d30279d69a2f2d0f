"""Labels and weights in the columns of a table, by class mode."""

from typing import Any

import numpy as np

from kaug._types import Array, Rows
from kaug._validation import describe, message
from kaug.sources._columns import check_complete, column, is_missing, rows_of


def check_columns(table: Any, y_col: Any, class_mode: str | None, weight_col: Any) -> None:
    """Raises when a column of labels or weights is not there or not of the right kind."""
    if class_mode == "multi_output" and not isinstance(y_col, list):
        rule = 'With class_mode="multi_output", `y_col` must be a list of columns'
        raise TypeError(message(rule, f"y_col={describe(y_col)}"))
    if class_mode not in (None, "input"):
        for name in y_col if class_mode == "multi_output" else [y_col]:
            column(table, name, "y_col")
    if weight_col is not None:
        values = np.asarray(column(table, weight_col, "weight_col"))
        check_numbers(values, np.arange(len(values)), f"The column weight_col={weight_col!r}")


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
            check_complete(values[rows], rows, f"The column y_col={name!r}")
        return values[rows]

    if class_mode == "raw":
        return read(y_col, np.asarray(column(table, y_col, "y_col")))
    if class_mode != "multi_output":
        return None
    # By way of a list, so that arrays in the cells are stacked.
    return [read(name, np.array(list(column(table, name, "y_col")))) for name in y_col]


def weights(table: Any, weight_col: str | None, rows: Rows, *, complete: bool) -> Array | None:
    """Returns the weights of the rows that are used, numbers all of them."""
    if weight_col is None:
        return None
    values = np.asarray(column(table, weight_col, "weight_col"))[rows]
    if complete:
        check_complete(values, rows, f"The column weight_col={weight_col!r}")
    if values.dtype.kind in "iuf":
        return values
    # Numbers beside signs for nothing are objects in pandas.
    return np.array([np.nan if is_missing(value) else float(value) for value in values])


def check_numbers(values: Array, rows: Rows, where: str) -> None:
    """Raises when values are neither numbers nor missing."""
    if values.dtype.kind not in "iuf":
        wrong = [not (_is_number(value) or is_missing(value)) for value in values]
        if any(wrong):
            received = f"{describe(values[wrong][0])} in {rows_of(rows[wrong])}"
            fix = "Convert it with `astype(float)`."
            raise TypeError(message(f"{where} must hold numbers", received, fix))


def _is_number(value: Any) -> bool:
    numbers = (int, float, np.integer, np.floating)
    return isinstance(value, numbers) and not isinstance(value, bool)

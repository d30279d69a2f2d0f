"""Which rows an index means."""

from typing import Any

import numpy as np

from kaug._types import Rows
from kaug._validation import describe, message


def row_number(rows: Any, count: int) -> int | None:
    """Returns the row that a number means, or None where it is none but perhaps several.

    Raises:
        IndexError: There is no such row.
    """
    if not isinstance(rows, (int, np.integer)) or isinstance(rows, (bool, np.bool_)):
        return None
    row = int(rows)
    if not -count <= row < count:
        raise IndexError(message(f"There are {count} pictures", f"row {row}"))
    return row % count


def row_numbers(rows: Any, count: int) -> Rows:
    """Returns the rows that a slice, numbers or a mask mean.

    Raises:
        IndexError: There is no such row, or the mask has another length.
        TypeError: It is none of these.
    """
    if isinstance(rows, slice):
        return np.arange(*rows.indices(count))
    rule = "Rows must be a number, a slice, numbers `(M,)` or a mask `(N,)`"
    numbers = np.asarray(rows) if isinstance(rows, (list, np.ndarray)) else np.zeros((0, 0))
    if isinstance(rows, list) and not rows:
        numbers = numbers.astype(np.int64)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iub":
        raise TypeError(message(rule, describe(rows)))
    if numbers.dtype.kind == "b":
        if len(numbers) != count:
            raise IndexError(message(f"{rule}; there are {count}", describe(rows)))
        return np.flatnonzero(numbers)
    return np.array([row_number(int(row), count) for row in numbers], np.int64)

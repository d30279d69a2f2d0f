"""What fits into memory, asked before anything is allocated."""

import math
from typing import Any

import numpy as np
import psutil

from kaug._validation import message

_MANY = 2**80  # beyond all machines, and what takes long to write in digits


def check_memory(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    rows: int,
    other_bytes_per_row: int,
    fix: str,
    rule: str = "The result must fit into memory",
) -> None:
    """Refuses a result that the memory free now cannot hold.

    Args:
        shape: The shape of an image.
        dtype: The dtype of the images.
        rows: How many rows the result has.
        other_bytes_per_row: What belongs to an image takes so many bytes.
        fix: What to do about it.
        rule: What must fit, if it is not the result.
    """
    needed = rows * (dtype.itemsize * math.prod(map(int, shape)) + other_bytes_per_row)
    available = psutil.virtual_memory().available
    if needed > available:
        labels = " with their labels" if other_bytes_per_row else ""
        received = (
            f"{_number(rows)} rows of shape {shape} and dtype {dtype}, {_gibibytes(needed)}"
            f"{labels}, while {_gibibytes(available)} are free"
        )
        raise MemoryError(message(rule, received, fix))


def _number(count: int) -> str:
    return str(count) if count < _MANY else "more than 2**80"


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB" if count < _MANY else "more than 2**50 GiB"

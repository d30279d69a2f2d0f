"""What fits into memory, asked before anything is allocated."""

from typing import Any

import numpy as np
import psutil

from kaug._validation import message


def check_memory(
    shape: tuple[int, ...], dtype: np.dtype[Any], rows: int, other_bytes_per_row: int, fix: str
) -> None:
    """Refuses a result that the memory free now cannot hold.

    Args:
        shape: The shape of an image.
        dtype: The dtype of the images.
        rows: How many rows the result has.
        other_bytes_per_row: What belongs to an image takes so many bytes.
        fix: What to do about it.
    """
    needed = rows * (dtype.itemsize * int(np.prod(shape)) + other_bytes_per_row)
    available = psutil.virtual_memory().available
    if needed > available:
        received = (
            f"{rows} rows of shape {shape} and dtype {dtype}, {_gibibytes(needed)} with their "
            f"labels, while {_gibibytes(available)} are free"
        )
        raise MemoryError(message("The result must fit into memory", received, fix))


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB"

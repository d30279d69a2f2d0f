"""Which functions values are computed with: NumPy's, or those of Keras where they are tensors.

What rows go through is arithmetic on a few numbers of each, written once for both; the functions
of `keras.ops` have the names of NumPy's.
"""

from typing import Any

import numpy as np

_OF_NUMPY = (np.ndarray, np.generic, int, float)


def namespace(*values: Any) -> Any:
    """Returns `numpy`, or `keras.ops` if one of the values is a tensor."""
    if all(isinstance(value, _OF_NUMPY) for value in values):
        return np
    from keras import ops  # which a tensor has loaded already

    return ops


def entries(table: Any, numbers: Any) -> Any:
    """Returns the rows of a table, an array, that have some numbers; on tensors in 32 bits."""
    xp = namespace(numbers)
    if xp is np:
        return np.take(table, numbers, axis=0)
    narrow = {"f": np.float32, "i": np.int32}.get(table.dtype.kind, table.dtype)
    return xp.take(xp.convert_to_tensor(table.astype(narrow)), numbers, axis=0)

"""Stains of microscopy: optical densities that are mixed anew."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit

_Array = NDArray[Any]


@jit
def mix(densities: _Array, matrices: _Array, offsets: _Array) -> None:
    """Replaces densities by `-(densities @ matrix + offset)`, whose exponential is light.

    Args:
        densities: `(M, H, W, 3)`, C-contiguous floats; written to.
        matrices: `(M, 3, 3)`, of their dtype.
        offsets: `(M, 3)`, of their dtype.
    """
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    for i in range(len(densities)):
        values, m, offset = densities[i].reshape(-1), -matrices[i], -offsets[i]
        for pixel in range(np.uint64(len(values)) // three):
            k = three * pixel
            red, green, blue = values[k], values[k + one], values[k + two]
            values[k] = red * m[0, 0] + green * m[1, 0] + blue * m[2, 0] + offset[0]
            values[k + one] = red * m[0, 1] + green * m[1, 1] + blue * m[2, 1] + offset[1]
            values[k + two] = red * m[0, 2] + green * m[1, 2] + blue * m[2, 2] + offset[2]

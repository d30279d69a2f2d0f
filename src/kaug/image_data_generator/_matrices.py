"""Keras' parameters as affine matrices, in Keras' own arithmetic.

Keras counts coordinates as (x, y) and multiplies rotation, shift, shear and zoom, in this order.
Its products are taken term by term here, so that coordinates on the edge of the picture, or
halfway between two pixels, fall to the same side.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug.image_data_generator._draws import (
    FLIP_HORIZONTAL,
    FLIP_VERTICAL,
    SHEAR,
    THETA,
    TX,
    TY,
    ZX,
    ZY,
)


def to_matrices(
    parameters: NDArray[np.float64], size: tuple[int, int], *, swap_centres: bool
) -> NDArray[np.float64]:
    """Returns the warp of each image, output pixel to input pixel.

    Args:
        parameters: `(M, 10)`, see `draws.NAMES`.
        size: Height and width of the images.
        swap_centres: Whether pictures turn about the point that has the height's centre as column
            and the width's as row, as they do in Keras.

    Returns:
        `(M, 2, 3)` in (row, column) order, counted from the first pixel, as `warp` takes them.
    """
    x_centre, y_centre = size[1] / 2 - 0.5, size[0] / 2 - 0.5
    if swap_centres:
        x_centre, y_centre = y_centre, x_centre
    entries = np.empty((2 * len(parameters), 3))
    _multiply(parameters, x_centre, y_centre, entries)
    # Left to BLAS as in Keras: whether it rounds between product and sum depends on the machine.
    entries = entries @ np.array([[1, 0, -x_centre], [0, 1, -y_centre], [0, 0, 1]])
    result = np.empty((len(parameters), 2, 3))
    _reorder(entries, parameters, size[0], size[1], result)
    return result


@jit
def _multiply(parameters: Any, x_centre: float, y_centre: float, entries: Any) -> None:
    """Writes the x row and the y row of each matrix from centred to pixel coordinates."""
    for i in range(len(parameters)):
        p, x, y = parameters[i], entries[2 * i], entries[2 * i + 1]
        theta, shear = math.radians(p[THETA]), math.radians(p[SHEAR])
        sine, cosine = math.sin(theta), math.cos(theta)
        lean, shrink = -math.sin(shear), math.cos(shear)
        x[0], x[1] = cosine * p[ZX], (cosine * lean - sine * shrink) * p[ZY]
        y[0], y[1] = sine * p[ZX], (sine * lean + cosine * shrink) * p[ZY]
        x[2] = (cosine * p[TX] - sine * p[TY]) + x_centre
        y[2] = (sine * p[TX] + cosine * p[TY]) + y_centre


@jit
def _reorder(entries: Any, parameters: Any, height: int, width: int, result: Any) -> None:
    """Writes matrices in (row, column) order, and has them mirror what Keras mirrors last."""
    for i in range(len(parameters)):
        for axis in range(2):
            source, target = entries[2 * i + 1 - axis], result[i, axis]
            target[0], target[1], target[2] = source[1], source[0], source[2]
            if parameters[i, FLIP_VERTICAL] != 0:
                target[2] += target[0] * (height - 1)
                target[0] = -target[0]
            if parameters[i, FLIP_HORIZONTAL] != 0:
                target[2] += target[1] * (width - 1)
                target[1] = -target[1]

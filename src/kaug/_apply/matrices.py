"""Affine matrices of a batch, and how they compose.

A batch of M matrices is one float64 array of shape `(2, 3, M)`. It maps *output* pixels to
*input* pixels, in (row, column) order, each about the centre `(size - 1) / 2` of its image:

    input_row    = m[0, 0] * row + m[0, 1] * column + m[0, 2]
    input_column = m[1, 0] * row + m[1, 1] * column + m[1, 2]

with all four counted from the centres. So `compose(first, second)` is what happens to a picture
that goes through `first`, then `second`, whatever sizes it has before, between and after. The last
axis is the batch, since arithmetic on whole entries is what NumPy does fastest.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaug._types import Side, Size

Matrices = NDArray[np.float64]

_FINENESS = 2.0**38


def from_entries(rows: tuple[tuple[ArrayLike, ArrayLike, ArrayLike], ...], count: int) -> Matrices:
    """Returns `(2, 3, count)` matrices from two rows of three entries, numbers or `(count,)`."""
    matrices = np.empty((2, 3, count))
    for i, row in enumerate(rows):
        for j, entry in enumerate(row):
            matrices[i, j] = entry
    return matrices


def identity(count: int) -> Matrices:
    """Returns matrices that change nothing."""
    return from_entries(((1, 0, 0), (0, 1, 0)), count)


def compose(first: Matrices, second: Matrices) -> Matrices:
    """Returns the matrices of a picture that goes through `first`, then `second`."""
    result: Matrices = first[:, :1] * second[0]
    result += first[:, 1:2] * second[1]
    result[:, 2] += first[:, 2]
    return result


def where(applied: NDArray[np.bool_], matrices: Matrices) -> Matrices:
    """Returns `matrices`, with the identity where not `applied`."""
    if applied.all():
        return matrices
    return np.where(applied, matrices, identity(1))


def rotation(degrees: NDArray[np.float64]) -> Matrices:
    """Returns rotations of the picture, counter-clockwise."""
    sine, cosine = sine_and_cosine(degrees)
    return from_entries(((cosine, sine, 0), (-sine, cosine, 0)), len(degrees))


def shear(degrees: NDArray[np.float64]) -> Matrices:
    """Returns horizontal shears: columns lean to the right by the angle, rows stay rows."""
    return from_entries(((1, 0, 0), (np.tan(np.deg2rad(degrees)), 1, 0)), len(degrees))


def zoom(height: NDArray[np.float64], width: NDArray[np.float64]) -> Matrices:
    """Returns magnifications by the two factors."""
    return from_entries(((1 / height, 0, 0), (0, 1 / width, 0)), len(height))


def translation(down: NDArray[np.float64], right: NDArray[np.float64]) -> Matrices:
    """Returns shifts of the picture in pixels."""
    return from_entries(((1, 0, -down), (0, 1, -right)), len(down))


def sine_and_cosine(
    degrees: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns sine and cosine, exact at multiples of 90 degrees."""
    quarters = np.rint(degrees / 90)
    rest = np.deg2rad(degrees - 90 * quarters)
    sine, cosine = np.sin(rest), np.cos(rest)
    turn = quarters.astype(np.int64) % 4
    swapped, negated = turn % 2 == 1, turn >= 2
    sines = np.where(swapped, cosine, sine)
    cosines = np.where(swapped, -sine, cosine)
    return np.where(negated, -sines, sines), np.where(negated, -cosines, cosines)


def crop(box: tuple[Side, Side, Side, Side], size: Size, after: Size, count: int) -> Matrices:
    """Returns what cuts boxes out of images and resizes them.

    Args:
        box: Top, left, height and width in pixels, counted from the upper left corner of the image.
            It may reach beyond it.
        size: Height and width of the image.
        after: Those of the result.
        count: How many images there are.
    """
    down, right = (box[i] + (box[2 + i] - size[i]) / 2 for i in range(2))
    return from_entries(((box[2] / after[0], 0, down), (0, box[3] / after[1], right)), count)


def to_pixels(matrices: Matrices, size: Size, after: Size | None = None) -> NDArray[np.float64]:
    """Returns `(M, 2, 3)` matrices between pixel coordinates counted from the first pixel.

    Args:
        matrices: About the centres, `(2, 3, M)`.
        size: Height and width of the image in pixels, of each an integer or `(M,)`.
        after: Those of the result; None if it keeps them.

    Entries are rounded to multiples of 2⁻³⁸. Then the coordinates of an image of up to 2¹⁴ pixels
    a side are exact in float64, whichever order they are computed in: the tangent of 45 degrees
    is 1, and no pixel of the border falls outside by a rounding error.
    """
    rounded = np.rint(matrices * _FINENESS) / _FINENESS
    there, here = ([(side - 1) / 2 for side in each] for each in (size, after or size))
    result = np.empty((matrices.shape[2], 2, 3))
    for i in range(2):
        linear = rounded[i, 0] * here[0] + rounded[i, 1] * here[1]
        result[:, i, 0] = rounded[i, 0]
        result[:, i, 1] = rounded[i, 1]
        result[:, i, 2] = (there[i] - linear) + rounded[i, 2]
    return result

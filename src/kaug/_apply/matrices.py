"""Affine matrices of a batch, and how they compose.

A batch of M matrices is one float64 array of shape `(2, 3, M)`. It maps *output* pixels to
*input* pixels, in (row, column) order, each about the centre `(size - 1) / 2` of its image:

    input_row    = m[0, 0] * row + m[0, 1] * column + m[0, 2]
    input_column = m[1, 0] * row + m[1, 1] * column + m[1, 2]

with all four counted from the centres. So `compose(first, second)` is what happens to a picture
that goes through `first`, then `second`, whatever sizes it has before, between and after. The last
axis is the batch, since arithmetic on whole entries is what NumPy does fastest.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaug._namespace import namespace
from kaug._types import Side, Size

Matrices = NDArray[np.float64]

_FINENESS = 2.0**38
_RADIANS = np.pi / 180  # to a degree


def from_entries(rows: tuple[tuple[ArrayLike, ArrayLike, ArrayLike], ...], like: Any) -> Matrices:
    """Returns `(2, 3, M)` matrices.

    Args:
        rows: Two rows of three entries, numbers or `(M,)`.
        like: Something else of the M rows, `(M,)`.
    """
    xp: Any = namespace(like)
    if xp is np:
        matrices = np.empty((2, 3, len(like)))
        for i, row in enumerate(rows):
            for j, entry in enumerate(row):
                matrices[i, j] = entry
        return matrices
    zeros = xp.zeros_like(like, dtype="float32")
    # NumPy's own numbers would have their own dtype.
    entries: list[Any] = [each for row in rows for each in row]
    own = (float(each) if isinstance(each, np.generic) else each for each in entries)
    stacked = xp.stack([zeros + entry for entry in own])
    result: Matrices = xp.reshape(stacked, (2, 3, -1))
    return result


def identity(like: Any) -> Matrices:
    """Returns matrices that change nothing, as many as there are rows in something else `(M,)`."""
    return from_entries(((1, 0, 0), (0, 1, 0)), like)


def compose(first: Matrices, second: Matrices) -> Matrices:
    """Returns the matrices of a picture that goes through `first`, then `second`."""
    if namespace(first, second) is not np:
        composed: Matrices = _composed_tensors(first, second)
        return composed
    result: Matrices = first[:, :1] * second[0]
    result += first[:, 1:2] * second[1]
    result[:, 2] += first[:, 2]
    return result


def _composed_tensors(first: Any, second: Any) -> Any:
    xp = namespace(first)
    result = first[:, :1] * second[None, 0] + first[:, 1:2] * second[None, 1]
    return xp.concatenate([result[:, :2], result[:, 2:] + first[:, 2:]], axis=1)


def where(applied: NDArray[np.bool_], matrices: Matrices) -> Matrices:
    """Returns `matrices`, with the identity where not `applied`."""
    xp = namespace(applied, matrices)
    if xp is np and applied.all():
        return matrices
    result: Matrices = xp.where(applied, matrices, identity(applied[:1]))
    return result


def rotation(degrees: NDArray[np.float64]) -> Matrices:
    """Returns rotations of the picture, counter-clockwise."""
    sine, cosine = sine_and_cosine(degrees)
    return from_entries(((cosine, sine, 0), (-sine, cosine, 0)), degrees)


def shear(degrees: NDArray[np.float64]) -> Matrices:
    """Returns horizontal shears: columns lean to the right by the angle, rows stay rows."""
    slope = namespace(degrees).tan(degrees * _RADIANS)
    return from_entries(((1, 0, 0), (slope, 1, 0)), degrees)


def zoom(height: NDArray[np.float64], width: NDArray[np.float64]) -> Matrices:
    """Returns magnifications by the two factors."""
    return from_entries(((1 / height, 0, 0), (0, 1 / width, 0)), height)


def translation(down: NDArray[np.float64], right: NDArray[np.float64]) -> Matrices:
    """Returns shifts of the picture in pixels."""
    return from_entries(((1, 0, -down), (0, 1, -right)), down)


def sine_and_cosine(
    degrees: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns sine and cosine, exact at multiples of 90 degrees."""
    xp = namespace(degrees)
    quarters = xp.round(degrees / 90)
    rest = (degrees - 90 * quarters) * _RADIANS
    sine, cosine = xp.sin(rest), xp.cos(rest)
    turn = quarters % 4
    swapped, negated = turn % 2 == 1, turn >= 2
    sines = xp.where(swapped, cosine, sine)
    cosines = xp.where(swapped, -sine, cosine)
    return xp.where(negated, -sines, sines), xp.where(negated, -cosines, cosines)


def crop(box: tuple[Side, Side, Side, Side], size: Size, after: Size, like: Any) -> Matrices:
    """Returns what cuts boxes out of images and resizes them.

    Args:
        box: Top, left, height and width in pixels, counted from the upper left corner of the image.
            It may reach beyond it.
        size: Height and width of the image.
        after: Those of the result.
        like: Something else of the M images, `(M,)`.
    """
    down, right = (box[i] + (box[2 + i] - size[i]) / 2 for i in range(2))
    return from_entries(((box[2] / after[0], 0, down), (0, box[3] / after[1], right)), like)


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

"""Bounding boxes: how they are written, and what is left of them when the picture moves.

Inside, a box is `[left, top, right, bottom]` in pixels, counted from the image's corner, as Keras'
`"xyxy"`: the first pixel reaches from 0 to 1. Points are counted from the centre of the first
pixel instead, so that the pixel in row `r` and column `c` lies at `(c, r)`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]

# The formats of `keras.utils.bounding_boxes`, by what their four numbers add to left, top, right
# and bottom; "rel_" in front of them means fractions of the size.
_ABSOLUTE = {
    "xyxy": ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)),
    "yxyx": ((0, 1, 0, 0), (1, 0, 0, 0), (0, 0, 0, 1), (0, 0, 1, 0)),
    "xywh": ((1, 0, 1, 0), (0, 1, 0, 1), (0, 0, 1, 0), (0, 0, 0, 1)),
    "center_xywh": ((1, 0, 1, 0), (0, 1, 0, 1), (-0.5, 0, 0.5, 0), (0, -0.5, 0, 0.5)),
    "center_yxhw": ((0, 1, 0, 1), (1, 0, 1, 0), (0, -0.5, 0, 0.5), (-0.5, 0, 0.5, 0)),
}
FORMATS = (*_ABSOLUTE, *(f"rel_{name}" for name in _ABSOLUTE if name != "center_yxhw"))

# Points on each side of a box. Straight warps need the corners alone, curved ones more.
_PER_SIDE = 4


def corner_matrix(box_format: str, size: tuple[int, int]) -> Floats:
    """Returns the `(4, 4)` matrix that makes `[left, top, right, bottom]` in pixels of boxes.

    Boxes `(…, 4)` are multiplied by it from the left; its inverse leads back.

    Args:
        box_format: One of `FORMATS`.
        size: Height and width of the image.
    """
    height, width = size if box_format.startswith("rel_") else (1, 1)
    matrix = np.array(_ABSOLUTE[box_format.removeprefix("rel_")], np.float64)
    return np.asarray(matrix * np.array([width, height, width, height]))


def to_corners(boxes: Array, box_format: str, size: tuple[int, int]) -> Floats:
    """Returns boxes `(…, 4)` of a format as `[left, top, right, bottom]` in pixels."""
    return np.asarray(boxes, np.float64) @ corner_matrix(box_format, size)


def from_corners(corners: Floats, box_format: str, size: tuple[int, int]) -> Floats:
    """Undoes `to_corners`."""
    return corners @ np.linalg.inv(corner_matrix(box_format, size))


def outline(corners: Floats) -> Floats:
    """Returns points along the edges of boxes `(M, B, 4)`, `(M, B * P, 2)`."""
    left, top, right, bottom = (corners[..., i, np.newaxis] for i in range(4))
    forth = np.arange(_PER_SIDE) / _PER_SIDE
    across, down = left + (right - left) * forth, top + (bottom - top) * forth
    back, up = right + (left - right) * forth, bottom + (top - bottom) * forth
    ones = np.ones(_PER_SIDE)
    x = np.concatenate([across, right * ones, back, left * ones], axis=-1)
    y = np.concatenate([top * ones, down, bottom * ones, up], axis=-1)
    points = np.stack([x, y], axis=-1) - 0.5
    return points.reshape(len(corners), corners.shape[1] * 4 * _PER_SIDE, 2)


def enclose(points: Floats, count: int) -> Floats:
    """Returns the smallest boxes around the outlines of `count` boxes, `(M, count, 4)`."""
    outlines = points.reshape(len(points), count, 4 * _PER_SIDE, 2) + 0.5
    return np.concatenate([outlines.min(axis=2), outlines.max(axis=2)], axis=-1)


def clip(corners: Floats, size: tuple[int, int], least: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Returns boxes clipped to the image, and which of them are still to be seen.

    Args:
        corners: `(M, B, 4)`.
        size: Height and width of the image.
        least: The fraction of a box's area that must lie inside the image.
    """
    height, width = size
    clipped = np.clip(corners, 0, [width, height, width, height])
    whole, visible = _area(corners), _area(clipped)
    return clipped, (visible > 0) & (visible >= least * whole)


def _area(corners: Floats) -> Floats:
    return np.asarray((corners[..., 2] - corners[..., 0]) * (corners[..., 3] - corners[..., 1]))

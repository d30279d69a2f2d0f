"""Bounding boxes: how they are written, and what is left of them when the picture moves.

Inside, a box is `[left, top, right, bottom]` in pixels, counted from the image's corner, as Keras'
`"xyxy"`: the first pixel reaches from 0 to 1. Points are counted from the centre of the first
pixel instead, so that the pixel in row `r` and column `c` lies at `(c, r)`.
"""

import numpy as np

from kaug._kernels import outlines
from kaug._types import Array, Floats

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
#: Points in the outline of a box.
POINTS = 4 * _PER_SIDE
# An outer pixel counts, whatever rounding does.
_NEARLY = 1e-6
# How far beyond the border rounding can put an edge that lies on it: of the height or the width,
# as three decimals or half precision do, but no pixel.
ROUNDING, LESS_THAN_A_PIXEL = 1e-3, 0.999


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
    quads = corners[..., [0, 1, 2, 1, 2, 3, 0, 3]]
    return points_along(quads.reshape(*corners.shape[:2], 4, 2))


def points_along(quads: Floats) -> Floats:
    """Returns points along the sides between four corners `(M, B, 4, 2)`, `(M, B * P, 2)`."""
    forth = (np.arange(_PER_SIDE) / _PER_SIDE)[:, np.newaxis]
    starts, ends = quads[..., np.newaxis, :], np.roll(quads, -1, axis=-2)[..., np.newaxis, :]
    points = starts + (ends - starts) * forth - 0.5
    return points.reshape(len(quads), quads.shape[1] * POINTS, 2)


def enclose(points: Floats, count: int) -> Floats:
    """Returns the smallest boxes around the outlines of `count` boxes, `(M, count, 4)`.

    They are the first of the points.
    """
    outlines = points[:, : count * POINTS].reshape(len(points), count, POINTS, 2)
    outlines = outlines + 0.5
    return np.concatenate([outlines.min(axis=2), outlines.max(axis=2)], axis=-1)


def begin(corners: Floats, labels: Array, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Returns the outlines of boxes within the picture, and what is known of how they are seen.

    Args:
        corners: `(M, B, 4)`.
        labels: `(M, B)`; what has -1 is padding, and never seen.
        size: Height and width of the image.

    Returns:
        Points `(M, B * P, 2)`, and `(M, B, 4)`, of which the first is which part of each box lies
        in the picture; for the others see `kaug._kernels.outlines.cut`. Boxes so thin that they
        hold the centre of no pixel to begin with need not hold one later.
    """
    there = labels != -1
    corners = np.where(there[..., np.newaxis], _on_border(corners, size), 0)
    return begin_outlines(outline(corners), there, size)


def begin_outlines(points: Floats, there: Array, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Returns what `begin` does.

    Args:
        points: Outlines, `(M, B * P, 2)`; they may be changed.
        there: `(M, B)`, which of them are none of padding.
        size: Height and width of the image.
    """
    seen = np.zeros((*there.shape, 4))
    seen[..., 0] = there
    points = np.ascontiguousarray(points)
    outlines.begin(points, seen, POINTS, size[0], size[1])
    return points, seen


def _on_border(corners: Floats, size: tuple[int, int]) -> Floats:
    """Returns boxes whose edges lie on the border where only rounding put them outside."""
    height, width = size
    inside = clip(corners, size)
    sides = np.array([width, height, width, height])
    near = np.abs(corners - inside) <= np.minimum(ROUNDING * sides, LESS_THAN_A_PIXEL)
    return np.where(near, inside, corners)


def solid(points: Floats, size: tuple[int, ...]) -> Floats:
    """Returns points brought to where constant filling leaves an image: between its outer pixels.

    Args:
        points: `(M, P, 2)`.
        size: Height and width of the image.
    """
    height, width = size
    return np.clip(points, -_NEARLY, np.array([width, height]) - 1 + _NEARLY)


def cut_off(
    before: Floats, points: Floats, held: Floats, seen: Floats, size: tuple[int, ...]
) -> None:
    """Cuts off, in place, what of boxes lies outside an image: no later step brings it back.

    Args:
        before: The points before they were moved.
        points: `(M, P, 2)`, C-contiguous; the outlines of the boxes come first.
        held: As `points`, of what of the boxes has pixels.
        seen: As `begin` returns it.
        size: Height and width of the image.
    """
    outlines.cut(before, points, held, seen, POINTS, size[0], size[1])


def clip(corners: Floats, size: tuple[int, int]) -> Floats:
    """Returns boxes `(M, B, 4)` clipped to an image of a height and width."""
    height, width = size
    return np.asarray(np.clip(corners, 0, [width, height, width, height]))

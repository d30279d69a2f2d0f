"""The smallest rectangles around outlines of boxes.

Points are (x, y), with y going down.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit

_Array = NDArray[Any]

# By how much, relative to it, an area must be smaller to count as such: rounding decides nothing.
_SLACK = 1e-9


@jit
def enclose(outlines: _Array, frames: _Array, seen: _Array, corners: _Array) -> None:
    """Writes the corners of the smallest rectangles around outlines.

    A rectangle has a side in the direction of a line through two of the points, since of the
    smallest one a side lies on the edge of their convex hull (Freeman and Shapira, "Determining the
    minimum-area encasing rectangle for an arbitrary closed curve", 1975).

    Args:
        outlines: `(M, B, P, 2)`, float64, C-contiguous.
        frames: `(M, B, 3, 2)`, float64: where the centre of each box went, and the middles of its
            second and of its third side. By these the corners keep their places.
        seen: `(M, B)`; a box of which nothing is seen gets zeros.
        corners: `(M, B, 4, 2)`, float64, written to.
    """
    for i in range(len(outlines)):
        for b in range(outlines.shape[1]):
            corners[i, b] = 0
            if seen[i, b] > 0:
                _write_smallest(outlines[i, b], frames[i, b], corners[i, b])


@jit
def _write_smallest(outline: _Array, frame: _Array, corners: _Array) -> None:
    across_x, across_y = frame[1, 0] - frame[0, 0], frame[1, 1] - frame[0, 1]
    down_x, down_y = frame[2, 0] - frame[0, 0], frame[2, 1] - frame[0, 1]
    length = np.hypot(across_x, across_y)
    x, y = (across_x / length, across_y / length) if 0 < length < np.inf else (1.0, 0.0)
    least = _area_along(outline, x, y)
    for k in range(len(outline)):
        for j in range(k):
            to_x, to_y = outline[k, 0] - outline[j, 0], outline[k, 1] - outline[j, 1]
            length = np.hypot(to_x, to_y)
            if not length > 0:
                continue
            area = _area_along(outline, to_x / length, to_y / length)
            if area < least * (1 - _SLACK):
                least, x, y = area, to_x / length, to_y / length
    # Of the four directions, those nearest to what the first and the second side became.
    if abs(x * across_x + y * across_y) < abs(x * across_y - y * across_x):
        x, y = -y, x
    if x * across_x + y * across_y < 0:
        x, y = -x, -y
    turned_x, turned_y = -y, x
    if turned_x * down_x + turned_y * down_y < 0:
        turned_x, turned_y = y, -x
    left, right = _extent(outline, x, y)
    top, bottom = _extent(outline, turned_x, turned_y)
    for k in range(4):
        forth = right if k in (1, 2) else left
        down = bottom if k in (2, 3) else top
        corners[k, 0] = forth * x + down * turned_x
        corners[k, 1] = forth * y + down * turned_y


@jit
def _area_along(outline: _Array, x: float, y: float) -> float:
    """Returns the area of the rectangle around points with a side in a direction."""
    left, right = _extent(outline, x, y)
    top, bottom = _extent(outline, -y, x)
    return (right - left) * (bottom - top)


@jit
def _extent(outline: _Array, x: float, y: float) -> tuple[float, float]:
    """Returns the least and the greatest distance of points from 0 in a direction."""
    least, most = np.inf, -np.inf
    for k in range(len(outline)):
        distance = outline[k, 0] * x + outline[k, 1] * y
        least, most = min(least, distance), max(most, distance)
    return least, most

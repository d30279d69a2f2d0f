"""Outlines of boxes: polygons of a fixed number of points, cut off where the picture ends.

Points are (x, y), counted from the centre of the first pixel. They may hold anything: what is not
finite is not seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit

_Array = NDArray[Any]

# Rounding moves points by less, and no pixel tells.
_SLACK = 1e-9
# Each of the four cuts may add half as many points as there are.
_GROWTH = 6
# How far the nearest pixel may be.
_HALF_PIXEL = 0.5


@jit
def cut(
    before: _Array,
    points: _Array,
    solid: _Array,
    boxes: _Array,
    size: int,
    height: int,
    width: int,
) -> None:
    """Cuts outlines that were moved off at the edges of the picture, in place.

    Args:
        before: `(M, P, 2)`, float64, C-contiguous: the points where they were.
        points: `(M, P, 2)`, float64, C-contiguous; the first `B * size` are the outlines.
        solid: The same for what of the boxes has pixels; may be `points` itself.
        boxes: `(M, B, 4)`, float64, brought up to date: which part of each box is still seen; 1
            where it must hold the centre of a pixel for that, else 0; how far a pixel may lie
            from where masks took it from; and 1 where something was put over a part of it.
        size: Points in an outline.
        height: Of the picture.
        width: Of the picture.
    """
    one, other = np.empty((_GROWTH * size, 2)), np.empty((_GROWTH * size, 2))
    for i in range(len(points)):
        for b in range(boxes.shape[1]):
            box = boxes[i, b]
            if not box[0] > 0:
                continue
            old, outline = before[i, b * size :][:size], points[i, b * size :][:size]
            whole = part = _area(outline, size)
            if not _lies_within(outline, height, width):
                count = _clip_to(outline, size, one, other, -0.5, -0.5, width - 0.5, height - 0.5)
                if box[3] > 0:
                    count = _tighten(other, count, one, other, height, width)
                part = _area(other, count)
            seen = part > 0 and whole > 0
            if seen:
                if not _keeps_pixels(old, outline):
                    # Each pixel takes the nearest one, after the first time of those made before.
                    box[2] = np.sqrt(whole / _area(old, size)) * (box[2] + _HALF_PIXEL)
                if part < whole:
                    box[0] *= part / whole
                    _refit(other, count, outline)
                margin = box[2] if box[0] < 1 else 0.0
                # Half a pixel of the margin is what is not solid at the edges of the picture.
                held = outline if margin > 0 else solid[i, b * size :][:size]
                seen = not box[1] > 0 or _holds_pixel(held, margin, height, width)
            if not seen:
                box[0] = 0
                for k in range(size):
                    outline[k, 0] = outline[k, 1] = 0


@jit
def begin(points: _Array, boxes: _Array, size: int, height: int, width: int) -> None:
    """Cuts outlines in a picture that nothing has happened to.

    Args:
        points: As for `cut`.
        boxes: As for `cut`; the first of each three says 1 where there is a box at all.
        size: Points in an outline.
        height: Of the picture.
        width: Of the picture.
    """
    boxes[:, :, 1:] = 0
    cut(points.copy(), points, points, boxes, size, height, width)
    for i in range(len(points)):
        for b in range(boxes.shape[1]):
            outline = points[i, b * size : (b + 1) * size]
            boxes[i, b, 1] = boxes[i, b, 0] > 0 and _holds_pixel(outline, 0.0, height, width)
            # Which pixels a box has is known exactly until they were resampled once.
            boxes[i, b, 2] = -_HALF_PIXEL


@jit
def cover(points: _Array, boxes: _Array, spans: _Array, size: int, height: int, width: int) -> None:
    """Cuts off, in place, what of outlines lies at the edges and under a rectangle.

    The rectangle is cut out of the outline: that goes to it, around it, and back the same way.
    It goes around what is left in the smallest box alone.

    Args:
        points: `(M, P, 2)`, as for `cut`.
        boxes: As for `cut`.
        spans: `(M, 4)`: from and to which row, from and to which column of pixels.
        size: Points in an outline.
        height: Of the picture.
        width: Of the picture.
    """
    one, other = np.empty((_GROWTH * size, 2)), np.empty((_GROWTH * size, 2))
    hole = np.empty((_GROWTH * size, 2))
    for i in range(len(points)):
        top, bottom, left, right = spans[i] - 0.5
        for b in range(boxes.shape[1] if bottom > top and right > left else 0):
            box, outline = boxes[i, b], points[i, b * size :][:size]
            if not box[0] > 0:
                continue
            whole = _area(outline, size)
            under = _area(other, _clip_to(outline, size, one, other, left, top, right, bottom))
            if not under > 0:
                continue
            first_x, first_y, last_x, last_y, seen = np.inf, np.inf, -np.inf, -np.inf, False
            for axis, limit, sign in ((0, left, -1), (0, right, 1), (1, top, -1), (1, bottom, 1)):
                count = _clip(outline, size, one, axis, limit, sign)
                if not _area(one, count) > _SLACK:
                    continue
                piece = one[:count]
                first_x, last_x = min(first_x, piece[:, 0].min()), max(last_x, piece[:, 0].max())
                first_y, last_y = min(first_y, piece[:, 1].min()), max(last_y, piece[:, 1].max())
                seen |= not box[1] > 0 or _holds_pixel(piece, box[2], height, width)
            if seen:
                box[0] *= max(whole - under, 0.0) / whole
                box[3] = 1
                count = _clip_to(outline, size, one, other, first_x, first_y, last_x, last_y)
                inner = _clip_to(other, count, one, hole, left, top, right, bottom)
                count, inner = _thin_out(other, count, count), _thin_out(hole, inner, inner)
                if count + inner + 2 <= size:  # else it would lose corners
                    count = _cut_out(other, count, hole, inner)
                count = _tighten(other, count, one, hole, height, width)
                _refit(hole, count, outline)
            else:
                box[0] = 0
                outline[:] = 0


@jit
def trim(points: _Array, boxes: _Array, margins: _Array, size: int) -> None:
    """Cuts off, in place, what of outlines lies beyond sides that have moved inwards.

    Args:
        points: `(M, P, 2)`, as for `cut`.
        boxes: As for `cut`; outlines of those that are no longer seen become zeros.
        margins: `(M, B, 4)`: by how much the left, upper, right and lower side moved to the right
            and down.
        size: Points in an outline.
    """
    one, other = np.empty((_GROWTH * size, 2)), np.empty((_GROWTH * size, 2))
    for i in range(len(points)):
        for b in range(boxes.shape[1]):
            outline, moved = points[i, b * size :][:size], margins[i, b]
            if not boxes[i, b, 0] > 0:
                outline[:] = 0
            elif moved.any():
                left, right = outline[:, 0].min() + moved[0], outline[:, 0].max() + moved[2]
                top, bottom = outline[:, 1].min() + moved[1], outline[:, 1].max() + moved[3]
                count = _clip_to(outline, size, one, other, left, top, right, bottom)
                _refit(other, count, outline)


@jit
def _cut_out(polygon: _Array, count: int, hole: _Array, inner: int) -> int:
    """Takes a polygon out of another one that has room for it; returns of how many points it is."""
    if not _area(hole, inner) > _SLACK:
        return count
    polygon[count] = polygon[0]
    for k in range(inner + 1):
        polygon[count + 1 + k] = hole[(inner - k) % inner]
    return count + inner + 2


@jit
def _tighten(
    polygon: _Array, count: int, scratch: _Array, out: _Array, height: int, width: int
) -> int:
    """Writes what of a polygon lies around the pixels that it holds; returns of how many points.

    All of it if there are none. A polygon of which parts were taken out may go around nothing.
    """
    outline = polygon[:count]
    top, bottom, left, right = height, -1, width, -1
    crossings = np.empty(count)
    for row in range(height):
        found = _cross_row(outline, row + _SLACK, crossings)
        for k in range(0, found - 1, 2):
            first, last = _first(crossings[k], width), _first(crossings[k + 1], width)
            if first < last:
                top, bottom = min(top, row), row
                left, right = min(left, first), max(right, last - 1)
    if bottom < 0:
        out[:count] = polygon[:count].copy()
        return count
    edges = (left - 0.5, top - 0.5, right + 0.5, bottom + 0.5)
    return _clip_to(polygon[:count].copy(), count, scratch, out, *edges)


@jit
def _clip_to(
    outline: _Array,
    count: int,
    one: _Array,
    other: _Array,
    left: float,
    top: float,
    right: float,
    bottom: float,
) -> int:
    """Writes into `other` what of a polygon lies in a rectangle; returns of how many points."""
    count = _clip(outline, count, one, 0, left, 1)
    count = _clip(one, count, other, 0, right, -1)
    count = _clip(other, count, one, 1, top, 1)
    return _clip(one, count, other, 1, bottom, -1)


@jit
def _keeps_pixels(before: _Array, after: _Array) -> bool:
    """Tells whether points went from pixel to pixel: turned, mirrored, by whole pixels."""
    straight = _shifts(before, after, 0, 0) and _shifts(before, after, 1, 1)
    return straight or (_shifts(before, after, 0, 1) and _shifts(before, after, 1, 0))


@jit
def _shifts(before: _Array, after: _Array, source: int, axis: int) -> bool:
    """Tells whether one coordinate became another, or its opposite, and a whole number."""
    for sign in (1, -1):
        shift = np.rint(after[0, axis] - sign * before[0, source])
        fits = True
        for k in range(len(after)):
            fits &= abs(after[k, axis] - sign * before[k, source] - shift) <= _SLACK
        if fits:
            return True
    return False


@jit
def _holds_pixel(outline: _Array, margin: float, height: int, width: int) -> bool:
    """Tells whether the centre of a pixel of the picture lies inside, or on the left or upper edge.

    With a margin, as far from all edges but those of the picture.
    """
    top = bottom = outline[0, 1]
    for k in range(1, len(outline)):
        top, bottom = min(top, outline[k, 1]), max(bottom, outline[k, 1])
    crossings = np.empty(len(outline))
    for row in range(_first(top, height), _first(bottom, height)):
        count = _cross_row(outline, row + _SLACK, crossings)
        for k in range(0, count - 1, 2):
            first, last = _first(crossings[k], width), _first(crossings[k + 1], width)
            if first < last and not margin > 0:
                return True
            for column in range(first, last):
                if _stays_inside(outline, row, column, margin, height, width):
                    return True
    return False


@jit
def _first(x: float, count: int) -> int:
    """Returns the first of `count` whole numbers that is not below a number; `count` if all are."""
    return int(min(max(np.ceil(x - _SLACK), 0.0), float(count)))


@jit
def _stays_inside(
    outline: _Array, row: int, column: int, margin: float, height: int, width: int
) -> bool:
    """Tells whether a place lies inside with all that is as near as the margin, of the picture."""
    left, right = max(column - margin, -0.5), min(column + margin, width - 0.5)
    top, bottom = max(row - margin, -0.5), min(row + margin, height - 0.5)
    return (
        _has(outline, left + _SLACK, row)
        and _has(outline, right - _SLACK, row)
        and _has(outline, column, top + _SLACK)
        and _has(outline, column, bottom - _SLACK)
    )


@jit
def _has(outline: _Array, x: float, y: float) -> bool:
    inside = False
    for k in range(len(outline)):
        x0, y0 = outline[k - 1, 0], outline[k - 1, 1]
        x1, y1 = outline[k, 0], outline[k, 1]
        if (y0 <= y) != (y1 <= y):
            inside ^= x < x0 + (y - y0) / (y1 - y0) * (x1 - x0)
    return inside


@jit
def _cross_row(outline: _Array, y: float, crossings: _Array) -> int:
    """Writes where edges cross a row, from left to right; returns how many do."""
    count = 0
    for k in range(len(outline)):
        x0, y0 = outline[k - 1, 0], outline[k - 1, 1]
        x1, y1 = outline[k, 0], outline[k, 1]
        if (y0 <= y) != (y1 <= y):
            x, place = x0 + (y - y0) / (y1 - y0) * (x1 - x0), count
            while place > 0 and crossings[place - 1] > x:
                crossings[place] = crossings[place - 1]
                place -= 1
            crossings[place] = x
            count += 1
    return count


@jit
def _lies_within(outline: _Array, height: int, width: int) -> bool:
    low, right, bottom = -0.5 - _SLACK, width - 0.5 + _SLACK, height - 0.5 + _SLACK
    for k in range(len(outline)):
        x, y = outline[k, 0], outline[k, 1]
        if not (low <= x <= right and low <= y <= bottom):
            return False
    return True


@jit
def _area(polygon: _Array, count: int) -> float:
    double = 0.0
    for k in range(2, count):
        double += _cross(polygon[0], polygon[k - 1], polygon[k])
    return abs(double) / 2


@jit
def _cross(a: _Array, b: _Array, c: _Array) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


@jit
def _clip(source: _Array, count: int, out: _Array, axis: int, limit: float, sign: int) -> int:
    """Writes what of a polygon lies on one side of a line; returns of how many points it is.

    After Sutherland and Hodgman, "Reentrant Polygon Clipping", 1974.
    """
    kept = 0
    for k in range(count):
        n = k + 1 if k + 1 < count else 0
        here, there = sign * (source[k, axis] - limit), sign * (source[n, axis] - limit)
        if here >= 0:
            out[kept, 0], out[kept, 1] = source[k, 0], source[k, 1]
            kept += 1
        if (here > 0 and there < 0) or (here < 0 and there > 0):
            way = here / (here - there)
            out[kept, 0] = source[k, 0] + way * (source[n, 0] - source[k, 0])
            out[kept, 1] = source[k, 1] + way * (source[n, 1] - source[k, 1])
            out[kept, axis] = limit
            kept += 1
    return kept


@jit
def _refit(polygon: _Array, count: int, outline: _Array) -> None:
    """Writes a polygon with another number of points: straight ones go, long edges are halved.

    Where there are still too many, those go first whose absence takes least of the area.
    """
    count = _thin_out(polygon, count, len(outline))
    while count < len(outline):
        longest, where = -1.0, 0
        for k in range(count):
            n = k + 1 if k + 1 < count else 0
            length = np.hypot(polygon[n, 0] - polygon[k, 0], polygon[n, 1] - polygon[k, 1])
            if length > longest:
                longest, where = length, k
        n = where + 1 if where + 1 < count else 0
        x, y = (polygon[where, 0] + polygon[n, 0]) / 2, (polygon[where, 1] + polygon[n, 1]) / 2
        _move(polygon, where + 1, count, 1)
        polygon[where + 1, 0], polygon[where + 1, 1] = x, y
        count += 1
    for k in range(count):
        outline[k, 0], outline[k, 1] = polygon[k, 0], polygon[k, 1]


@jit
def _thin_out(polygon: _Array, count: int, most: int) -> int:
    """Takes straight points out of a polygon, and more above `most`; returns how many are left."""
    while count > 3:
        least, where = np.inf, 0
        for k in range(count):
            n = k + 1 if k + 1 < count else 0
            part = abs(_cross(polygon[k - 1 if k else count - 1], polygon[k], polygon[n]))
            if part < least:
                least, where = part, k
        if count <= most and least > _SLACK:
            break
        _move(polygon, where + 1, count, -1)
        count -= 1
    return count


@jit
def _move(polygon: _Array, first: int, stop: int, by: int) -> None:
    """Moves points of a polygon by one place."""
    if by < 0:
        for k in range(first, stop):
            polygon[k - 1, 0], polygon[k - 1, 1] = polygon[k, 0], polygon[k, 1]
    else:
        for k in range(stop, first, -1):
            polygon[k, 0], polygon[k, 1] = polygon[k - 1, 0], polygon[k - 1, 1]

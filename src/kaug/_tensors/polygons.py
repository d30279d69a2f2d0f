"""Polygons on tensors: outlines of boxes, cut off where the image ends.

Polygons are float32 `(M, n, 2)`, (x, y) counted from the center of the first pixel. A point may
stand several times in succession. What `kaug._kernels.outlines` does with one polygon after the
other is done with all at once here, so that all keep the same number of points.
"""

from typing import Any

import numpy as np

from kaug._tensors import ops

Size = tuple[int, int]

# So many rows are searched for pixels. Higher polygons have more, of which these are spread evenly.
_ROWS = 32
# Rounding moves points by less.
SLACK = 1e-3
# Further out than any point in an image.
_FAR = 1e9


def area(polygons: Any) -> Any:
    """Returns the areas of polygons, `(M,)`."""
    x, y = _axes(polygons - polygons[:, :1])
    return 0.5 * abs(ops.sum(x * ops.roll(y, -1, axis=1) - y * ops.roll(x, -1, axis=1), axis=1))


def lie_within(polygons: Any, size: Size) -> Any:
    """Returns which polygons lie in an image of a height and width, `(M,)`."""
    x, y = _axes(polygons)
    inside = (x >= -0.5 - SLACK) & (x <= size[1] - 0.5 + SLACK)
    inside = inside & (y >= -0.5 - SLACK) & (y <= size[0] - 0.5 + SLACK)
    return ops.all(inside, axis=1)


def clip(polygons: Any, size: Size, growth: int) -> Any:
    """Returns what of polygons lies in an image, `(M, n + 4 * growth, 2)`.

    After Sutherland and Hodgman, "Reentrant Polygon Clipping", 1974.

    Args:
        polygons: `(M, n, 2)`.
        size: Height and width of the image.
        growth: By how many points each of its four edges may add to a polygon: 1 if it is convex.
    """
    for axis, limit, sign in (
        (0, -0.5, 1),
        (0, size[1] - 0.5, -1),
        (1, -0.5, 1),
        (1, size[0] - 0.5, -1),
    ):
        polygons = _clipped(polygons, axis, limit, sign, growth)
    return polygons


def thin_out(polygons: Any, count: int) -> Any:
    """Returns polygons of no more points, without those whose absence takes least of the area."""
    while polygons.shape[1] > count:
        before, after = ops.roll(polygons, 1, axis=1), ops.roll(polygons, -1, axis=1)
        (ax, ay), (bx, by) = _axes(polygons - before), _axes(after - before)
        flattest = ops.argmin(abs(ax * by - ay * bx), axis=1)[:, None]
        index = _counted(polygons.shape[1] - 1)
        polygons = _taken(polygons, index + ops.cast(index >= ops.cast(flattest, "int32"), "int32"))
    return polygons


def along(quads: Any, count: int) -> Any:
    """Returns so many points on each side between corners `(M, 4, 2)`, `(M, 4 * count, 2)`."""
    forth = ops.convert_to_tensor((np.arange(count, dtype=np.float32) / count)[:, None])
    starts, ends = quads[:, :, None], ops.roll(quads, -1, axis=1)[:, :, None]
    return ops.reshape(starts + (ends - starts) * forth, (-1, 4 * count, 2))


def least(values: Any, axis: int) -> Any:
    """Returns the least values along an axis; there may be no rows, which Keras takes for none."""
    return ops.min(values, axis=axis, initial=_FAR)


def most(values: Any, axis: int) -> Any:
    """Returns the greatest values along an axis."""
    return ops.max(values, axis=axis, initial=-_FAR)


def padded(polygons: Any, count: int) -> Any:
    """Returns polygons with their last point so often that they have `count`."""
    more = count - polygons.shape[1]
    return ops.concatenate([polygons, *[polygons[:, -1:]] * more], axis=1)


def hold_pixels(polygons: Any, size: Size, margins: Any = None) -> Any:
    """Returns which convex polygons hold the center of a pixel of an image, `(M,)`.

    Args:
        polygons: `(M, n, 2)`.
        size: Height and width of the image.
        margins: `(M,)`, how far within all edges but those of the image that center must lie;
            None for 0.
    """
    height, width = size
    _, y = _axes(polygons)
    first = ops.clip(ops.ceil(least(y, axis=1)), 0, height)[:, None]
    number = ops.clip(ops.ceil(most(y, axis=1)), 0, height)[:, None] - first
    count = min(height, _ROWS)
    spread = ops.convert_to_tensor((np.arange(count, dtype=np.float32) + np.float32(0.5)) / count)
    rows = first + ops.floor(number * spread)
    low, high = _chords(polygons, rows)
    if margins is not None:
        margin = ops.maximum(margins, 0)[:, None]
        low = ops.where(low <= SLACK - 0.5, low, low + margin)
        high = ops.where(high >= width - 0.5 - SLACK, high, high - margin)
        slack = ops.minimum(margin, SLACK)
        up, down = ops.maximum(rows - margin, -0.5), ops.minimum(rows + margin, height - 0.5)
        for near in (up + slack, down - slack):
            left, right = _chords(polygons, near)
            low, high = ops.maximum(low, left), ops.minimum(high, right)
    columns = ops.clip(ops.ceil(low), 0, width), ops.clip(ops.ceil(high), 0, width)
    return ops.any((columns[0] < columns[1]) & (number > 0), axis=1)


def keep_pixels(before: Any, after: Any) -> Any:
    """Returns which polygons went from pixel to pixel, `(M,)`: turned, mirrored, by whole ones."""
    straight = _shift(before, after, 0, 0) & _shift(before, after, 1, 1)
    return straight | (_shift(before, after, 0, 1) & _shift(before, after, 1, 0))


def _shift(before: Any, after: Any, source: int, axis: int) -> Any:
    """Returns where one coordinate became another, or its opposite, and a whole number."""
    given, made = before[..., source], after[..., axis]
    result = None
    for sign in (1, -1):
        ways = made - sign * given
        fits = ops.all(abs(ways - ops.round(ways[:, :1])) <= SLACK, axis=1)
        result = fits if result is None else result | fits
    return result


def _clipped(polygons: Any, axis: int, limit: float, sign: int, growth: int) -> Any:
    """Returns what of polygons lies on one side of a line."""
    count, after = polygons.shape[1], ops.roll(polygons, -1, axis=1)
    here, there = (sign * (each[..., axis] - limit) for each in (polygons, after))
    crosses = ((here > 0) & (there < 0)) | ((here < 0) & (there > 0))
    way = here / ops.where(crosses, here - there, 1.0)
    crossing = polygons + way[..., None] * (after - polygons)
    edge = ops.zeros_like(here) + limit
    own = [edge if i == axis else crossing[..., i] for i in (0, 1)]
    points = ops.stack([polygons, ops.stack(own, axis=-1)], axis=2)
    present = ops.reshape(ops.stack([here >= 0, crosses], axis=2), (-1, 2 * count))
    # The numbers of points that are there, in their order, then the last of them again.
    index = _counted(2 * count)
    last = ops.max(ops.where(present, index, 0), axis=1, keepdims=True, initial=0)
    order = ops.sort(ops.where(present, index, 2 * count), axis=1)[:, : count + growth]
    return _taken(ops.reshape(points, (-1, 2 * count, 2)), ops.minimum(order, last))


def _chords(polygons: Any, rows: Any) -> tuple[Any, Any]:
    """Returns where rows `(M, R)` enter and leave convex polygons; nowhere: from far to -far."""
    x, y = (each[:, None] for each in _axes(polygons))
    next_x, next_y = ops.roll(x, -1, axis=2), ops.roll(y, -1, axis=2)
    rows = rows[..., None]
    crosses = (y <= rows) != (next_y <= rows)
    slope = (next_x - x) / ops.where(next_y == y, 1.0, next_y - y)
    places = x + (rows - y) * slope
    low = least(ops.where(crosses, places, _FAR), axis=2)
    return low, most(ops.where(crosses, places, -_FAR), axis=2)


def _axes(points: Any) -> tuple[Any, Any]:
    return points[..., 0], points[..., 1]


def _counted(count: int) -> Any:
    return ops.convert_to_tensor(np.arange(count, dtype=np.int32)[None])


def _taken(polygons: Any, index: Any) -> Any:
    """Returns the points of numbers `(M, k)`."""
    return ops.take_along_axis(polygons, index[..., None], axis=1)

"""Oriented boxes on tensors: rectangles at any angle, as `kaug._apply.oriented` has them."""

from typing import Any

import numpy as np

from kaug._apply.oriented import ROUNDING
from kaug._tensors import ops, polygons
from kaug._tensors.boxes import Boxes, in_rows

Size = tuple[int, int]

# By how much, relative to it, an area must be smaller to count as such.
_SLACK = 1e-5


def to_quads(boxes: Any, box_format: str, size: Size) -> Any:
    """Returns the corners `(B, N, 4, 2)` of boxes `(B, N, 5 | 8)` of a format, in pixels."""
    if box_format != "center_xywh_angle":
        quads = ops.reshape(boxes, (*ops.shape(boxes)[:2], 4, 2))
        return quads * ops.convert_to_tensor(_unit(box_format, size))
    angle = boxes[..., 4] * (np.pi / 180)
    cosine, sine = ops.cos(angle), ops.sin(angle)
    across = ops.stack([cosine, -sine], axis=-1) * boxes[..., 2:3] * 0.5
    down = ops.stack([sine, cosine], axis=-1) * boxes[..., 3:4] * 0.5
    ways = (-across - down, across - down, across + down, down - across)
    return ops.stack([boxes[..., :2] + way for way in ways], axis=-2)


def from_quads(quads: Any, box_format: str, size: Size) -> Any:
    """Undoes `to_quads` for rectangles; angles are from -90 up to below 90."""
    if box_format != "center_xywh_angle":
        scaled = quads * ops.convert_to_tensor(1 / _unit(box_format, size))
        return ops.reshape(scaled, (*ops.shape(quads)[:2], 8))
    way = quads[..., 1, :] - quads[..., 0, :]
    angle = ops.arctan2(-way[..., 1], way[..., 0]) * (180 / np.pi) + 90
    angle = angle - 180 * ops.floor(angle * (1 / 180)) - 90
    return ops.concatenate([ops.mean(quads, axis=-2), sides(quads), angle[..., None]], axis=-1)


def sides(quads: Any) -> Any:
    """Returns the lengths of the first and of the second side, `(B, N, 2)`."""
    lengths = [_length(quads[..., k, :] - quads[..., 0, :]) for k in (1, 3)]
    return ops.stack(lengths, axis=-1)


def begin(quads: Any, labels: Any, size: Size, *, straight: bool) -> Boxes:
    """Returns boxes as `boxes.begin` does, given their corners `(B, N, 4, 2)`, with frames."""
    there = labels != -1
    quads = ops.where(there[..., None, None], quads, 0.0)
    limits = ops.convert_to_tensor(np.array([size[1], size[0]], np.float32))
    inside = ops.minimum(ops.maximum(quads, 0.0), limits)
    near = abs(quads - inside) <= limits * ROUNDING
    flat = ops.reshape(ops.where(near, inside, quads) - 0.5, (-1, 4, 2))
    cut = polygons.clip(polygons.along(flat, 1 if straight else 4), size, 1)
    whole, part = polygons.area(flat), polygons.area(cut)
    visible = ops.reshape((whole > 0) & (part > 0), ops.shape(labels)) & there
    share = ops.minimum(part / ops.where(whole > 0, whole, 1.0), 1.0)
    seen = ops.where(visible, ops.reshape(share, ops.shape(labels)), 0.0)
    held = ops.reshape(polygons.hold_pixels(cut, size), ops.shape(labels))
    middles = (quads + ops.roll(quads, -1, axis=-2)) * 0.5
    frames = ops.stack([ops.mean(quads, axis=-2), middles[..., 1, :], middles[..., 2, :]], axis=-2)
    return Boxes(
        in_rows(cut, seen, cut.shape[1]),
        cut.shape[1],
        seen,
        held & visible,
        straight,
        frames=in_rows(frames - 0.5, seen, 3),
    )


def enclosed(boxes: Boxes) -> Any:
    """Returns the smallest rectangles around what is seen of boxes, `(B, N, 4, 2)`.

    One of its sides lies on a side of the outline, if that is convex (Freeman and Shapira,
    "Determining the minimum-area encasing rectangle for an arbitrary closed curve", 1975).
    """
    outlines, frames = boxes.polygons(), ops.reshape(boxes.frames, (-1, 3, 2))
    across, down = frames[:, 1] - frames[:, 0], frames[:, 2] - frames[:, 0]
    base = outlines[:, :1]
    first = _units(across[:, None], ops.convert_to_tensor([[[1.0, 0.0]]], "float32"))
    edges = _units(ops.roll(outlines, -1, axis=1) - outlines, first)
    outlines = outlines - base
    own, areas = _areas(outlines, first), _areas(outlines, edges)
    best = ops.take_along_axis(edges, ops.argmin(areas, axis=1)[:, None, None], axis=1)
    smaller = polygons.least(areas, 1)[:, None] < own * (1 - _SLACK)
    side = ops.where(smaller[..., None], best, first)[:, 0]
    # Of the four directions, those nearest to what the first and the second side became.
    turned = _turned(side)
    side = ops.where(abs(_dot(side, across)) < abs(_dot(turned, across)), turned, side)
    side = ops.where(_dot(side, across) < 0, -side, side)
    turned = _turned(side)
    turned = ops.where(_dot(turned, down) < 0, -turned, turned)
    (left, right), (top, bottom) = (_extent(outlines, each[:, None]) for each in (side, turned))
    corners = [
        forth * side + low * turned
        for forth, low in ((left, top), (right, top), (right, bottom), (left, bottom))
    ]
    quads = ops.stack(corners, axis=1) + base + 0.5
    return ops.reshape(quads, (*ops.shape(boxes.seen), 4, 2))


def _areas(outlines: Any, ways: Any) -> Any:
    """Returns the areas of rectangles around outlines with sides along ways, `(M, k)`."""
    (left, right), (top, bottom) = (_extent(outlines, each) for each in (ways, _turned(ways)))
    return (right - left) * (bottom - top)


def _extent(outlines: Any, ways: Any) -> tuple[Any, Any]:
    """Returns the least and the greatest distance of points from 0 along ways, `(M, k)`."""
    places = _dot(outlines[:, None], ways[:, :, None])[..., 0]
    return polygons.least(places, 2), polygons.most(places, 2)


def _units(ways: Any, otherwise: Any) -> Any:
    """Returns vectors of the length 1, and others where they have none."""
    length = _length(ways)[..., None]
    some = length > polygons.SLACK
    return ops.where(some, ways / ops.where(some, length, 1.0), otherwise)


def _turned(ways: Any) -> Any:
    return ops.stack([-ways[..., 1], ways[..., 0]], axis=-1)


def _dot(one: Any, other: Any) -> Any:
    return (one[..., 0] * other[..., 0] + one[..., 1] * other[..., 1])[..., None]


def _length(ways: Any) -> Any:
    return ops.sqrt(ops.sum(ways * ways, axis=-1))


def _unit(box_format: str, size: Size) -> Any:
    """Returns how many pixels 1 is, in x and in y."""
    relative = box_format.startswith("rel_")
    return np.array([size[1], size[0]] if relative else [1, 1], np.float32)

"""Oriented bounding boxes: rectangles at any angle, as four corners while the picture moves.

Corners are (x, y) in pixels, counted from the image's corner. The first side of a box goes from the
first corner to the second one; at an angle of 0 that is its upper side, from left to right.
"""

import numpy as np

from kaug._apply.boxes import begin_outlines, points_along
from kaug._kernels import rectangles
from kaug._types import Array, Floats

# By format, of how many numbers a box is.
ORIENTED = {"center_xywh_angle": 5, "corners": 8, "rel_corners": 8}

# How far beyond the border rounding to six decimals, or to single precision, can put a corner.
ROUNDING = 1e-6


def to_quads(boxes: Array, box_format: str, size: tuple[int, int]) -> Floats:
    """Returns the corners `(…, 4, 2)` of boxes of a format, in pixels.

    Args:
        boxes: `(…, 5)`, centre, width, height and an angle in degrees, counter-clockwise as seen;
            or `(…, 8)`, the corners one after another around the box.
        box_format: One of `ORIENTED`.
        size: Height and width of the image.
    """
    boxes = np.asarray(boxes, np.float64)
    if box_format != "center_xywh_angle":
        quads = boxes.reshape(*boxes.shape[:-1], 4, 2)
        return quads * _unit(box_format, size)
    angle = np.deg2rad(boxes[..., 4])
    cosine, sine = np.cos(angle), np.sin(angle)
    across = np.stack([cosine, -sine], axis=-1) * boxes[..., 2:3] / 2
    down = np.stack([sine, cosine], axis=-1) * boxes[..., 3:4] / 2
    ways = (-across - down, across - down, across + down, down - across)
    return np.stack([boxes[..., :2] + way for way in ways], axis=-2)


def from_quads(quads: Floats, box_format: str, size: tuple[int, int]) -> Floats:
    """Undoes `to_quads` for rectangles; angles are from -90 up to below 90."""
    if box_format != "center_xywh_angle":
        scaled = quads / _unit(box_format, size)
        return scaled.reshape(*quads.shape[:-2], 8)
    x, y = np.moveaxis(quads[..., 1, :] - quads[..., 0, :], -1, 0)
    angle = (np.rad2deg(np.arctan2(-y, x)) + 90) % 180 - 90
    return np.concatenate([quads.mean(axis=-2), sides(quads), angle[..., np.newaxis]], axis=-1)


def sides(quads: Floats) -> Floats:
    """Returns the lengths of the first and of the second side, `(…, 2)`."""
    ways = quads[..., [1, 3], :] - quads[..., :1, :]
    return np.asarray(np.hypot(ways[..., 0], ways[..., 1]))


def begin(quads: Floats, labels: Array, size: tuple[int, int]) -> tuple[Floats, Floats, Floats]:
    """Returns outlines and what is seen of them, as `boxes.begin`, and frames that tell the sides.

    Args:
        quads: `(M, B, 4, 2)`.
        labels: `(M, B)`; what has -1 is padding.
        size: Height and width of the image.

    Returns:
        Points `(M, B * P, 2)`; `(M, B, 4)`; and of each box the centre and the middles of its
        second and of its third side, `(M, B * 3, 2)`.
    """
    there = labels != -1
    quads = np.where(there[..., np.newaxis, np.newaxis], quads, 0)
    limits = np.array([size[1], size[0]])
    inside = np.clip(quads, 0, limits)
    near = np.abs(quads - inside) <= ROUNDING * limits
    points, seen = begin_outlines(points_along(np.where(near, inside, quads)), there, size)
    middles = (quads + np.roll(quads, -1, axis=-2)) / 2
    frames = np.stack([quads.mean(axis=-2), middles[..., 1, :], middles[..., 2, :]], axis=-2)
    return points, seen, frames.reshape(len(quads), 3 * quads.shape[1], 2) - 0.5


def enclose(points: Floats, frames: Floats, seen: Floats) -> Floats:
    """Returns the smallest rectangles `(M, B, 4, 2)` around what is seen of boxes.

    Args:
        points: Outlines as `begin` returns them, moved.
        frames: Likewise.
        seen: `(M, B)`, which part of each is seen.
    """
    count, boxes = seen.shape
    corners = np.zeros((count, boxes, 4, 2))
    if corners.size:
        outlines = np.ascontiguousarray(points, np.float64).reshape(count, boxes, -1, 2)
        own = np.ascontiguousarray(frames, np.float64).reshape(count, boxes, 3, 2)
        rectangles.enclose(outlines, own, np.ascontiguousarray(seen), corners)
        corners += 0.5
    return corners


def _unit(box_format: str, size: tuple[int, int]) -> Array:
    """Returns how many pixels 1 is, in x and in y."""
    return np.array([size[1], size[0]] if box_format.startswith("rel_") else [1, 1])

"""Boxes and keypoints on tensors, moved as the images are.

The rules are those of `kaug.transforms`. On its way a batch has `"corners"` `(B, N, 4)`, left, top,
right and bottom of what is seen of each box in pixels, counted from the image's corner, with
`"visible"` `(B, N)`; and `"points"` `(B, P, 2)`, (x, y) counted from the first pixel, with
`"inside"` `(B, P)`, which were always in the image.
"""

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np

from kaug._apply.boxes import corner_matrix
from kaug._apply.resample import Resampling
from kaug._tensors import ops
from kaug._validation import message

Size = tuple[int, int]

# By corners: left, top, right, bottom.
_CORNERS = ((0, 1), (2, 1), (2, 3), (0, 3))
# Slopes below it are 0.
_FLAT = 1e-6
# An outer pixel counts, whatever rounding does.
_NEARLY = 1e-4


def begin(parts: Mapping[str, Any], box_format: str, size: Size) -> dict[str, Any]:
    """Returns boxes and keypoints of a dict in Keras' spelling as a batch has them."""
    batch = {}
    if "bounding_boxes" in parts:
        boxes, labels = (parts["bounding_boxes"][name] for name in ("boxes", "labels"))
        matrix = corner_matrix(box_format, size).astype(np.float32)
        corners = ops.matmul(ops.cast(boxes, "float32"), matrix)
        # What lies outside to begin with is in no image.
        edges = _clipped(corners, 0.0, 0.0, size)
        batch["corners"] = ops.stack(edges, -1)
        batch["visible"] = (labels != -1) & _have_area(edges)
    if "keypoints" in parts:
        keypoints = parts["keypoints"]
        points = ops.reshape(ops.cast(keypoints, "float32"), _flat_form(keypoints))
        batch["points"] = points[..., :2]
        batch["inside"] = points[..., 0] == points[..., 0]
    return batch


def finish(
    batch: Mapping[str, Any], parts: Mapping[str, Any], box_format: str, size: Size
) -> dict[str, Any]:
    """Returns boxes and keypoints in the form in which `parts` had them."""
    result: dict[str, Any] = {}
    if "bounding_boxes" in parts:
        given, visible = parts["bounding_boxes"], batch["visible"]
        boxes, labels = given["boxes"], given["labels"]
        matrix = np.linalg.inv(corner_matrix(box_format, size)).astype(np.float32)
        corners = ops.matmul(batch["corners"], matrix)
        corners = ops.where(visible[..., None], corners, ops.zeros_like(corners))
        result["bounding_boxes"] = {
            **{name: _where(visible, field) for name, field in given.items()},
            "boxes": ops.cast(corners, boxes.dtype) if _is_float(boxes) else corners,
            "labels": ops.where(visible, labels, ops.zeros_like(labels) - 1),
        }
    if "keypoints" in parts:
        result["keypoints"] = _finished_points(batch, parts["keypoints"])
    return result


def move(
    batch: dict[str, Any], pixels: Any, size: Size, after: Size, sampling: Resampling
) -> dict[str, Any]:
    """Returns a batch whose boxes and points a warp has moved.

    Args:
        batch: See above.
        pixels: Matrices `(B, 6)`, output pixel to input pixel, counted from the first pixel.
        size: Height and width of the images.
        after: Those of the result.
        sampling: How the images were resampled.
    """
    result = dict(batch)
    if "corners" in batch:
        edges = [batch["corners"][..., i] - 0.5 for i in range(4)]
        seen = [edge + 0.5 for edge in _seen(edges, pixels, after)]
        held_none = ~_hold_pixels(edges, _identity(pixels), size)
        solid = edges
        if sampling.fill_mode == "constant":  # which leaves what lies between the outer pixels
            solid = _clipped(batch["corners"] - 0.5, _NEARLY, 1 - _NEARLY, size)
        shown = held_none | _hold_pixels(solid, pixels, after)
        result["corners"] = ops.stack(seen, -1)
        result["visible"] = batch["visible"] & _have_area(seen) & shown
    if "points" in batch:
        points = batch["points"]
        x, y = _moved_points(points[..., 0], points[..., 1], pixels)
        result["points"] = ops.stack([x, y], -1)
        result["inside"] = batch["inside"] & _within(x, y, after)
    return result


def refuse(batch: Mapping[str, Any], transform: Any) -> None:
    """Raises where boxes or points are to follow a transform that is no warp."""
    if "corners" in batch or "points" in batch:
        rule = "On tensors, boxes and keypoints follow affine transforms alone"
        fix = "Augment with kaug.AugmentedDataset."
        raise TypeError(message(rule, f"{transform!r}", fix))


def _clipped(corners: Any, before: float, beyond: float, size: Size) -> list[Any]:
    """Returns edges of boxes no further than `before` and `beyond` outside of an image."""
    height, width = size
    ends = (width, height, width, height)
    return [
        ops.minimum(ops.maximum(corners[..., i], -before), float(end) - beyond)
        for i, end in enumerate(ends)
    ]


def _within(x: Any, y: Any, size: Size) -> Any:
    height, width = size
    return (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)


def _flat_form(keypoints: Any) -> tuple[Any, ...]:
    """Returns the shape of keypoints whose persons stand one after another."""
    form = keypoints.shape
    if len(form) == 3:
        return (-1, form[1], form[2])
    lengths = ops.shape(keypoints)
    return (lengths[0], lengths[1] * lengths[2], form[3])


def _finished_points(batch: Mapping[str, Any], keypoints: Any) -> Any:
    points, form = batch["points"], keypoints.shape
    if form[-1] == 3:
        flat = ops.reshape(ops.cast(keypoints, "float32"), _flat_form(keypoints))
        seen = ops.where(batch["inside"], flat[..., 2], ops.zeros_like(flat[..., 2]))
        points = ops.concatenate([points, seen[..., None]], -1)
    result = ops.reshape(points, ops.shape(keypoints))
    if len(form) == 4 and form[-1] == 3:
        somebody = ops.any(ops.any(keypoints != 0, axis=-1), axis=-1)[..., None, None]
        result = ops.where(somebody, result, ops.zeros_like(result))
    return ops.cast(result, keypoints.dtype) if _is_float(keypoints) else result


def _where(visible: Any, field: Any) -> Any:
    """Returns a further field of boxes, zeros where these are padding."""
    there = visible[(..., *[None] * (len(field.shape) - 2))]
    return ops.where(there, field, ops.zeros_like(field))


def _have_area(edges: list[Any]) -> Any:
    return (edges[0] < edges[2]) & (edges[1] < edges[3])


def _seen(edges: list[Any], matrices: Any, size: Size) -> list[Any]:
    """Returns left, top, right and bottom of what lies in the picture of moved boxes.

    Of a box cut off at the border these are ends of its edges and corners of the picture.
    """
    ends = (size[1] - 0.5, size[0] - 0.5)
    moved = [_moved_points(edges[i], edges[j], matrices) for i, j in _CORNERS]
    points = [
        (*point, valid) for k in range(4) for point, valid in _cut(moved[k - 1], moved[k], ends)
    ]
    for x, y in ((-0.5, -0.5), (ends[0], -0.5), (ends[0], ends[1]), (-0.5, ends[1])):
        row, column = _sources(x, y, matrices)
        inside = (edges[0] <= column) & (column <= edges[2])
        inside = inside & (edges[1] <= row) & (row <= edges[3])
        nothing = ops.zeros_like(edges[0])
        points.append((nothing + x, nothing + y, inside))
    result = []
    for extreme, none in ((ops.minimum, np.inf), (ops.maximum, -np.inf)):
        for axis in (0, 1):
            whole = reduce(extreme, [point[axis] for point in moved])
            part = reduce(extreme, [ops.where(p[2], p[axis], none) for p in points])
            inner = ops.maximum if extreme is ops.minimum else ops.minimum
            result.append(ops.minimum(ops.maximum(inner(whole, part), -0.5), ends[axis]))
    return result


def _cut(start: Any, stop: Any, ends: tuple[float, float]) -> list[Any]:
    """Returns both ends of what lies in the picture of an edge, and whether anything does.

    After Liang and Barsky, "A new concept and method for line clipping", 1984.
    """
    first, last = ops.zeros_like(start[0]), ops.zeros_like(start[0]) + 1
    valid = first < last
    for begin, end, limit in zip(start, stop, ends, strict=True):
        way = end - begin
        flat = way == 0
        ways = [(bound - begin) / ops.where(flat, 1.0, way) for bound in (-0.5, limit)]
        inside = (begin >= -0.5) & (begin <= limit)
        first = ops.maximum(first, ops.where(flat, 0.0, ops.minimum(*ways)))
        last = ops.minimum(last, ops.where(flat, 1.0, ops.maximum(*ways)))
        valid = valid & (inside | ~flat)
    valid = valid & (first <= last)
    return [
        ([begin + part * (end - begin) for begin, end in zip(start, stop, strict=True)], valid)
        for part in (first, last)
    ]


def _hold_pixels(edges: list[Any], matrices: Any, size: Size) -> Any:
    """Returns which boxes `(B, N)` any pixel comes from, `matrices` saying which does."""
    rows = ops.convert_to_tensor(np.arange(size[0], dtype=np.float32))
    low = ops.zeros_like(edges[0])[..., None] + 0 * rows
    high = low + (size[1] - 1)
    for first, axis in ((0, 1), (3, 0)):
        slope, step, offset = (ops.reshape(matrices[:, first + i], (-1, 1, 1)) for i in range(3))
        start = slope * rows + offset
        flat = abs(step) < _FLAT
        sides = [edges[axis][..., None] - start, edges[axis + 2][..., None] - start]
        columns = [side / ops.where(flat, 1.0, step) for side in sides]
        always = (sides[0] <= 0) & (sides[1] > 0)
        nowhere = ops.where(always, -np.inf, np.inf)
        low = ops.maximum(low, ops.where(flat, nowhere, ops.minimum(*columns)))
        high = ops.minimum(high, ops.where(flat, -nowhere, ops.maximum(*columns)))
    return ops.any(-ops.floor(-low) <= ops.floor(high), axis=-1)


def _identity(matrices: Any) -> Any:
    return ops.zeros_like(matrices) + ops.convert_to_tensor([1, 0, 0, 0, 1, 0], "float32")


def _sources(x: float, y: float, matrices: Any) -> list[Any]:
    """Returns row and column, `(B, 1)`, that a place in the result comes from."""
    a, b, row, c, d, column = (ops.reshape(matrices[:, i], (-1, 1)) for i in range(6))
    return [a * y + b * x + row, c * y + d * x + column]


def _moved_points(x: Any, y: Any, matrices: Any) -> tuple[Any, Any]:
    """Returns where points `(B, P)` go: by the inverse of output pixel to input pixel."""
    a, b, row0, c, d, column0 = (ops.reshape(matrices[:, i], (-1, 1)) for i in range(6))
    row, column, determinant = y - row0, x - column0, a * d - b * c
    return (a * column - c * row) / determinant, (d * row - b * column) / determinant


def _is_float(tensor: Any) -> bool:
    return "float" in str(tensor.dtype)

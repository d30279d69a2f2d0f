"""Boxes and keypoints on tensors, moved as `kaug._tensors` warps the images.

The rules are those of `kaug.transforms`, for one resampling.
"""

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np

from kaug._apply.boxes import corner_matrix
from kaug._apply.resample import Resampling
from kaug._tensors.backend import AnyBackend

# By corners: left, top, right, bottom.
_CORNERS = ((0, 1), (2, 1), (2, 3), (0, 3))
# Slopes below it are 0.
_FLAT = 1e-6
# An outer pixel counts, whatever rounding does.
_NEARLY = 1e-4


def moved_boxes(
    given: Mapping[str, Any],
    matrices: Any,
    size: tuple[int, int],
    box_format: str,
    sampling: Resampling,
    backend: AnyBackend,
) -> dict[str, Any]:
    """Returns boxes around what is seen of the moved boxes, and their labels."""
    ops, (height, width) = backend.module, size
    boxes, labels = given["boxes"], given["labels"]
    matrix = corner_matrix(box_format, size)
    corners = ops.matmul(backend.cast(boxes, "float32"), matrix.astype(np.float32))
    # What lies outside to begin with is in no picture.
    edges = [
        ops.minimum(ops.maximum(corners[..., i], 0.0), float(end)) - 0.5
        for i, end in enumerate((width, height, width, height))
    ]
    result = ops.stack([edge + 0.5 for edge in _seen(edges, matrices, size, ops)], -1)
    there = _have_area(edges) & _have_area([result[..., i] for i in range(4)])
    held_none = ~_hold_pixels(edges, _identity(matrices, ops), size, backend)
    if sampling.fill_mode == "constant":  # which leaves what lies between the outer pixels
        edges = [
            ops.minimum(ops.maximum(edge, -_NEARLY), end - 1 + _NEARLY)
            for edge, end in zip(edges, (width, height, width, height), strict=True)
        ]
    shown = held_none | _hold_pixels(edges, matrices, size, backend)
    visible = there & shown & (labels != -1)
    result = ops.matmul(result, np.linalg.inv(matrix).astype(np.float32))
    result = ops.where(visible[..., None], result, ops.zeros_like(result))
    fields = {name: _where(visible, field, ops) for name, field in given.items()}
    return {
        **fields,
        "boxes": backend.cast(result, boxes.dtype) if _is_float(boxes) else result,
        "labels": ops.where(visible, labels, ops.zeros_like(labels) - 1),
    }


def _where(visible: Any, field: Any, ops: Any) -> Any:
    """Returns a further field of boxes, zeros where these are padding."""
    there = visible[(..., *[None] * (len(field.shape) - 2))]
    return ops.where(there, field, ops.zeros_like(field))


def _have_area(edges: list[Any]) -> Any:
    return (edges[0] < edges[2]) & (edges[1] < edges[3])


def _seen(edges: list[Any], matrices: Any, size: tuple[int, int], ops: Any) -> list[Any]:
    """Returns left, top, right and bottom of what lies in the picture of moved boxes.

    Of a box cut off at the border these are ends of its edges and corners of the picture.
    """
    ends = (size[1] - 0.5, size[0] - 0.5)
    moved = [_moved_points(edges[i], edges[j], matrices, ops) for i, j in _CORNERS]
    points = [
        (*point, valid)
        for k in range(4)
        for point, valid in _cut(moved[k - 1], moved[k], ends, ops)
    ]
    for x, y in ((-0.5, -0.5), (ends[0], -0.5), (ends[0], ends[1]), (-0.5, ends[1])):
        row, column = _sources(x, y, matrices, ops)
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


def _cut(start: Any, stop: Any, ends: tuple[float, float], ops: Any) -> list[Any]:
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


def _hold_pixels(edges: list[Any], matrices: Any, size: tuple[int, int], backend: Any) -> Any:
    """Returns which boxes `(B, N)` any pixel comes from, `matrices` saying which does."""
    ops = backend.module
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
    return backend.any(-ops.floor(-low) <= ops.floor(high))


def _identity(matrices: Any, ops: Any) -> Any:
    return ops.zeros_like(matrices) + ops.convert_to_tensor([1, 0, 0, 0, 1, 0], "float32")


def _sources(x: float, y: float, matrices: Any, ops: Any) -> list[Any]:
    """Returns row and column, `(B, 1)`, that a place in the result comes from."""
    a, b, row, c, d, column = (ops.reshape(matrices[:, i], (-1, 1)) for i in range(6))
    return [a * y + b * x + row, c * y + d * x + column]


def moved_keypoints(
    keypoints: Any, matrices: Any, size: tuple[int, int], backend: AnyBackend
) -> Any:
    """Returns keypoints `(B, P, 2 | 3)` moved, or those of several persons `(B, P, K, 2 | 3)`."""
    ops, form = backend.module, keypoints.shape
    if len(form) == 3:
        return _moved_rows(keypoints, matrices, size, backend)
    lengths = ops.shape(keypoints)
    count, persons, each = (lengths[i] for i in range(3))
    rows = ops.reshape(keypoints, (count, persons * each, form[3]))
    moved = _moved_rows(rows, matrices, size, backend)
    result = ops.reshape(moved, (count, persons, each, form[3]))
    if form[3] < 3:
        return result
    somebody = backend.any(backend.any(keypoints != 0))[..., None, None]
    return ops.where(somebody, result, ops.zeros_like(result))


def _moved_rows(keypoints: Any, matrices: Any, size: tuple[int, int], backend: AnyBackend) -> Any:
    ops, (height, width) = backend.module, size
    points = backend.cast(keypoints, "float32")
    x, y = _moved_points(points[..., 0], points[..., 1], matrices, ops)
    parts = [x, y]
    if keypoints.shape[-1] == 3:
        inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
        parts.append(ops.where(inside, points[..., 2], ops.zeros_like(x)))
    result = ops.stack(parts, -1)
    return backend.cast(result, keypoints.dtype) if _is_float(keypoints) else result


def _moved_points(x: Any, y: Any, matrices: Any, ops: Any) -> tuple[Any, Any]:
    """Returns where points `(B, P)` go: by the inverse of output pixel to input pixel."""
    a, b, row0, c, d, column0 = (ops.reshape(matrices[:, i], (-1, 1)) for i in range(6))
    row, column, determinant = y - row0, x - column0, a * d - b * c
    return (a * column - c * row) / determinant, (d * row - b * column) / determinant


def _is_float(tensor: Any) -> bool:
    return "float" in str(tensor.dtype)

"""What is seen of boxes and points where one image is pasted over another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kaug._apply.batches import INSTANCES
from kaug._apply.boxes import POINTS
from kaug._kernels import outlines, read_only
from kaug._kernels.mixing import paste
from kaug._types import Array, Batch, Size


def cover(batch: Batch, spans: Array, size: Size) -> Batch:
    """Returns a batch without the boxes and points that lie under a rectangle.

    Args:
        batch: What belongs to images, as they were before something was pasted over them.
        spans: `(M, 4)`: from and to which row, from and to which column.
        size: Height and width of the images.
    """
    result = dict(batch)
    if "inside" in batch:
        result["inside"] = batch["inside"] & ~_within(batch["points"], spans)
    if "boxes" in batch:
        points, seen = batch["points"].copy(), batch["boxes"].copy()
        outlines.cover(points, seen, spans.astype(np.float64), POINTS, size[0], size[1])
        result["points"], result["boxes"] = points, seen
    if INSTANCES in batch:
        masks = result[INSTANCES] = batch[INSTANCES].copy()
        for own, (top, bottom, left, right) in zip(masks, spans, strict=True):
            own[top:bottom, left:right] = 0
    return result


def keep(batch: Batch, spans: Array) -> Batch:
    """Returns a batch with those boxes and points alone that lie in a rectangle."""
    result = dict(batch)
    if "inside" in batch:
        result["inside"] = batch["inside"] & _within(batch["points"], spans)
    if "boxes" in batch:
        points, seen = batch["points"].copy(), batch["boxes"].copy()
        for own, boxes, (top, bottom, left, right) in zip(points, seen, spans, strict=True):
            own -= (left, top)
            before = own[np.newaxis].copy()
            outlines.cut(
                before,
                own[np.newaxis],
                own[np.newaxis],
                boxes[np.newaxis],
                POINTS,
                bottom - top,
                right - left,
            )
            own += (left, top)
        result["points"], result["boxes"] = points, seen
    if INSTANCES in batch:
        masks = result[INSTANCES] = np.zeros_like(batch[INSTANCES])
        paste_rectangles(batch[INSTANCES], spans, masks)
    return result


def paste_rectangles(partners: Array, spans: Array, out: Array) -> None:
    """Copies a rectangle of each partner to the same place in `out`, in place.

    Args:
        partners: `(M, H, W, C)`.
        spans: `(M, 4)`, whole numbers: from and to which row, from and to which column.
        out: `(M, H, W, C)`, C-contiguous.
    """
    pixels = np.ascontiguousarray(partners, out.dtype).view(np.uint8)
    paste(read_only(pixels), read_only(np.ascontiguousarray(spans, np.int64)), out.view(np.uint8))


def _within(points: Array, spans: Array) -> NDArray[np.bool_]:
    """Returns which points `(M, P, 2)` lie in rectangles of pixels."""
    top, bottom, left, right = (spans[:, i, np.newaxis] - 0.5 for i in range(4))
    x, y = points[..., 0], points[..., 1]
    return np.asarray((left <= x) & (x <= right) & (top <= y) & (y <= bottom))

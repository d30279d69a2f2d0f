"""What is seen of boxes and points where one image is pasted over another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kaug._apply.batches import INSTANCES
from kaug._apply.boxes import POINTS
from kaug._kernels import outlines, read_only
from kaug._kernels.mixing import paste
from kaug._types import Array, Batch, Floats, Size


def hidden(batch: Batch, rows: NDArray[np.bool_]) -> Batch:
    """Returns a batch without the boxes and points of some rows, `(M,)`."""
    result = dict(batch)
    for name in ("inside", "boxes"):
        if name in batch:
            array = batch[name]
            result[name] = np.where(rows.reshape(-1, *[1] * (array.ndim - 1)), 0, array)
            result[name] = result[name].astype(array.dtype)
    return result


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
        masks = result[INSTANCES] = np.zeros(batch[INSTANCES].shape, batch[INSTANCES].dtype)
        paste_rectangles(batch[INSTANCES], spans, masks)
    return result


def cover_pixels(batch: Batch, covered: NDArray[np.bool_]) -> Batch:
    """Returns a batch without what lies under pixels that are covered.

    Boxes lose on each side as much as their masks do; one whose mask is empty goes when all of its
    pixels are covered.

    Args:
        batch: What belongs to images, the masks of boxes among it.
        covered: `(M, H, W)`.
    """
    result, masks = dict(batch), batch[INSTANCES]
    left = result[INSTANCES] = np.where(covered[..., np.newaxis], masks.dtype.type(0), masks)
    if "inside" in batch:
        result["inside"] = batch["inside"] & ~_at(batch["points"], covered)
    before, ends_before = _extent(masks)
    after, ends_after = _extent(left)
    changed = before > after
    points, seen = batch["points"].copy(), batch["boxes"].copy()
    seen[..., 0] *= np.where(changed, after / np.maximum(before, 1), 1)
    outer = np.where(changed[..., np.newaxis], ends_after - ends_before, 0)
    for row, number in np.argwhere((before == 0) & (seen[..., 0] > 0)):
        if _all_under(points[row, number * POINTS :][:POINTS], covered[row]):
            seen[row, number, 0] = 0
    outlines.trim(points, seen, outer.astype(np.float64), POINTS)
    result["points"], result["boxes"] = points, seen
    return result


def chosen_objects(
    batch: Batch, chosen: NDArray[np.bool_], seen_pixels: NDArray[np.bool_]
) -> Batch:
    """Returns a batch with some of its boxes and their masks, and the points on some pixels.

    Args:
        batch: What belongs to images.
        chosen: Which boxes, `(M, B)`.
        seen_pixels: Which pixels, `(M, H, W)`.
    """
    result = dict(batch)
    result["boxes"] = np.where(chosen[..., np.newaxis], batch["boxes"], 0)
    masks = batch[INSTANCES]
    result[INSTANCES] = np.where(chosen[:, np.newaxis, np.newaxis], masks, masks.dtype.type(0))
    if "inside" in batch:
        result["inside"] = batch["inside"] & _at(batch["points"], seen_pixels)
    return result


def _all_under(outline: Floats, covered: NDArray[np.bool_]) -> bool:
    """Tells whether all pixels around an outline are covered."""
    left, top = np.maximum(np.floor(outline.min(axis=0) + 0.5), 0).astype(int)
    right, bottom = np.ceil(outline.max(axis=0) + 0.5).astype(int)
    return bool(covered[top:bottom, left:right].all())


def _extent(masks: Array) -> tuple[Array, Array]:
    """Returns how many pixels masks `(M, H, W, B)` have, and how far they reach.

    Returns:
        `(M, B)`, and left, top, right, bottom, `(M, B, 4)`, of those that have any.
    """
    there = masks != 0
    ends = []
    for axis in (2, 1):  # columns, then rows
        line = there.any(axis=3 - axis)
        length = line.shape[1]
        ends.append((line.argmax(axis=1), length - line[:, ::-1].argmax(axis=1)))
    (left, right), (top, bottom) = ends
    return there.sum(axis=(1, 2)), np.stack([left, top, right, bottom], axis=-1)


def _at(points: Array, pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns whether the pixels under points `(M, P, 2)` are set; there are none outside."""
    height, width = pixels.shape[1:]
    x, y = np.moveaxis(np.floor(np.nan_to_num(points) + 0.5), -1, 0)
    there = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    rows = np.arange(len(points))[:, np.newaxis]
    found = pixels[rows, np.where(there, y, 0).astype(int), np.where(there, x, 0).astype(int)]
    return np.asarray(found & there)


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

"""Boxes on tensors: outlines that move, and what is seen of them.

The rules are those of `kaug._apply.boxes` and `kaug._kernels.outlines`.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kaug._apply import boxes as arrays
from kaug._apply.resample import Resampling
from kaug._tensors import ops, polygons

Size = tuple[int, int]

# By how many points the edges of an image may add to an outline: of what was bent, more.
_STRAIGHT, _BENT = 1, 2
# Corners by the numbers of left, top, right and bottom.
_CORNERS = ((0, 1), (2, 1), (2, 3), (0, 3))
# An outer pixel counts, whatever rounding does.
_NEARLY = 1e-4


@dataclass(frozen=True)
class Boxes:
    """The boxes of a batch on their way.

    Attributes:
        outlines: `(B, N * n, 2)`, (x, y) counted from the center of the first pixel.
        points: How many points each outline has, n.
        seen: `(B, N)`, which part of each box was seen at all times; 0 for padding.
        solid: `(B, N)`, which must hold the center of a pixel to be seen.
        straight: Whether they only go through affine warps, which leave them convex.
        margins: `(B, N)`, how far a pixel may lie from where masks took it from; None before
            anything moved.
        frames: `(B, N * 3, 2)`, points that tell the sides of oriented ones; else None.
    """

    outlines: Any
    points: int
    seen: Any
    solid: Any
    straight: bool
    margins: Any = None
    frames: Any = None

    def polygons(self) -> Any:
        """Returns the outlines of all rows one after another, `(B * N, n, 2)`."""
        return ops.reshape(self.outlines, (-1, self.points, 2))


def begin(corners: Any, labels: Any, size: Size, *, straight: bool) -> Boxes:
    """Returns boxes in images that nothing has happened to.

    Args:
        corners: `(B, N, 4)`, left, top, right and bottom, in pixels from the image's corner.
        labels: `(B, N)`; what has -1 is padding.
        size: Height and width of the images.
        straight: Whether only affine warps are to come.
    """
    there = labels != -1
    corners = ops.where(there[..., None], _on_border(corners, size), 0.0)
    edges = _clipped(corners, size)
    whole, part = _areas(corners), _areas(edges)
    visible = there & (whole > 0) & (part > 0)
    seen = ops.where(visible, part / ops.where(visible, whole, 1.0), 0.0)
    quads = ops.stack([ops.stack([edges[..., i], edges[..., j]], -1) for i, j in _CORNERS], -2)
    number = 4 if straight else arrays.POINTS
    flat = polygons.along(ops.reshape(quads - 0.5, (-1, 4, 2)), number // 4)
    held = ops.reshape(polygons.hold_pixels(flat, size), ops.shape(seen))
    return Boxes(in_rows(flat, seen, number), number, seen, held & visible, straight)


def thinned(boxes: Boxes) -> Boxes:
    """Returns boxes with outlines of no more points than arrays have."""
    if boxes.points <= arrays.POINTS:
        return boxes
    outlines = polygons.thin_out(boxes.polygons(), arrays.POINTS)
    rows = in_rows(outlines, boxes.seen, arrays.POINTS)
    return replace(boxes, outlines=rows, points=arrays.POINTS)


def inner(boxes: Boxes, size: Size, sampling: Resampling | None) -> Any:
    """Returns what of outlines has pixels where the images are resampled so, as outlines."""
    if sampling is None or sampling.fill_mode != "constant" or sampling.areas:
        return boxes.outlines
    x, y = boxes.outlines[..., 0], boxes.outlines[..., 1]
    ends = size[1] - 1 + _NEARLY, size[0] - 1 + _NEARLY
    return ops.stack([ops.clip(x, -_NEARLY, ends[0]), ops.clip(y, -_NEARLY, ends[1])], axis=-1)


def moved(boxes: Boxes, outlines: Any, held: Any, size: Size, frames: Any = None) -> Boxes:
    """Returns boxes after they moved, without what lies outside of the images.

    Args:
        boxes: Before.
        outlines: Where their outlines went.
        held: Where what `inner` returned went.
        size: Height and width of the images afterwards.
        frames: Where their frames went.
    """
    form = ops.shape(boxes.seen)
    before = boxes.polygons()
    after = ops.reshape(outlines, ops.shape(before))
    whole = polygons.area(after)
    growth = _STRAIGHT if boxes.straight else _BENT
    cut = polygons.clip(after, size, growth)
    part = ops.where(polygons.lie_within(after, size), whole, polygons.area(cut))
    there = (whole > 0) & (part > 0)
    share = ops.where(there, ops.minimum(part / ops.where(there, whole, 1.0), 1.0), 0.0)
    seen = boxes.seen * ops.reshape(share, form)
    margins = _margins(boxes, before, after, whole)
    within = ops.reshape(held, ops.shape(before))
    if boxes.margins is None:  # then it is at most 0
        holds = polygons.hold_pixels(within, size)
    else:
        flat = ops.reshape(ops.where(seen < 1, margins, 0.0), (-1,))
        own = polygons.padded(within, cut.shape[1])
        searched = ops.where((flat > 0)[:, None, None], cut, own)
        holds = polygons.hold_pixels(searched, size, flat)
    seen = ops.where(~boxes.solid | ops.reshape(holds, form), seen, 0.0)
    rows = in_rows(cut, seen, cut.shape[1])
    return Boxes(rows, cut.shape[1], seen, boxes.solid, boxes.straight, margins, frames)


def _margins(boxes: Boxes, before: Any, after: Any, whole: Any) -> Any:
    """Returns how far pixels may lie from where masks take them from, after a step."""
    form, none = ops.shape(boxes.seen), -0.5
    kept = ops.reshape(polygons.keep_pixels(before, after), form)
    if boxes.margins is None:
        return ops.where(kept, none, 0.0) + ops.zeros_like(boxes.seen)
    old = polygons.area(before)
    scale = ops.sqrt(whole / ops.where(old > 0, old, 1.0))
    return ops.where(kept, boxes.margins, ops.reshape(scale, form) * (boxes.margins + 0.5))


def enclosed(boxes: Boxes, size: Size) -> Any:
    """Returns the smallest boxes around what is seen, `(B, N, 4)`, as `begin` takes them."""
    outlines = boxes.polygons() + 0.5
    edges = ops.concatenate([polygons.least(outlines, 1), polygons.most(outlines, 1)], axis=-1)
    form = ops.shape(boxes.seen)
    return _clipped(ops.reshape(edges, (*form, 4)), size)


def dropped(boxes: Boxes, gone: Any) -> Boxes:
    """Returns boxes without some, `(B, N)`."""
    return replace(boxes, seen=ops.where(gone, 0.0, boxes.seen))


def in_rows(outlines: Any, seen: Any, count: int) -> Any:
    """Returns points of so many a box, those of all boxes of a row one after another."""
    rows, number = ops.shape(seen)
    return ops.reshape(outlines, (rows, number * count, 2))


def _areas(corners: Any) -> Any:
    sides = corners[..., 2:] - corners[..., :2]
    return ops.where(ops.all(sides > 0, axis=-1), sides[..., 0] * sides[..., 1], 0.0)


def _on_border(corners: Any, size: Size) -> Any:
    """Returns boxes whose edges lie on the border where only rounding put them outside."""
    inside = _clipped(corners, size)
    nearly = np.minimum(arrays.ROUNDING * _limits(size), arrays.LESS_THAN_A_PIXEL)
    near = abs(corners - inside) <= ops.convert_to_tensor(nearly.astype(np.float32))
    return ops.where(near, inside, corners)


def _clipped(corners: Any, size: Size) -> Any:
    limits = ops.convert_to_tensor(_limits(size))
    return ops.minimum(ops.maximum(corners, 0.0), limits)


def _limits(size: Size) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.array([size[1], size[0]] * 2, np.float32)

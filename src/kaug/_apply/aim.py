"""Where the boxes of a batch are, for steps whose warp depends on that: they *aim*."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kaug._apply.batches import writable
from kaug._apply.boxes import clip, cut_off, enclose
from kaug._apply.matrices import Matrices
from kaug._apply.resample import moved
from kaug._types import Array, Batch, Floats


def seen_boxes(
    batch: Mapping[str, Array],
    count: int,
    warp: Matrices | None,
    before: tuple[int, int],
    after: tuple[int, int],
) -> tuple[Floats, NDArray[np.bool_]]:
    """Returns boxes `(M, B, 4)`, as `[left, top, right, bottom]`, and which are seen `(M, B)`.

    A box is the smallest one around what is seen of it. Without boxes, B is 0.

    Args:
        batch: With the boxes as they are.
        count: How many rows it has.
        warp: What they go through first; None for nothing.
        before: Height and width of the images as they are.
        after: Those of the images after the warp.
    """
    if "boxes" not in batch:
        return np.zeros((count, 0, 4)), np.zeros((count, 0), np.bool_)
    points, seen = batch["points"], batch["boxes"]
    if warp is not None:
        points = np.array(moved(points, warp, before, after), order="C")
        seen = seen.copy()
        cut_off(batch["points"], points, points, seen, after)
    return clip(enclose(points, seen.shape[1]), after), seen[..., 0] > 0


def drop(batch: Batch, boxes: NDArray[np.bool_]) -> None:
    """Takes boxes `(M, B)` away: they are not seen any more."""
    if boxes.any():
        writable(batch, "boxes")[boxes, 0] = 0

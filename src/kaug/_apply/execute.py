"""Rows of a source taken through the stages, in parallel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from kaug import _parallel
from kaug._apply.batches import looked_at
from kaug._apply.joining import with_room
from kaug._apply.plan import plan
from kaug._apply.resample import warp_rows
from kaug._apply.stages import Aim, Course, Stage, Step, Warp
from kaug._types import Array, Batch, Rows

# A piece of a batch goes through all stages at once, so that it stays in the cache: so large
# that what a piece costs besides does not matter, and small enough to be worth another thread.
_PIECE_BYTES = 2**20


_GRAIN_BYTES = 2**17


def carry_out(
    stages: Sequence[Stage],
    out: Batch,
    source: Mapping[str, Any],
    rows: Rows,
    *,
    together: int = 1,
) -> None:
    """Takes rows of the source through the stages, in parallel.

    Args:
        stages: For as many rows as `out` has.
        out: Where to: images `(M, H, W, C)` and the rest of a batch.
        source: What from: images `(N, H, W, C)` and the rest.
        rows: Which row of `source` each row of `out` is made from, int64 `(M,)`.
        together: So many rows, one after another, are never taken apart; M is a multiple of it.
    """
    if len(stages) == len(out) == 1 and isinstance(stages[0], Warp):
        _through(stages, out, source, rows)  # the kernels are parallel themselves
        return
    step = max(1, _parallel.grain_of(out["images"], _PIECE_BYTES) // together)

    def task(start: int, stop: int) -> None:
        for first in range(start, stop, step):
            part = slice(first * together, min(first + step, stop) * together)
            piece = {name: array[part] for name, array in out.items()}
            _through([each.part(part) for each in stages], piece, source, rows[part])

    grain = _parallel.grain_of(out["images"], _GRAIN_BYTES) // together
    _parallel.run(task, len(rows) // together, grain=grain)


def _through(stages: Sequence[Stage], out: Batch, source: Mapping[str, Any], rows: Rows) -> None:
    images = source["images"]
    batch = {name: np.asarray(array[rows]) for name, array in source.items() if name != "images"}
    first = stages[0] if stages else None
    first = first.aimed(batch) if isinstance(first, Aim) else first
    held = isinstance(images, np.ndarray)  # not read row by row
    form = first.output_shape(images.shape[1:]) if held and isinstance(first, Warp) else None
    if held and isinstance(first, Warp) and out["images"].shape[1:] == form:
        # Gathers, warps and writes in one pass over the pixels.
        warp_rows(images, rows, first.matrices, out["images"], first.sampling)
        batch["images"] = out["images"]
        first.move_others(batch, images.shape[1:3])
        stages = stages[1:]
    else:
        batch["images"] = looked_at(images, rows)
    for stage in stages:
        stage.apply(batch, source)
    batch = with_room(batch, out)
    for name, array in out.items():
        if batch[name] is not array:
            array[...] = batch[name]


def carried_out(steps: Iterable[Step], images: Array) -> Array:
    """Returns new images, what steps make of `images`."""
    view = images.view()
    view.flags.writeable = False  # a step that changes some rows makes a copy first
    batch: Batch = {"images": view}
    for stage in plan(Course(tuple(steps)), images.shape[1:]):
        stage.apply(batch, batch)
    return batch["images"].copy() if batch["images"] is view else batch["images"]

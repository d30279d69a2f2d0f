"""Rows of a source taken through the stages, in parallel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from kaug import _parallel
from kaug._apply.batches import looked_at, maps_of
from kaug._apply.destination import offered
from kaug._apply.joining import with_room
from kaug._apply.plan import plan
from kaug._apply.stages import Aim, Course, Stage, Step, Warp
from kaug._types import Array, Batch, Rows

# A piece of a batch goes through all stages at once, so that it stays in the cache: so large that
# what a piece costs besides does not matter: with 1 MB policies took up to 1.9 times as long as
# with 6, with 3 up to 1.3 times (RandAugment on 224 × 224 × 3, on two processors).
_PIECE_BYTES = 2**22
# A piece this large is worth another thread.
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
    if len(stages) == 1 and isinstance(stages[0], Warp | Aim):
        step = max(1, len(rows))  # once over the pixels, which need not stay anywhere

    def task(start: int, stop: int) -> None:
        for first in range(start, stop, step):
            part = slice(first * together, min(first + step, stop) * together)
            piece = {name: array[part] for name, array in out.items()}
            _through([each.part(part) for each in stages], piece, source, rows[part])

    grain = _parallel.grain_of(out["images"], _GRAIN_BYTES) // together
    _parallel.run(task, len(rows) // together, grain=grain)


def _through(stages: Sequence[Stage], out: Batch, source: Mapping[str, Any], rows: Rows) -> None:
    images, maps = source["images"], maps_of(source)
    batch = {
        name: np.asarray(array[rows])
        for name, array in source.items()
        if name != "images" and name not in maps
    }
    first = stages[0] if stages else None
    first = first.aimed(batch) if isinstance(first, Aim) else first
    written: list[str] = []
    if isinstance(first, Warp) and isinstance(images, np.ndarray):  # not read row by row
        written = first.write(source, rows, out)
    batch |= {name: out[name] for name in written}
    batch |= {name: np.asarray(source[name][rows]) for name in maps if name not in written}
    if isinstance(first, Warp) and written:
        first.move_others(batch, images.shape[1:3], besides=written)
        stages = stages[1:]
    else:
        batch["images"] = looked_at(images, rows)
    for number, stage in enumerate(stages, 1):
        last = number == len(stages) and isinstance(stage, Step)
        apart = not np.may_share_memory(batch["images"], out["images"])
        with offered(out["images"]) if last and apart else nullcontext():
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

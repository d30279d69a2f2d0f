"""Images of any size taken through a policy: one by one, until all have the size it gives them.

What makes one size of them is, as a rule, a warp that comes first. Then no more of an image is read
than the warp needs, at the scale it needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kaug import _parallel
from kaug._apply.joining import with_room
from kaug._apply.plan import plan
from kaug._apply.stages import Course, Mix, Stage, Step, Warp
from kaug._images import Companion, ImageSequence, Opened
from kaug._types import Batch, Rows
from kaug._validation import message

# Reading one takes long, so that few are worth another thread; what was read is held meanwhile.
_AT_ONCE = 4


def carry_out_one_by_one(course: Course, out: Batch, source: Mapping[str, Any], rows: Rows) -> None:
    """Takes rows of a source of any size through steps, in parallel.

    Args:
        course: For as many rows as `out` has.
        out: Where to: images `(M, H, W, C)` and the rest of a batch.
        source: What from: an `ImageSequence` and the rest, N rows.
        rows: Which row of `source` each row of `out` is made from, int64 `(M,)`.
    """

    def task(start: int, stop: int) -> None:
        for first in range(start, stop, _AT_ONCE):
            part = slice(first, min(first + _AT_ONCE, stop))
            made = with_room(_made(course.part(part), source, rows[part]), out)
            for name, array in out.items():
                array[part] = made[name]

    _parallel.run(task, len(rows), most=_AT_ONCE)


@dataclass(frozen=True, slots=True)
class _Unplanned:
    """What rows that are to be mixed in go through before, which depends on their size."""

    course: Course

    def part(self, rows: Any) -> _Unplanned:
        return _Unplanned(self.course.part(rows))

    def made(self, source: Mapping[str, Any], rows: Rows) -> Batch:
        return _made(self.course, source, rows)


def _made(course: Course, source: Mapping[str, Any], rows: Rows) -> Batch:
    """Returns rows of the source after all steps; one that no step reads comes unread."""
    images: ImageSequence = source["images"]
    opened = [images.open(int(row)) for row in rows]
    heights, widths = np.array([each.size for each in opened], np.int64).T
    shape = (heights, widths, images.shape[3])
    stages = plan(course, shape, lambda before, _: _Unplanned(before))
    alone = _until_one_size(stages, shape)
    singles = [
        _through([_one(stage, i) for stage in stages[:alone]], source, int(row), opened[i])
        for i, row in enumerate(rows)
    ]
    if len(singles) == 1:
        batch = singles[0]
    else:
        batch = {name: np.concatenate([each[name] for each in singles]) for name in singles[0]}
    for stage in stages[alone:]:
        stage.apply(batch, source)
    return batch


def _belongings(source: Mapping[str, Any], row: int, size: tuple[int, int]) -> Batch:
    """Returns what belongs to an image of a size, as a batch of one."""
    batch: Batch = {}
    for name, values in source.items():
        if isinstance(values, Companion):
            batch |= values.opened(name, row, size)
        elif name != "images":
            batch[name] = values[row : row + 1]
    return batch


def _until_one_size(stages: Sequence[Stage], shape: tuple[Any, ...]) -> int:
    """Returns how many stages come before all images have one size."""
    for number, stage in enumerate(stages):
        if isinstance(stage, Mix) and not stage.step.transform._gives_size:
            rule = "Images must have one size before they are mixed"
            received = f"{stage.step.transform!r} of images of any size"
            raise ValueError(message(rule, received, "Put Resize or another size before it."))
        shape = stage.output_shape(shape)
        if not any(np.ndim(side) for side in shape[:2]):
            return number + 1
    return len(stages)


def _one(stage: Stage, i: int) -> Stage:
    part = stage.part(slice(i, i + 1))
    if not isinstance(part, Warp):
        return part
    height, width = (int(np.ravel(side)[0]) for side in part.size)
    return Warp(part.matrices, part.sampling, (height, width))


def _through(stages: Sequence[Stage], source: Mapping[str, Any], row: int, opened: Opened) -> Batch:
    """Returns one image, and what belongs to it, after the stages."""
    batch: dict[str, Any] = {"images": opened, **_belongings(source, row, opened.size)}
    for stage in stages:
        if isinstance(stage, Step) and batch["images"] is opened:
            batch["images"] = opened.read(None, 1).pixels[np.newaxis]
        stage.apply(batch, source)
    return batch

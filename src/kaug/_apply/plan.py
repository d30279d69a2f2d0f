"""From steps to stages: a run of affine warps becomes one, their matrices multiplied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kaug._apply import matrices
from kaug._apply.batches import looked_at
from kaug._apply.matrices import Matrices
from kaug._apply.resample import INDIFFERENT
from kaug._apply.stages import Aim, Course, Mix, Partners, Stage, Step, Warp
from kaug._types import Batch, Rows, Shape
from kaug._validation import message


@dataclass(frozen=True, slots=True)
class Planned:
    """What rows that are to be mixed in go through before."""

    stages: tuple[Stage, ...]

    def part(self, rows: Any) -> Planned:
        return Planned(tuple(each.part(rows) for each in self.stages))

    def made(self, source: Mapping[str, Any], rows: Rows) -> Batch:
        batch = {name: looked_at(array, rows) for name, array in source.items()}
        for stage in self.stages:
            stage.apply(batch, source)
        return batch


def _plan_alike(course: Course, shape: Shape) -> Partners:
    return Planned(tuple(plan(course, shape)))


def plan(
    course: Course,
    shape: Shape,
    before: Callable[[Course, Shape], Partners] = _plan_alike,
) -> list[Stage]:
    """Returns the stages that the steps of a course come down to.

    Args:
        course: What rows go through.
        shape: Of one image, `(H, W, C)`; sides may be arrays `(M,)`, a number for each row.
        before: Makes of a course, and of the shape of one image, what partners go through.
    """
    stages: list[Stage] = []
    run: list[Step] = []
    shapes: list[Shape] = []  # of images that come to a step of the run
    whole = shape
    sampling = INDIFFERENT

    def end_run() -> None:
        if run:
            size = (shape[0], shape[1])
            if any(step.transform._aims for step in run):
                aimed, settled = tuple(run), sampling.settled()
                stages.append(Aim(aimed, tuple(shapes), settled, size, course.frames))
            else:
                warp = _composed(run, shapes)
                covered = None if isinstance(warp, np.ndarray) else widest(run, shapes)
                # What slides by whole pixels, and is not rounded to such as an array's matrices.
                order = "nearest" if covered == (1, 1) else "bilinear"
                stages.append(Warp(warp, sampling.settled(order), size, covered))
            run.clear()
            shapes.clear()

    for number, step in enumerate(course.steps):
        own = step.transform._resampling()
        merged = sampling.merge(own) if run and own else None
        if own and merged is None:
            end_run()
            merged = own
        if merged:
            run.append(step)
            shapes.append(shape)
            sampling = merged
            shape = _shape_after(step, shape)
            continue
        end_run()
        if step.transform._partners:
            ways = (course.before(number, i) for i in range(step.transform._partners))
            stages.append(Mix(step, tuple(before(way, whole) for way in ways)))
        else:
            stages.append(step)
        shape = _shape_after(step, shape)
    end_run()
    return stages


def widest(run: Sequence[Step], shapes: Sequence[Shape]) -> tuple[float, float] | None:
    """Returns what `Warp.widest` says of a run of steps, of images of shapes."""
    height = width = 1.0
    for step, shape in zip(run, shapes, strict=True):
        own = step.transform._widest((int(shape[0]), int(shape[1])))
        if own is None:
            return None
        # Where a step does not act on a row, one pixel covers one.
        height, width = height * max(own[0], 1.0), width * max(own[1], 1.0)
    return height, width


def _shape_after(step: Step, shape: Shape) -> Shape:
    result = step.transform.output_shape(shape)
    if result is shape:
        return shape
    same = all(np.array_equal(own, other) for own, other in zip(result, shape, strict=True))
    if not same and isinstance(step.rows, np.ndarray) and not step.rows.all():
        rule = "A transform that changes the size of images must act on every row"
        received = f"{step.transform!r} for {step.rows.sum()} of {len(step.rows)} rows"
        raise ValueError(message(rule, received, "Give it p=1, outside of OneOf and the like."))
    return result


def _composed(steps: Sequence[Step], shapes: Sequence[Shape]) -> Matrices:
    """Returns the one warp of steps that all are warps, of images of shapes."""
    result: Matrices | None = None
    for step, shape in zip(steps, shapes, strict=True):
        own = step.transform._matrices(step.parameters, (shape[0], shape[1]))
        own = matrices.where(step.rows, own)
        result = own if result is None else matrices.compose(result, own)
    assert result is not None  # there are steps
    return result

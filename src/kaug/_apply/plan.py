"""From steps to stages: a run of affine warps becomes one, their matrices multiplied."""

from __future__ import annotations

from collections.abc import Sequence

from kaug._apply import matrices
from kaug._apply.matrices import Matrices
from kaug._apply.resample import INDIFFERENT
from kaug._apply.stages import Mix, Stage, Step, Warp
from kaug._validation import message


def plan(steps: Sequence[Step], partners: Sequence[Step], shape: tuple[int, ...]) -> list[Stage]:
    """Returns the stages that steps come down to.

    Args:
        steps: In order.
        partners: The same steps as drawn for the rows to be mixed in; empty if nothing mixes.
        shape: Of one image, `(H, W, C)`.
    """
    stages: list[Stage] = []
    run: list[Step] = []
    whole = shape
    begun, sampling = shape, INDIFFERENT

    def end_run() -> None:
        if run:
            size = (shape[0], shape[1])
            stages.append(Warp(_composed(run, begun), sampling.settled(), size))
            run.clear()

    for number, step in enumerate(steps):
        own = step.transform._resampling()
        merged = sampling.merge(own) if run and own else None
        if own and merged is None:
            end_run()
            begun, merged = shape, own
        if merged:
            run.append(step)
            sampling = merged
            shape = _shape_after(step, shape)
            continue
        end_run()
        if step.transform._mixes:
            before = [other for other in partners[:number] if not other.transform._mixes]
            stages.append(Mix(step, tuple(plan(before, (), whole))))
        else:
            stages.append(step)
        shape = _shape_after(step, shape)
    end_run()
    return stages


def _shape_after(step: Step, shape: tuple[int, ...]) -> tuple[int, ...]:
    result = step.transform.output_shape(shape)
    if result != shape and not step.rows.all():
        rule = "A transform that changes the size of images must act on every row"
        received = f"{step.transform!r} for {step.rows.sum()} of {len(step.rows)} rows"
        raise ValueError(message(rule, received, "Give it p=1, outside of OneOf and the like."))
    return result


def _composed(steps: Sequence[Step], shape: tuple[int, ...]) -> Matrices:
    """Returns the one warp of steps that all are warps."""
    result = matrices.identity(len(steps[0].rows))
    for step in steps:
        own = step.transform._matrices(step.parameters, (shape[0], shape[1]))
        result = matrices.compose(result, matrices.where(step.rows, own))
        shape = step.transform.output_shape(shape)
    return result

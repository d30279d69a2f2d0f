"""From steps to pixels: what a policy comes down to, carried out on a batch.

A policy dissolves into *steps*: transforms that are no policies, each with its parameters and the
rows it acts on. `plan` turns steps into *operations*: a run of affine warps becomes one `Warp`,
their matrices multiplied; everything else stays alone. `carry_out` takes rows of the source through
the operations.

A *batch* is a dict of arrays with one entry per row: `"images"` `(M, H, W, C)`, and if they are
there `"masks"` `(M, H, W, K)` and more whose names begin so, `"points"` `(M, P, 2)` with `"inside"`
`(M, P)`, `"boxes"` `(M, B, 3)`, the outlines of which are the first of the points (see
`_boxes.begin`), and whatever else is to be mixed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kaug import _parallel
from kaug._validation import message
from kaug.transforms import _matrices
from kaug.transforms._boxes import cut_off, solid
from kaug.transforms._matrices import Matrices
from kaug.transforms._warp import Sampling, moved, warp_rows, warped

if TYPE_CHECKING:
    from kaug.transforms._base import Parameters, Transform

Array = NDArray[Any]
Batch = dict[str, Array]
Rows = NDArray[np.int64]

# A piece of a batch goes through all operations at once, so that it stays in the cache: so large
# that what a piece costs besides does not matter, and small enough to be worth another thread.
_PIECE_BYTES = 2**20
_GRAIN_BYTES = 2**17


@dataclass(frozen=True, slots=True)
class Step:
    """A transform that is no policy, what it does, and to which rows."""

    transform: Transform
    parameters: Parameters
    rows: NDArray[np.bool_]

    def part(self, rows: Any) -> Step:
        """Returns the step for some of the rows."""
        return Step(self.transform, take_rows(self.parameters, rows), self.rows[rows])

    def apply(self, batch: Batch, source: Mapping[str, Any]) -> None:
        """Changes the batch, whose arrays may be written to."""
        del source
        if not self.rows.any():
            return
        step = self if self.rows.all() else self.part(self.rows)
        transform, parameters = step.transform, step.parameters
        size = batch["images"].shape[1:3]
        shape = transform.output_shape(batch["images"].shape[1:])
        self._change(
            batch, "images", lambda images: transform.transform_images(images, parameters), shape
        )
        if transform.photometric:
            return
        for name in maps_of(batch):
            self._change(
                batch, name, lambda masks: transform.transform_masks(masks, parameters), shape[:2]
            )
        move_points(
            batch,
            size,
            lambda points: self._changed(
                points.copy(), lambda rows: transform.transform_points(rows, parameters, size), ()
            ),
            getattr(transform, "mask_sampling", None),
        )

    def _change(
        self,
        batch: Batch,
        name: str,
        change: Callable[[Array], Array],
        shape: tuple[int, ...],
    ) -> None:
        """Puts what `change` makes of the rows in their place; its first axes become `shape`."""
        if name in batch:
            batch[name] = self._changed(batch[name], change, shape)

    def _changed(
        self, array: Array, change: Callable[[Array], Array], shape: tuple[int, ...]
    ) -> Array:
        every_row = bool(self.rows.all())
        chosen = array if every_row else array[self.rows]
        changed = np.asarray(change(chosen))
        shape = (len(chosen), *shape, *chosen.shape[len(shape) + 1 :])
        if changed.shape != shape:
            rule = "A transform must return the shape it was given, or that of its `output_shape`"
            received = f"{changed.shape} from {self.transform!r}, where {shape} is due"
            raise ValueError(message(rule, received))
        if changed.dtype != array.dtype:
            rule = "A transform must keep the dtype"
            received = f"{changed.dtype} from {self.transform!r}, given {array.dtype}"
            raise TypeError(message(rule, received, "Convert what it returns with .astype."))
        if every_row:
            return changed
        array = array if array.flags.writeable else array.copy()
        array[self.rows] = changed
        return array


@dataclass(frozen=True, slots=True)
class Warp:
    """A run of affine steps in one resampling."""

    matrices: Matrices
    sampling: Sampling

    def part(self, rows: Any) -> Warp:
        """Returns the warp of some of the rows."""
        return Warp(self.matrices[:, :, rows], self.sampling)

    def apply(self, batch: Batch, source: Mapping[str, Any]) -> None:
        """Changes the batch."""
        del source
        self.move_others(batch)
        batch["images"] = warped(batch["images"], self.matrices, self.sampling)

    def move_others(self, batch: Batch) -> None:
        """Moves all of the batch but the images."""
        for name in maps_of(batch):
            nearest = replace(self.sampling, fill_value=0.0, interpolation="nearest")
            batch[name] = warped(batch[name], self.matrices, nearest)
        size = batch["images"].shape[1:3]
        change = partial(moved, matrices=self.matrices, size=size)
        move_points(batch, size, change, self.sampling)


@dataclass(frozen=True, slots=True)
class Mix:
    """A step that blends each row with another row of the source."""

    step: Step
    # What the other rows go through before; drawn apart from what the rows themselves do.
    before: tuple[Operation, ...]

    def part(self, rows: Any) -> Mix:
        """Returns the mixing of some of the rows."""
        return Mix(self.step.part(rows), tuple(each.part(rows) for each in self.before))

    def apply(self, batch: Batch, source: Mapping[str, Any]) -> None:
        """Changes the batch, whose arrays may be written to."""
        chosen = np.flatnonzero(self.step.rows)
        if not len(chosen):
            return
        parameters = take_rows(self.step.parameters, chosen)
        rows = (parameters["partner"] * len(source["images"])).astype(np.int64)
        partners = {name: np.asarray(array[rows]) for name, array in source.items()}
        for operation in self.before:
            operation.part(chosen).apply(partners, source)
        own = {name: array[chosen] for name, array in batch.items()}
        transform: Any = self.step.transform
        for name, mixed in transform.mix(own, partners, parameters).items():
            writable(batch, name)[chosen] = mixed


Operation = Step | Warp | Mix


def plan(
    steps: Sequence[Step], partners: Sequence[Step], shape: tuple[int, ...]
) -> list[Operation]:
    """Returns the operations that steps come down to.

    Args:
        steps: In order.
        partners: The same steps as drawn for the rows to be mixed in; empty if nothing mixes.
        shape: Of one image, `(H, W, C)`.
    """
    operations: list[Operation] = []
    run: list[Step] = []
    whole = shape
    sampling = Sampling(indifferent=True)

    def end_run() -> None:
        if run:
            operations.append(Warp(_composed(run, shape), sampling))
            run.clear()

    for number, step in enumerate(steps):
        own = step.transform.sampling()
        merged = sampling.merge(own) if run and own else None
        if own and merged is None:
            end_run()
            merged = own
        if merged:
            run.append(step)
            sampling = merged
            continue
        end_run()
        if step.transform.mixes:
            before = [other for other in partners[:number] if not other.transform.mixes]
            operations.append(Mix(step, tuple(plan(before, (), whole))))
        else:
            operations.append(step)
        shape = _shape_after(step, shape)
    end_run()
    return operations


def _shape_after(step: Step, shape: tuple[int, ...]) -> tuple[int, ...]:
    result = step.transform.output_shape(shape)
    if result != shape and not step.rows.all():
        rule = "A transform that changes the size of images must act on every row"
        received = f"{step.transform!r} for {step.rows.sum()} of {len(step.rows)} rows"
        raise ValueError(message(rule, received, "Give it p=1, outside of OneOf and the like."))
    return result


def _composed(steps: Sequence[Step], shape: tuple[int, ...]) -> Matrices:
    """Returns the one warp of steps that all are warps."""
    result, size = _matrices.identity(len(steps[0].rows)), (shape[0], shape[1])
    for step in steps:
        own = step.transform.matrices(step.parameters, size)
        result = _matrices.compose(result, _matrices.where(step.rows, own))
    return result


def carry_out(
    operations: Sequence[Operation], out: Batch, source: Mapping[str, Any], rows: Rows
) -> None:
    """Takes rows of the source through the operations, in parallel.

    Args:
        operations: For as many rows as `out` has.
        out: Where to: images `(M, H, W, C)` and the rest of a batch.
        source: What from: images `(N, H, W, C)` and the rest.
        rows: Which row of `source` each row of `out` is made from, int64 `(M,)`.
    """
    if len(operations) == len(out) == 1 and isinstance(operations[0], Warp):
        _through(operations, out, source, rows)  # the kernel is parallel itself
        return
    step = _parallel.grain_of(out["images"], _PIECE_BYTES)

    def task(start: int, stop: int) -> None:
        for first in range(start, stop, step):
            part = slice(first, min(first + step, stop))
            piece = {name: array[part] for name, array in out.items()}
            _through([each.part(part) for each in operations], piece, source, rows[part])

    _parallel.run(task, len(rows), grain=_parallel.grain_of(out["images"], _GRAIN_BYTES))


def _through(
    operations: Sequence[Operation], out: Batch, source: Mapping[str, Any], rows: Rows
) -> None:
    images = source["images"]
    batch = {name: np.asarray(array[rows]) for name, array in source.items() if name != "images"}
    first = operations[0] if operations else None
    held = isinstance(images, np.ndarray)  # not read row by row
    if held and isinstance(first, Warp) and out["images"].shape[1:] == images.shape[1:]:
        # Gathers, warps and writes in one pass over the pixels.
        warp_rows(images, rows, first.matrices, out["images"], first.sampling)
        batch["images"] = out["images"]
        first.move_others(batch)
        operations = operations[1:]
    else:
        batch["images"] = _taken(images, rows)
    for operation in operations:
        operation.apply(batch, source)
    for name, array in out.items():
        if batch[name] is not array:
            array[...] = batch[name]


def carried_out(steps: Iterable[Step], images: Array) -> Array:
    """Returns new images, what steps make of `images`."""
    view = images.view()
    view.flags.writeable = False  # a step that changes some rows makes a copy first
    batch: Batch = {"images": view}
    for operation in plan(list(steps), (), images.shape[1:]):
        operation.apply(batch, batch)
    return batch["images"].copy() if batch["images"] is view else batch["images"]


def _taken(images: Any, rows: Rows) -> Array:
    """Returns rows of the images: copied, but for rows in sequence, which are only looked at."""
    first, last = int(rows[0]), int(rows[-1])
    if last - first != len(rows) - 1 or (np.diff(rows) != 1).any():
        return np.asarray(images[rows])
    view = np.asarray(images[first : last + 1]).view()
    view.flags.writeable = False
    return view


def writable(batch: Batch, name: str) -> Array:
    """Returns an array of the batch, copied if it can not be written to."""
    if not batch[name].flags.writeable:
        batch[name] = batch[name].copy()
    return batch[name]


def maps_of(batch: Mapping[str, Any]) -> list[str]:
    """Returns the names of what has a value for each pixel, and moves with these."""
    return [name for name in batch if name.startswith("masks")]


def move_points(
    batch: Batch,
    size: tuple[int, ...],
    change: Callable[[Array], Array],
    sampling: Sampling | None = None,
) -> None:
    """Moves the points, notes which have left the images, and cuts off what has of boxes.

    Args:
        batch: With the images as they are afterwards, and the points as they were.
        size: Height and width of the images before.
        change: Returns where points go.
        sampling: How masks were resampled, if they were.
    """
    if "points" not in batch:
        return
    before = batch["points"]
    points = batch["points"] = np.array(change(before), order="C")
    after = batch["images"].shape[1:3]
    if "inside" in batch:
        batch["inside"] = batch["inside"] & within(points, after)
    if "boxes" not in batch:
        return
    held = points
    if sampling is not None and sampling.fill_mode == "constant":
        inner = solid(before, size)
        held = points if np.array_equal(inner, before) else np.array(change(inner), order="C")
    cut_off(before, points, held, writable(batch, "boxes"), after)


def within(points: Array, size: tuple[int, ...]) -> NDArray[np.bool_]:
    """Returns which points `(M, P, 2)` lie in an image of a height and width."""
    end = np.array([size[1], size[0]]) - 0.5
    return np.asarray(((points >= -0.5) & (points <= end)).all(axis=-1))


def take_rows(parameters: Any, rows: Any) -> Any:
    """Returns the chosen rows of parameters, however nested."""
    if isinstance(parameters, Mapping):
        return {name: take_rows(value, rows) for name, value in parameters.items()}
    if isinstance(parameters, tuple):
        return tuple(take_rows(value, rows) for value in parameters)
    return parameters[rows]

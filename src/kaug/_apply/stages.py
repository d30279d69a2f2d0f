"""What a policy comes down to: steps, runs of affine steps as one warp, and mixing.

A policy dissolves into *steps*: transforms that are no policies, each with its parameters and the
rows it acts on. What carries out one of them, or a run of them at once, is a *stage*.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kaug._apply import matrices as affine
from kaug._apply.aim import drop, seen_boxes
from kaug._apply.batches import MapName, maps_of, move_points, points_of, take_rows, writable
from kaug._apply.destination import result_like
from kaug._apply.joining import with_room
from kaug._apply.leaf import Leaf
from kaug._apply.matrices import Matrices
from kaug._apply.resample import Resampling, moved, size_of, warp_rows, warped
from kaug._types import Array, Batch, Parameters, Rows, Shape, Size
from kaug._validation import message


@dataclass(frozen=True, slots=True)
class Step:
    """A transform that is no policy, what it does, and to which rows."""

    transform: Leaf
    parameters: Parameters
    rows: NDArray[np.bool_]

    def part(self, rows: Any) -> Step:
        """Returns the step for some of the rows."""
        return Step(self.transform, take_rows(self.parameters, rows), self.rows[rows])

    def output_shape(self, shape: Shape) -> Shape:
        """Returns the shape of an image afterwards."""
        return self.transform.output_shape(shape)

    def apply(self, batch: Batch, source: Mapping[str, Any]) -> None:
        """Changes the batch, whose arrays may be written to."""
        del source
        if not self.rows.any():
            return
        step = self if self.rows.all() else self.part(self.rows)
        transform, size = step.transform, batch["images"].shape[1:3]
        names: list[str] = ["images"]
        points = None
        if not transform.photometric:
            names += maps_of(batch)
            points = points_of(batch, size, getattr(transform, "_sampling", None))
        given = {name: self._chosen(batch[name]) for name in names}
        if points is not None:
            given["points"] = self._chosen(points).copy()
        shape = transform.output_shape(batch["images"].shape[1:])
        made = transform._transform_batch(given, step.parameters)
        for name in names:
            due = shape if name == "images" else shape[:2]
            batch[name] = self._put(batch[name], given[name], made[name], due)
        if points is not None:
            points = self._put(points, given["points"], made["points"], ())
        move_points(batch, size, points)

    def _chosen(self, array: Array) -> Array:
        return array if self.rows.all() else array[self.rows]

    def _put(self, array: Array, given: Array, made: Array, shape: tuple[int, ...]) -> Array:
        """Returns an array with the rows that were made of those given in their place.

        Their first axes become `shape`.
        """
        changed = np.asarray(made)
        shape = (len(given), *shape, *given.shape[len(shape) + 1 :])
        if changed.shape != shape:
            rule = "A transform must return the shape it was given, or that of its `output_shape`"
            received = f"{changed.shape} from {self.transform!r}, where {shape} is due"
            raise ValueError(message(rule, received))
        if changed.dtype != array.dtype:
            rule = "A transform must keep the dtype"
            received = f"{changed.dtype} from {self.transform!r}, given {array.dtype}"
            raise TypeError(message(rule, received, "Convert what it returns with .astype."))
        if self.rows.all():
            return changed
        if not array.flags.writeable:  # images: all else was gathered
            given, array = array, result_like(array)
            array[~self.rows] = given[~self.rows]
        array[self.rows] = changed
        return array


@dataclass(frozen=True, slots=True)
class Warp:
    """A run of affine steps in one resampling."""

    matrices: Matrices
    sampling: Resampling
    # Height and width of the result.
    size: Size
    # How many pixels one of the result covers along either axis, at most; None where axes may not
    # stay axes. On tensors alone.
    widest: tuple[float, float] | None = None

    def part(self, rows: Any) -> Warp:
        """Returns the warp of some of the rows."""
        matrices = self.matrices[:, :, rows]
        return Warp(matrices, self.sampling, _of_rows(self.size, rows))

    def output_shape(self, shape: Shape) -> Shape:
        """Returns the shape of an image afterwards."""
        return (*self.size, *shape[2:])

    def apply(self, batch: Batch, source: Mapping[str, Any]) -> None:
        """Changes the batch."""
        del source
        images = batch["images"]
        batch["images"] = warped(images, self.matrices, self.sampling, self.size)
        self.move_others(batch, size_of(images))

    def write(self, source: Mapping[str, Any], rows: Rows, out: Batch) -> list[str]:
        """Gathers, warps and writes images and maps in one pass over their pixels.

        Returns:
            The names of what has been written: none if the images are not of the size of `out`,
            and so go on to be changed.
        """
        written: list[str] = []
        for name in ("images", *maps_of(source)):
            given, target = source[name], out[name]
            if (*self.size, *given.shape[3:]) == target.shape[1:] and given.dtype == target.dtype:
                sampling = self.sampling
                if isinstance(name, MapName):
                    sampling = name.sampling(sampling)
                warp_rows(given, rows, self.matrices, target, sampling)
                written.append(name)
            elif name == "images":
                break
        return written

    def move_others(self, batch: Batch, size: Size, besides: Collection[str] = ()) -> None:
        """Moves all of the batch but the images, which have been, and had a height and width.

        Args:
            batch: After the images were moved.
            size: What the images had before.
            besides: Names of what has been moved, too.
        """
        for name in maps_of(batch):
            if name in besides:
                continue
            sampling = name.sampling(self.sampling)
            batch[name] = warped(batch[name], self.matrices, sampling, self.size)
        points = points_of(batch, size, self.sampling)
        if points is not None:
            points = moved(points, matrices=self.matrices, size=size, after=self.size)
        move_points(batch, size, points)


@dataclass(frozen=True, slots=True)
class Aim:
    """A run of affine steps of which some aim: one warp, as soon as it is known where boxes are."""

    steps: tuple[Step, ...]
    # Of the images that come to each step.
    shapes: tuple[Shape, ...]
    sampling: Resampling
    # Height and width of the result.
    size: Size
    # How many frames each row has, one after another in a batch.
    frames: int = 1

    def part(self, rows: Any) -> Aim:
        """Returns the same for some of the rows."""
        steps = tuple(step.part(rows) for step in self.steps)
        shapes = tuple(_of_rows(shape, rows) for shape in self.shapes)
        return Aim(steps, shapes, self.sampling, _of_rows(self.size, rows), self.frames)

    def output_shape(self, shape: Shape) -> Shape:
        """Returns the shape of an image afterwards."""
        return (*self.size, *shape[2:])

    def apply(self, batch: Batch, source: Mapping[str, Any]) -> None:
        """Changes the batch."""
        self.aimed(batch).apply(batch, source)

    def aimed(self, batch: Batch) -> Warp:
        """Returns the warp for a batch of images of one size; drops the boxes that do not stay."""
        first = _of_all(self.shapes[0])
        result: Matrices | None = None
        for step, shape in zip(self.steps, self.shapes, strict=True):
            size, transform = _of_all(shape), step.transform
            if transform._aims:
                boxes = seen_boxes(batch, len(step.rows), result, first, size)
                own, kept = self._aimed(step, *boxes, size)
                drop(batch, boxes[1] & ~kept & step.rows[:, np.newaxis])
            else:
                own = transform._matrices(step.parameters, size)
            own = affine.where(step.rows, own)
            result = own if result is None else affine.compose(result, own)
        assert result is not None  # there are steps
        return Warp(result, self.sampling, _of_all(self.size))

    def _aimed(
        self, step: Step, corners: Array, seen: NDArray[np.bool_], size: tuple[int, int]
    ) -> tuple[Matrices, NDArray[np.bool_]]:
        """Returns the warp of each frame, and which boxes stay.

        All frames of a row get the same warp, and so it looks at the boxes of all of them.
        """
        transform: Any = step.transform
        if self.frames == 1:
            aimed: tuple[Matrices, NDArray[np.bool_]]
            aimed = transform._aimed(step.parameters, corners, seen, size)
            return aimed
        videos = len(seen) // self.frames
        parameters = take_rows(step.parameters, slice(None, None, self.frames))
        own, kept = transform._aimed(
            parameters,
            corners.reshape(videos, self.frames * seen.shape[1], 4),
            seen.reshape(videos, self.frames * seen.shape[1]),
            size,
        )
        return np.repeat(own, self.frames, axis=2), kept.reshape(seen.shape)


def _of_rows(sides: Any, rows: Any) -> Any:
    """Returns sides of images, of each a number or one for each row, for some of the rows."""
    return tuple(side if np.ndim(side) == 0 else side[rows] for side in sides)


def _of_all(sides: Any) -> tuple[int, int]:
    """Returns the height and width of images that all have the same."""
    height, width = (int(np.ravel(side)[0]) for side in sides[:2])
    return height, width


@dataclass(frozen=True, slots=True)
class Course:
    """The steps that rows go through, and those of the rows that are mixed in.

    All have the same transforms in the same order. `partners` are as many as the step that mixes in
    most has, and are empty if none does. Rows may be frames of videos, which have `frames` each.
    """

    steps: tuple[Step, ...]
    partners: tuple[Course, ...] = ()
    frames: int = 1

    def part(self, rows: Any) -> Course:
        """Returns the course of some of the rows."""
        steps = tuple(each.part(rows) for each in self.steps)
        return Course(steps, tuple(each.part(rows) for each in self.partners), self.frames)

    def before(self, number: int, partner: int) -> Course:
        """Returns what a partner of a step goes through before it is mixed in.

        That is all that stands before, but for blends with others, which would leave less of it.

        Args:
            number: Of the step.
            partner: Which of its partners.
        """
        return self.partners[partner]._until(number) if self.partners else Course(())

    def _until(self, number: int) -> Course:
        steps = (each for each in self.steps[:number] if not each.transform._blends)
        partners = tuple(each._until(number) for each in self.partners)
        return Course(tuple(steps), partners, self.frames)


class Partners(Protocol):
    """What rows that are to be mixed in go through before; drawn apart from what rows do."""

    def part(self, rows: Any) -> Partners:
        """Returns the same for some of the rows."""

    def made(self, source: Mapping[str, Any], rows: Rows) -> Batch:
        """Returns rows of the source after it."""


@dataclass(frozen=True, slots=True)
class Mix:
    """A step that makes something of each row and other rows of the source."""

    step: Step
    before: tuple[Partners, ...]

    def part(self, rows: Any) -> Mix:
        """Returns the mixing of some of the rows."""
        return Mix(self.step.part(rows), tuple(each.part(rows) for each in self.before))

    def output_shape(self, shape: Shape) -> Shape:
        """Returns the shape of an image afterwards."""
        return self.step.output_shape(shape)

    def apply(self, batch: Batch, source: Mapping[str, Any]) -> None:
        """Changes the batch, whose arrays may be written to."""
        chosen = np.flatnonzero(self.step.rows)
        if not len(chosen):
            return
        parameters = take_rows(self.step.parameters, chosen)
        places = parameters["partner"].reshape(len(chosen), len(self.before))
        rows = (places * len(source["images"])).astype(np.int64)
        partners = [
            each.part(chosen).made(source, own)
            for each, own in zip(self.before, rows.T, strict=True)
        ]
        transform: Any = self.step.transform
        if len(chosen) == len(self.step.rows):
            batch |= transform._mix(batch, partners, parameters)
            return
        own = {name: array[chosen] for name, array in batch.items()}
        mixed = transform._mix(own, partners, parameters)
        batch |= with_room(batch, mixed)
        for name, array in mixed.items():
            writable(batch, name)[chosen] = array


Stage = Step | Warp | Aim | Mix

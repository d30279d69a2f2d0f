"""Videos taken through a policy as images: the frames of a row one after another, drawn once.

The transforms see batches of frames `(F, H, W, C)`. Every frame of a row has the parameters that
were drawn for the row, and is mixed with the same frame of another video.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kaug._apply.execute import carry_out
from kaug._apply.plan import plan
from kaug._apply.stages import Course, Step
from kaug._images import LazyRows
from kaug._types import Array, Batch, Rows


def carry_out_videos(course: Course, out: Batch, source: Mapping[str, Any], rows: Rows) -> None:
    """Takes videos of a source through steps, in parallel.

    Args:
        course: For as many rows as `out` has.
        out: Where to: images `(M, T, H, W, C)` and the rest of a batch, for each frame
            `(M, T, …)`; what is mixed has one for all frames, `(M, …)`.
        source: What from: images `(N, T, H, W, C)` and the rest.
        rows: Which row of `source` each row of `out` is made from, int64 `(M,)`.
    """
    images = source["images"]
    frames = images.shape[1]
    every = _in_frames(course, len(rows), frames, len(images))
    given = {name: _seen(array, frames, of_rows=_of_rows(name)) for name, array in source.items()}
    made = {
        name: np.empty((len(rows) * frames, *array.shape[1:]), array.dtype)
        if _of_rows(name)
        else array.reshape(len(rows) * frames, *array.shape[2:])
        for name, array in out.items()
    }
    # A warp that aims looks at all frames of a row; and rows that are read when they are asked for
    # are read as a whole.
    aims = any(step.transform._aims for step in course.steps)
    together = frames if aims or isinstance(images, LazyRows) else 1
    stages = plan(every, given["images"].shape[1:])
    carry_out(stages, made, given, frame_rows(rows, frames), together=together)
    for name, array in out.items():
        if _of_rows(name):
            array[...] = made[name][::frames]


def frame_rows(rows: Rows, frames: int) -> Rows:
    """Returns the numbers of all frames of some rows, where a row has so many."""
    return (rows[:, np.newaxis] * frames + np.arange(frames)).ravel()


def _of_rows(name: str) -> bool:
    """Tells what a batch has once for each row, not for each frame: labels and weights."""
    return name.startswith("mixed")


def _in_frames(course: Course, count: int, frames: int, videos: int) -> Course:
    """Returns the course of all frames of so many rows, one after another."""
    every = course.part(np.repeat(np.arange(count), frames))
    return _with_frames(every, frames, videos)


def _with_frames(course: Course, frames: int, videos: int) -> Course:
    steps = tuple(_at_same_frame(step, frames, videos) for step in course.steps)
    partners = tuple(_with_frames(each, frames, videos) for each in course.partners)
    return Course(steps, partners, frames)


def _at_same_frame(step: Step, frames: int, videos: int) -> Step:
    """Returns a step whose partners, drawn among videos, are the same frames of these."""
    if not step.transform._partners:
        return step
    partner = step.parameters["partner"]
    frame = np.arange(len(partner)).reshape(-1, *[1] * (partner.ndim - 1)) % frames
    rows = (partner * videos).astype(np.int64) * frames + frame
    # In the middle of its place among all frames, so that no rounding leads to another one.
    middle = (rows + 0.5) / (videos * frames)
    return Step(step.transform, {**step.parameters, "partner": middle}, step.rows)


def _seen(array: Any, frames: int, *, of_rows: bool) -> Any:
    """Returns what is looked at frame by frame: a view of an array wherever there is one."""
    if not of_rows and isinstance(array, np.ndarray):
        strides, count = array.strides, len(array)
        if count < 2 or strides[0] == frames * strides[1]:
            return array.reshape(count * frames, *array.shape[2:])
    return _Frames(array, frames, of_rows=of_rows)


class _Frames:
    """The frames of videos, one after another, as rows that are taken when they are asked for.

    Args:
        array: `(N, T, …)`, or `(N, …)` with what all frames of a row have.
        frames: How many frames a row has, T.
        of_rows: Whether all frames of a row have the same.
    """

    def __init__(self, array: Any, frames: int, *, of_rows: bool) -> None:
        self._array, self._frames, self._of_rows = array, frames, of_rows
        self.dtype = array.dtype
        self.shape = (array.shape[0] * frames, *array.shape[1 if of_rows else 2 :])

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, rows: Any) -> Array:
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        videos, frames = np.divmod(rows, self._frames)
        if self._of_rows:
            return np.asarray(self._array[videos])
        if isinstance(self._array, np.ndarray):
            return self._array[videos, frames]
        needed, places = np.unique(videos, return_inverse=True)
        return np.asarray(self._array[needed])[places, frames]

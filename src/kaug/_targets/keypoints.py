"""Keypoints: where they were, and where they are after their pictures moved."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from kaug._apply.joining import NOBODY, OF_POINTS, filled_up
from kaug._targets.box_columns import as_places
from kaug._targets.by_place import PickledByPlace
from kaug._targets.structures import check_finite
from kaug._types import Array, Batch, Floats, Rows
from kaug._validation import as_array, describe, message

# What the third number of points is called among arrays to be joined.
VISIBILITY = f"{OF_POINTS}: visibility"
_HIDDEN = (
    "Write points that are hidden as (0, 0) with the visibility 0, in an array (N, P, 3), or "
    "(N, P, K, 3) for several persons."
)


class Keypoints(PickledByPlace):
    """The keypoints of a dataset, checked.

    Args:
        value: As the user gave it.
        count: How many images there are.
        pairs: Numbers of points that change places where a picture is mirrored, `checked_pairs`.

    Raises:
        TypeError: They are no numbers.
        ValueError: They have the wrong shape, length or values.
    """

    def __init__(self, value: Any, count: int, pairs: Sequence[tuple[int, int]] = ()) -> None:
        given = _checked(value, count)
        # Of one row in all: (P, 2 | 3), or (A, K, 2 | 3) for several persons.
        self._form = given.shape[1:]
        self._array = given.reshape(count, math.prod(self._form[:-1]), self._form[-1])
        self._swapped = swapped_numbers(pairs, self._form[-2])
        self.swaps = len(pairs) > 0

    @property
    def persons(self) -> int:
        """How many persons a row has."""
        return int(self._form[0]) if len(self._form) == 3 else 1

    @property
    def number(self) -> int:
        """How many points a row has."""
        return int(self._array.shape[1])

    def check_can_be_hidden(self) -> None:
        """Raises for points without a visibility, where some of several images are not seen."""
        if self._form[-1] < 3:
            rule = "Where images are mixed, `keypoints` must have a visibility, (x, y, visibility)"
            fix = "Add one: np.concatenate([points, np.ones((*points.shape[:-1], 1))], -1)."
            received = f"shape {self._array.shape[:1] + self._form}"
            raise ValueError(message(f"{rule}, or what is not seen would be points", received, fix))

    def begun(self, rows: Any) -> Floats:
        """Returns the points of some rows, `(m, P, 2)`, those of all persons one after another."""
        return self._array[rows, :, :2].astype(np.float64)

    def beside(self, rows: Any) -> Batch:
        """Returns what else is known of the points of some rows, to be joined with others."""
        known = self._array[rows]
        return {VISIBILITY: known[..., 2:], NOBODY: self._nobody(known)}

    def moved(self, points: Floats, made: Batch, index: Rows, kept: int) -> Array:
        """Returns the points in the form in which they were given.

        Args:
            points: `(n, P, 2)`, after they were moved.
            made: Whether each was always in the picture, which persons were mirrored an odd number
                of times, and what `beside` returned, if it was joined with others.
            index: Source row of each row that was made, int64 `(n,)`.
            kept: How many rows of the source come first.
        """
        count = points.shape[1]
        beside = {name: array[kept:] for name, array in made.items()}
        beside = beside if NOBODY in beside else self.beside(index)
        new = np.concatenate([points, beside[VISIBILITY]], axis=2).astype(self._array.dtype)
        inside = made["inside"][kept:]
        new[..., 2:] *= inside[:, inside.shape[1] - count :, np.newaxis]
        if self.swaps:
            mirrored = made["mirrored"][kept:]
            persons = new.reshape(*mirrored.shape, *self._form[-2:])
            persons[mirrored] = persons[mirrored][:, self._swapped]
        new[beside[NOBODY]] = 0
        own = filled_up(self._array[:kept], count, 0)
        times = count // self.number if self.number else 1  # images whose points there may be
        form = (times * self._form[0], *self._form[1:])
        return np.concatenate([own, new]).reshape(kept + len(index), *form)

    def _nobody(self, points: Array) -> Array:
        """Returns which points are of persons that are padding: all of whose numbers are 0."""
        if len(self._form) < 3 or self._form[-1] < 3:
            return np.zeros(points.shape[:2], bool)
        there = points.reshape(len(points), *self._form).any(axis=(2, 3))
        return np.repeat(~there, self._form[1], axis=1)


def _checked(value: Any, count: int) -> Array:
    keypoints = padded_keypoints(value, count)
    fits = keypoints.ndim in (3, 4) and keypoints.shape[-1] in (2, 3) and len(keypoints) == count
    if not fits or keypoints.dtype.kind not in "iuf":
        raise ValueError(message(_rule(count), describe(keypoints)))
    check_finite(keypoints, "keypoints", _HIDDEN)
    return as_places(keypoints)


def padded_keypoints(value: Any, count: int) -> Array:
    """Returns keypoints as an array: lists of different numbers of persons padded with zeros.

    Args:
        value: As the user gave it.
        count: How many images there are.

    Raises:
        ValueError: They are lists of points, not of persons, or without a visibility, or persons
            have different numbers of points.
    """
    value = value.to_list() if hasattr(value, "row_splits") else value
    numbers = [len(each) for each in value if hasattr(each, "__len__")] if _is_list(value) else []
    if not numbers or (len({*numbers}) == 1 and numbers[0]):
        return as_array(value, "keypoints")
    parts = [as_array(each, f"keypoints[{row}]") for row, each in enumerate(value)]
    persons = [part for part in parts if part.size] or [each for each in parts if each.ndim == 3]
    if len(parts) != count or not persons or any(part.ndim != 3 for part in persons):
        received = f"lists of {min(numbers)} to {max(numbers)} points, for {count} images"
        raise ValueError(message(_rule(count), received, _HIDDEN))
    forms = {part.shape[1:] for part in persons}
    if len(forms) > 1 or {part.dtype.kind for part in persons} - {*"iuf"}:
        rule = "All persons in `keypoints` must have as many points, and all of these be numbers"
        raise ValueError(message(rule, " and ".join(map(describe, persons[:3]))))
    (form,) = forms
    if form[-1] != 3:
        rule = "Persons of different number in each image must have keypoints (x, y, visibility)"
        fix = "Add a visibility: np.concatenate([points, np.ones((*points.shape[:-1], 1))], -1)."
        raise ValueError(message(f"{rule}, or padding would be persons", f"shape {form}", fix))
    dtype = np.result_type(*(as_places(part) for part in persons))
    dense = np.zeros((count, max(numbers), *form), dtype)
    for row, part in enumerate(parts):
        if part.size:
            dense[row, : len(part)] = part
    return dense


def checked_pairs(value: Any) -> list[tuple[int, int]]:
    """Returns pairs of numbers of points as plain data.

    Raises:
        TypeError: They are no pairs of integers.
        ValueError: A number is negative, or there more than once.
    """
    rule = (
        "`keypoint_flip_pairs` must be pairs of numbers of points that change places where a "
        "picture is mirrored, such as [(1, 2), (3, 4)]"
    )
    try:
        given = [tuple(pair) for pair in value]
        if any(len(pair) != 2 or any(isinstance(each, bool) for each in pair) for pair in given):
            raise TypeError
        pairs = [(operator.index(left), operator.index(right)) for left, right in given]
    except TypeError:
        fix = (
            "Of a list such as YOLO's flip_idx: [(i, j) for i, j in enumerate(flip_idx) if i < j]."
        )
        raise TypeError(message(rule, describe(value), fix)) from None
    numbers = [number for pair in pairs for number in pair]
    if len({*numbers}) < len(numbers) or min(numbers, default=0) < 0:
        raise ValueError(message(f"{rule}, each number from 0 on and only once", f"{pairs}"))
    return pairs


def swapped_numbers(pairs: Sequence[tuple[int, int]], count: int) -> Rows:
    """Returns the number of the point that comes to the place of each where a picture is mirrored.

    Args:
        pairs: `checked_pairs`.
        count: How many points a person has.

    Raises:
        ValueError: Some are of points that there are not.
    """
    _check_numbers(pairs, count)
    result = np.arange(count)
    for left, right in pairs:
        result[[left, right]] = right, left
    return result


def _check_numbers(pairs: Sequence[tuple[int, int]], count: int) -> None:
    beyond = [pair for pair in pairs if max(pair) >= count]
    if beyond:
        rule = f"`keypoint_flip_pairs` must be of the numbers of the {count} points of a person"
        fix = "Points are numbered from 0; of several persons give points as (N, P, K, 3)."
        raise ValueError(message(rule, f"{beyond[0]}", fix))


def _is_list(value: Any) -> bool:
    return isinstance(value, (tuple, list))


def _rule(count: int) -> str:
    return (
        f"`keypoints` must be numbers of shape ({count}, P, 2), (x, y) in pixels, or "
        f"({count}, P, 3), with a visibility that becomes 0 when a point leaves the image; of "
        f"several persons ({count}, P, K, 2 or 3), or lists with one array (P, K, 3) for each image"
    )

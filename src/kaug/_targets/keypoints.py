"""Keypoints: where they were, and where they are after their pictures moved."""

from __future__ import annotations

from typing import Any

import numpy as np

from kaug._targets.box_columns import as_places
from kaug._targets.by_place import PickledByPlace
from kaug._targets.structures import check_finite
from kaug._types import Array, Floats, Rows
from kaug._validation import as_array, describe, message


class Keypoints(PickledByPlace):
    """The keypoints of a dataset, checked.

    Args:
        value: As the user gave it.
        count: How many images there are.

    Raises:
        TypeError: They are no numbers.
        ValueError: They have the wrong shape, length or values.
    """

    def __init__(self, value: Any, count: int) -> None:
        self._array = _checked(value, count)

    @property
    def number(self) -> int:
        """How many points a row has."""
        return int(self._array.shape[1])

    def begun(self, rows: Any) -> Floats:
        """Returns the points of some rows, `(m, P, 2)`."""
        return self._array[rows, :, :2].astype(np.float64)

    def moved(self, points: Floats, inside: Array, index: Rows, kept: int) -> Array:
        """Returns the points in the form in which they were given.

        Args:
            points: `(n, P, 2)`, after they were moved.
            inside: `(n, P)`, whether each was always in the picture.
            index: Source row of each row that was made, int64 `(n,)`.
            kept: How many rows of the source come first.
        """
        new = self._array[index]
        new[..., :2] = points
        if new.shape[2] == 3:
            new[..., 2] *= inside
        return np.concatenate([self._array[:kept], new])


def _checked(value: Any, count: int) -> Array:
    rule = (
        f"`keypoints` must be numbers of shape ({count}, P, 2), (x, y) in pixels, or "
        f"({count}, P, 3), with a visibility that becomes 0 when a point leaves the image"
    )
    fix = "Write points that are hidden as (0, 0) with the visibility 0, in an array (N, P, 3)."
    value = value.to_list() if hasattr(value, "row_splits") else value
    if isinstance(value, (tuple, list)):
        numbers = [len(each) for each in value if hasattr(each, "__len__")]
        if len({*numbers}) > 1:
            received = f"lists of {min(numbers)} to {max(numbers)} points"
            raise ValueError(message(rule, received, fix))
    keypoints = as_array(value, "keypoints")
    fits = keypoints.ndim == 3 and keypoints.shape[2] in (2, 3) and len(keypoints) == count
    if not fits or keypoints.dtype.kind not in "iuf":
        raise ValueError(message(rule, describe(keypoints)))
    check_finite(keypoints, "keypoints", fix)
    return as_places(keypoints)

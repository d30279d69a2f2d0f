"""Bounding boxes with all that is known of each, and what is left of them when pictures moved."""

from __future__ import annotations

from typing import Any

import numpy as np

from kaug._apply import boxes
from kaug._targets.box_checks import check_values
from kaug._targets.box_columns import checked_boxes, looks_like_field
from kaug._targets.box_settings import BoxSettings
from kaug._targets.by_place import PickledByPlace
from kaug._targets.names import point_out
from kaug._types import Batch, Floats, Rows
from kaug._validation import describe


class Boxes(PickledByPlace):
    """The boxes of a dataset, checked.

    Args:
        value: As the user gave them.
        settings: What was said about them.
        count: How many images there are.
        size: Their height and width; None where these are of any size.
        checked: Whether these are rows of what was checked as a whole.

    Raises:
        TypeError: Boxes or fields are no numbers.
        ValueError: Something has the wrong shape, length or values.
    """

    def __init__(
        self,
        value: Any,
        settings: BoxSettings,
        count: int,
        size: tuple[int | None, int | None],
        *,
        checked: bool,
    ) -> None:
        self._settings, self._format = settings, settings.bounding_box_format
        self._columns = checked_boxes(value, count)
        if not checked:
            places = {name: self._columns[name] for name in ("boxes", "labels")}
            check_values(**places, box_format=self._format, size=size)

    def begun(self, rows: Any, size: tuple[int, int]) -> tuple[Floats, Floats]:
        """Returns the outlines of the boxes of some rows, and what is seen of them."""
        corners = boxes.to_corners(self._columns["boxes"][rows], self._format, size)
        return boxes.begin(corners, self._columns["labels"][rows], size)

    def moved(
        self, outlines: Floats, seen: Floats, index: Rows, kept: int, size: tuple[int, int]
    ) -> Batch:
        """Returns all columns in the form in which they were given.

        Args:
            outlines: `(n, B * P, 2)`, after they were moved.
            seen: `(n, B, 3)`, see `kaug._apply.boxes.begin`.
            index: Source row of each row that was made, int64 `(n,)`.
            kept: How many rows of the source come first.
            size: Height and width of the images of the result.
        """
        columns = self._columns
        corners = boxes.clip(boxes.enclose(outlines, seen.shape[1]), size)
        visible = self._settings.keep(seen[..., 0], corners[..., 2:] - corners[..., :2])
        places = boxes.from_corners(corners, self._format, size)
        new = {name: column[index] for name, column in columns.items() if name != "boxes"}
        new["boxes"] = places.astype(columns["boxes"].dtype)
        for name, column in new.items():
            column[~visible] = -1 if name == "labels" else 0
        return {name: np.concatenate([own[:kept], new[name]]) for name, own in columns.items()}

    def doubt(self, name: str) -> None:
        """Warns of further fields that look like something of a place and do not move.

        Args:
            name: What the caller calls the boxes.
        """
        for field, array in self._columns.items():
            look = looks_like_field(array.shape, array.dtype.kind)
            if look and field not in ("boxes", "labels"):
                point_out(look, f"{name}[{field!r}]", describe(array))

"""Bounding boxes with all that is known of each, and what is left of them when pictures moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kaug._apply import boxes
from kaug._targets.box_checks import check_format, check_values
from kaug._targets.box_columns import checked_boxes, looks_like_field
from kaug._targets.by_place import PickledByPlace
from kaug._targets.names import point_out
from kaug._types import Batch, Floats, Rows
from kaug._validation import check_probability, describe

# What a dict may say about its boxes, once for all rows.
BOX_SETTINGS = {"bounding_box_format": "xyxy", "min_visible_area": 0.0}
# Parts of areas are that exact.
_ROUNDING = 1e-9


class Boxes(PickledByPlace):
    """The boxes of a dataset, checked.

    Args:
        given: Has `"bounding_boxes"`, and may have `BOX_SETTINGS`.
        count: How many images there are.
        size: Their height and width; None where these are of any size.
        checked: Whether these are rows of what was checked as a whole.

    Raises:
        TypeError: Boxes or fields are no numbers.
        ValueError: Something has the wrong shape, length or values.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        count: int,
        size: tuple[int | None, int | None],
        *,
        checked: bool,
    ) -> None:
        self._format, self._least = check_settings(given)
        self._columns = checked_boxes(given["bounding_boxes"], count)
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
        part = seen[..., 0]
        visible = (part > 0) & (part >= self._least - _ROUNDING)
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


def check_settings(given: Mapping[str, Any]) -> tuple[str, float]:
    """Returns the format of boxes, and which part of one must be seen."""
    least = given.get("min_visible_area", BOX_SETTINGS["min_visible_area"])
    box_format = check_format(given.get("bounding_box_format", "xyxy"))
    return box_format, check_probability(least, "min_visible_area")

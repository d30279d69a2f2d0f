"""Bounding boxes with all that is known of each, and what is left of them when pictures moved."""

from __future__ import annotations

from typing import Any

import numpy as np

from kaug._apply import boxes, oriented
from kaug._apply.batches import INSTANCES
from kaug._apply.joining import OF_BOXES, blank, filled_up
from kaug._apply.oriented import ORIENTED
from kaug._targets.box_checks import check_values
from kaug._targets.box_columns import checked_boxes, looks_like_field
from kaug._targets.box_settings import BoxSettings
from kaug._targets.by_place import PickledByPlace
from kaug._targets.names import point_out
from kaug._types import Array, Batch, Floats, Rows
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
        self._columns = checked_boxes(value, count, self._format)
        if not checked:
            places = {name: self._columns[name] for name in ("boxes", "labels")}
            check_values(**places, box_format=self._format, size=size)

    def begun(self, rows: Any, size: tuple[int, int]) -> tuple[Floats, Batch]:
        """Returns the outlines of the boxes of some rows, and what goes beside the points."""
        values, labels = self._columns["boxes"][rows], self._columns["labels"][rows]
        if self._format not in ORIENTED:
            corners = boxes.to_corners(values, self._format, size)
            outlines, seen = boxes.begin(corners, labels, size)
            return outlines, {"boxes": seen}
        quads = oriented.to_quads(values, self._format, size)
        outlines, seen, frames = oriented.begin(quads, labels, size)
        return outlines, {"boxes": seen, "frames": frames}

    def beside(self, rows: Any) -> Batch:
        """Returns all else that is known of the boxes of some rows, to be joined with others."""
        names = (name for name in self._columns if name != "boxes")
        return {f"{OF_BOXES}: {name}": self._columns[name][rows] for name in names}

    def moved(
        self, outlines: Floats, made: Batch, index: Rows, kept: int, size: tuple[int, int]
    ) -> Batch:
        """Returns all columns in the form in which they were given.

        Where boxes of several images were joined, those that are seen come first.

        Args:
            outlines: `(n, B * P, 2)`, after they were moved.
            made: What `begun` and, if it was joined with others, `beside` returned, after they were
                moved, with the rows that are kept.
            index: Source row of each row that was made, int64 `(n,)`.
            kept: How many rows of the source come first.
            size: Height and width of the images of the result.
        """
        columns, seen = self._columns, made["boxes"][kept:, :, 0]
        if self._format not in ORIENTED:
            corners = boxes.clip(boxes.enclose(outlines, seen.shape[1]), size)
            places = boxes.from_corners(corners, self._format, size)
            visible = self._settings.keep(seen, corners[..., 2:] - corners[..., :2])
        else:
            quads = oriented.enclose(outlines, made["frames"][kept:], seen)
            places = oriented.from_quads(quads, self._format, size)
            visible = self._settings.keep(seen, oriented.sides(quads))
        joined = seen.shape[1] > columns["labels"].shape[1]
        order = np.argsort(~visible, axis=1, kind="stable") if joined else None
        result = {}
        for name, column in columns.items():
            beside = made.get(f"{OF_BOXES}: {name}")
            new = column[index] if beside is None else beside[kept:]
            new = places.astype(column.dtype) if name == "boxes" else new
            new[~visible] = blank(f"{OF_BOXES}: {name}")
            own = filled_up(column[:kept], new.shape[1], blank(f"{OF_BOXES}: {name}"))
            result[name] = np.concatenate([own, _in_order(new, order)])
        if INSTANCES in made:
            layers = np.moveaxis(made[INSTANCES], -1, 1)[kept:]
            layers[~visible] = 0
            layers[...] = _in_order(layers, order)
            result["masks"] = made[INSTANCES]
        return result

    def doubt(self, name: str) -> None:
        """Warns of further fields that look like something of a place and do not move.

        Args:
            name: What the caller calls the boxes.
        """
        for field, array in self._columns.items():
            look = looks_like_field(array.shape, array.dtype.kind)
            if look and field not in ("boxes", "labels"):
                point_out(look, f"{name}[{field!r}]", describe(array))


def _in_order(array: Array, order: Array | None) -> Array:
    """Returns an array `(n, B, …)` with the entries of each row in an order `(n, B)`."""
    if order is None:
        return array
    return np.take_along_axis(array, order.reshape(*order.shape, *[1] * (array.ndim - 2)), axis=1)

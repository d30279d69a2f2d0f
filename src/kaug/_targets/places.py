"""Bounding boxes and keypoints: points of pictures while these move, and what they were after it.

What of a box is seen, and where a relative one lies, depends on the size of its picture. Of
pictures of any size that is known when one of them is opened, so that no other is read for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kaug._apply.batches import within
from kaug._apply.boxes import POINTS
from kaug._images import Companion
from kaug._targets.box_settings import BoxSettings
from kaug._targets.boxes import Boxes
from kaug._targets.by_place import PickledByPlace
from kaug._targets.keypoints import Keypoints, checked_pairs
from kaug._types import Batch, Rows

# What a dict with targets that move may say about these, once for all rows.
SETTINGS = (*BoxSettings._fields, "keypoint_flip_pairs", "mask_fill_value")


def settings_in(given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings in a dict, pairs as plain data."""
    settings = {name: given[name] for name in SETTINGS if name in given}
    if "keypoint_flip_pairs" in settings:
        settings["keypoint_flip_pairs"] = checked_pairs(settings["keypoint_flip_pairs"])
    return settings


class Places(PickledByPlace, Companion):
    """The boxes and keypoints of a dataset, checked.

    Args:
        given: May have `"bounding_boxes"`, `"keypoints"` and `SETTINGS`.
        count: How many images there are.
        size: Their height and width; None where these are of any size.
        checked: Whether these are rows of what was checked as a whole.
        joins: Whether rows are joined with others.

    Raises:
        TypeError: Something is no numbers.
        ValueError: Something has the wrong shape, length or values, or a setting is unknown.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        count: int,
        size: tuple[int | None, int | None],
        *,
        checked: bool,
        joins: bool,
    ) -> None:
        self._joins = joins
        settings = BoxSettings.of(given)
        pairs = checked_pairs(given.get("keypoint_flip_pairs", ()))
        self._boxes: Boxes | None = None
        self._keypoints: Keypoints | None = None
        if "bounding_boxes" in given:
            boxes = given["bounding_boxes"]
            self._boxes = Boxes(boxes, settings, count, size, checked=checked)
        if "keypoints" in given:
            self._keypoints = Keypoints(given["keypoints"], count, pairs)
            if joins:
                self._keypoints.check_can_be_hidden()

    def begun(self, rows: Any, size: tuple[int, int]) -> Batch:
        """Returns points of some rows, and what is seen of them, in pictures of a size."""
        points = []
        batch: Batch = {}
        if self._boxes is not None:
            outlines, batch = self._boxes.begun(rows, size)
            points.append(outlines)
            batch |= self._boxes.beside(rows) if self._joins else {}
        if self._keypoints is not None:
            points.append(self._keypoints.begun(rows))
            batch |= self._keypoints.beside(rows) if self._joins else {}
        if points:
            batch["points"] = np.concatenate(points, axis=1)
        if self._keypoints is not None:
            batch["inside"] = within(batch["points"], size)
            if self._keypoints.swaps:
                batch["mirrored"] = np.zeros((len(batch["points"]), self._keypoints.persons), bool)
        return batch

    def form(self, name: str) -> Batch:
        """Returns what `opened` does, without rows."""
        del name
        return self.begun(slice(0), (1, 1))

    def opened(self, name: str, row: int, size: tuple[int, int]) -> Batch:
        """Returns what `begun` does of one row."""
        del name
        return self.begun(slice(row, row + 1), size)

    def moved(self, made: Batch, index: Rows, kept: int, size: tuple[int, int]) -> dict[str, Any]:
        """Returns boxes and keypoints in the form in which they were given.

        Args:
            made: The points, after they were moved.
            index: Source row of each row that was made, int64 `(n,)`.
            kept: How many rows of the source come first.
            size: Height and width of the images of the result.
        """
        result: dict[str, Any] = {}
        if "points" not in made:
            return result
        points = made["points"][kept:]
        of_boxes = made["boxes"].shape[1] * POINTS if self._boxes is not None else 0
        if self._boxes is not None:
            outlines = points[:, :of_boxes]
            result["bounding_boxes"] = self._boxes.moved(outlines, made, index, kept, size)
        if self._keypoints is not None:
            moved = self._keypoints.moved(points[:, of_boxes:], made, index, kept)
            result["keypoints"] = moved
        return result

    def doubt(self, name: str) -> None:
        """Warns of what looks like something of a place and does not move.

        Args:
            name: What the caller calls the dict.
        """
        if self._boxes is not None:
            self._boxes.doubt(f"{name}['bounding_boxes']")

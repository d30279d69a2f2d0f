"""Bounding boxes and keypoints: points of pictures while these move, and what they were after it.

What of a box is seen, and where a relative one lies, depends on the size of its picture. Of
pictures of any size that is known when one of them is opened, so that no other is read for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kaug._apply import boxes
from kaug._apply.batches import within
from kaug._images import Companion
from kaug._targets.box_checks import as_places, check_format, check_values, checked_boxes
from kaug._targets.by_place import PickledByPlace
from kaug._targets.structures import check_finite
from kaug._types import Array, Batch, Rows
from kaug._validation import as_array, check_probability, describe, message

# What a dict with targets that move may say about its boxes, once for all rows.
SETTINGS = {"bounding_box_format": "xyxy", "min_visible_area": 0.0}
# Parts of areas are that exact.
_ROUNDING = 1e-9


class Places(PickledByPlace, Companion):
    """The boxes and keypoints of a dataset, checked.

    Args:
        given: May have `"bounding_boxes"`, `"keypoints"` and `SETTINGS`.
        count: How many images there are.
        size: Their height and width; None where these are of any size.
        checked: Whether these are rows of what was checked as a whole.

    Raises:
        TypeError: Boxes are no numbers.
        ValueError: Something has the wrong shape, length or values, or a setting is unknown.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        count: int,
        size: tuple[int | None, int | None],
        *,
        checked: bool,
    ) -> None:
        self._format = check_format(given.get("bounding_box_format", "xyxy"))
        least = given.get("min_visible_area", SETTINGS["min_visible_area"])
        self._least = check_probability(least, "min_visible_area")
        self._boxes: dict[str, Array] | None = None
        self._keypoints: Array | None = None
        if "bounding_boxes" in given:
            self._boxes = checked_boxes(given["bounding_boxes"], count)
            if not checked:
                check_values(**self._boxes, box_format=self._format, size=size)
        if "keypoints" in given:
            self._keypoints = _checked_keypoints(given["keypoints"], count)

    def begun(self, rows: Any, size: tuple[int, int]) -> Batch:
        """Returns points of some rows, and what is seen of them, in pictures of a size."""
        points = []
        batch: Batch = {}
        if self._boxes is not None:
            corners = boxes.to_corners(self._boxes["boxes"][rows], self._format, size)
            outlines, seen = boxes.begin(corners, self._boxes["labels"][rows], size)
            points.append(outlines)
            batch["boxes"] = seen
        if self._keypoints is not None:
            points.append(self._keypoints[rows, :, :2].astype(np.float64))
        if points:
            batch["points"] = np.concatenate(points, axis=1)
        if self._keypoints is not None:
            batch["inside"] = within(batch["points"], size)
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
        of_boxes = 0
        if self._boxes is not None:
            of_keypoints = 0 if self._keypoints is None else self._keypoints.shape[1]
            of_boxes = made["points"].shape[1] - of_keypoints
            result["bounding_boxes"] = self._kept_boxes(made, index, kept, of_boxes, size)
        if self._keypoints is not None:
            new = self._keypoints[index]
            new[..., :2] = made["points"][kept:, of_boxes:]
            if new.shape[2] == 3:
                new[..., 2] *= made["inside"][kept:, of_boxes:]
            result["keypoints"] = np.concatenate([self._keypoints[:kept], new])
        return result

    def _kept_boxes(
        self, made: Batch, index: Rows, kept: int, of_boxes: int, size: tuple[int, int]
    ) -> dict[str, Array]:
        assert self._boxes is not None  # only called when there are some
        values, labels = self._boxes["boxes"], self._boxes["labels"][index]
        corners = boxes.enclose(made["points"][kept:, :of_boxes], values.shape[1])
        seen = made["boxes"][kept:, :, 0]
        visible = (seen > 0) & (seen >= self._least - _ROUNDING)
        new = boxes.from_corners(boxes.clip(corners, size), self._format, size)
        new = np.where(visible[..., np.newaxis], new, 0).astype(values.dtype)
        labels = np.where(visible, labels, -1).astype(labels.dtype)
        return {
            "boxes": np.concatenate([values[:kept], new]),
            "labels": np.concatenate([self._boxes["labels"][:kept], labels]),
        }


def _checked_keypoints(value: Any, count: int) -> Array:
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

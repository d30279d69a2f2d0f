"""What belongs to the frames of videos: `(N, T, …)` for the user, `(N * T, …)` where it moves.

Boxes and keypoints of a frame are treated as those of an image. Of images nothing is changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kaug._validation import as_array, describe, message

Frames = tuple[int, ...]


def places_by_frame(given: Mapping[str, Any], count: int, frames: Frames) -> dict[str, Any]:
    """Returns targets with the boxes and keypoints of all frames one after another.

    Args:
        given: May have `"bounding_boxes"` and `"keypoints"`, and anything else.
        count: How many rows there are.
        frames: `(T,)` of videos, `()` of images.

    Raises:
        ValueError: Something has no entry for each frame.
    """
    result = dict(given)
    if not frames:
        return result
    boxes = given.get("bounding_boxes")
    if isinstance(boxes, Mapping):
        result["bounding_boxes"] = {
            name: _by_frame(value, f"bounding_boxes[{name!r}]", (count, *frames))
            for name, value in boxes.items()
        }
    if "keypoints" in given:
        result["keypoints"] = _by_frame(given["keypoints"], "keypoints", (count, *frames))
    return result


def by_row(structure: Any, count: int, frames: Frames) -> Any:
    """Returns arrays, or dicts of them, with the frames of a row under an axis of their own.

    Args:
        structure: With `count * T` entries in each array.
        count: How many rows there are.
        frames: `(T,)` of videos, `()` of images.
    """
    if not frames:
        return structure
    if isinstance(structure, Mapping):
        return {name: by_row(value, count, frames) for name, value in structure.items()}
    return structure.reshape(count, *frames, *structure.shape[1:])


def _by_frame(value: Any, name: str, due: tuple[int, ...]) -> Any:
    """Returns an array, or lists of lists, with one entry for each frame of all rows."""
    value = value.to_list() if hasattr(value, "row_splits") else value
    rule = f"`{name}` must have an entry for each of the {due[1]} frames of all {due[0]} videos"
    if isinstance(value, (list, tuple)):
        rows = [row for row in value if hasattr(row, "__len__") and len(row) == due[1]]
        if len(rows) != len(value) or len(value) != due[0]:
            received = f"a list of {len(value)}"
            fix = f"Pass a list with a list of {due[1]} for each video, or one array."
            raise ValueError(message(rule, received, fix))
        return [frame for row in rows for frame in row]
    array = as_array(value, name)
    if array.shape[:2] != due:
        fix = f"What is alike in all frames can be repeated: np.repeat(…[:, None], {due[1]}, 1)."
        raise ValueError(message(f"{rule}, ({due[0]}, {due[1]}, …)", describe(array), fix))
    return array.reshape(due[0] * due[1], *array.shape[2:])

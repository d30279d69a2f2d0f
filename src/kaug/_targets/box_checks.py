"""Checks of bounding boxes: their shapes, and whether they can be what their format says."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import numpy as np

from kaug._apply.boxes import FORMATS
from kaug._targets.structures import rows_text
from kaug._types import Array
from kaug._validation import as_array, describe, message

# What other libraries call the formats.
_THEIRS = {
    "coco": "xywh",
    "pascal_voc": "xyxy",
    "voc": "xyxy",
    "yolo": "rel_center_xywh",
    "albumentations": "rel_xyxy",
    "cxcywh": "center_xywh",
    "xyxyn": "rel_xyxy",
    "xywhn": "rel_center_xywh",
    "ltrb": "xyxy",
    "ltwh": "xywh",
    "tlbr": "yxyx",
}
# Fractions of the size reach no farther; the next ones that are meant as such are pixels.
_FARTHEST = 2.0


def check_format(value: Any) -> str:
    """Returns a format of boxes in small letters, or says which one was meant."""
    name = value.lower() if isinstance(value, str) else ""
    if name in FORMATS:
        return name
    rule = f"`bounding_box_format` must be one of {', '.join(map(repr, FORMATS))}"
    right = _THEIRS.get(name.replace("-", "_"))
    fix = f'What others call {name!r} is "{right}".' if right else ""
    raise ValueError(message(rule, f"bounding_box_format={describe(value)}", fix))


def checked_boxes(value: Any, count: int) -> dict[str, Array]:
    """Returns boxes `(N, B, 4)`, floats, and their labels `(N, B)`; lists are padded."""
    rule = (
        '`bounding_boxes` must be a dict of "boxes" (N, B, 4) and "labels" (N, B), or of lists '
        "with one array for each image"
    )
    if not isinstance(value, Mapping) or set(value) != {"boxes", "labels"}:
        keys = sorted(map(str, value)) if isinstance(value, Mapping) else describe(value)
        raise ValueError(message(rule, f"{keys}"))
    corners, labels = (_listed(value[name]) for name in ("boxes", "labels"))
    if isinstance(corners, (tuple, list)):
        corners, labels = _dense(corners, labels, rule)
    corners, labels = as_array(corners, "boxes"), as_array(labels, "labels")
    shapes_fit = corners.ndim == 3 and corners.shape[2] == 4 and labels.shape == corners.shape[:2]
    if not shapes_fit or len(corners) != count:
        received = f"{describe(corners)} and {describe(labels)} for {count} images"
        raise ValueError(message(rule, received))
    if corners.dtype.kind not in "iuf" or labels.dtype.kind not in "if":
        rule = "Boxes must be real numbers and their labels signed numbers: -1 marks padding"
        raise TypeError(message(rule, f"{describe(corners)} and {describe(labels)}"))
    return {"boxes": as_places(corners), "labels": labels}


def as_places(array: Array) -> Array:
    """Returns coordinates as floats that hold every place in a picture, as float16 does not."""
    holds = array.dtype.kind == "f" and array.dtype.itemsize > 2
    return array if holds else array.astype(np.float32)


def _listed(value: Any) -> Any:
    """Returns a ragged tensor as lists, anything else as it is."""
    return value.to_list() if hasattr(value, "row_splits") else value


def _dense(corners: Any, labels: Any, rule: str) -> tuple[Array, Array]:
    """Pads lists of boxes with zeros, and of their labels with -1."""
    if not isinstance(labels, (tuple, list, np.ndarray)):
        raise ValueError(message(rule, f"lists of boxes and {describe(labels)} as labels"))
    for number, pair in enumerate(zip_longest(corners, labels, fillvalue=())):
        if not all(hasattr(each, "__len__") for each in pair):
            fix = "An image without boxes has an empty array, np.zeros((0, 4)), and no labels, []."
            received = f"{' and '.join(map(describe, pair))} for image {number}"
            raise ValueError(message(rule, received, fix))
    sizes = [len(each) for each in corners]
    if len(labels) != len(corners) or sizes != [len(each) for each in labels]:
        raise ValueError(message(rule, "lists of boxes and labels of different lengths"))
    dense = np.zeros((len(sizes), max(sizes, default=0), 4), np.float32)
    classes = np.full(dense.shape[:2], -1, np.int64)
    for number, size in enumerate(sizes):
        if not size:
            continue
        each, names = as_array(corners[number], "boxes"), as_array(labels[number], "labels")
        if each.shape != (size, 4) or names.shape != (size,) or names.dtype.kind not in "iu":
            received = f"{describe(each)} and {describe(names)} for image {number}"
            raise ValueError(message(f"{rule}, labels being integers", received))
        dense[number, :size], classes[number, :size] = each, names
    return dense, classes


def check_values(
    boxes: Array, labels: Array, box_format: str, size: tuple[int | None, int | None]
) -> None:
    """Raises when boxes cannot be what their format says. Padding is not looked at.

    Args:
        boxes: `(N, B, 4)`.
        labels: `(N, B)`.
        box_format: One of `FORMATS`.
        size: Height and width of the images; None where these are of any size.
    """
    if np.isnan(labels).any():
        rule = "The labels of boxes must be numbers, -1 for padding"
        raise ValueError(message(rule, _places(np.isnan(labels), labels)))
    there = labels != -1
    if not there.any():
        return
    boxes = np.asarray(boxes, np.float64)
    bad = there & ~np.isfinite(boxes).all(axis=-1)
    if bad.any():
        fix = "Give a box that is not there the label -1."
        raise ValueError(message("Boxes must be finite numbers", _places(bad, boxes), fix))
    _check_order(boxes, there, box_format, size)
    _check_unit(boxes, there, box_format)


def _check_order(
    boxes: Array, there: Array, box_format: str, size: tuple[int | None, int | None]
) -> None:
    corners = box_format.endswith(("xyxy", "yxyx"))
    bad = there & (boxes[..., 2:] < (boxes[..., :2] if corners else 0)).any(axis=-1)
    if not bad.any():
        return
    if not corners:
        rule = f'Boxes in the format "{box_format}" must have a width and a height of 0 or more'
        fix = "Take the least corner as the first, and the distance to the other one as the size."
        raise ValueError(message(rule, _places(bad, boxes), fix))
    rule = f'Boxes in the format "{box_format}" must end to the right of and below their beginning'
    others = box_format.replace("xyxy", "xywh")
    relative = box_format.startswith("rel_")
    ends = (boxes[..., :2] + boxes[..., 2:])[there]
    limits = (1.0, 1.0) if relative else (size[1], size[0])
    fix = "Sort the two corners of each."
    if others != box_format and None in limits:
        fix += f' If these are "{others}", pass that as bounding_box_format.'
    elif others != box_format and (ends <= np.array(limits) * 1.01).all():
        fix = f'These look like "{others}": pass that as bounding_box_format.'
    raise ValueError(message(rule, _places(bad, boxes), fix))


def _check_unit(boxes: Array, there: Array, box_format: str) -> None:
    values = boxes[there]
    if box_format.startswith("rel_"):
        bad = there & ((boxes > _FARTHEST) | (boxes < 1 - _FARTHEST)).any(axis=-1)
        if bad.any():
            rule = f'Boxes in the format "{box_format}" are fractions of the height and the width'
            absolute = box_format.removeprefix("rel_")
            fix = f'These look like pixels: pass bounding_box_format="{absolute}".'
            raise ValueError(message(rule, _places(bad, boxes), fix))
    elif (np.abs(values) <= 1).all() and (values % 1).any():
        rule = f'Boxes in the format "{box_format}" are counted in pixels'
        fix = "These look like fractions of the height and the width"
        relative = f"rel_{box_format}"
        fix += f': pass bounding_box_format="{relative}".' if relative in FORMATS else "."
        raise ValueError(message(rule, _places(there, boxes), fix))


def _places(bad: Array, values: Array) -> str:
    """Returns the first of the boxes that are wrong, and in which rows there are more."""
    row, number = np.argwhere(bad)[0]
    text = f"{values[row, number].tolist()} as box {number} of row {row}"
    count = int(bad.sum())
    return (
        text
        if count == 1
        else f"{text}; {count:,} of them, in {rows_text(np.asarray(bad.any(axis=1)))}"
    )

"""Checks of bounding boxes: whether they can be what their format says."""

from __future__ import annotations

from typing import Any

import numpy as np

from kaug._apply.boxes import FORMATS
from kaug._targets.structures import rows_text
from kaug._types import Array
from kaug._validation import describe, message

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

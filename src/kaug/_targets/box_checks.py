"""Checks of bounding boxes: whether they can be what their format says."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._apply.boxes import FORMATS
from kaug._apply.oriented import ORIENTED
from kaug._targets.structures import rows_text
from kaug._types import Array
from kaug._validation import describe, message, warn

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
    "cxcywhr": "center_xywh_angle",
    "xyxyxyxy": "corners",
    "dota": "corners",
    "obb": "rel_corners",
    "yolo_obb": "rel_corners",
    "xyxyxyxyn": "rel_corners",
}
# Fractions of the size reach no farther; the next ones that are meant as such are pixels.
_FARTHEST = 2.0
# So many angles are not all small by chance, unless half of the boxes stand almost upright.
_MANY, _FEW_DEGREES = 8, 0.3


def check_format(
    value: Any, known: Collection[str] = (*FORMATS, *ORIENTED), otherwise: str = ""
) -> str:
    """Returns a format of boxes in small letters, or says which one was meant.

    Args:
        value: As the user gave it.
        known: Those that are taken.
        otherwise: What to do with those of oriented boxes, where they are not.
    """
    name = value.lower() if isinstance(value, str) else ""
    if name in known:
        return name
    rule = f"`bounding_box_format` must be one of {', '.join(map(repr, known))}"
    right = _THEIRS.get(name.replace("-", "_"))
    fix = f'What others call {name!r} is "{right}".' if right else ""
    if name in ORIENTED:
        fix = otherwise
    raise ValueError(message(rule, f"bounding_box_format={describe(value)}", fix))


def check_values(
    boxes: Array, labels: Array, box_format: str, size: tuple[int | None, int | None]
) -> None:
    """Raises when boxes cannot be what their format says. Padding is not looked at.

    Args:
        boxes: `(N, B, 4)`, of oriented ones `(N, B, 5)` or `(N, B, 8)`.
        labels: `(N, B)`.
        box_format: One of `FORMATS` or `ORIENTED`.
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
    if box_format in ORIENTED:
        _check_oriented(boxes, there, box_format)
    else:
        _check_order(boxes, there, box_format, size)
    places = boxes[..., :4] if box_format == "center_xywh_angle" else boxes
    _check_unit(places, there, box_format)


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
        fix += (
            f': pass bounding_box_format="{relative}".'
            if relative in (*FORMATS, *ORIENTED)
            else "."
        )
        raise ValueError(message(rule, _places(there, boxes), fix))


def _check_oriented(boxes: Array, there: Array, box_format: str) -> None:
    """Raises for oriented boxes of a negative size, and for corners in a wrong order."""
    if box_format == "center_xywh_angle":
        bad = there & (boxes[..., 2:4] < 0).any(axis=-1)
        if bad.any():
            rule = f'Boxes in the format "{box_format}" must have a width and a height of 0 or more'
            raise ValueError(message(rule, _places(bad, boxes)))
        _doubt_radians(boxes[there][:, 4])
        return
    bad = there & _cross(boxes.reshape(*boxes.shape[:-1], 4, 2))
    if bad.any():
        rule = f'The corners of boxes in the format "{box_format}" must go around each box'
        fix = "Exchange the last two corners, if they go from side to side."
        raise ValueError(message(rule, _places(bad, boxes), fix))


def _cross(quads: Array) -> NDArray[np.bool_]:
    """Returns which quadrangles `(…, 4, 2)` have two opposite sides that cross each other."""
    a, b, c, d = np.moveaxis(quads, -2, 0)

    def side(start: Array, end: Array, point: Array) -> Array:
        way, other = end - start, point - start
        return np.asarray(way[..., 0] * other[..., 1] - way[..., 1] * other[..., 0])

    def meet(start: Array, end: Array, first: Array, last: Array) -> Array:
        apart = side(start, end, first) * side(start, end, last) < 0
        return np.asarray(apart & (side(first, last, start) * side(first, last, end) < 0))

    return np.asarray(meet(a, b, c, d) | meet(b, c, d, a))


def _doubt_radians(angles: Array) -> None:
    """Warns where all angles of many boxes are such as radians are."""
    small = len(angles) >= _MANY and (np.abs(angles) <= np.pi).all()
    if small and np.median(np.abs(angles)) > _FEW_DEGREES and (angles % 1).any():
        rule = 'The angles of boxes in the format "center_xywh_angle" are degrees'
        received = f"{len(angles):,} angles, all of which lie in -3.14..3.14"
        warn(message(rule, received, "If these are radians, convert them with np.rad2deg."))


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

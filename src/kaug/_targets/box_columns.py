"""What is known of each bounding box, column by column: its place, its label, further fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from kaug._apply.oriented import ORIENTED
from kaug._targets.names import Look, looks_like, right_name
from kaug._types import Array
from kaug._validation import as_array, describe, message

_OWN = ("boxes", "labels")


def checked_boxes(value: Any, count: int, box_format: str) -> dict[str, Array]:
    """Returns boxes, their labels `(N, B)`, and further fields `(N, B, ...)`.

    Boxes are floats, `(N, B, 4)`, or by their format `(N, B, 5)` or `(N, B, 8)`.

    Lists are padded: boxes and fields with zeros, labels with -1.

    Args:
        value: As the user gave it.
        count: How many images there are.
        box_format: How boxes are written.

    Raises:
        TypeError: Something is no numbers.
        ValueError: Something is missing, or has the wrong shape or length, or must not be a field.
    """
    width = ORIENTED.get(box_format, 4)
    if not isinstance(value, Mapping) or not {*_OWN} <= set(value):
        keys = sorted(map(str, value)) if isinstance(value, Mapping) else describe(value)
        fix = ""
        if isinstance(value, Mapping) and "boxes" in value:
            fix = "Boxes without classes have the label 0, padding has -1."
        raise ValueError(message(_rule(width), f"{keys}", fix))
    for name in value:
        check_field_name(name)
    corners, labels = (_listed(value[name]) for name in _OWN)
    fields = {name: _listed(part) for name, part in value.items() if name not in _OWN}
    if isinstance(corners, (tuple, list)):
        corners, labels = _dense(corners, labels, width)
        sizes = [len(each) for each in value["boxes"]]
        fields = {name: _dense_field(part, sizes, name) for name, part in fields.items()}
    corners, labels = as_array(corners, "boxes"), as_array(labels, "labels")
    _check(corners, labels, count, box_format)
    columns = {"boxes": as_places(corners), "labels": labels}
    for name, part in fields.items():
        columns[name] = _checked_field(part, name, labels.shape)
    return {name: columns[name] for name in value}


def _rule(width: int) -> str:
    return (
        f'`bounding_boxes` must be a dict of "boxes" (N, B, {width}) and "labels" (N, B), or of '
        "lists with one array for each image"
    )


def _fix(last: int, box_format: str) -> str:
    """Returns what to do about boxes of another number of numbers than the format has."""
    meant = [name for name, width in {"xyxy": 4, **ORIENTED}.items() if width == last]
    if ORIENTED.get(box_format, 4) == last or not meant:
        return ""
    named = " or ".join(f'"{name}"' for name in meant)
    return f'In the format "{box_format}" they are no {last} numbers; {named} have so many.'


def _check(corners: Array, labels: Array, count: int, box_format: str) -> None:
    width = ORIENTED.get(box_format, 4)
    shapes_fit = corners.ndim == 3 and labels.shape == corners.shape[:2]
    if not shapes_fit or corners.shape[2] != width or len(corners) != count:
        received = f"{describe(corners)} and {describe(labels)} for {count} images"
        fix = _fix(corners.shape[2], box_format) if shapes_fit else ""
        if corners.ndim == 4 and corners.shape[2:] == (4, 2):
            fix = 'Make them (N, B, 8), boxes.reshape(N, B, 8), in the format "corners".'
        raise ValueError(message(_rule(width), received, fix))
    if corners.dtype.kind not in "iuf" or labels.dtype.kind not in "if":
        rule = "Boxes must be real numbers and their labels signed numbers: -1 marks padding"
        fix = 'Convert labels with .astype("int32").' if labels.dtype.kind == "u" else ""
        raise TypeError(message(rule, f"{describe(corners)} and {describe(labels)}", fix))


def check_field_name(name: Any, rank: int | None = None) -> None:
    """Raises for a further field of boxes without a name, or with that of something that moves.

    Args:
        name: Its key.
        rank: How many axes its array has; None where that is not known yet.
    """
    if not isinstance(name, str):
        rule = "The further fields of `bounding_boxes` must have strings as names"
        raise TypeError(message(rule, describe(name)))
    received = f"`bounding_boxes[{name!r}]`"
    right = right_name(name) if rank is not None and rank > 2 else None
    if right:
        rule = "A further field of `bounding_boxes` goes along with its box, and does not move"
        fix = f'Call it "{right}", in the outermost dict.'
        fix += " If it is not to move, call it something else."
        raise ValueError(message(rule, received, fix))


def looks_like_field(shape: tuple[int | None, ...], kind: str) -> Look | None:
    """Returns what of a place in images a further field looks like, if it does.

    Args:
        shape: Of its array, `(N, B, ...)`.
        kind: That of its dtype.
    """
    return looks_like(shape, (None, None), kind)


def as_places(array: Array) -> Array:
    """Returns coordinates as floats that hold every place in a picture, as float16 does not."""
    holds = array.dtype.kind == "f" and array.dtype.itemsize > 2
    return array if holds else array.astype(np.float32)


def _listed(value: Any) -> Any:
    """Returns a ragged tensor as lists, anything else as it is."""
    return value.to_list() if hasattr(value, "row_splits") else value


def _dense(corners: Any, labels: Any, width: int) -> tuple[Array, Array]:
    """Pads lists of boxes with zeros, and of their labels with -1."""
    rule = _rule(width)
    if not isinstance(labels, (tuple, list, np.ndarray)):
        raise ValueError(message(rule, f"lists of boxes and {describe(labels)} as labels"))
    for number, pair in enumerate(zip_longest(corners, labels, fillvalue=())):
        if not all(hasattr(each, "__len__") for each in pair):
            fix = f"An image without boxes has np.zeros((0, {width})) as boxes, and no labels, []."
            received = f"{' and '.join(map(describe, pair))} for image {number}"
            raise ValueError(message(rule, received, fix))
    sizes = [len(each) for each in corners]
    if len(labels) != len(corners) or sizes != [len(each) for each in labels]:
        raise ValueError(message(rule, "lists of boxes and labels of different lengths"))
    dense = np.zeros((len(sizes), max(sizes, default=0), width), _dtype_of(corners))
    classes = np.full(dense.shape[:2], -1, np.int64)
    for number, size in enumerate(sizes):
        if not size:
            continue
        each, names = as_array(corners[number], "boxes"), as_array(labels[number], "labels")
        if each.shape != (size, width) or names.shape != (size,) or names.dtype.kind not in "iu":
            received = f"{describe(each)} and {describe(names)} for image {number}"
            raise ValueError(message(f"{rule}, labels being integers", received))
        dense[number, :size], classes[number, :size] = each, names
    return dense, classes


def _dtype_of(arrays: Any) -> Any:
    """Returns the dtype of places that holds those of all arrays; what has none takes float32."""
    given = [each for each in arrays if isinstance(each, np.ndarray) and each.size]
    places = [as_places(each[:0]) for each in given if each.dtype.kind in "iuf"]
    return np.result_type(np.float32, *places)


def _dense_field(value: Any, sizes: Sequence[int], name: str) -> Array:
    """Pads lists of a field with zeros, in the dtype that holds what is in all of them."""
    called = f"bounding_boxes[{name!r}]"
    rule = f"`{called}` must be a list with one array for each image, an entry for each box"
    if not isinstance(value, (tuple, list, np.ndarray)) or len(value) != len(sizes):
        number = f"{len(value)} items" if hasattr(value, "__len__") else describe(value)
        raise ValueError(message(rule, f"{number} for {len(sizes)} images"))
    parts = [as_array(each, f"{called}[{row}]") for row, each in enumerate(value)]
    for row, (part, size) in enumerate(zip(parts, sizes, strict=True)):
        if part.shape[:1] != (size,):
            raise ValueError(message(rule, f"{describe(part)} for the {size} boxes of image {row}"))
    filled = [part for part in parts if len(part)] or parts
    if len({part.shape[1:] for part in filled}) > 1 or len(
        {part.dtype.kind for part in filled} - {*"biuf"}
    ):
        shapes = sorted({f"{part.dtype} {part.shape[1:]}" for part in filled})
        rule = f"The entries of `{called}` must be numbers, and all of one shape"
        raise ValueError(message(rule, " and ".join(shapes[:3])))
    dtype = np.result_type(*filled) if filled else np.float32
    dense = np.zeros((len(sizes), max(sizes, default=0), *filled[0].shape[1:]), dtype)
    for row, part in enumerate(parts):
        if len(part):
            dense[row, : len(part)] = part
    return dense


def _checked_field(value: Any, name: str, shape: tuple[int, ...]) -> Array:
    array = as_array(value, f"bounding_boxes[{name!r}]")
    rule = f"`bounding_boxes[{name!r}]` must have an entry for each box, ({shape[0]}, {shape[1]})"
    if array.shape[:2] != shape:
        fix = "Or pass lists with one array for each image, for all of `bounding_boxes`."
        raise ValueError(message(f"{rule} or ({shape[0]}, {shape[1]}, …)", describe(array), fix))
    if array.dtype.kind not in "biuf":
        rule = f"`bounding_boxes[{name!r}]` must be numbers, since those of padding are 0"
        fix = "Make numbers of it, for instance with np.unique(…, return_inverse=True)."
        raise TypeError(message(rule, describe(array), fix))
    check_field_name(name, array.ndim)
    return array

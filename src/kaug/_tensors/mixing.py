"""Mixing on tensors: two images in one, or several side by side.

Images and maps are `(B, H, W, C)`, and spans `(B, 4)`: from and to which row, from and to which
column, whole numbers. Labels and weights that are mixed are floats `(B, …)`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from kaug._targets.names import MAPS
from kaug._targets.structures import map_arrays
from kaug._tensors import ops
from kaug._tensors.colors import by_row
from kaug._tensors.inputs import dtype_of, moving_maps

Size = tuple[int, int]


def soft(parts: Mapping[str, Any], classes: int | None, xp: Any = ops) -> dict[str, Any]:
    """Returns the labels and weights of a dict as they come out where images are mixed: as floats.

    Args:
        parts: What belongs to images.
        classes: How many there are, where labels are their numbers.
        xp: The functions on tensors, `keras.ops` or `tensorflow`.
    """

    def soften(labels: Any, _: str) -> Any:
        if dtype_of(labels).kind == "f":
            return labels
        if len(labels.shape) == 2 and labels.shape[1] != 1:
            return xp.cast(labels, "float32")
        numbers = xp.cast(xp.reshape(labels, (-1, 1)), "int32")
        return xp.cast(xp.equal(numbers, np.arange(classes or 0, dtype=np.int32)), "float32")

    def as_floats(weights: Any, _: str) -> Any:
        return weights if dtype_of(weights).kind == "f" else xp.cast(weights, "float32")

    result = {}
    if "labels" in parts and "labels" not in moving_maps(parts):
        result["labels"] = map_arrays(soften, parts["labels"])
    if "sample_weight" in parts:
        result["sample_weight"] = map_arrays(as_floats, parts["sample_weight"])
    return result


def leaves(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the labels and weights of a dict that are mixed, by their names in a batch."""
    result = {}

    def take(leaf: Any, name: str) -> None:
        result[f"mixed {name}"] = ops.convert_to_tensor(leaf)

    for name in _mixed(parts):
        map_arrays(take, parts[name], name)
    return result


def with_leaves(parts: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    """Returns those labels and weights as they were given, with leaves of a batch."""
    return {
        name: map_arrays(lambda _, each: made[f"mixed {each}"], parts[name], name)
        for name in _mixed(parts)
    }


def _mixed(parts: Mapping[str, Any]) -> list[str]:
    maps = moving_maps(parts)
    return [name for name in MAPS if name in parts and name not in maps]


def partner_rows(places: Any, count: Any) -> Any:
    """Returns which rows of a batch are mixed in, int32 `(B, partners)`.

    Args:
        places: Fractions of the batch, `(B, partners)`.
        count: How many rows it has.
    """
    rows = ops.cast(ops.floor(places * ops.cast(count, "float32")), "int32")
    return ops.clip(rows, 0, ops.maximum(count - 1, 0))


def blend(images: Any, partners: Any, shares: Any, dtype: np.dtype[Any]) -> Any:
    """Returns `share * image + (1 - share) * partner`, bytes rounded half up.

    Args:
        images: Of any float dtype.
        partners: The same.
        shares: `(B,)`, in 0..1.
        dtype: What images were given as.
    """
    own, other = (ops.cast(part, "float32") for part in (images, partners))
    share = by_row(shares)
    result = own * share + other * (1 - share)
    result = ops.floor(result + 0.5) if dtype == np.uint8 else result
    return ops.cast(result, images.dtype)


def paste(images: Any, partners: Any, spans: Any) -> Any:
    """Returns images with a rectangle of each partner in the same place."""
    return ops.where(_inside(spans, (images.shape[1], images.shape[2])), partners, images)


def side_by_side(images: Iterable[Any], spans: Iterable[Any], fill_value: float) -> Any:
    """Returns images in which rectangles of others lie, later ones over earlier ones.

    Args:
        images: As large as the result: the first of each row, the second, and so on.
        spans: Where in the result each is seen.
        fill_value: What is where none is.
    """
    result = fill_value
    for each, span in zip(images, spans, strict=True):
        inside = _inside(span, (each.shape[1], each.shape[2]))
        result = ops.where(inside, each, ops.cast(result, each.dtype))
    return result


def _inside(spans: Any, size: Size) -> Any:
    """Returns which pixels lie in rectangles, `(B, H, W, 1)`."""
    lines = []
    for axis, length in enumerate(size):
        places = ops.convert_to_tensor(np.arange(length, dtype=np.float32))
        begin, end = (spans[:, 2 * axis + i, None] for i in range(2))
        lines.append((places >= begin) & (places < end))
    return (lines[0][:, :, None] & lines[1][:, None, :])[..., None]

"""Masks of boxes: a layer for each box of an image, that goes when the box goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kaug._images import ImageSequence, frames_of, shape_of
from kaug._targets.maps import Maps
from kaug._types import Array
from kaug._validation import as_array, describe, message

# What they are called in messages.
NAME = "bounding_boxes['masks']"
# Of an empty list, which says neither their size nor their number.
_NONE = (0, 0, 0, 0)


def without_masks(given: Mapping[str, Any]) -> tuple[Mapping[str, Any], Any]:
    """Returns targets without the masks of boxes, and these, or None."""
    boxes = given.get("bounding_boxes")
    if not isinstance(boxes, Mapping) or "masks" not in boxes:
        return given, None
    if boxes["masks"] is None:
        rule = f"`{NAME}` must have a layer for each box"
        raise ValueError(message(rule, "None", "Leave it out where there are none."))
    others = {name: value for name, value in boxes.items() if name != "masks"}
    return {**given, "bounding_boxes": others}, boxes["masks"]


def layers_of(masks: Any, labels: Any, images: Any) -> Any:
    """Returns the masks of boxes, `(N, H, W, B)`; of images of any size as `Layers`.

    Args:
        masks: `(N, H, W, B)`, or a sequence with `(H, W, B_i)` for each image; of videos an array
            `(N, T, H, W, B)`.
        labels: Of the boxes: `(N, B)`, or a list for each image; of videos those of all frames.
        images: What they belong to.

    Raises:
        ValueError: They are not as high and wide as the images, or not as many as the boxes.
    """
    frames = frames_of(images)
    if frames and not hasattr(masks, "shape"):
        rule = f"`{NAME}` of videos must be one array, (N, T, height, width, boxes)"
        raise ValueError(message(rule, describe(masks)))
    layers = as_layers(masks, labels)
    if isinstance(images, ImageSequence):
        if not isinstance(layers, Layers):
            layers = Layers(list(layers), *_numbers(labels))
        layers.check_held(images)
        return layers
    due = (*images.shape[: 3 + len(frames)], _numbers(labels)[1])
    if layers.shape == _NONE:
        return np.empty(due, layers.dtype)
    if layers.shape != due or layers.dtype.kind not in "biuf":
        rule = f"`{NAME}` must be numbers of shape {due}, as the images, with a layer for each box"
        fix = "Or pass a list with an array (height, width, boxes) for each image."
        if frames:
            fix = ""
        elif layers.shape == (due[0], due[3], *due[1:3]):
            fix = "Where boxes come first, use np.moveaxis(masks, 1, -1)."
        raise ValueError(message(rule, describe(layers), fix))
    return layers


def as_layers(masks: Any, labels: Any) -> Any:
    """Returns the masks of boxes as an array, or as `Layers` where sizes differ or are not known.

    Args:
        masks: As they were given.
        labels: Of the boxes, as they were given.
    """
    if isinstance(masks, np.ndarray) and masks.dtype == object:
        masks = list(masks)
    if hasattr(masks, "shape"):
        return as_array(masks, NAME)
    if isinstance(masks, (list, tuple)) and not masks:
        return np.empty(_NONE, np.bool_)
    layers = Layers(masks, *_numbers(labels))
    sizes = {shape_of(each)[:2] for each in masks} if isinstance(masks, (list, tuple)) else ()
    if len(sizes) != 1:
        return layers
    return np.stack([layers._checked(row, None) for row in range(len(masks))])


def _numbers(labels: Any) -> tuple[list[tuple[int, int]], int]:
    """Returns how many layers each image may have, at least and at most, and how many at all.

    In an array of boxes those at the end may be padding, and have no layers yet.
    """
    labels = labels.to_list() if hasattr(labels, "row_splits") else labels
    if isinstance(labels, (list, tuple)):
        lengths = [len(row) if hasattr(row, "__len__") else 0 for row in labels]
        return [(length, length) for length in lengths], max(lengths, default=0)
    array = np.asarray(labels)
    if array.ndim != 2:
        return [], 0
    total = array.shape[1]
    there = np.where(array != -1, np.arange(1, total + 1), 0).max(axis=1, initial=0)
    return [(int(least), total) for least in there], total


class Layers(Maps):
    """Masks of boxes, of which images have different numbers: zeros are added to what is read.

    Args:
        x: Gives an array `(H, W, B_i)` for each number.
        numbers: How many layers each may have, at least and at most.
        total: How many all come to have.
    """

    def __init__(self, x: Any, numbers: Sequence[tuple[int, int]], total: int) -> None:
        self._numbers, self._total = numbers, total
        super().__init__(x, NAME, len(numbers))

    def _array(self, row: int) -> Array:
        array = super()._array(row)
        least, most = self._numbers[row]
        if array.ndim != 3 or not least <= array.shape[2] <= most:
            due = f"{least}" if least == most else f"{least} to {most}"
            rule = f"`{NAME}` must have a layer for each box: (height, width, boxes) for each image"
            received = f"{describe(array)} in row {row}, which has {due} boxes"
            fix = "Where boxes come first, use np.moveaxis(masks, 0, -1)."
            raise ValueError(message(rule, received, fix if array.shape[0] == least else ""))
        padded = np.zeros((*array.shape[:2], self._total), array.dtype)
        padded[..., : array.shape[2]] = array
        return padded

"""Boxes, masks and points, checked and brought to where Matplotlib draws them.

Boxes are counted from the border of the first pixel, points from its centre; Matplotlib has that
centre at (0, 0), so that boxes are half a pixel further up and left there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kaug._apply.boxes import to_corners
from kaug._apply.oriented import ORIENTED, to_quads
from kaug._images import are_any_size, read_item, shape_of, taken
from kaug._show.given import rows_of
from kaug._show.overlay import Layer, blended, layers_of
from kaug._show.palette import colors_of
from kaug._targets.box_checks import check_format, check_values
from kaug._targets.box_columns import checked_boxes
from kaug._targets.maps import Maps
from kaug._targets.names import MOVING, check_names
from kaug._targets.places import SETTINGS
from kaug._targets.structures import check_finite
from kaug._types import Array, Floats
from kaug._validation import as_array, describe, message

# What every box has.
_BOXES = ("boxes", "labels")


@dataclass(frozen=True)
class Marks:
    """What is drawn on one picture.

    Attributes:
        polygons: The corners of each box, `(B, 4, 2)`, in pixels as Matplotlib counts them.
        box_colors: `(B, 3)`, in 0..1.
        names: Of the class of each box.
        overlay: `(H, W, 4)`, uint8, or None.
        points: `(P, 2)`, likewise.
        point_colors: `(P, 3)`.
    """

    polygons: Floats
    box_colors: Floats
    names: tuple[str, ...]
    overlay: Array | None
    points: Floats
    point_colors: Floats

    @property
    def is_anything(self) -> bool:
        """Whether there is anything to draw."""
        return self.overlay is not None or bool(len(self.polygons) or len(self.points))


def polygons_of(boxes: Array, box_format: str, size: tuple[int, int]) -> Floats:
    """Returns the corners of boxes, in turn, in pixels as Matplotlib counts them.

    Args:
        boxes: `(B, 4)`, or oriented ones.
        box_format: One of the formats of boxes.
        size: Height and width of the picture.

    Returns:
        `(B, 4, 2)`, (x, y).
    """
    if box_format in ORIENTED:
        return to_quads(boxes, box_format, size) - 0.5
    left, top, right, bottom = to_corners(boxes, box_format, size).T
    around = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return np.array(around).transpose(2, 0, 1) - 0.5


class Targets:
    """What belongs to the images of a figure.

    Args:
        given: By Keras' names.
        count: How many images there are.
        shown: How many of them are shown.
        size: Their height and width; None where these are of any size.
        class_names: Of the classes of boxes, or None.
        name: What the caller calls what is given.

    Raises:
        TypeError: Boxes are no numbers.
        ValueError: Something has the wrong shape, length or values, or another name than it must.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        count: int,
        shown: int,
        size: tuple[int | None, int | None],
        class_names: Sequence[str] | None,
        name: str = "labels",
    ) -> None:
        check_names(given, size, name)
        known = {"labels", "sample_weight", *MOVING, *SETTINGS}
        if given and not known & set(given):
            rule = f"A dict of targets must have some of the keys {sorted(known)}"
            fix = "Pass one of its values, an array of labels, instead."
            raise ValueError(message(rule, f"the keys {sorted(map(str, given))}", fix))
        self._count, self._rows, self._names = count, np.arange(shown), class_names
        self._format = check_format(given.get("bounding_box_format", "xyxy"))
        self._boxes: dict[str, Array] | None = None
        self._instances: Any = None
        if "bounding_boxes" in given:
            self._take_boxes(given["bounding_boxes"], size)
        masks = given.get("segmentation_masks", pixel_labels(given.get("labels"), size))
        self._masks = None if masks is None else Maps(masks, "segmentation_masks", count)
        self._points = self._checked_points(given["keypoints"]) if "keypoints" in given else None

    def marks(self, row: int, size: tuple[int, int]) -> Marks:
        """Returns what is drawn on the picture of a row, which has a size."""
        polygons, classes = np.zeros((0, 4, 2)), np.zeros(0, np.int64)
        layers: list[Layer] = []
        if self._masks is not None:
            layers += layers_of(self._masks.opened("masks", row, size)["masks"][0])
        if self._boxes is not None:
            labels = self._boxes["labels"][row]
            there = labels != -1
            polygons = polygons_of(self._boxes["boxes"][row][there], self._format, size)
            classes = labels[there]
            layers += self._instance_layers(row, labels, size)
        points, numbers = (np.zeros((0, 2)), np.zeros(0, np.int64))
        if self._points is not None:
            points, numbers = _seen(self._points[row])
        names = tuple(map(self._name, classes))
        overlay = blended(layers, size)
        return Marks(polygons, colors_of(classes), names, overlay, points, colors_of(numbers))

    def _take_boxes(self, value: Any, size: tuple[int | None, int | None]) -> None:
        given = dict(value) if isinstance(value, Mapping) else {}
        instances = given.pop("masks", None)
        # What else a box has is not drawn.
        boxes: Any = {name: self._some(given[name], name) for name in given if name in _BOXES}
        boxes = checked_boxes(boxes if given else value, len(self._rows), self._format)
        check_values(**boxes, box_format=self._format, size=size)
        self._boxes = boxes
        labels = boxes["labels"][boxes["labels"] != -1]
        if self._names is not None and len(labels):
            least, most = labels.min(), labels.max()
            if least < 0 or most >= len(self._names):
                rule = f"Labels of boxes must be in 0..{len(self._names) - 1} to pick a class name"
                raise ValueError(message(rule, f"{least} to {most}", "Pass all class names."))
        if instances is not None:
            self._instances = rows_of(instances, 'bounding_boxes["masks"]', self._count)

    def _some(self, value: Any, name: str) -> Any:
        """Returns the rows that are shown of what has one for each image."""
        return taken(rows_of(value, name, self._count), self._rows)

    def _checked_points(self, value: Any) -> list[Array]:
        points = []
        for row, each in enumerate(self._some(value, "keypoints")):
            array = as_array(each, "keypoints")
            fits = array.ndim in (2, 3) and array.shape[-1] in (2, 3) and array.dtype.kind in "iuf"
            if array.size and not fits:
                rule = (
                    "`keypoints` must be numbers, points (P, 2) or (P, 3), or those of several, "
                    "(P, K, 2) or (P, K, 3), for each image"
                )
                raise ValueError(message(rule, f"{describe(array)} in row {row}"))
            fix = "Write points that are hidden as (0, 0) with the visibility 0."
            check_finite(array[np.newaxis], f"keypoints[{row}]", fix)
            points.append(array.astype(np.float64))
        return points

    def _instance_layers(self, row: int, labels: Array, size: tuple[int, int]) -> list[Layer]:
        if self._instances is None:
            return []
        masks = as_array(read_item(self._instances, row), "masks")
        if masks.ndim != 3 or masks.shape[:2] != size or masks.shape[2] > len(labels):
            rule = '`bounding_boxes["masks"]` must be (H, W, B), a layer for each box of an image'
            received = f"{describe(masks)} in row {row}, for {len(labels)} boxes and {size}"
            raise ValueError(message(rule, received))
        colors = colors_of(labels)
        return [
            layer
            for number in np.flatnonzero(labels[: masks.shape[2]] != -1)
            for layer in layers_of(masks[..., number : number + 1] != 0, colors[number])
        ]

    def _name(self, label: Any) -> str:
        return f"{label:g}" if self._names is None else str(self._names[int(label)])


def pixel_labels(labels: Any, size: tuple[int | None, int | None]) -> Any:
    """Returns labels if they have a value for each pixel of images; else None."""
    if labels is None:
        return None
    if are_any_size(labels):
        return labels if len(labels) and len(shape_of(labels[0])) in (2, 3) else None
    shape = getattr(labels, "shape", None) or as_array(labels, "labels").shape
    return labels if len(shape) in (3, 4) and None not in size and shape[1:3] == size else None


def _seen(points: Array) -> tuple[Floats, Array]:
    """Returns the points that are not hidden, and the number of the color of each.

    Args:
        points: `(P, 2 | 3)`, of which each has a color, or `(P, K, 2 | 3)`, each P has one.
    """
    if not points.size:
        return np.zeros((0, 2)), np.zeros(0, np.int64)
    shape = points.shape[:-1]
    numbers = np.broadcast_to(np.arange(shape[0]).reshape(-1, *[1] * (len(shape) - 1)), shape)
    visible = points[..., 2] > 0 if points.shape[-1] == 3 else np.ones(shape, np.bool_)
    return points[visible][:, :2], numbers[visible]

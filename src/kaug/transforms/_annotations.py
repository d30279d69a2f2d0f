"""What belongs to images and follows them: masks, boxes, keypoints, and labels that mix.

Labels and weights are taken along row by row. But where pixels move, masks, boxes and keypoints
must move with them, and where pictures are mixed, labels and weights must mix. Both happen to plain
arrays, which `Transform.fill` gets beside the images; `Annotations` makes these arrays from what
the user has, and brings them back to the form the user gave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kaug._memory_maps import PickledByPlace
from kaug._validation import as_array, check_choice, check_probability, describe, message, warn
from kaug.targets import (
    append_rows,
    check_targets,
    check_weights,
    map_arrays,
    nbytes_per_row,
)
from kaug.transforms import _boxes as boxes
from kaug.transforms._operations import Batch, within
from kaug.transforms._soft_labels import SoftLabels, num_classes

if TYPE_CHECKING:
    from kaug.transforms._base import Transform

Array = NDArray[Any]
Rows = NDArray[np.int64]

# Keras' spelling, and keypoints. A dict with one of these has targets that move.
_MOVING = {
    "segmentation_masks": "segmentation masks",
    "bounding_boxes": "bounding boxes",
    "keypoints": "keypoints",
}
# What such a dict may say about its boxes, once for all rows.
_SETTINGS = {"bounding_box_format": "xyxy", "min_visible_area": 0.0}
# Parts of areas are that exact.
_ROUNDING = 1e-9


class Annotations(PickledByPlace):
    """The targets of a dataset, checked, and what of them moves or mixes.

    Args:
        y: A structure of arrays, or a dict in Keras' spelling; see `kaug.augment_dataset`.
        sample_weight: Weights, a structure of arrays, or None.
        images: `(N, H, W, C)` or `(N, H, W)`.
        transform: What is to happen, or None when that is not known row by row.

    Raises:
        TypeError: The targets can not follow the images through the transform.
        ValueError: A target has the wrong shape or length, or can not be mixed.
    """

    def __init__(
        self, y: Any, sample_weight: Any, images: Array, transform: Transform | None
    ) -> None:
        self._count = count = len(images)
        self._size = (images.shape[1], images.shape[2])
        self.settings: dict[str, Any] = {}
        self.source: dict[str, Any] = {}
        # The keys of a dict with what moves, in their order.
        self._order: tuple[str, ...] | None = None
        self._keypoints: Array | None = None
        self._boxes: dict[str, Array] | None = None
        y = self._take_moving(y, count, transform) if _is_keras_dict(y) else y
        self.y = self._given = check_targets(y, "y", count)
        if transform is not None:
            self._doubt(transform)
        self.weight = check_weights(sample_weight, count)
        self._mixed = transform is not None and transform.mixes
        if transform is not None and self._mixed:
            self._take_mixed(transform)

    # Out of what the user gave ------------------------------------------------------------------

    def _take_moving(self, y: Mapping[str, Any], count: int, transform: Transform | None) -> Any:
        """Takes out of the dict what moves; returns the rest."""
        rest = dict(y)
        self.settings = {name: rest.pop(name) for name in _SETTINGS if name in rest}
        given = {**_SETTINGS, **self.settings}
        check_choice(given["bounding_box_format"], "bounding_box_format", boxes.FORMATS)
        check_probability(given["min_visible_area"], "min_visible_area")
        self._format, self._least = given["bounding_box_format"], given["min_visible_area"]
        for name, what in _MOVING.items():
            if name in y:
                _check_carried(transform, what)
        if "segmentation_masks" in rest:
            self._masks = self._checked_masks(rest.pop("segmentation_masks"), count)
            flat = self._masks.ndim == 3
            self.source["masks"] = self._masks[..., np.newaxis] if flat else self._masks
        points = []
        if "bounding_boxes" in rest:
            self._boxes = _checked_boxes(rest.pop("bounding_boxes"), count)
            corners = boxes.to_corners(self._boxes["boxes"], self._format, self._size)
            outlines, seen = boxes.begin(corners, self._boxes["labels"], self._size)
            points.append(outlines)
            self.source["boxes"] = seen
        if "keypoints" in rest:
            self._keypoints = _checked_keypoints(rest.pop("keypoints"), count)
            points.append(self._keypoints[..., :2].astype(np.float64))
        if points:
            self.source["points"] = np.concatenate(points, axis=1)
        if self._keypoints is not None:
            self.source["inside"] = within(self.source["points"], self._size)
        self._order = tuple(y)
        return rest

    def _checked_masks(self, value: Any, count: int) -> Array:
        masks = as_array(value, "segmentation_masks")
        fits = masks.ndim in (3, 4) and masks.shape[:3] == (count, *self._size)
        if not fits or masks.dtype.kind not in "biuf":
            height, width = self._size
            rule = (
                f"`segmentation_masks` must be numbers of shape ({count}, {height}, {width}) or "
                f"({count}, {height}, {width}, K), as the images"
            )
            raise ValueError(message(rule, describe(masks)))
        return masks

    def _doubt(self, transform: Transform) -> None:
        """Warns of labels that look like masks and are not to be moved."""

        def look(labels: Array, name: str) -> None:
            looks_so = labels.ndim in (3, 4) and labels.shape[1:3] == self._size
            if looks_so and _moves_masks(transform):
                rule = "Only what is called `segmentation_masks` moves with the pixels of images"
                received = f"`{name}`, {describe(labels)}, as high and wide as they are"
                fix = 'To move it, pass a dict with it under the key "segmentation_masks".'
                warn(message(rule, received, fix))

        map_arrays(look, self.y, "y")

    def _take_mixed(self, transform: Transform) -> None:
        """Makes arrays that can be mixed of labels and weights."""
        classes = num_classes(transform)

        def soften(labels: Array, name: str) -> SoftLabels:
            return SoftLabels(labels, name, classes)

        # In a dict given to a transform, weights stand among the labels.
        if isinstance(self.y, Mapping):
            self.y = {
                name: map_arrays(_as_floats, check_weights(value, self._count))
                if name == "sample_weight"
                else map_arrays(soften, value, f"y[{name!r}]")
                for name, value in self.y.items()
            }
        else:
            self.y = map_arrays(soften, self.y)
        self.weight = map_arrays(_as_floats, self.weight)
        for name, leaf in self._named_leaves():
            self.source[name] = leaf

    def _named_leaves(self) -> Iterator[tuple[str, Any]]:
        """Yields labels and weights with a name for each."""
        leaves: list[Any] = []
        for structure in (self.y, self.weight):
            map_arrays(lambda leaf, _: leaves.append(leaf), structure)
        return ((f"mixed {number}", leaf) for number, leaf in enumerate(leaves))

    @property
    def labels(self) -> Any:
        """The labels, as they were given: alone if they stand in a dict with what moves."""
        return self._given if self._order is None else self._given.get("labels")

    def nbytes_per_row(self) -> int:
        """Returns how many bytes one row of the targets takes."""
        moving = sum(int(array[:1].nbytes) for array in self.source.values())
        return nbytes_per_row((self._given, self.weight)) + moving

    # Back to what the user gave -----------------------------------------------------------------

    def allocate(self, kept: int, count: int, shape: tuple[int, ...]) -> Batch:
        """Returns arrays for all that moves or mixes.

        Args:
            kept: How many rows of the source come first, as they are.
            count: How many rows are to be made.
            shape: Of one image of the result; with `kept`, that of the source.
        """
        result = {}
        for name, array in self.source.items():
            own = array.shape[1:]
            row = (*shape[:2], *own[2:]) if name == "masks" else own
            result[name] = np.empty((kept + count, *row), array.dtype)
            if kept:
                result[name][:kept] = array[:kept]
        return result

    def collect(
        self, made: Batch, index: Rows, kept: int, shape: tuple[int, ...]
    ) -> tuple[Any, Any]:
        """Returns labels and weights in the structure that was given.

        Args:
            made: What `allocate` returned, filled.
            index: Source row of each row that was made, int64 `(n,)`.
            kept: How many rows of the source come first.
            shape: Of one image of the result.
        """
        if self._mixed:
            mixed = iter([made[name] for name, _ in self._named_leaves()])
            y, weight = (
                map_arrays(lambda *_: next(mixed), structure) for structure in (self.y, self.weight)
            )
        else:
            y, weight = (
                append_rows(structure, index, append=bool(kept))
                for structure in (self.y, self.weight)
            )
        if self._order is not None:
            moved = self._moved(made, index, kept, (shape[0], shape[1]))
            parts = {**y, **moved}
            y = {name: parts[name] for name in self._order if name in parts}
        return y, weight

    def with_settings(self, y: Any) -> Any:
        """Returns what `collect` made, with the settings where they were given."""
        if not self.settings or self._order is None:
            return y
        parts = {**y, **self.settings}
        return {name: parts[name] for name in self._order}

    def _moved(self, made: Batch, index: Rows, kept: int, size: tuple[int, int]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        if "masks" in made:
            masks = made["masks"]
            result["segmentation_masks"] = masks[..., 0] if self._masks.ndim == 3 else masks
        start = 0
        if self._boxes is not None:
            number = self._boxes["boxes"].shape[1]
            start = made["points"].shape[1] - (
                0 if self._keypoints is None else self._keypoints.shape[1]
            )
            corners = boxes.enclose(made["points"][kept:, :start], number)
            seen = made["boxes"][kept:, :, 0]
            result["bounding_boxes"] = self._kept_boxes(corners, seen, index, kept, size)
        if self._keypoints is not None:
            result["keypoints"] = self._moved_keypoints(made, index, kept, start)
        return result

    def _kept_boxes(
        self, corners: Array, seen: Array, index: Rows, kept: int, size: tuple[int, int]
    ) -> dict[str, Array]:
        assert self._boxes is not None  # only called when there are some
        values, labels = self._boxes["boxes"], self._boxes["labels"][index]
        visible = (seen > 0) & (seen >= self._least - _ROUNDING)
        new = boxes.from_corners(boxes.clip(corners, size), self._format, size)
        new = np.where(visible[..., np.newaxis], new, 0).astype(values.dtype)
        labels = np.where(visible, labels, -1).astype(labels.dtype)
        return {
            "boxes": np.concatenate([values[:kept], new]),
            "labels": np.concatenate([self._boxes["labels"][:kept], labels]),
        }

    def _moved_keypoints(self, made: Batch, index: Rows, kept: int, start: int) -> Array:
        assert self._keypoints is not None  # only called when there are some
        new = self._keypoints[index]
        new[..., :2] = made["points"][kept:, start:]
        if new.shape[2] == 3:
            new[..., 2] *= made["inside"][kept:, start:]
        return np.concatenate([self._keypoints[:kept], new])


def _as_floats(array: Array, name: str = "") -> Array:
    del name
    return array if array.dtype.kind == "f" else array.astype(np.float32)


def _is_keras_dict(y: Any) -> bool:
    return isinstance(y, Mapping) and any(name in y for name in (*_MOVING, *_SETTINGS))


def _check_carried(transform: Transform | None, what: str) -> None:
    if transform is None:
        rule = f"To move {what} with the images, kaug must know where every pixel goes"
        fix = "Use transforms of `kaug.transforms`."
        raise TypeError(message(rule, f"{what} and a generator of another library", fix))
    for leaf in transform.leaves():
        leaf.check_carries(what)


def _moves_masks(transform: Transform) -> bool:
    """Tells whether some of the pixels go elsewhere, and masks could go with them."""
    leaves = transform.leaves()
    return any(not leaf.photometric and leaf.defines("transform_masks") for leaf in leaves)


def _checked_boxes(value: Any, count: int) -> dict[str, Array]:
    rule = (
        '`bounding_boxes` must be a dict of "boxes" (N, B, 4) and "labels" (N, B), or of lists '
        "with one array for each image"
    )
    if not isinstance(value, Mapping) or set(value) != {"boxes", "labels"}:
        keys = sorted(map(str, value)) if isinstance(value, Mapping) else describe(value)
        raise ValueError(message(rule, f"{keys}"))
    corners, labels = value["boxes"], value["labels"]
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
    return {"boxes": _as_floats(corners), "labels": labels}


def _dense(corners: Any, labels: Any, rule: str) -> tuple[Array, Array]:
    """Pads lists of boxes with zeros, and of their labels with -1."""
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


def _checked_keypoints(value: Any, count: int) -> Array:
    keypoints = as_array(value, "keypoints")
    fits = keypoints.ndim == 3 and keypoints.shape[2] in (2, 3) and len(keypoints) == count
    if not fits or keypoints.dtype.kind not in "iuf":
        rule = (
            f"`keypoints` must be numbers of shape ({count}, P, 2), (x, y) in pixels, or "
            f"({count}, P, 3), with a visibility that becomes 0 when a point leaves the image"
        )
        raise ValueError(message(rule, describe(keypoints)))
    return _as_floats(keypoints)

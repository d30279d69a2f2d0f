"""What belongs to images and follows them: masks, boxes, keypoints, and labels that mix.

Labels and weights are taken along row by row. But where pixels move, masks, boxes and keypoints
must move with them, and where pictures are mixed, labels and weights must mix. Both happen to plain
arrays, which `Transform._fill` gets beside the images; `Annotations` makes these arrays from what
the user has, and brings them back to the form the user gave.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from kaug._apply.batches import INSTANCES, MapName
from kaug._apply.joining import joined
from kaug._apply.leaf import Tree
from kaug._apply.videos import frame_rows
from kaug._images import Companion, ImageSequence, frames_of, size_of_pictures
from kaug._targets.by_place import PickledByPlace
from kaug._targets.frames import by_row, places_by_frame
from kaug._targets.instances import layers_of, without_masks
from kaug._targets.map_checks import Fills, checked_maps, checked_masks, names_of_maps
from kaug._targets.maps import Maps, of_pixels, refuse_others, with_maps
from kaug._targets.names import (
    MAPS,
    MOVING,
    PLACES,
    check_names,
    looks_like,
    looks_like_corners,
    point_out,
)
from kaug._targets.places import SETTINGS, Places, settings_in
from kaug._targets.soft_labels import SoftLabels, num_classes
from kaug._targets.structures import (
    append_rows,
    check_order,
    check_targets,
    check_weights,
    labels_of,
    map_arrays,
    nbytes_per_row,
)
from kaug._types import Array, Batch, Rows
from kaug._validation import describe, message


class Annotations(PickledByPlace):
    """The targets of a dataset, checked, and what of them moves or mixes.

    Args:
        y: A structure of arrays, or a dict in Keras' spelling; see `kaug.augment_dataset`.
        sample_weight: Weights, a structure of arrays, or None.
        images: `(N, H, W, C)` or `(N, H, W)`, or videos `(N, T, H, W, C)`.
        transform: What is to happen, or None when that is not known row by row.
        checked: Whether these are rows of what was checked as a whole.
        name: What the caller calls `y`.

    Raises:
        TypeError: The targets cannot follow the images through the transform.
        ValueError: A target has the wrong shape, length or values, has another name than what
            moves must have, or cannot be mixed.
    """

    def __init__(
        self,
        y: Any,
        sample_weight: Any,
        images: Array,
        transform: Tree | None,
        *,
        checked: bool = False,
        name: str = "y",
    ) -> None:
        self._name = name
        self._count = count = len(images)
        # (T,) of videos of T frames.
        self._frames = frames_of(images)
        self._size = size_of_pictures(images)
        self._any_size = isinstance(images, ImageSequence)
        self._checked = checked
        self.settings: dict[str, Any] = {}
        self.source: dict[str, Any] = {}
        # By what is called so in messages, the names in `source` of what moves or mixes.
        self._keys: dict[str, str] = {}
        self._fills = Fills({})
        # The keys of a dict with what moves, in their order.
        self._order: tuple[str, ...] | None = None
        self._mixed = transform is not None and transform._mixes
        moves = _moves(transform)
        if not checked:
            check_order(**{name: y, "sample_weight": sample_weight})
        warned: tuple[str, ...] = ()
        if moves and not checked:
            warned = check_names(y, self._size, name, known=transform is not None)
        y = self._take_moving(y, images, transform) if is_keras_dict(y) else y
        if self._any_size:
            y = with_maps(y, name, count)
            sample_weight = with_maps(sample_weight, "sample_weight", count, weights=True)
        self.y = self._given = check_targets(y, name, count)
        self.weight = check_weights(sample_weight, count)
        if isinstance(self.y, Mapping) and "sample_weight" in self.y:
            check_weights(self.y["sample_weight"], count)
        if moves:
            self._take_maps(images, transform)
        if moves and not checked:
            self._doubt(warned, known=transform is not None)
        if transform is not None and self._mixed:
            self._take_mixed(transform)
        # Arrays with the dtypes and, but for height and width, the shapes of what moves or mixes.
        self.forms: Batch = {}
        for key, values in self.source.items():
            self.forms |= values.form(key) if isinstance(values, Companion) else {key: values}
        for leaf in transform._leaves() if transform is not None else ():
            leaf._check_targets(self.forms)
        if transform is not None and self._mixed:
            form = self._by_frame({key: values[:0] for key, values in self.forms.items()})
            form = joined([form] * _times(transform))
            self.forms = {key: self._by_row(key, values, 0) for key, values in form.items()}

    # Out of what the user gave ------------------------------------------------------------------

    def _take_moving(self, y: Mapping[str, Any], images: Any, transform: Tree | None) -> Any:
        """Takes what moves out of a dict; returns the rest of it."""
        self._order = tuple(y)
        self.settings = settings_in(y)
        for name, what in MOVING.items():
            if name in y:
                _check_carried(transform, what)
        rest = {name: value for name, value in y.items() if name not in (*PLACES, *SETTINGS)}
        for kind, check in (("segmentation_masks", checked_masks), ("maps", checked_maps)):
            if kind in y:
                rest[kind] = check(y[kind], images)
        self._fills = Fills(y.get("mask_fill_value", {}), *names_of_maps(rest))
        for kind in ("segmentation_masks", "maps"):
            self._add_maps(kind, rest.get(kind))
        self._take_places(y, images)
        return rest

    def _take_places(self, given: Mapping[str, Any], images: Any) -> None:
        """Has boxes, with their masks, and keypoints move with the pixels."""
        y, masks = without_masks(given)
        y = places_by_frame(y, self._count, self._frames)
        count = self._count * math.prod(self._frames)
        self._places = Places(y, count, self._size, checked=self._checked, joins=self._mixed)
        if self._any_size:
            self.source["places"] = self._places
        else:
            begun = self._places.begun(slice(None), self._size)
            self.source |= by_row(begun, self._count, self._frames)
        if masks is not None:
            self._boxes = tuple(given["bounding_boxes"])
            self.source[INSTANCES] = layers_of(masks, y["bounding_boxes"]["labels"], images)

    def _add_maps(self, kind: str, given: Any) -> None:
        """Has masks or maps, one or several by name, move with the pixels."""
        called = f"{self._name}[{kind!r}]"
        if isinstance(given, Mapping):
            for name, each in given.items():
                self._add_map(f"{called}[{name!r}]", each, name, linear=kind == "maps")
        elif given is not None:
            self._add_map(called, given, kind)

    def _add_map(
        self, called: str, given: Any, name: str, *, linear: bool = False, mask: bool = True
    ) -> None:
        fill = self._fills.of(name, called, given.dtype, mask=mask and not linear)
        key = MapName(called, "bilinear" if linear else "nearest", fill)
        flat = given.ndim == 3 + len(self._frames) and not self._any_size
        self._keys[called] = key
        self.source[key] = given[..., np.newaxis] if flat else given

    def _take_maps(self, images: Any, transform: Tree | None) -> None:
        """Has labels and weights of the images' height and width move with the pixels."""

        def take(leaf: Any, name: str) -> None:
            maps = of_pixels(leaf, name, images)
            if maps is None:
                return
            weights = name.startswith(("sample_weight", f"{self._name}['sample_weight']"))
            try:
                _check_carried(transform, "segmentation masks", blended=weights)
            except (TypeError, ValueError):
                if isinstance(maps, Maps):
                    raise
                return
            maps = _as_floats(maps) if weights and self._mixed else maps
            self._add_map(name, maps, "sample_weight" if weights else "labels", mask=not weights)

        map_arrays(take, self.weight, "sample_weight")
        if isinstance(self.y, Mapping):
            for name in MAPS:
                if isinstance(self.y.get(name), (np.ndarray, Maps)):
                    take(self.y[name], f"{self._name}[{name!r}]")
        elif isinstance(self.y, (np.ndarray, Maps)):
            take(self.y, self._name)
        for structure, name in ((self.y, self._name), (self.weight, "sample_weight")):
            refuse_others(structure, name, self._keys)

    def _doubt(self, warned: tuple[str, ...], *, known: bool) -> None:
        """Warns of labels and weights that look like something of a place and do not move."""

        def look(leaf: Array, name: str) -> None:
            of_frames = self._frames and leaf.shape[1:2] == self._frames
            shape = (*leaf.shape[:1], *leaf.shape[2:]) if of_frames else leaf.shape
            seen = looks_like(shape, self._size, leaf.dtype.kind)
            seen = seen or looks_like_corners(leaf, self._size)
            if name.startswith("sample_weight") and seen and seen.name != "segmentation_masks":
                return
            if seen and name not in self._keys and not name.startswith(warned):
                point_out(seen, name, describe(leaf), known=known)

        map_arrays(look, self.y, self._name)
        map_arrays(look, self.weight, "sample_weight")
        if self._order is not None:
            self._places.doubt(self._name)

    def _take_mixed(self, transform: Tree) -> None:
        """Makes arrays that can be mixed of labels and weights."""
        classes = num_classes(transform)

        def soften(labels: Array, name: str) -> Any:
            return labels if name in self._keys else SoftLabels(labels, name, classes)

        # In a dict given to a transform, weights stand among the labels.
        if isinstance(self.y, Mapping):
            self.y = {
                name: map_arrays(
                    _as_floats if name == "sample_weight" else soften,
                    value,
                    f"{self._name}[{name!r}]",
                )
                for name, value in self.y.items()
            }
        else:
            self.y = map_arrays(soften, self.y, self._name)
        self.weight = map_arrays(_as_floats, self.weight)
        map_arrays(self._mix, self.y, self._name)
        map_arrays(self._mix, self.weight, "sample_weight")

    def _mix(self, leaf: Any, name: str) -> None:
        if name not in self._keys:
            self._keys[name] = f"mixed {name}"
            self.source[self._keys[name]] = leaf

    @property
    def labels(self) -> Any:
        """The labels, as they were given; of a dict those that have this name."""
        return labels_of(self._given)

    def nbytes_per_row(self, shape: tuple[int, ...]) -> int:
        """Returns how many bytes one row of the targets takes, beside an image of a shape."""
        sizes = [
            form.dtype.itemsize * math.prod(_row_shape(name, form, shape))
            for name, form in self.forms.items()
        ]

        def add(leaf: Any, name: str) -> None:
            if name not in self._keys:
                sizes.append(nbytes_per_row(leaf))

        map_arrays(add, self.y, self._name)
        map_arrays(add, self.weight, "sample_weight")
        return sum(sizes)

    # Back to what the user gave -----------------------------------------------------------------

    def allocate(self, kept: int, count: int, shape: tuple[int, ...]) -> Batch:
        """Returns arrays for all that moves or mixes.

        Args:
            kept: How many rows of the source come first, as they are.
            count: How many rows are to be made.
            shape: Of one image of the result; with `kept`, that of the source.
        """
        result = {}
        for name, form in self.forms.items():
            row = _row_shape(name, form, shape)
            # Where images are joined, those that come first leave room.
            make = np.zeros if kept and self._mixed else np.empty
            result[name] = make((kept + count, *row), form.dtype)
            if kept:
                source = self.source[name][:kept]
                result[name][(slice(kept), *map(slice, source.shape[1:]))] = source
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

        def take(leaf: Any, name: str) -> Any:
            if name not in self._keys:
                return append_rows(leaf, index, append=bool(kept))
            array = made[self._keys[name]]
            flat = isinstance(self._keys[name], MapName) and leaf.ndim == 3 + len(self._frames)
            return array[..., 0] if flat else array

        y = map_arrays(take, self.y, self._name)
        weight = map_arrays(take, self.weight, "sample_weight")
        if self._order is not None:
            parts = {**y, **self._moved_places(made, index, kept, shape)}
            if INSTANCES in made:
                boxes = parts["bounding_boxes"]
                parts["bounding_boxes"] = {name: boxes[name] for name in self._boxes}
            y = {name: parts[name] for name in self._order if name in parts}
        return y, weight

    def _moved_places(
        self, made: Batch, index: Rows, kept: int, shape: tuple[int, ...]
    ) -> dict[str, Any]:
        """Returns boxes and keypoints in the form that was given; see `collect`."""
        size = shape[len(self._frames) :][:2]
        if not self._frames:
            return self._places.moved(made, index, kept, (size[0], size[1]))
        (frames,) = self._frames
        rows, every = kept + len(index), frame_rows(index, frames)
        moved = self._places.moved(self._by_frame(made), every, kept * frames, (size[0], size[1]))
        found: dict[str, Any] = by_row(moved, rows, self._frames)
        return found

    def _by_frame(self, batch: Batch) -> Batch:
        """Returns a batch with the frames of videos one after another, as rows."""
        if not self._frames:
            return batch
        return {
            name: array
            if name.startswith("mixed")
            else array.reshape(math.prod(array.shape[:2]), *array.shape[2:])
            for name, array in batch.items()
        }

    def _by_row(self, name: str, array: Array, count: int) -> Array:
        """Returns an array that `_by_frame` made as it was, for so many rows."""
        own: Array = array if name.startswith("mixed") else by_row(array, count, self._frames)
        return own

    def with_settings(self, y: Any) -> Any:
        """Returns what `collect` made, with the settings where they were given."""
        if not self.settings or self._order is None:
            return y
        parts = {**y, **self.settings}
        return {name: parts[name] for name in self._order}


def _row_shape(name: str, form: Array, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the shape of a row of what moves or mixes, beside an image of a shape."""
    own, axes = form.shape[1:], 3 if len(shape) == 4 else 2
    return (*shape[:axes], *own[axes:]) if isinstance(name, MapName) else own


def _as_floats(array: Array, name: str = "") -> Array:
    del name
    return array if array.dtype.kind == "f" else array.astype(np.float32)


def is_keras_dict(y: Any) -> bool:
    """Tells whether a dict may have targets that move."""
    return isinstance(y, Mapping) and any(name in y for name in (*MOVING, *SETTINGS))


def _check_carried(transform: Tree | None, what: str, *, blended: bool = False) -> None:
    """Raises when it is not known where something goes; what can be `blended` may be mixed."""
    if transform is None:
        rule = f"To move {what} with the images, kaug must know where every pixel goes"
        fix = "Use transforms of `kaug.transforms`."
        raise TypeError(message(rule, f"{what} and a generator of another library", fix))
    for leaf in transform._leaves():
        if not (blended and leaf._mixes):
            leaf._check_carries(what)


def _moves(transform: Tree | None) -> bool:
    """Tells whether pixels may go elsewhere."""
    return transform is None or any(not leaf.photometric for leaf in transform._leaves())


def _times(transform: Tree) -> int:
    """Returns of how many images a result may have boxes and points."""
    own = partners = 1
    for leaf in transform._leaves():
        own += leaf._partners * partners
        if leaf._mixes and not leaf._blends:
            partners *= 1 + leaf._partners
    return own

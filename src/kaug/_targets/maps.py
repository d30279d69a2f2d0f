"""A value for each pixel of images of any size: masks, and labels and weights that are like them.

They are read as the images are: one by one, when a row is asked for.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from kaug._images import (
    Companion,
    ImageSequence,
    are_any_size,
    checksum_of,
    frames_of,
    read_item,
    shape_of,
    taken,
)
from kaug._targets.by_place import PickledByPlace
from kaug._targets.structures import map_arrays
from kaug._types import Array, Batch
from kaug._validation import as_array, describe, message


def of_pixels(leaf: Any, name: str, images: Any) -> Any:
    """Returns labels or weights that have a value for each pixel; else None.

    They are `(N, H, W, 1)`, and of videos `(N, T, H, W, 1)`.

    Args:
        leaf: An array or `Maps`.
        name: What to call it.
        images: What it belongs to.

    Raises:
        ValueError: Something is not as high and wide as its image.
    """
    axes = 3 + len(frames_of(images))
    if leaf.dtype.kind not in "biuf" or leaf.shape[axes:] not in ((), (1,)) or leaf.ndim < axes:
        return None
    if not isinstance(images, ImageSequence):
        whole = images.shape[:axes]
        return leaf.reshape(*whole, 1) if leaf.shape[:axes] == whole else None
    if not isinstance(leaf, Maps):
        if leaf.shape[1:3] != images.open(0).size:
            return None
        leaf = Maps(leaf, name, len(images))
    leaf.check_held(images)
    return leaf


class Maps(PickledByPlace, Companion):
    """Arrays, each as high and wide as its image.

    `shape` is `(N, None, None)` or `(N, None, None, K)`.

    Args:
        x: What has a length, and gives an array `(H, W)` or `(H, W, K)` for each number.
        name: What the caller calls it.
        count: How many images there are.
        finite: Whether NaN and infinities are refused.

    Raises:
        TypeError: It has no length.
        ValueError: It has another length, or its first item is no such array.
    """

    def __init__(self, x: Any, name: str, count: int, *, finite: bool = False) -> None:
        self._x, self._name, self._finite = x, name, finite
        if not (hasattr(x, "__len__") and hasattr(x, "__getitem__")) or isinstance(x, Mapping):
            rule = f"`{name}` must be a sequence of arrays, one for each image"
            raise TypeError(message(rule, describe(x)))
        if len(x) != count:
            rule = f"`{name}` must have an array for each of the {count} images"
            raise ValueError(message(rule, f"{len(x)} of them"))
        first = self._array(0)
        self.shape: tuple[Any, ...] = (count, None, None, *first.shape[2:])
        self.ndim = len(self.shape)
        self.dtype = self._own_dtype = first.dtype

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, rows: Any) -> Any:
        """Returns a sequence of the rows of an array of numbers."""
        return taken(self._x, np.arange(len(self))[rows])

    def __repr__(self) -> str:
        return f"{len(self)} arrays ({', '.join(self._axes)}) of {self._own_dtype}"

    @property
    def _axes(self) -> tuple[str, ...]:
        return ("height", "width", *map(str, self.shape[3:]))

    def astype(self, dtype: DTypeLike) -> Self:
        """Returns the same, as numbers of a dtype when they are read."""
        other = copy.copy(self)
        other.dtype = np.dtype(dtype)
        return other

    def check_held(self, images: ImageSequence) -> None:
        """Raises for arrays in memory that are not what they must be; others are read later."""
        if isinstance(self._x, (list, tuple, np.ndarray)):
            sizes = images.known_sizes()
            for row, item in enumerate(self._x):
                if isinstance(item, np.ndarray):
                    self._checked(row, sizes[row] if sizes else None)

    def form(self, name: str) -> Batch:
        """Returns what `opened` does, without rows."""
        return {name: np.empty((0, 1, 1, *(self.shape[3:] or (1,))), self.dtype)}

    def opened(self, name: str, row: int, size: tuple[int, int]) -> Batch:
        """Returns the array of one image, `(1, H, W, K)`, read-only."""
        array = self._checked(row, size)
        array = array.astype(self.dtype, copy=False).reshape(1, *size, *(self.shape[3:] or (1,)))
        array.flags.writeable = False  # a step that changes some rows makes a copy first
        return {name: array}

    def identity(self, row: int) -> bytes:
        """Returns what tells an array from another: a checksum."""
        known = getattr(self._x, "_identity", None)
        return known(row) if known else checksum_of(self._array(row))

    def _checked(self, row: int, size: tuple[int, ...] | None) -> Array:
        """Returns the array of an image, whose size may not be known yet."""
        array = self._array(row)
        if size is not None and array.shape[:2] != size:
            rule = f"What is in `{self._name}` must be as high and wide as its image"
            own = f"{array.shape[0]} × {array.shape[1]}"
            received = f"{own} in row {row}, whose image is {size[0]} × {size[1]}"
            fix = "See that both are in the same order, and of the same pictures."
            raise ValueError(message(rule, received, fix))
        if (array.dtype, *array.shape[2:]) != (self._own_dtype, *self.shape[3:]):
            rule = f"All that is in `{self._name}` must have one dtype, and as many axes and layers"
            received = f"{describe(array)} in row {row}, of {self!r}"
            raise ValueError(message(rule, received, "Convert it."))
        if self._finite and not np.isfinite(array).all():
            rule = f"`{self._name}` must hold finite numbers"
            value = array[~np.isfinite(array)][0]
            fix = "To leave out a row, give it the weight 0."
            raise ValueError(message(rule, f"{value} in row {row}", fix))
        return array

    def _array(self, row: int) -> Array:
        item = read_item(self._x, row)
        array = as_array(item, f"{self._name}[{row}]")
        if array.ndim not in (2, 3) or array.dtype.kind not in "biuf":
            rule = (
                f"`{self._name}` must have numbers of shape (height, width) or (height, width, K)"
            )
            raise ValueError(message(f"{rule} for each image", f"{describe(item)} in row {row}"))
        return array


def with_maps(structure: Any, name: str, count: int, *, weights: bool = False) -> Any:
    """Returns labels or weights with `Maps` in place of sequences of arrays of any size.

    Args:
        structure: As it was given.
        name: What to call it.
        count: How many images there are.
        weights: Whether it is one of weights.
    """
    if _are_maps(structure, count):
        return Maps(structure, name, count, finite=weights)
    if isinstance(structure, Mapping):
        return {
            key: with_maps(
                value, f"{name}[{key!r}]", count, weights=weights or key == "sample_weight"
            )
            for key, value in structure.items()
        }
    return structure


def refuse_others(structure: Any, name: str, moving: Collection[str]) -> None:
    """Raises for `Maps` in labels or weights that do not move: they have no size in common.

    Args:
        structure: With `Maps`.
        name: What to call it.
        moving: What is called so moves.
    """

    def refuse(leaf: Any, leaf_name: str) -> None:
        if isinstance(leaf, Maps) and leaf_name not in moving:
            rule = (
                "An array for each of the images of any size must be a mask, or labels or weights "
                "with one number for each pixel"
            )
            fix = 'To move it, pass a dict with it under the key "segmentation_masks".'
            raise ValueError(message(rule, f"`{leaf_name}`, {leaf!r}", fix))

    map_arrays(refuse, structure, name)


def _are_maps(value: Any, count: int) -> bool:
    """Tells arrays, one for each image, from a structure of arrays, and from labels."""
    if not are_any_size(value) or len(value) != count:
        return False
    if isinstance(value, (list, tuple, np.ndarray)):
        return any(shape_of(each)[0] != count for each in value)
    return np.ndim(read_item(value, 0)) > 1

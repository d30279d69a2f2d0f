"""Checks of masks and maps: their shapes and dtypes, and what comes into them from outside.

A mask says which, such as the class of each pixel, and is never blended. A map says how much, such
as a depth, and is interpolated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kaug._images import ImageSequence, frames_of, size_of_pictures
from kaug._targets.maps import Maps
from kaug._validation import as_array, check_number, describe, message

# Words for what turns with the picture, or is counted along its sides.
_VECTORS = {
    "flow", "flows", "opticalflow", "sceneflow", "normal", "normals", "surfacenormal",
    "surfacenormals", "motion", "motions", "motionvector", "motionvectors", "disparity",
    "disparities", "offset", "offsets", "displacement", "displacements", "vector", "vectors",
    "velocity", "velocities", "gradient", "gradients", "orientation", "orientations",
}  # fmt: skip
# Up to here all whole numbers are floats.
_EXACT = 2**53


def checked_masks(value: Any, images: Any) -> Any:
    """Returns segmentation masks, or a dict of them by name, as arrays; of any size as `Maps`."""
    return _by_name(value, "segmentation_masks", lambda each, name: _checked(each, name, images))


def checked_maps(value: Any, images: Any) -> Any:
    """Returns maps by name, as arrays of floats; of any size as `Maps`.

    Raises:
        ValueError: They are not by name, no floats or not as high and wide as the images, or the
            name of one says that it holds vectors.
    """
    if not isinstance(value, Mapping):
        rule = '`maps` must be a dict of maps by name, such as {"depth": depth}'
        raise ValueError(message(rule, describe(value)))

    def check(each: Any, name: str) -> Any:
        maps = _checked(each, name, images)
        check_map_dtype(maps.dtype.kind, str(maps.dtype), name)
        return maps

    return _by_name(value, "maps", check)


def _by_name(
    value: Any,
    called: str,
    check: Callable[[Any, str], Any],
) -> Any:
    if not isinstance(value, Mapping):
        return check(value, called)
    check_map_names(value, called)
    return {name: check(each, f"{called}[{name!r}]") for name, each in value.items()}


def check_map_names(value: Mapping[str, Any], called: str) -> None:
    """Raises for masks or maps without names, and for maps whose names say that they hold vectors.

    Args:
        value: By name.
        called: "segmentation_masks" or "maps".
    """
    if not value or not all(isinstance(name, str) for name in value):
        rule = f"A dict of `{called}` must have at least one, each by a name that is a string"
        raise ValueError(message(rule, f"the keys {[*value]}"))
    for name in value if called == "maps" else ():
        _refuse_vectors(name)


def check_map_dtype(kind: str, dtype: str, name: str) -> None:
    """Raises for maps of other dtypes than floats.

    Args:
        kind: Of the dtype, "f" for floats.
        dtype: Its name.
        name: What to call the map.
    """
    if kind != "f":
        rule = f"`{name}` must hold floats, since maps are interpolated"
        fix = (
            'Numbers that say which, such as classes, belong into "segmentation_masks"; '
            'convert others, for example with .astype("float32").'
        )
        raise ValueError(message(rule, f"dtype {dtype}", fix))


def _checked(value: Any, name: str, images: Any) -> Any:
    count = len(images)
    if isinstance(images, ImageSequence):
        maps = Maps(value, name, count)
        maps.check_held(images)
        return maps
    array, due = as_array(value, name), (count, *frames_of(images), *size_of_pictures(images))
    fits = array.ndim - len(due) in (0, 1) and array.shape[: len(due)] == due
    if not fits or array.dtype.kind not in "biuf":
        axes = ", ".join(map(str, due))
        rule = f"`{name}` must be numbers of shape ({axes}) or ({axes}, K), as the images"
        raise ValueError(message(rule, describe(array)))
    return array


def _refuse_vectors(name: str) -> None:
    """Raises for the name of a map whose values change where the picture turns or grows."""
    # "surfaceNormals" and "flow_2" are words, as "surface normals" are.
    words = re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())
    if _VECTORS.isdisjoint(words):
        return
    rule = (
        "The values of a map must not depend on how the picture lies: vectors and disparities "
        "would have to turn, flip and grow with it, and kaug only moves them with their pixels"
    )
    fix = "Leave it out of `maps`. If it holds nothing of the kind, give it another name."
    raise ValueError(message(rule, f"a map called {name!r}", fix))


def names_of_maps(given: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Returns the names of masks, and those of maps, by which `mask_fill_value` has one for each.

    Args:
        given: Checked masks and maps, and labels, which may be masks.

    Raises:
        ValueError: Two of them have one name.
    """
    masks, maps = given.get("segmentation_masks", {}), [*given.get("maps", {})]
    masks = [*masks] if isinstance(masks, Mapping) else ["segmentation_masks"]
    if "labels" in given and getattr(given["labels"], "ndim", 3) > 2:
        masks.append("labels")
    twice = {name for name in masks + maps if (masks + maps).count(name) > 1}
    if twice:
        rule = "Each of the masks and maps must have a name of its own"
        raise ValueError(message(rule, f"{twice.pop()!r} twice", "Rename one of them."))
    return masks, maps


class Fills:
    """What comes into masks and maps from outside where images are filled with a constant.

    Args:
        setting: A number for all masks, or a dict with one for each mask or map by its name; 0 is
            for the others.
        masks: Names of the masks there are.
        maps: Names of the maps.

    Raises:
        TypeError: It is no number.
        ValueError: It is not finite, or for what is not there.
    """

    def __init__(self, setting: Any, masks: Sequence[str] = (), maps: Sequence[str] = ()) -> None:
        by_name = isinstance(setting, Mapping)
        self._all = 0 if by_name else setting
        self._by_name = dict(setting) if by_name else {}
        for name, value in {"": self._all, **self._by_name}.items():
            check_number(value, f"mask_fill_value[{name!r}]" if name else "mask_fill_value")
        if self._by_name.keys() <= {*masks, *maps} if by_name else masks:
            return
        rule = "`mask_fill_value` must be for masks or, by name, maps that are there"
        there = f"beside {', '.join(map(repr, [*masks, *maps])) or 'no masks'}"
        raise ValueError(message(rule, f"mask_fill_value={setting!r} {there}"))

    def of(self, name: str, called: str, dtype: np.dtype[Any], *, mask: bool) -> float:
        """Returns the value for one of them.

        Args:
            name: By which a dict names it.
            called: What to call it in a message.
            dtype: Its own.
            mask: Whether a number for all masks is meant for it.

        Raises:
            ValueError: The dtype does not hold the value.
        """
        value = self._by_name.get(name, self._all if mask else 0)
        if not _holds(dtype, value):
            rule = f"`mask_fill_value` must be a number that {dtype} holds exactly"
            fix = "Pass one for each by name, in a dict, or convert what it is for."
            raise ValueError(message(rule, f"{value!r} for `{called}`", fix))
        return float(value)


def _holds(dtype: np.dtype[Any], value: Any) -> bool:
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return bool(float(dtype.type(value)) == value)
    ends = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return bool(ends[0] <= value <= ends[1] and abs(value) <= _EXACT and value == int(value))

"""A batch on its way: arrays with one entry a row, by name.

`"images"` are `(M, H, W, C)`. If they are there, maps `(M, H, W, K)`, whose names are `MapName`s,
have a value for each pixel; `"points"` `(M, P, 2)` have `"inside"` `(M, P)` beside them; `"boxes"`
`(M, B, 4)` say what is seen of those whose outlines are the first of the points (see
`boxes.begin`), and `"frames"` `(M, F, 2)` are points that move beside them and are never cut off
(see `oriented.begin`); `"mirrored"` `(M, A)` says which persons, of whom the last of the points
are, were mirrored an odd number of times. Whatever else is there is to be mixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kaug._apply.boxes import cut_off, solid
from kaug._apply.resample import Resampling
from kaug._types import Array, Batch, Rows

# Where to look whether a picture was mirrored, as parts of its sides: on no line that a grid draws.
_LOOKS = (0.23, 0.49, 0.77)
# The legs of the triangles looked at there, as parts of the sides.
_LEGS = 1 / 64


class MapName(str):
    """The name of a map in a batch, which says how it is read where pixels move.

    It is a string like the other names, and equal to the same string; since it goes wherever the
    map goes, nothing else has to be handed down.

    Attributes:
        interpolation: `"nearest"` for masks, whose values are never blended, or `"bilinear"`.
        fill_value: What comes in from outside where the images are filled with a constant.
    """

    interpolation: str
    fill_value: float

    def __new__(cls, name: str, interpolation: str = "nearest", fill_value: float = 0.0) -> Self:
        self = super().__new__(cls, name)
        self.interpolation, self.fill_value = interpolation, fill_value
        return self

    def sampling(self, images: Resampling) -> Resampling:
        """Returns how the map is resampled where the images are resampled so."""
        return replace(images, fill_value=self.fill_value, interpolation=self.interpolation)


#: The name of masks of boxes: a layer for each.
INSTANCES = MapName("instance masks")


def writable(batch: Batch, name: str) -> Array:
    """Returns an array of the batch, copied if it cannot be written to."""
    if not batch[name].flags.writeable:
        batch[name] = batch[name].copy()
    return batch[name]


def maps_of(batch: Mapping[str, Any]) -> list[MapName]:
    """Returns the names of what has a value for each pixel, and moves with these."""
    return [name for name in batch if isinstance(name, MapName)]


def points_of(
    batch: Batch, size: tuple[int, ...], sampling: Resampling | None = None
) -> Array | None:
    """Returns all points that move as the images of a batch do, `(M, P, 2)`, if it has any.

    Args:
        batch: With the points as they are.
        size: Height and width of the images.
        sampling: How masks are resampled, if they are.
    """
    if "points" not in batch:
        return None
    points = batch["points"]
    parts = [points]
    if "frames" in batch:
        parts.append(batch["frames"])
    if "mirrored" in batch:
        parts.append(np.tile(triangles(size), (len(points), 1, 1)))
    if "boxes" in batch and sampling is not None and _leaves_edges(sampling):
        inner = solid(points, size)
        if not np.array_equal(inner, points):
            parts.append(inner)
    return np.concatenate(parts, axis=1) if len(parts) > 1 else points


def move_points(batch: Batch, size: tuple[int, ...], moved: Array | None) -> None:
    """Puts points where they went, notes which have left the images, and cuts off boxes.

    Args:
        batch: With the images as they are afterwards, and the points as they were.
        size: Height and width of the images before.
        moved: Where those of `points_of` went.
    """
    if moved is None:
        return
    before = batch["points"]
    framed = before.shape[1] + (batch["frames"].shape[1] if "frames" in batch else 0)
    looked = framed + (triangles(size).shape[1] if "mirrored" in batch else 0)
    points = batch["points"] = np.array(moved[:, : before.shape[1]], order="C")
    after = batch["images"].shape[1:3]
    if "inside" in batch:
        batch["inside"] = batch["inside"] & within(points, after)
    if "frames" in batch:
        batch["frames"] = np.array(moved[:, before.shape[1] : framed], order="C")
    if "mirrored" in batch:
        batch["mirrored"] = batch["mirrored"] ^ _mirrored(moved[:, framed:looked])[:, np.newaxis]
    if "boxes" in batch:
        held = np.array(moved[:, looked:], order="C") if moved.shape[1] > looked else points
        cut_off(before, points, held, writable(batch, "boxes"), after)


def _leaves_edges(sampling: Resampling) -> bool:
    """Tells whether the outer halves of border pixels are filled as what lies outside is."""
    return sampling.fill_mode == "constant" and not sampling.areas


def _mirrored(moved: Array) -> NDArray[np.bool_]:
    """Returns which rows were mirrored, as `triangles` say that were moved with them.

    Most of them decide: where a picture is bent, or cut into pieces, a few may lie the other way
    round.
    """
    corner, across, down = np.moveaxis(moved.reshape(len(moved), -1, 3, 2), 2, 0)
    (ax, ay), (bx, by) = np.moveaxis(across - corner, -1, 0), np.moveaxis(down - corner, -1, 0)
    votes = (ax * by - ay * bx < 0).sum(axis=1)
    return np.asarray(votes > moved.shape[1] / 6)


def triangles(size: tuple[int, ...]) -> Array:
    """Returns small triangles all over images of a height and width, `(1, T * 3, 2)`."""
    sides = np.array([size[1], size[0]])
    corners = np.stack(np.meshgrid(_LOOKS, _LOOKS), axis=-1).reshape(-1, 1, 2) * sides - 0.5
    result = corners + np.array([[0, 0], [1, 0], [0, 1]]) * _LEGS * sides
    return np.asarray(result.reshape(1, -1, 2))


def within(points: Array, size: tuple[int, ...]) -> NDArray[np.bool_]:
    """Returns which points `(M, P, 2)` lie in an image of a height and width."""
    end = np.array([size[1], size[0]]) - 0.5
    return np.asarray(((points >= -0.5) & (points <= end)).all(axis=-1))


def looked_at(array: Any, rows: Rows) -> Array:
    """Returns rows of an array: copied, but for rows in sequence, which are only looked at."""
    first, last = int(rows[0]), int(rows[-1])
    if last - first != len(rows) - 1 or (np.diff(rows) != 1).any():
        return np.asarray(array[rows])
    view = np.asarray(array[first : last + 1]).view()
    view.flags.writeable = False
    return view


def take_rows(parameters: Any, rows: Any) -> Any:
    """Returns the chosen rows of parameters, however nested."""
    if isinstance(parameters, Mapping):
        return {name: take_rows(value, rows) for name, value in parameters.items()}
    if isinstance(parameters, tuple):
        return tuple(take_rows(value, rows) for value in parameters)
    return parameters[rows]

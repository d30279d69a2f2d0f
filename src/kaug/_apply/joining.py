"""Boxes and points of several images that become one: side by side in the arrays of a batch.

Every row of a batch has room for as many. Room that is not taken is blank: zeros, and -1 as the
label of a box.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kaug._apply.batches import INSTANCES, MapName, maps_of
from kaug._apply.boxes import POINTS
from kaug._types import Array, Batch

# What there is for each box beside its outline, and for each point, has a name that begins so.
OF_BOXES, OF_POINTS = "of boxes", "of points"
#: Which points are those of nobody, and remain zeros.
NOBODY = f"{OF_POINTS}: nobody"


def joined(batches: Sequence[Batch]) -> Batch:
    """Returns the first of several batches with the boxes and points of all of them."""
    own = [_apart(batch) for batch in batches]
    together = {
        name: tuple(
            np.concatenate(parts, axis=1)
            for parts in zip(*(each[name] for each in own), strict=True)
        )
        for name in own[0]
    }
    return batches[0] | _in_one(together)


def shared_maps(batch: Batch) -> list[MapName]:
    """Returns the names of the maps that all images of a row share: not those of single boxes."""
    return [name for name in maps_of(batch) if name != INSTANCES]


def with_room(batch: Batch, like: Mapping[str, Array]) -> Batch:
    """Returns a batch with room for as many boxes and points as another one has."""
    if all(batch[name].shape[1:] == array.shape[1:] for name, array in like.items()):
        return batch
    due = _apart(like)
    return batch | _in_one(
        {
            name: tuple(
                filled_up(part, to.shape[1], blank(name))
                for part, to in zip(parts, due[name], strict=True)
            )
            for name, parts in _apart(batch).items()
        }
    )


def filled_up(array: Array, count: int, value: float) -> Array:
    """Returns an array `(M, B, …)` with `count` entries a row, the further ones of a value."""
    if array.shape[1] == count:
        return array
    result = np.full((len(array), count, *array.shape[2:]), value, array.dtype)
    result[:, : array.shape[1]] = array
    return result


def blank(name: str) -> int:
    """Returns what an array of a batch has where there is no box or point."""
    return {f"{OF_BOXES}: labels": -1, NOBODY: 1}.get(name, 0)


def _apart(batch: Mapping[str, Array]) -> dict[str, tuple[Array, Array]]:
    """Returns what belongs to boxes, and what to keypoints, in each array that has such."""
    outlines = batch["boxes"].shape[1] * POINTS if "boxes" in batch else 0
    result = {}
    for name, array in batch.items():
        if name in ("points", "inside"):
            result[name] = (array[:, :outlines], array[:, outlines:])
        elif name in ("boxes", "frames") or name.startswith(OF_BOXES):
            result[name] = (array, array[:, :0])
        elif name == INSTANCES:
            layers = np.moveaxis(array, -1, 1)
            result[name] = (layers, layers[:, :0])
        elif name == "mirrored" or name.startswith(OF_POINTS):
            result[name] = (array[:, :0], array)
    return result


def _in_one(parts: Mapping[str, tuple[Array, ...]]) -> Batch:
    result = {name: np.concatenate(both, axis=1) for name, both in parts.items()}
    if INSTANCES in result:
        result[INSTANCES] = np.ascontiguousarray(np.moveaxis(result[INSTANCES], 1, -1))
    return result

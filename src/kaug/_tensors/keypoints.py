"""Keypoints on tensors: where they are, and what is known of them when their images moved."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kaug._apply.batches import triangles
from kaug._tensors import ops

Size = tuple[int, int]


@dataclass(frozen=True)
class Keypoints:
    """The keypoints of a batch on their way.

    Attributes:
        points: `(B, P, 2)`, (x, y), those of all persons one after another.
        inside: `(B, P)`, which were always in the image.
        mirrored: `(B,)`, which rows were mirrored an odd number of times; None if it does not
            matter.
    """

    points: Any
    inside: Any
    mirrored: Any = None


def begin(keypoints: Any, size: Size, *, swaps: bool) -> Keypoints:
    """Returns keypoints `(B, P, 2 | 3)` or `(B, P, K, 2 | 3)` in images of a size."""
    points = ops.reshape(ops.cast(keypoints, "float32"), _flat_form(keypoints))[..., :2]
    mirrored = None
    if swaps:
        mirrored = ops.zeros((ops.shape(keypoints)[0],), dtype="bool")
    return Keypoints(points, _within(points, size), mirrored)


def moved(keypoints: Keypoints, points: Any, mirrors: Any, size: Size) -> Keypoints:
    """Returns keypoints after they moved.

    Args:
        keypoints: Before.
        points: Where they went.
        mirrors: `(B,)`, which rows were mirrored; None if it does not matter.
        size: Height and width of the images afterwards.
    """
    inside = keypoints.inside & _within(points, size)
    if keypoints.mirrored is None:
        return replace(keypoints, points=points, inside=inside)
    return Keypoints(points, inside, ops.logical_xor(keypoints.mirrored, mirrors))


def mirrors(change: Callable[[Any], Any], rows: Any, size: Size) -> Any:
    """Returns which rows a change of their points mirrors: see `kaug._apply.batches`.

    Args:
        change: Returns where points go.
        rows: Something else of the rows.
        size: Height and width of the images before.
    """
    looks = ops.convert_to_tensor(triangles(size).astype(np.float32))
    went = change(looks + ops.zeros((ops.shape(rows)[0], 1, 1), dtype="float32"))
    went = ops.reshape(went, (-1, looks.shape[1] // 3, 3, 2))
    across, down = went[:, :, 1] - went[:, :, 0], went[:, :, 2] - went[:, :, 0]
    votes = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0] < 0
    return ops.mean(ops.cast(votes, "float32"), axis=1) > 0.5


def finish(moved: Keypoints, given: Any, swapped: Any) -> Any:
    """Returns keypoints in the form in which they were given.

    Args:
        moved: After they moved.
        given: As they were given.
        swapped: Number of the point that comes to the place of each where an image was mirrored.
    """
    result, form = moved.points, given.shape
    if form[-1] == 3:
        flat = ops.reshape(ops.cast(given, "float32"), _flat_form(given))
        seen = ops.where(moved.inside, flat[..., 2], 0.0)
        result = ops.concatenate([result, seen[..., None]], -1)
    result = ops.reshape(result, ops.shape(given))
    if moved.mirrored is not None:
        other = ops.take(result, ops.convert_to_tensor(swapped), axis=-2)
        where = ops.reshape(moved.mirrored, (-1, *[1] * (len(form) - 1)))
        result = ops.where(where, other, result)
    if len(form) == 4 and form[-1] == 3:
        somebody = ops.any(ops.any(given != 0, axis=-1), axis=-1)[..., None, None]
        result = ops.where(somebody, result, ops.zeros_like(result))
    return ops.cast(result, given.dtype) if "float" in str(given.dtype) else result


def _within(points: Any, size: Size) -> Any:
    x, y = points[..., 0], points[..., 1]
    return (x >= -0.5) & (x <= size[1] - 0.5) & (y >= -0.5) & (y <= size[0] - 0.5)


def _flat_form(keypoints: Any) -> tuple[Any, ...]:
    """Returns the shape of keypoints whose persons stand one after another."""
    form, lengths = keypoints.shape, ops.shape(keypoints)
    if len(form) == 3:
        return (*lengths[:2], form[2])
    return (lengths[0], lengths[1] * lengths[2], form[3])

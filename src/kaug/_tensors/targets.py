"""What travels with images on tensors: masks, boxes and keypoints, moved as they are.

The rules are those of `kaug.transforms`. On its way a batch has maps `(B, H, W, K)` under their
`MapName`s, `"boxes"` and `"keypoints"`, which are `kaug._tensors.boxes.Boxes` and
`kaug._tensors.keypoints.Keypoints`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kaug._apply.batches import INSTANCES
from kaug._apply.boxes import corner_matrix
from kaug._apply.oriented import ORIENTED
from kaug._apply.resample import Resampling
from kaug._targets.box_settings import BoxSettings
from kaug._targets.keypoints import swapped_numbers
from kaug._tensors import boxes, keypoints, maps, ops, oriented
from kaug._tensors.settings import Settings

Size = tuple[int, int]

# Parts of areas are that exact.
_ROUNDING = 1e-5


def begin(
    parts: Mapping[str, Any], settings: Settings, size: Size, *, straight: bool
) -> dict[str, Any]:
    """Returns what travels of a dict in Keras' spelling, as a batch has it.

    Args:
        parts: A batch of images, and what travels with them.
        settings: What the layer was told.
        size: Height and width of the images.
        straight: Whether only affine warps are to come.
    """
    batch = maps.begin(parts, settings.mask_fill_value)
    if "bounding_boxes" in parts:
        given, labels = (parts["bounding_boxes"][name] for name in ("boxes", "labels"))
        box_format, places = settings.boxes.bounding_box_format, ops.cast(given, "float32")
        if box_format in ORIENTED:
            quads = oriented.to_quads(places, box_format, size)
            batch["boxes"] = oriented.begin(quads, labels, size, straight=straight)
        else:
            matrix = corner_matrix(box_format, size).astype(np.float32)
            corners = ops.matmul(places, ops.convert_to_tensor(matrix))
            batch["boxes"] = boxes.begin(corners, labels, size, straight=straight)
    if "keypoints" in parts:
        swaps = len(settings.keypoint_flip_pairs) > 0
        batch["keypoints"] = keypoints.begin(parts["keypoints"], size, swaps=swaps)
    return batch


def move(
    batch: dict[str, Any],
    change: Callable[[Any], Any],
    size: Size,
    after: Size,
    sampling: Resampling | None,
) -> dict[str, Any]:
    """Returns a batch whose boxes and keypoints have moved.

    Args:
        batch: See above.
        change: Returns where points `(B, P, 2)` of the images go.
        size: Height and width of the images.
        after: Those of the result.
        sampling: How masks were resampled, if they were.
    """
    result, moving = dict(batch), []
    if "boxes" in batch:
        before = boxes.thinned(batch["boxes"])
        moving += [before.outlines, boxes.inner(before, size, sampling)]
        moving += [] if before.frames is None else [before.frames]
    if "keypoints" in batch:
        moving.append(batch["keypoints"].points)
    moved = _together(change, moving)
    if "keypoints" in batch:
        points, mirrors = batch["keypoints"], None
        if points.mirrored is not None:
            mirrors = keypoints.mirrors(change, points.points, size)
        result["keypoints"] = keypoints.moved(points, moved.pop(), mirrors, after)
    if "boxes" in batch:
        outlines, held, *frames = moved
        result["boxes"] = boxes.moved(before, outlines, held, after, *frames)
    return result


def finish(
    batch: Mapping[str, Any], parts: Mapping[str, Any], settings: Settings, size: Size
) -> dict[str, Any]:
    """Returns what travels in the form in which `parts` had it."""
    result = maps.finish(batch, parts)
    if "bounding_boxes" in parts:
        result["bounding_boxes"] = _finished_boxes(batch, parts, settings.boxes, size)
    if "keypoints" in parts:
        points = parts["keypoints"]
        pairs = settings.keypoint_flip_pairs
        swapped = swapped_numbers(pairs, points.shape[-2]) if pairs else ()
        result["keypoints"] = keypoints.finish(batch["keypoints"], points, swapped)
    return result


def seen_boxes(
    batch: Mapping[str, Any], change: Callable[[Any], Any] | None, size: Size
) -> tuple[Any, Any]:
    """Returns boxes of a batch that has some, `(B, N, 4)`, and which are seen, `(B, N)`.

    They are left, top, right and bottom of what is seen, in pixels from the image's corner.

    Args:
        batch: See above.
        change: Where points would go first; None for nowhere.
        size: Height and width of the images then.
    """
    there = batch["boxes"]
    if change is not None:
        there = boxes.thinned(there)
        outlines = change(there.outlines)
        there = boxes.moved(there, outlines, outlines, size)
    return boxes.enclosed(there, size), there.seen > 0


def drop(batch: dict[str, Any], gone: Any) -> dict[str, Any]:
    """Returns a batch without some of its boxes, `(B, N)`."""
    return {**batch, "boxes": boxes.dropped(batch["boxes"], gone)}


def _together(change: Callable[[Any], Any], several: list[Any]) -> list[Any]:
    """Returns where several points `(B, P, 2)` go, asking once."""
    if not several:
        return []
    moved, result, start = change(ops.concatenate(several, axis=1)), [], 0
    for each in several:
        stop = start + ops.shape(each)[1]
        result.append(moved[:, start:stop])
        start = stop
    return result


def _finished_boxes(
    batch: Mapping[str, Any], parts: Mapping[str, Any], settings: BoxSettings, size: Size
) -> dict[str, Any]:
    """Returns boxes, their labels and further fields; those that have gone are padding."""
    moved, given = batch["boxes"], parts["bounding_boxes"]
    box_format, labels = settings.bounding_box_format, given["labels"]
    if box_format in ORIENTED:
        quads = oriented.enclosed(moved)
        places, sides = oriented.from_quads(quads, box_format, size), oriented.sides(quads)
    else:
        corners = boxes.enclosed(moved, size)
        matrix = np.linalg.inv(corner_matrix(box_format, size)).astype(np.float32)
        places = ops.matmul(corners, ops.convert_to_tensor(matrix))
        sides = corners[..., 2:] - corners[..., :2]
    stays = _stay(moved.seen, sides, settings)
    places = ops.where(stays[..., None], places, 0.0)
    is_float = "float" in str(given["boxes"].dtype)
    fields = {name: _where(stays, field) for name, field in given.items() if name != "masks"}
    if "masks" in given:
        layers = batch[INSTANCES]
        fields["masks"] = ops.where(stays[:, None, None], layers, ops.zeros_like(layers))
    made = {
        **fields,
        "boxes": ops.cast(places, given["boxes"].dtype) if is_float else places,
        "labels": ops.where(stays, labels, ops.zeros_like(labels) - 1),
    }
    return {name: made[name] for name in given}


def _stay(seen: Any, sides: Any, settings: BoxSettings) -> Any:
    """Returns which boxes stay, `(B, N)`: see `BoxSettings.keep`."""
    less = 1 - _ROUNDING
    stays = (seen > 0) & (seen >= settings.min_visible_area - _ROUNDING)
    if settings.min_area > 0:
        stays = stays & (sides[..., 0] * sides[..., 1] >= settings.min_area * less)
    if settings.min_size > 0:
        stays = stays & ops.all(sides >= settings.min_size * less, axis=-1)
    return stays


def _where(visible: Any, field: Any) -> Any:
    """Returns a further field of boxes, zeros where these are padding."""
    there = ops.reshape(visible, (*ops.shape(visible), *[1] * (len(field.shape) - 2)))
    return ops.where(there, field, ops.zeros_like(field))

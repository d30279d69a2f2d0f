"""What targets that move are called, and what looks like one and would stay behind.

Masks, boxes and keypoints move with the pixels under Keras' names alone. Under a name that other
libraries give them they are refused, and what has the shape of such under any other name is pointed
out: by every entrance, with the table and the rules of this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kaug._images import are_any_size
from kaug._validation import message, warn

Shape = tuple[int | None, ...]

# May be of the images' height and width, and then move as masks do.
MAPS = ("labels", "sample_weight")
# What lies at places in the picture.
PLACES = {"bounding_boxes": "bounding boxes", "keypoints": "keypoints"}
# Keras' spelling, maps and keypoints, with what messages call them.
MOVING = {"segmentation_masks": "segmentation masks", "maps": "maps", **PLACES}
# What others call them, in small letters with nothing between.
_OTHERS = {
    "bounding_boxes": "bbox bboxes box boxes boundingbox boundingboxes gtbox gtboxes gtbbox "
    "gtbboxes",
    "keypoints": "keypoint keypoints landmark landmarks faciallandmarks point points joint joints "
    "kpt kpts kps",
    "segmentation_masks": "mask masks segmentationmask segmentationmasks segmentation "
    "segmentations segmap segmaps semanticmask semanticmasks instancemask instancemasks",
    "maps": "heatmap heatmaps depthmap depthmaps",
}
_RIGHT = {other: right for right, others in _OTHERS.items() for other in others.split()}
# Of so many rows, numbers that are no corners have no chance to be in the order of such in all.
_NO_CHANCE = 8
_FORMS = {
    "segmentation_masks": "arrays as high and wide as the images, (N, H, W) or (N, H, W, K); or "
    'under "maps", by name, what may be interpolated, such as depth',
    "maps": "a dict of floats by name, each (N, H, W) or (N, H, W, K)",
    "bounding_boxes": 'a dict of "boxes" (N, B, 4) and "labels" (N, B)',
    "keypoints": "an array (N, P, 2), (x, y), or (N, P, 3) with a visibility, "
    "(N, P, K, 3) for several persons",
}


class Look(NamedTuple):
    """What an array looks like."""

    name: str
    why: str
    fix: str = ""


def misnamed(structure: Any, size: Shape, path: str = "y", depth: int = 0) -> Iterator[Look]:
    """Yields what in a structure has a name of what moves and would not move.

    Args:
        structure: Of arrays, tensors, or lists of such.
        size: Height and width of the images.
        path: What to call the structure in a message.
        depth: How far it lies inside of what was given.
    """
    if isinstance(structure, Mapping):
        for key, value in structure.items():
            right = right_name(key, nested=depth > 0)
            if right and _can_be(right, value, size):
                yield Look(right, f"{path}[{key!r}]")
            elif depth > 0 or key not in MOVING:
                yield from misnamed(value, size, f"{path}[{key!r}]", depth + 1)
    elif isinstance(structure, (tuple, list)):
        for number, value in enumerate(structure):
            if isinstance(value, (Mapping, tuple, list)):
                yield from misnamed(value, size, f"{path}[{number}]", depth + 1)


def check_names(
    structure: Any, size: Shape, path: str = "y", *, known: bool = True
) -> tuple[str, ...]:
    """Raises when something that should move has another name, or lies too deep.

    Args:
        structure: Of arrays, tensors, or lists of such.
        size: Height and width of the images.
        path: What to call the structure in a message.
        known: Whether it is known where pixels go; else a warning is all that can be said.

    Returns:
        What was warned of, as messages call it.
    """
    warned = []
    for look in misnamed(structure, size, path):
        rule = f"What moves with the pixels has a name of its own: {_listed(MOVING)}"
        if not known:
            fix = "Use transforms of `kaug.transforms`, and call it so."
            received = f"{look.why} and a generator of another library, beside which it stays"
            warn(message(rule, received, fix))
            warned.append(look.why)
            continue
        fix = f'Call it "{look.name}", in the outermost dict: {_FORMS[look.name]}.'
        raise ValueError(
            message(rule, look.why, f"{fix} If it is not to move, call it something else.")
        )
    return tuple(warned)


def looks_like(shape: Shape, size: Shape, kind: str = "f") -> Look | None:
    """Returns what of a place in images an array looks like, if it does.

    Args:
        shape: Of the array, one row an image; None for what is not known.
        size: Height and width of the images.
        kind: That of its dtype.
    """
    ratio = _ratio(shape, size)
    if kind in "biuf" and ratio is not None:
        if ratio == 1:
            return Look("segmentation_masks", "as high and wide as they are")
        fix = "Make it as high and wide as the images first."
        return Look("segmentation_masks", f"whose height and width are {_times(ratio)} theirs", fix)
    if kind not in "iuf" or 0 in shape:
        return None
    if shape[2:] == (8,) or shape[2:] == (4, 2):
        fix = 'Corners are boxes (N, B, 8), in the format "corners" or "rel_corners".'
        return Look("bounding_boxes", "which looks like the corners of boxes", fix)
    if len(shape) == 4 and shape[3] in (2, 3):
        return Look("keypoints", "which looks like points of several persons")
    if len(shape) == 3:
        if shape[2] == 4:
            return Look("bounding_boxes", "which looks like boxes")
        if shape[2] == 5:
            fix = (
                'If the fifth number is a class, it belongs into the "labels" of the boxes; if it '
                'is an angle, they have the format "center_xywh_angle".'
            )
            return Look("bounding_boxes", "which looks like boxes of five numbers", fix)
        if shape[2] in (2, 3):
            return Look("keypoints", "which looks like points")
    return None


def looks_like_corners(array: NDArray[Any], size: Shape) -> Look | None:
    """Returns what four numbers a row look like, if all of them can be one box of their image.

    Args:
        array: Rows of labels.
        size: Height and width of the images.
    """
    if array.shape[1:] != (4,) or array.dtype.kind not in "iuf" or len(array) < _NO_CHANCE:
        return None
    begin, end = array[:, :2], array[:, 2:]
    longest = max(np.inf if side is None else side for side in size)
    boxes = (begin >= 0).all() and (begin < end).all() and end.max() <= longest
    if not boxes or np.allclose(array.sum(axis=1), 1):  # these are shares of four classes
        return None
    fix = "Make it (N, 1, 4) first, and give each box a label."
    return Look("bounding_boxes", "which looks like one box for each image", fix)


def point_out(look: Look, name: str, received: str, *, known: bool = True) -> None:
    """Warns of what looks like a target and does not move.

    Args:
        look: What `looks_like` returned.
        name: What it is called.
        received: Its description.
        known: Whether it is known where pixels go.
    """
    rule = f"Only what is called {_listed(MOVING)} moves with the pixels of images"
    fix = f'To move it, pass a dict with it under the key "{look.name}": {_FORMS[look.name]}.'
    if not known:
        fix = f"To move it, use transforms of `kaug.transforms`, and call it `{look.name}`."
    warn(message(rule, f"`{name}`, {received}, {look.why}", f"{look.fix} {fix}".strip()))


def _listed(names: Mapping[str, str]) -> str:
    *first, last = (f"`{name}`" for name in names)
    return f"{', '.join(first)} or {last}"


def right_name(key: Any, *, nested: bool = True) -> str | None:
    """Returns what something with the name of what moves must be called to move; else None.

    Args:
        key: A key of a dict.
        nested: Whether the dict lies inside of another one.
    """
    return _right_name(key, nested) if isinstance(key, str) else None


@lru_cache(maxsize=256)
def _right_name(key: str, nested: bool) -> str | None:
    if key in MOVING:
        return key if nested else None
    return _RIGHT.get(re.sub("[^a-z0-9]", "", key.lower()))


def _can_be(right: str, value: Any, size: Shape) -> bool:
    """Tells whether something of a suspicious name may be what it says."""
    of_pixels = right in ("segmentation_masks", "maps")
    if isinstance(value, Mapping):
        if of_pixels:
            return any(_can_be(right, each, size) for each in value.values())
        return right == "bounding_boxes" and {"boxes", "labels"} <= {*value}
    if are_any_size(value):  # or all of it would be read
        return True
    try:
        shape = tuple(value.shape if hasattr(value, "shape") else np.shape(value))
    except ValueError:  # ragged lists, or a tensor of unknown rank
        return True
    if of_pixels:
        flat = None not in size and shape[1:] == (int(size[0] or 0) * int(size[1] or 0),)
        return len(shape) > 2 or flat
    least = 4 if right == "bounding_boxes" else 2
    return len(shape) > 2 or (len(shape) == 2 and (shape[1] is None or shape[1] >= least))


def _ratio(shape: Shape, size: Shape) -> float | None:
    """Returns by which factor an array is larger than images, if it is a map of them."""
    if len(shape) not in (3, 4) or None in (*shape[1:3], *size):
        return None
    (height, width), (own_height, own_width) = (
        (int(a or 0), int(b or 0)) for a, b in (size, shape[1:3])
    )
    if min(own_height, own_width) < 2 or own_height * width != own_width * height:
        return None
    fits = height % own_height == 0 or own_height % height == 0
    return own_height / height if fits else None


def _times(ratio: float) -> str:
    return f"{ratio:g} times" if ratio > 1 else f"1/{1 / ratio:g} of"

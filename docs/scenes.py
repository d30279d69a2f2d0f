"""Photographs for the figures, with what is in them.

All come with scikit-image, whose documentation says that they are in the public domain. Masks,
boxes and points were drawn for these pages.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image, ImageDraw

NAMES = ("cat", "cup", "saucer", "spoon", "suit", "face", "shuttle", "rocket")

Polygon = Sequence[tuple[float, float]]

_HEAD: Polygon = [
    (38, 0),
    (30, 60),
    (34, 150),
    (60, 205),
    (120, 240),
    (190, 275),
    (255, 288),
    (300, 268),
    (330, 225),
    (352, 180),
    (362, 120),
    (352, 72),
    (392, 34),
    (398, 0),
]
_SUIT: Polygon = [
    (20, 340),
    (55, 250),
    (135, 215),
    (180, 275),
    (240, 295),
    (300, 262),
    (338, 280),
    (356, 305),
    (362, 340),
]


def cat() -> dict[str, Any]:
    """Returns a cat's head, with a mask over it, a box around it, and points on eyes and nose."""
    image = skimage.data.chelsea()
    return {
        "images": image,
        "segmentation_masks": _mask(image, [(_HEAD, 1)]),
        "bounding_boxes": {"boxes": [[30, 0, 399, 289]], "labels": [0]},
        "keypoints": [[171, 110], [319, 134], [262, 240]],
    }


def coffee() -> dict[str, Any]:
    """Returns a cup on a saucer, with masks over both and boxes around three things."""
    image = skimage.data.coffee()
    saucer = _ellipse((278, 223), (201, 164))
    body = [(172, 112), (182, 185), (207, 237), (250, 264), (325, 264), (370, 235), (396, 185)]
    cup = [*_ellipse((290, 112), (118, 95))[30:], *body[::-1]]
    return {
        "images": image,
        "segmentation_masks": _mask(image, [(saucer, 3), (cup, 2)]),
        "bounding_boxes": {
            "boxes": [[172, 17, 409, 308], [77, 59, 479, 387], [325, 65, 427, 327]],
            "labels": [1, 2, 3],
        },
        "keypoints": [[413, 78], [364, 280], [222, 272]],
    }


def astronaut() -> dict[str, Any]:
    """Returns an astronaut, with a mask over her suit, boxes, and points on eyes and mouth."""
    image = skimage.data.astronaut()[:341]
    return {
        "images": image,
        "segmentation_masks": _mask(image, [(_SUIT, 5)]),
        "bounding_boxes": {"boxes": [[152, 14, 302, 196], [352, 0, 470, 286]], "labels": [5, 6]},
        "keypoints": [[206, 104], [246, 104], [225, 145]],
    }


def rocket() -> dict[str, Any]:
    """Returns a rocket before its launch, with a mask, a box, and points at its ends."""
    image = skimage.data.rocket()
    outline = [(307, 155), (318, 128), (330, 155), (334, 406), (306, 406)]
    return {
        "images": image,
        "segmentation_masks": _mask(image, [(outline, 8)]),
        "bounding_boxes": {"boxes": [[304, 127, 336, 407]], "labels": [7]},
        "keypoints": [[318, 130], [320, 270], [320, 404]],
    }


def all_of(*each: dict[str, Any]) -> dict[str, Any]:
    """Returns scenes as a batch of images of several sizes; by default the first three."""
    each = each or (cat(), coffee(), astronaut())
    boxes = [scene["bounding_boxes"] for scene in each]
    return {
        "images": [scene["images"] for scene in each],
        "segmentation_masks": [scene["segmentation_masks"] for scene in each],
        "bounding_boxes": {
            "boxes": [np.array(one["boxes"], "float32") for one in boxes],
            "labels": [np.array(one["labels"]) for one in boxes],
        },
        "keypoints": np.array([scene["keypoints"] for scene in each], "float32"),
    }


def _ellipse(middle: tuple[float, float], radii: tuple[float, float]) -> list[tuple[float, float]]:
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    x, y = middle[0] + radii[0] * np.cos(angles), middle[1] + radii[1] * np.sin(angles)
    return list(zip(x.tolist(), y.tolist(), strict=True))


def _mask(image: NDArray[np.uint8], shapes: Sequence[tuple[Polygon, int]]) -> NDArray[np.uint8]:
    drawn = Image.new("L", (image.shape[1], image.shape[0]))
    for polygon, value in shapes:
        ImageDraw.Draw(drawn).polygon(list(polygon), fill=value)
    return np.asarray(drawn)[..., np.newaxis]

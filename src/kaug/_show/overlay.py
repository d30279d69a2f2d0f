"""Masks as a translucent picture that lies on an image."""

from typing import NamedTuple

import numpy as np

from kaug._show.palette import colors_of
from kaug._types import Array, Floats

_OPACITY = 0.5


class Layer(NamedTuple):
    """A part of an overlay.

    Attributes:
        strength: `(H, W)`, 0 where nothing is to be seen, 1 where all of it is.
        colors: One, `(3,)`, or one for each pixel, `(H, W, 3)`.
    """

    strength: Array
    colors: Floats


def layers_of(mask: Array, color: Floats | None = None) -> list[Layer]:
    """Returns what is to be seen of a mask.

    Args:
        mask: `(H, W, K)`. Of one layer with whole numbers, each is a class, and 0 and what lies
            below it is background. Of several, each layer is a class. Other floats are as strong
            as they are large, up to 1.
        color: Of all; None for those of the classes, of which the first is 1.
    """
    count = mask.shape[2]
    whole = mask.dtype.kind != "f" or bool((mask == np.rint(mask)).all())
    if count == 1 and whole:
        classes = mask[..., 0]
        colors = colors_of(np.maximum(classes, 1) - 1) if color is None else color
        return [Layer(classes > 0, colors)]
    strengths = (mask > 0) if whole else np.nan_to_num(mask, nan=0).clip(0, 1)
    own = colors_of(np.arange(count)) if color is None else [color] * count
    return [Layer(strengths[..., number], own[number]) for number in range(count)]


def blended(layers: list[Layer], size: tuple[int, int]) -> Array | None:
    """Returns layers one on top of the other, `(H, W, 4)`, uint8; None if nothing is to be seen."""
    rgb: Array = np.zeros((*size, 3), np.float32)
    covered: Array = np.zeros((*size, 1), np.float32)
    for strength, colors in layers:
        alpha = np.float32(_OPACITY) * strength.astype(np.float32)[..., np.newaxis]
        rest = covered * (1 - alpha)
        total = alpha + rest
        rgb = (colors.astype(np.float32) * alpha + rgb * rest) / np.where(total > 0, total, 1)
        covered = total
    if not covered.any():
        return None
    overlay: Array = np.rint(255 * np.concatenate([rgb, covered], axis=-1)).astype(np.uint8)
    return overlay

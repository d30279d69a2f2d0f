"""Native transforms: describe, draw, apply.

A transform describes what may happen to a batch of images. Calling it draws what does happen to
each row, from a seed, an epoch and the row's number alone, and does it.
"""

from kaug.transforms._base import Transform
from kaug.transforms.compose import Compose, Identity, Lambda, OneOf, SomeOf, Sometimes
from kaug.transforms.geometry import (
    Affine,
    HorizontalFlip,
    Rotate90,
    Rotation,
    Shear,
    Translation,
    VerticalFlip,
    Zoom,
)
from kaug.transforms.mix import CutMix, MixUp

__all__ = [
    "Affine",
    "Compose",
    "CutMix",
    "HorizontalFlip",
    "Identity",
    "Lambda",
    "MixUp",
    "OneOf",
    "Rotate90",
    "Rotation",
    "Shear",
    "SomeOf",
    "Sometimes",
    "Transform",
    "Translation",
    "VerticalFlip",
    "Zoom",
]

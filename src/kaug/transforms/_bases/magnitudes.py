"""The operations of the published policies, how strong they are, and AutoAugment's tables.

A *strength* is what an operation is given, in its own unit (see `OPERATIONS`). A *level* is how
strong that is for a policy, 0 to 1, and a *space* says which strengths levels stand for. Operations
go by number, their place in `OPERATIONS`: 0 is to do nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kaug._namespace import entries, namespace
from kaug._types import Floats

Numbers = NDArray[np.int64]

#: Every operation, with the unit of its strength, None where there is no such thing.
OPERATIONS = {
    "Identity": None,
    "ShearX": "pixels to the right for each pixel up, about the upper left corner",
    "ShearY": "pixels up for each pixel to the right, about the upper left corner",
    "TranslateX": "to the right, as a part of the policy's longest way",
    "TranslateY": "down, as a part of the policy's longest way",
    "Rotate": "degrees, counter-clockwise",
    "Brightness": "factor; 1 changes nothing",
    "Color": "factor; 1 changes nothing",
    "Contrast": "factor; 1 changes nothing",
    "Sharpness": "factor; 1 changes nothing",
    "Posterize": "bits of 8 that are kept",
    "Solarize": "threshold as a part of the value range; above 1 changes nothing",
    "AutoContrast": None,
    "Equalize": None,
    "Invert": None,
}
NUMBERS = {name: number for number, name in enumerate(OPERATIONS)}
# The least and the greatest strength that an operation can be given; others do not look at theirs.
_LIMITS = {
    "AutoContrast": (0, 0),
    "ShearX": (-1, 1),
    "ShearY": (-1, 1),
    "TranslateX": (-1, 1),
    "TranslateY": (-1, 1),
    "Rotate": (-180, 180),
    "Posterize": (0, 8),
    "Solarize": (0, 256 / 255),
    **dict.fromkeys(("Brightness", "Color", "Contrast", "Sharpness"), (0, 2)),
}
LEAST, MOST = np.array([_LIMITS.get(name, _LIMITS["Rotate"]) for name in OPERATIONS], float).T
GEOMETRIC = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
FACTORS = ("Brightness", "Color", "Contrast", "Sharpness")


@dataclass(frozen=True, slots=True)
class Ramp:
    """Strengths that change evenly with the level."""

    start: float = 0.0
    change: float = 0.0
    # Whether the change goes either way, each half of the time.
    signed: bool = False


class Space:
    """What the levels of all operations mean.

    Args:
        ramps: Strengths by the name of the operation; the others have none.
        whole: The function that makes whole numbers of the bits that posterizing keeps.
    """

    def __init__(self, ramps: Mapping[str, Ramp], whole: str) -> None:
        every = [ramps.get(name, Ramp()) for name in OPERATIONS]
        self._tables = (
            np.array([ramp.start for ramp in every]),
            np.array([ramp.change for ramp in every]),
            np.array([ramp.signed for ramp in every]),
        )
        self._whole = whole

    def strengths(self, operations: Numbers, levels: Floats | float, signs: Floats) -> Floats:
        """Returns the strengths of operations at levels of 0..1; signs are -1 or 1."""
        xp = namespace(operations)
        start, change, signed = (entries(table, operations) for table in self._tables)
        strengths = start + change * xp.where(signed, signs, 1.0) * levels
        bits = operations == NUMBERS["Posterize"]
        result: Floats = xp.where(bits, getattr(xp, self._whole)(strengths), strengths)
        return result


def _space(
    shear: float,
    rotation: float,
    factor: Ramp,
    bits: Ramp,
    whole: str = "round",
) -> Space:
    either_way = {"ShearX": shear, "ShearY": shear, "Rotate": rotation}
    ramps = {name: Ramp(0, reach, signed=True) for name, reach in either_way.items()}
    ramps |= dict.fromkeys(("TranslateX", "TranslateY"), Ramp(0, 1, signed=True))
    ramps |= dict.fromkeys(FACTORS, factor)
    # Pillow's 256 is one level above white.
    solarize = Ramp(256 / 255, -256 / 255)
    return Space({**ramps, "Posterize": bits, "Solarize": solarize}, whole)


RANDAUGMENT = _space(0.3, 30, factor=Ramp(1, 0.9, signed=True), bits=Ramp(8, -4))
TRIVIALAUGMENT_WIDE = _space(0.99, 135, factor=Ramp(1, 0.99, signed=True), bits=Ramp(8, -6))
AUTOAUGMENT = _space(0.3, 30, factor=Ramp(0.1, 1.8), bits=Ramp(8, -4))
AUGMIX = _space(0.3, 30, factor=Ramp(0.1, 1.8), bits=Ramp(4, -4), whole="ceil")

# The longest way of a translation, as a part of the image: AutoAugment's 150 pixels of 331.
LONGEST_WAY = 150 / 331
AUGMIX_WAY = 1 / 3
# TrivialAugment's, in pixels.
WIDE_PIXELS = 32

# What is chosen from. The factors are corruptions that ImageNet-C tests robustness with, so AugMix
# keeps away from them.
CHOICES = tuple(name for name in OPERATIONS if name != "Invert")
AUGMIX_ALL = CHOICES[1:]
AUGMIX_CHOICES = tuple(name for name in AUGMIX_ALL if name not in FACTORS)

# The sub-policies in the appendix of AutoAugment's paper: two operations, each with its probability
# and its level, 0..9; a dash where there is no strength.
_TABLES = {
    "imagenet": """
        Posterize    0.4 8   Rotate       0.6 9
        Solarize     0.6 5   AutoContrast 0.6 -
        Equalize     0.8 -   Equalize     0.6 -
        Posterize    0.6 7   Posterize    0.6 6
        Equalize     0.4 -   Solarize     0.2 4
        Equalize     0.4 -   Rotate       0.8 8
        Solarize     0.6 3   Equalize     0.6 -
        Posterize    0.8 5   Equalize     1.0 -
        Rotate       0.2 3   Solarize     0.6 8
        Equalize     0.6 -   Posterize    0.4 6
        Rotate       0.8 8   Color        0.4 0
        Rotate       0.4 9   Equalize     0.6 -
        Equalize     0.0 -   Equalize     0.8 -
        Invert       0.6 -   Equalize     1.0 -
        Color        0.6 4   Contrast     1.0 8
        Rotate       0.8 8   Color        1.0 2
        Color        0.8 8   Solarize     0.8 7
        Sharpness    0.4 7   Invert       0.6 -
        ShearX       0.6 5   Equalize     1.0 -
        Color        0.4 0   Equalize     0.6 -
        Equalize     0.4 -   Solarize     0.2 4
        Solarize     0.6 5   AutoContrast 0.6 -
        Invert       0.6 -   Equalize     1.0 -
        Color        0.6 4   Contrast     1.0 8
        Equalize     0.8 -   Equalize     0.6 -
    """,
    "cifar10": """
        Invert       0.1 -   Contrast     0.2 6
        Rotate       0.7 2   TranslateX   0.3 9
        Sharpness    0.8 1   Sharpness    0.9 3
        ShearY       0.5 8   TranslateY   0.7 9
        AutoContrast 0.5 -   Equalize     0.9 -
        ShearY       0.2 7   Posterize    0.3 7
        Color        0.4 3   Brightness   0.6 7
        Sharpness    0.3 9   Brightness   0.7 9
        Equalize     0.6 -   Equalize     0.5 -
        Contrast     0.6 7   Sharpness    0.6 5
        Color        0.7 7   TranslateX   0.5 8
        Equalize     0.3 -   AutoContrast 0.4 -
        TranslateY   0.4 3   Sharpness    0.2 6
        Brightness   0.9 6   Color        0.2 8
        Solarize     0.5 2   Invert       0.0 -
        Equalize     0.2 -   AutoContrast 0.6 -
        Equalize     0.2 -   Equalize     0.6 -
        Color        0.9 9   Equalize     0.6 -
        AutoContrast 0.8 -   Solarize     0.2 8
        Brightness   0.1 3   Color        0.7 0
        Solarize     0.4 5   AutoContrast 0.9 -
        TranslateY   0.9 9   TranslateY   0.7 9
        AutoContrast 0.9 -   Solarize     0.8 3
        Equalize     0.8 -   Invert       0.1 -
        TranslateY   0.7 9   AutoContrast 0.9 -
    """,
    "svhn": """
        ShearX       0.9 4   Invert       0.2 -
        ShearY       0.9 8   Invert       0.7 -
        Equalize     0.6 -   Solarize     0.6 6
        Invert       0.9 -   Equalize     0.6 -
        Equalize     0.6 -   Rotate       0.9 3
        ShearX       0.9 4   AutoContrast 0.8 -
        ShearY       0.9 8   Invert       0.4 -
        ShearY       0.9 5   Solarize     0.2 6
        Invert       0.9 -   AutoContrast 0.8 -
        Equalize     0.6 -   Rotate       0.9 3
        ShearX       0.9 4   Solarize     0.3 3
        ShearY       0.8 8   Invert       0.7 -
        Equalize     0.9 -   TranslateY   0.6 6
        Invert       0.9 -   Equalize     0.6 -
        Contrast     0.3 3   Rotate       0.8 4
        Invert       0.8 -   TranslateY   0.0 2
        ShearY       0.7 6   Solarize     0.4 8
        Invert       0.6 -   Rotate       0.8 4
        ShearY       0.3 7   TranslateX   0.9 3
        ShearX       0.1 6   Invert       0.6 -
        Solarize     0.7 2   TranslateY   0.6 7
        ShearY       0.8 4   Invert       0.8 -
        ShearX       0.7 9   TranslateY   0.8 3
        ShearY       0.8 5   AutoContrast 0.7 -
        ShearX       0.7 2   Invert       0.1 -
    """,
}


@dataclass(frozen=True)
class SubPolicies:
    """A policy of AutoAugment: arrays with a row for each sub-policy, a column for each place."""

    operations: Numbers
    probabilities: Floats
    levels: Floats

    @classmethod
    def read(cls, table: str) -> "SubPolicies":
        """Returns what a table says; levels in 0..1."""
        words = np.array(table.split()).reshape(-1, 2, 3)
        operations = np.array([NUMBERS[name] for name in words[..., 0].flat])
        levels = np.where(words[..., 2] == "-", "0", words[..., 2]).astype(np.float64) / 9
        return cls(operations.reshape(-1, 2), words[..., 1].astype(np.float64), levels)


AUTOAUGMENT_POLICIES = {name: SubPolicies.read(table) for name, table in _TABLES.items()}

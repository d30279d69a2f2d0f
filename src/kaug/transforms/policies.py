"""Published policies: for each row one or two operations, drawn with their strengths.

They dissolve into the transforms they are made of, so masks, boxes and keypoints follow their
geometric operations, and these become one resampling with their neighbours in a `Compose`.

What `draw` returns says everything: `operation`, the number of the operation in each slot (0 does
nothing), and its `strength`. `RandAugment.operations` has the names of operations in the order of
their numbers, and the units of their strengths.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kaug._apply.execute import carried_out
from kaug._apply.stages import Step
from kaug._draw.draws import Draws
from kaug._namespace import entries
from kaug._types import Array, Parameters
from kaug.transforms._bases import magnitudes
from kaug.transforms._bases.fields import Number, choice, integer, or_none
from kaug.transforms._bases.magnitudes import AUTOAUGMENT_POLICIES, NUMBERS
from kaug.transforms._bases.slots import Slots
from kaug.transforms.transform import Transform

_MOST_OPERATIONS = 100
_BINS = integer(2, 10_000)
_CHOICES = np.array([NUMBERS[name] for name in magnitudes.CHOICES])


@dataclass(frozen=True, repr=False)
class _Published(Slots):
    """A policy whose rows go through all slots, one after the other."""

    def longest_way(self) -> float | None:
        return magnitudes.LONGEST_WAY

    def _leaves(self) -> Iterator[Transform]:
        yield self._geometry
        yield self._values

    def _steps(
        self, parameters: Parameters, within: NDArray[np.bool_] | None = None
    ) -> Iterator[Step]:
        """Yields two steps for each slot: what moves, and what changes values."""
        applied = parameters["applied"]
        within = applied if within is None else applied & within
        yield from self.slots(parameters["operation"], parameters["strength"], within)

    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        return carried_out(self._steps(parameters), images)


@dataclass(frozen=True, repr=False)
class RandAugment(_Published):
    """Applies `num_ops` operations, each drawn from 14, all at the same magnitude.

    For each row and each time the operation is drawn evenly, so it may be the same again: shearing
    and moving along either axis, rotating, brightness, color, contrast, sharpness, posterizing,
    solarizing, stretching the contrast, equalizing the histogram, or nothing. Those that have two
    directions go either way, half of the time. The last of `num_magnitude_bins` magnitudes is a
    shear of 0.3, a move by 150/331 of the width or height, a turn by 30 degrees, factors of 0.1
    or 1.9, 4 of 8 bits, and solarizing everything; magnitude 0 changes nothing, and those between
    are evenly spread. Ways are cut to whole pixels, and what has no strength always acts in full.

    From Cubuk, Zoph, Shlens and Le, "RandAugment: Practical automated data augmentation with a
    reduced search space", 2019, arXiv:1909.13719, with the magnitudes of
    `torchvision.transforms.v2.RandAugment`. As there, and as in the experiments, pixels are not
    blended, what lies outside the image is black, and shears are about the upper left corner. Not
    as there, what is read from less than half a pixel outside is black already.

    Images of any number of channels are taken. Where there are not three, the operation on their
    color does nothing.

    Args:
        num_ops: How many operations, one after the other, 1 to 100.
        magnitude: How strong they are, 0 to `num_magnitude_bins - 1`.
        num_magnitude_bins: How many magnitudes there are, 2 to 10,000.
        fill_mode: What lies outside the image: see `Affine`.
        fill_value: What lies outside with `"constant"`, in the value range of the images.
        interpolation: `"nearest"` or `"bilinear"`.
        value_range: What is black and what is white; None takes 0 and the dtype's largest, or 1
            for floats. Brightness and the other operations on values clip to it.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import RandAugment
        >>> image = np.arange(35, dtype="uint8").reshape(1, 5, 7)
        >>> RandAugment(magnitude=18)(image, seed=10)[0]  # to the right, then sheared upwards
        array([[ 0,  0,  1,  9, 10, 11, 12],
               [ 0,  7,  8, 16, 17, 18, 19],
               [ 0, 14, 15, 23, 24, 25, 26],
               [ 0, 21, 22, 30, 31, 32,  0],
               [ 0,  0,  0,  0,  0,  0,  0]], dtype=uint8)
    """

    _checks: ClassVar = {"num_ops": integer(1, _MOST_OPERATIONS), "num_magnitude_bins": _BINS}

    num_ops: int = 2
    magnitude: int = 9
    num_magnitude_bins: int = field(default=31, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("magnitude", integer(0, self.num_magnitude_bins - 1))

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `operation` and the `strength` in each slot, both `(M, num_ops)`."""
        level = self.magnitude / (self.num_magnitude_bins - 1)
        drawn = [(_drawn_operation(draws), draws.sign()) for _ in range(self.num_ops)]
        operations, signs = (draws.xp.stack(each, axis=1) for each in zip(*drawn, strict=True))
        strengths = magnitudes.RANDAUGMENT.strengths(operations, level, signs)
        return {"operation": operations, "strength": strengths}


@dataclass(frozen=True, repr=False)
class TrivialAugmentWide(_Published):
    """Applies one operation of RandAugment's 14, at a magnitude drawn as well.

    Nothing is to be tuned. Operation, magnitude and direction are drawn evenly for each row. The
    magnitudes reach further than RandAugment's: a shear of 0.99, a turn by 135 degrees, factors of
    0.01 or 1.99, 2 of 8 bits, and a move by 32 pixels. That is a seventh of the images of ImageNet,
    and all of the images of CIFAR-10, which have 32 pixels; smaller ones are moved by their own
    width or height at most. Where that is too much, as for objects that fill the image, set
    `max_translation`.

    From Müller and Hutter, "TrivialAugment: Tuning-free yet state-of-the-art data augmentation",
    ICCV 2021, arXiv:2103.10158: the space "wide". All else is as in `RandAugment`.

    Args:
        num_magnitude_bins: How many magnitudes there are, 2 to 10,000.
        max_translation: The longest way as a part of the width or height, 0 to 1; None takes 32
            pixels.
        fill_mode: What lies outside the image: see `Affine`.
        fill_value: What lies outside with `"constant"`, in the value range of the images.
        interpolation: `"nearest"` or `"bilinear"`.
        value_range: See `RandAugment`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import TrivialAugmentWide
        >>> image = np.arange(35, dtype="uint8").reshape(1, 5, 7)
        >>> TrivialAugmentWide(max_translation=0.5)(image, seed=10)[0]
        array([[ 2,  3,  4,  5,  6,  0,  0],
               [ 9, 10, 11, 12, 13,  0,  0],
               [16, 17, 18, 19, 20,  0,  0],
               [23, 24, 25, 26, 27,  0,  0],
               [30, 31, 32, 33, 34,  0,  0]], dtype=uint8)
    """

    _checks: ClassVar = {
        "num_magnitude_bins": _BINS,
        "max_translation": or_none(
            Number(rule="a part of the image, 0 to 1, or None", minimum=0, maximum=1)
        ),
    }

    num_magnitude_bins: int = field(default=31, kw_only=True)
    max_translation: float | None = field(default=None, kw_only=True)

    def longest_way(self) -> float | None:
        return self.max_translation

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `operation` and its `strength`, both `(M, 1)`."""
        operations = _drawn_operation(draws)
        bins = self.num_magnitude_bins
        levels = entries(np.arange(bins) / (bins - 1), draws.integers(bins))
        strengths = magnitudes.TRIVIALAUGMENT_WIDE.strengths(operations, levels, draws.sign())
        return {"operation": operations[:, None], "strength": strengths[:, None]}


@dataclass(frozen=True, repr=False)
class AutoAugment(_Published):
    """Applies one of 25 pairs of operations that a search found to train best.

    For each row a pair is drawn evenly, and each of its two operations acts with a probability of
    its own, at a magnitude of its own; shears, moves and turns go either way. The ten magnitudes
    are spread evenly over the ranges of the paper: 0 to 0.3 for shears, to 150/331 of the image for
    moves, to 30 degrees, factors of 0.1 to 1.9, 8 to 4 bits, and solarizing from nothing to
    everything.

    From Cubuk, Zoph, Mané, Vasudevan and Le, "AutoAugment: Learning augmentation strategies from
    data", CVPR 2019, arXiv:1805.09501. `torchvision.transforms.v2.AutoAugment` has the same pairs,
    but takes a magnitude of brightness, color, contrast and sharpness to be a distance from 1
    either way, so that the lowest changes nothing; in the paper it is nearly black or gray. All
    else is as in `RandAugment`.

    Args:
        policy: What it was found on: `"imagenet"`, `"cifar10"` or `"svhn"`.
        fill_mode: What lies outside the image: see `Affine`.
        fill_value: What lies outside with `"constant"`, in the value range of the images.
        interpolation: `"nearest"` or `"bilinear"`.
        value_range: See `RandAugment`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import AutoAugment
        >>> image = np.arange(35, dtype="uint8").reshape(1, 5, 7)
        >>> AutoAugment("svhn")(image, seed=1)[0]  # sheared downwards, then left alone
        array([[ 0,  0,  0,  0,  0,  0,  0],
               [ 7,  8,  9,  3,  4,  5,  0],
               [14, 15, 16, 10, 11, 12, 13],
               [21, 22, 23, 17, 18, 19, 20],
               [28, 29, 30, 24, 25, 26, 27]], dtype=uint8)
    """

    _checks: ClassVar = {"policy": choice(*AUTOAUGMENT_POLICIES)}

    policy: str = "imagenet"

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `operation` (0 if it is left out) and its `strength`, both `(M, 2)`."""
        table = AUTOAUGMENT_POLICIES[self.policy]
        pair = draws.integers(len(table.operations))
        xp = draws.xp
        acts = xp.stack([draws.chance(each, of=pair) for each in table.probabilities.T], axis=1)
        signs = xp.stack([draws.sign(), draws.sign()], axis=1)
        operations = xp.where(acts, entries(table.operations, pair), 0)
        levels = entries(table.levels, pair)
        strengths = magnitudes.AUTOAUGMENT.strengths(operations, levels, signs)
        return {"operation": operations, "strength": strengths}


def _drawn_operation(draws: Draws) -> NDArray[np.int64]:
    operations: NDArray[np.int64] = entries(_CHOICES, draws.integers(len(_CHOICES)))
    return operations

"""Spectrograms: stripes of time and of frequency are masked.

A spectrogram is an image `(M, F, T, C)`, or `(M, F, T)` of one channel: frequencies are its rows,
points in time its columns. Two or four channels are sound from as many places, and none of them is
opacity unless that is said.
"""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from kaug._apply.parameters import UNIT, Bounds
from kaug._draw.draws import Draws
from kaug._kernels.erasing import place_holes
from kaug._tensors import erasing, ops
from kaug._types import Parameters
from kaug.transforms._bases.erasure import Erasure, Patches
from kaug.transforms._bases.fields import Integers, NumberOrPair, Range

# Each is drawn for every row, though few may be used.
_MOST_STRIPES = 1000


@dataclass(frozen=True, repr=False)
class _Stripes(Erasure):
    """A transform that overwrites stripes that go all the way through; they may overlap."""

    _checks: ClassVar = {
        "count": Integers(1, _MOST_STRIPES),
        "width": Range(minimum=0, maximum=1, number="from 0"),
    }

    count: int | tuple[int, int] = 2
    width: NumberOrPair = (0.0, 0.1)
    opacity: bool = field(default=False, kw_only=True)

    @abstractmethod
    def holes(self, width: Any, start: Any, ones: Any, zeros: Any) -> tuple[Any, Any, Any, Any]:
        """Returns heights, widths, tops and lefts of stripes as fractions."""

    @property
    def most(self) -> int:
        """How many stripes there are at most."""
        return int(self._ends("count")[1])

    def _bounds(self) -> Bounds:
        count = {"minimum": 1, "maximum": self.most}
        return {**super()._bounds(), "count": count, "start": UNIT}

    def draw_patches(self, draws: Draws) -> dict[str, Any]:
        """Returns the `count` of each row, and `(M, most stripes)` of `width` and `start`."""
        low, high = self._ends("count")
        count, widths = low + draws.integers(high - low + 1), self._ends("width")
        drawn = [(draws.uniform(*widths), draws.uniform()) for _ in range(high)]
        width, start = (draws.xp.stack(each, axis=1) for each in zip(*drawn, strict=True))
        return {"count": count, "width": width, "start": start}

    def place(self, parameters: Parameters, size: tuple[int, int], patches: Patches) -> None:
        width, start = parameters["width"], parameters["start"]
        holes = self.holes(width, start, np.ones_like(width), np.zeros_like(width))
        place_holes(parameters["count"], *holes, *size, patches)

    def place_tensors(self, parameters: Any, size: tuple[int, int]) -> erasing.Patch:
        width, start = parameters["width"], parameters["start"]
        holes = self.holes(width, start, ops.ones_like(width), ops.zeros_like(width))
        return erasing.holes(parameters["count"], *holes, size)


@dataclass(frozen=True, repr=False)
class TimeMask(_Stripes):
    """Masks stretches of time of a spectrogram, all frequencies of them.

    That of SpecAugment (Park et al., 2019, doi:10.21437/Interspeech.2019-2680): how long a stretch
    is, is drawn evenly, and so is where it begins. Masks, boxes and keypoints stay as they are.

    Args:
        count: How many stretches: an integer of 1 to 1,000, or a pair `(low, high)` of which every
            number is as likely.
        width: Of a stretch, as a fraction of the whole time, 0..1, drawn for each: a number `s`
            means evenly on `[0, s]`, a pair `[low, high]`. It is rounded to whole columns.
        fill_mode: `"constant"`, or `"noise"`: each sample evenly over the value range.
        fill_value: What `"constant"` puts there; spectrograms of mean 0 want 0.
        value_range: Limits of the noise; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range, or, when called, `fill_value` is none of the
            dtype of the images.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import TimeMask
        >>> TimeMask(width=0.5)(np.ones((1, 3, 9)), seed=0)[0]
        array([[0., 0., 0., 1., 1., 0., 1., 1., 1.],
               [0., 0., 0., 1., 1., 0., 1., 1., 1.],
               [0., 0., 0., 1., 1., 0., 1., 1., 1.]])
    """

    def holes(self, width: Any, start: Any, ones: Any, zeros: Any) -> tuple[Any, Any, Any, Any]:
        return ones, width, zeros, start


@dataclass(frozen=True, repr=False)
class FrequencyMask(_Stripes):
    """Masks bands of frequencies of a spectrogram, for all of its time.

    That of SpecAugment (Park et al., 2019, doi:10.21437/Interspeech.2019-2680): how wide a band is,
    is drawn evenly, and so is where it begins. Masks, boxes and keypoints stay as they are.

    Args:
        count: How many bands: an integer of 1 to 1,000, or a pair `(low, high)` of which every
            number is as likely.
        width: Of a band, as a fraction of all frequencies, 0..1, drawn for each: a number `s` means
            evenly on `[0, s]`, a pair `[low, high]`. It is rounded to whole rows.
        fill_mode: See `TimeMask`.
        fill_value: See `TimeMask`.
        value_range: See `TimeMask`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range, or, when called, `fill_value` is none of the
            dtype of the images.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import FrequencyMask
        >>> FrequencyMask(count=1, width=(0.5, 0.5))(np.ones((1, 4, 6)), seed=0)[0]
        array([[0., 0., 0., 0., 0., 0.],
               [0., 0., 0., 0., 0., 0.],
               [1., 1., 1., 1., 1., 1.],
               [1., 1., 1., 1., 1., 1.]])
    """

    width: NumberOrPair = (0.0, 0.3)

    def holes(self, width: Any, start: Any, ones: Any, zeros: Any) -> tuple[Any, Any, Any, Any]:
        return width, ones, start, zeros

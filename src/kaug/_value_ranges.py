"""What images of another library's making are compared with: the values that went in."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kaug._colors import FAR_ABOVE_WHITE
from kaug._types import Array
from kaug._validation import message, warn

# Images of levels are never this dark all over, unless most of a picture is black altogether.
_DARK = 8.0
_LEVELS = 32.0
# Less than this part of what was not black is left where images came back black.
_LEFT = 0.05
# So large a part of the samples is no rounding, and no single spot that is dropped.
_SEEN = 0.05
# Beyond this, floats of 0..1 have come out as levels; what was standardized stays within.
_FAR = 16.0

_LEAVES = "A generator must leave something to be seen of the images that it is given"

# Up to where a dtype that layers compute in holds every integer, and its largest number.
_HELD = {
    "bfloat16": (2.0**8, 3.38e38),
    "float16": (2.0**11, 65504.0),
    "float32": (2.0**24, float(np.finfo("float32").max)),
}


@dataclass(frozen=True)
class Values:
    """What values a batch of images holds, infinities and NaN left out."""

    dtype: np.dtype[Any]
    lowest: float
    highest: float
    # Which part of the samples is at least 1, which is 0, and which is less.
    light: float
    black: float
    dark: float

    @classmethod
    def of(cls, images: Array) -> "Values":
        """Returns those of images of any dtype."""
        if not images.size:
            return cls(images.dtype, 0.0, 0.0, 0.0, 0.0, 0.0)
        lowest, highest = _ends(images)
        light, black = float((images >= 1).mean()), float((images == 0).mean())
        dark = float((images < 0).mean()) if lowest < 0 else 0.0
        return cls(images.dtype, lowest, highest, light, black, dark)

    def __str__(self) -> str:
        return f"values from {self.lowest:g} to {self.highest:g}, {self.dtype}"

    def check_known(self, name: str, value_range: Any) -> None:
        """Raises where a layer says that it is made for other values.

        Args:
            name: Of the layer.
            value_range: Black and white, as it says; None if it does not.
        """
        if value_range is None or len(value_range) != 2:
            return
        white = float(value_range[1])
        bright = self.highest > FAR_ABOVE_WHITE
        if white >= 2 and self.dtype.kind == "f" and 0 < self.highest <= FAR_ABOVE_WHITE:
            fix = f"Make it with value_range=(0, 1): {name}(..., value_range=(0, 1))."
        elif white <= FAR_ABOVE_WHITE and bright:
            fix = "Divide the images by 255, or give the layer their value_range."
        else:
            return
        rule = f"Images must have the value range that {name} is made for"
        low, high = (f"{float(end):g}" for end in value_range)
        raise ValueError(message(rule, f"{self}, and value_range=({low}, {high})", fix))

    def check_held(self, name: str, dtype: str) -> None:
        """Raises where a layer computes in a dtype that does not hold these values.

        Args:
            name: Of the layer.
            dtype: What it computes in.
        """
        integers, largest = _HELD.get(dtype, (np.inf, np.inf))
        limit = integers if self.dtype.kind in "iu" else largest
        if max(-self.lowest, self.highest) <= limit:
            return
        what = "every integer" if self.dtype.kind in "iu" else "numbers"
        rule = f"{name} computes in {dtype}, which holds {what} up to {limit:.8g} alone"
        fix = f'Make the layer with dtype="{"float64" if dtype == "float32" else "float32"}".'
        raise ValueError(message(rule, str(self), fix))

    def check_kept(self, result: Array) -> None:
        """Compares these values with those that came back.

        Raises:
            ValueError: Levels came back as fractions, which would be rounded to black, or were
                clipped to 1.

        Warns:
            UserWarning: Fractions came back as levels, or images as nothing but black, or as one
                value all over.
        """
        if not result.size or not self.highest:
            return
        after = Values.of(result)
        lost = self.lowest < self.highest and after.lowest == after.highest
        if lost or 1 - after.black < _LEFT * (1 - self.black):
            received = f"{self}, of which it made {after}"
            warn(message(_LEAVES, received, "Is it made for images of 0..255, or of 0..1?"))
            return
        self.check_range(result, after)

    def check_range(self, result: Array, after: "Values | None" = None) -> None:
        """Does what `check_kept` does, but for images that became black, or one value all over."""
        if not result.size or not self.highest or result.dtype.kind != "f":
            return
        after = after or Values.of(result)
        rule = "A generator must keep the value range of the images that it is given"
        received = f"{self}, of which it made {after}"
        reach, varies = max(-after.lowest, after.highest), after.lowest < after.highest
        if self.dtype.kind in "iu" and self.highest >= _LEVELS and reach <= _DARK and varies:
            if after.black <= self.black + 0.5:
                fix = 'To change it, pass x.astype("float32"); to keep it, scale back at the end.'
                raise ValueError(message(rule, received, fix))
        elif self.dtype.kind == "f" and self.highest > FAR_ABOVE_WHITE and after.highest == 1:
            clipped = float((result == 1).mean())
            if clipped >= 0.5 * self.light > 0:
                raise ValueError(message(rule, received, "Divide the images by 255 first."))
        elif self.dtype.kind == "f" and self.dark > _SEEN and after.lowest == 0:
            if after.black - self.black >= 0.5 * self.dark:
                fix = "Bring the images to 0..1 first: (x + 1) / 2, say."
                raise ValueError(message(rule, received, fix))
        elif self.dtype.kind == "f" and self.highest <= FAR_ABOVE_WHITE and reach > _FAR:
            warn(message(rule, received, "Is it made for images of 0..255?"))


def _ends(images: Array) -> tuple[float, float]:
    lowest, highest = float(images.min()), float(images.max())
    if np.isfinite(lowest) and np.isfinite(highest):
        return lowest, highest
    finite = images[np.isfinite(images)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)

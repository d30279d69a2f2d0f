"""What a dict says about its boxes once for all rows: their format, and which of them stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from kaug._targets.box_checks import check_format
from kaug._types import Floats
from kaug._validation import check_number, check_probability, message

# Parts of areas are that exact.
_ROUNDING = 1e-9


class BoxSettings(NamedTuple):
    """How boxes are written, and which of them stay; all others become padding.

    Attributes:
        bounding_box_format: One of `kaug._apply.boxes.FORMATS`.
        min_visible_area: Which part of the area of a box, as it moved, must have been seen at
            all times, 0..1.
        min_area: How many square pixels of it there must be in the picture in the end.
        min_size: How many pixels both of its sides must have there.
    """

    bounding_box_format: str = "xyxy"
    min_visible_area: float = 0.0
    min_area: float = 0.0
    min_size: float = 0.0

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Returns those in a dict, checked.

        Raises:
            TypeError: A limit is no number.
            ValueError: The format is unknown, or a limit is out of its range.
        """
        return cls(
            check_format(given.get("bounding_box_format", "xyxy")),
            _check_share(given.get("min_visible_area", 0.0)),
            _check_pixels(given.get("min_area", 0.0), "min_area", "square pixels"),
            _check_pixels(given.get("min_size", 0.0), "min_size", "pixels"),
        )

    def keep(self, seen: Floats, sides: Floats) -> NDArray[np.bool_]:
        """Returns which boxes stay, `(…)`.

        Args:
            seen: Which part of each was seen, `(…)`.
            sides: Width and height of each as it comes out, in pixels, `(…, 2)`.
        """
        less = 1 - _ROUNDING
        stays = (seen > 0) & (seen >= self.min_visible_area - _ROUNDING)
        stays &= sides.prod(axis=-1) >= self.min_area * less
        return np.asarray(stays & (sides >= self.min_size * less).all(axis=-1))


def _check_share(value: Any) -> float:
    try:
        return check_probability(value, "min_visible_area")
    except ValueError as error:
        fix = "It is a share; pass `min_area` for square pixels, `min_size` for pixels."
        raise ValueError(f"{error} {fix}") from None


def _check_pixels(value: Any, name: str, what: str) -> float:
    rule = f"`{name}` must be 0, or a number of {what} from 1 on"
    number = check_number(value, name, rule)
    if number and number < 1:
        fix = "For a share of each box pass `min_visible_area`." if number > 0 else ""
        raise ValueError(message(rule, f"{name}={value}", fix))
    return number

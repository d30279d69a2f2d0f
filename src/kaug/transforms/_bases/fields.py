"""A range of a parameter: a number `r` means `[centre - r, centre + r]`, a pair `[low, high]`."""

import numpy as np

from kaug._apply.parameters import words
from kaug._validation import check_number, describe, message
from kaug.transforms.transform import Transform

Range = float | tuple[float, float]


def set_range(
    transform: Transform,
    name: str,
    *,
    centre: float = 0.0,
    above: float = -np.inf,
    below: float = np.inf,
    minimum: float = -np.inf,
    maximum: float = np.inf,
    fix: str = "",
) -> None:
    """Checks a field given as a range and puts it back as a float or a pair of floats.

    Args:
        transform: Whose field it is; frozen, and still being made.
        name: Of the field.
        centre: The value that changes nothing, around which a single number spreads.
        above: What the range must stay above, excluding it.
        below: What it must stay below, excluding it.
        minimum: The least value allowed.
        maximum: The greatest value allowed.
        fix: What to do about values beyond.
    """
    value = getattr(transform, name)
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            rule = f"`{name}` must be a number or a pair (low, high)"
            raise ValueError(message(rule, f"{name}={describe(value)}"))
        checked: Range = (check_number(value[0], name), check_number(value[1], name))
    else:
        checked = check_number(value, name)
        if checked < 0:
            rule = (
                f"`{name}` as a number must not be negative: it means the range around {centre:g}"
            )
            raise ValueError(message(rule, f"{name}={value}", f"Pass ({value}, {-value})."))
    object.__setattr__(transform, name, checked)
    low, high = limits(checked, centre)
    if low > high:
        rule = f"`{name}` must be a pair (low, high) with low <= high"
        raise ValueError(message(rule, f"{name}={value}", f"Pass ({high:g}, {low:g})."))
    if low <= above or high >= below or low < minimum or high > maximum:
        ends = {"minimum": minimum, "above": above, "maximum": maximum, "below": below}
        given = {kind: end for kind, end in ends.items() if np.isfinite(end)}
        if set(given) == {"minimum", "maximum"}:
            rule = f"`{name}` must lie in {minimum:g}..{maximum:g}"
        elif set(given) == {"above", "below"}:
            rule = f"`{name}` must lie between {above:g} and {below:g}, excluding both"
        else:
            rule = f"`{name}` must be {words(given)}"
        raise ValueError(message(rule, f"{name}={value}, which reaches {low:g}..{high:g}", fix))


def start_at_zero(transform: Transform, name: str) -> None:
    """Puts a field given as a number `s` back as the pair `(0, s)`, for `set_range` to check."""
    value = getattr(transform, name)
    if isinstance(value, (tuple, list)):
        return
    number = check_number(value, name)
    if number < 0:
        rule = f"`{name}` as a number must not be negative: it means the range from 0 to it"
        raise ValueError(message(rule, f"{name}={value}"))
    object.__setattr__(transform, name, (0.0, number))


def limits(value: Range, centre: float = 0.0) -> tuple[float, float]:
    """Returns the lowest and the highest value of a range."""
    return value if isinstance(value, tuple) else (centre - value, centre + value)

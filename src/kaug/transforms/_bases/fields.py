"""What options are checked by: functions of a value and its name that return it in one form.

A class of transforms names those of its own options in `_checks`, and `Transform.__post_init__`
puts every option through its check once. Where there is no more to say, `check_flag`,
`check_number` and the others of `_validation` serve as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kaug._apply.parameters import words
from kaug._draw.draws import Draws
from kaug._validation import check_choice, check_integer, check_number, describe, message

Check = Callable[[Any, str], Any]
NumberOrPair = float | tuple[float, float]


def choice(*choices: str) -> Check:
    """Returns the check of an option that is one of some words."""
    return partial(check_choice, choices=choices)


def integer(minimum: int = 0, maximum: int | None = None, fix: str = "") -> Check:
    """Returns the check of an option that is an integer."""
    return partial(check_integer, minimum=minimum, maximum=maximum, fix=fix)


def or_none(check: Check) -> Check:
    """Returns the check of an option that may be None as well."""
    return lambda value, name: None if value is None else check(value, name)


@dataclass(frozen=True, kw_only=True)
class _Bounded:
    """What an option lies within (`minimum`, `maximum`) or between (`above`, `below`)."""

    minimum: float = -np.inf
    above: float = -np.inf
    maximum: float = np.inf
    below: float = np.inf
    #: What to do about values beyond.
    fix: str = ""

    @property
    def bounds(self) -> dict[str, float]:
        """Those there are, by name, as for parameters."""
        names = ("minimum", "above", "maximum", "below")
        return {name: end for name in names if np.isfinite(end := getattr(self, name))}

    def _holds(self, low: float, high: float) -> bool:
        within = self.minimum <= low and high <= self.maximum
        return within and self.above < low and high < self.below


@dataclass(frozen=True, kw_only=True)
class Number(_Bounded):
    """Checks a number; `rule` says what it must be: "a number in 0..1"."""

    rule: str

    def __call__(self, value: Any, name: str) -> float:
        """Returns the number as a float."""
        rule = f"`{name}` must be {self.rule}"
        number = check_number(value, name, rule)
        if not self._holds(number, number):
            raise ValueError(message(rule, f"{name}={number}", self.fix))
        return number


@dataclass(frozen=True, kw_only=True)
class Range(_Bounded):
    """Checks what is drawn from a range: a pair (low, high), or a number, which means one.

    A number `r` means `[-r, r]` ("around 0"), `[1 - r, 1 + r]` ("around 1"), `[0, r]` ("from 0",
    which is kept as that pair), or `r` for every row ("exactly"); or no number is taken (None).
    """

    number: Literal["around 0", "around 1", "from 0", "exactly"] | None = "around 0"

    def __call__(self, value: Any, name: str) -> NumberOrPair:
        """Returns a float or a pair of floats."""
        if isinstance(value, (tuple, list)) or self.number is None:
            checked: NumberOrPair = _pair(
                value, name, "a number or " if self.number else "", partial(check_number, name=name)
            )
        else:
            checked = self._checked_number(value, name)
        low, high = self.ends(checked)
        if not self._holds(low, high):
            single = isinstance(checked, float) and self.number == "exactly"
            reach = "" if single else f", which reaches {low:g}..{high:g}"
            raise ValueError(message(self._rule(name), f"{name}={value}{reach}", self.fix))
        return checked

    def ends(self, value: NumberOrPair) -> tuple[float, float]:
        """Returns the least and the greatest value that is drawn."""
        if isinstance(value, tuple):
            return value
        if self.number == "exactly":
            return value, value
        centre = 1.0 if self.number == "around 1" else 0.0
        return centre - value, centre + value

    def draw(self, draws: Draws, value: NumberOrPair) -> NDArray[np.float64]:
        """Returns a value of each row, evenly."""
        return draws.uniform(*self.ends(value))

    def _checked_number(self, value: Any, name: str) -> NumberOrPair:
        number = check_number(value, name)
        if number < 0 and self.number != "exactly":
            zero = self.number == "from 0"
            meaning = "from 0 to it" if zero else self.number
            rule = f"`{name}` as a number must not be negative: it means the range {meaning}"
            fix = "" if zero else f"Pass ({value}, {-value})."
            raise ValueError(message(rule, f"{name}={value}", fix))
        return (0.0, number) if self.number == "from 0" else number

    def _rule(self, name: str) -> str:
        if set(self.bounds) == {"minimum", "maximum"}:
            return f"`{name}` must lie in {self.minimum:g}..{self.maximum:g}"
        if set(self.bounds) == {"above", "below"}:
            return f"`{name}` must lie between {self.above:g} and {self.below:g}, excluding both"
        return f"`{name}` must be {words(self.bounds)}"


@dataclass(frozen=True)
class Integers:
    """Checks an integer, which means itself, or a pair (low, high) of which every one is drawn."""

    minimum: int
    maximum: int

    def __call__(self, value: Any, name: str) -> int | tuple[int, int]:
        """Returns an int or a pair of ints."""
        check = partial(check_integer, name=name, minimum=self.minimum, maximum=self.maximum)
        if not isinstance(value, (tuple, list)):
            return check(value)
        return _pair(value, name, "an integer or ", check)

    @property
    def bounds(self) -> dict[str, float]:
        """What the integers lie within."""
        return {"minimum": self.minimum, "maximum": self.maximum}

    @staticmethod
    def ends(value: int | tuple[int, int]) -> tuple[int, int]:
        """Returns the least and the greatest one that is drawn."""
        return value if isinstance(value, tuple) else (value, value)

    def draw(self, draws: Draws, value: int | tuple[int, int]) -> NDArray[np.int64]:
        """Returns an integer of each row, each as likely."""
        low, high = self.ends(value)
        return low + draws.integers(high - low + 1)


@dataclass(frozen=True)
class OddIntegers(Integers):
    """Checks an odd integer, or a pair (low, high) of which every odd one is drawn."""

    def __call__(self, value: Any, name: str) -> int | tuple[int, int]:
        """Returns an int or a pair of ints."""
        checked = super().__call__(value, name)
        if any(end % 2 == 0 for end in self.ends(checked)):
            rule = f"`{name}` must be odd, {self.minimum}..{self.maximum}, or a pair of such"
            raise ValueError(message(rule, f"{name}={value}"))
        return checked

    @property
    def bounds(self) -> dict[str, float]:
        """What the integers lie within."""
        return {**super().bounds, "odd": True}

    def draw(self, draws: Draws, value: int | tuple[int, int]) -> NDArray[np.int64]:
        """Returns an odd integer of each row, each as likely."""
        low, high = self.ends(value)
        return low + 2 * draws.integers((high - low) // 2 + 1)


def _pair(value: Any, name: str, single: str, check: Callable[[Any], Any]) -> tuple[Any, Any]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        rule = f"`{name}` must be {single}a pair (low, high)"
        raise ValueError(message(rule, f"{name}={describe(value)}"))
    low, high = map(check, value)
    if low > high:
        rule = f"`{name}` must be a pair (low, high) with low <= high"
        raise ValueError(message(rule, f"{name}={value}", f"Pass ({high:g}, {low:g})."))
    return low, high

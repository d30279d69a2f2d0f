"""What `draw` decided, checked before compiled loops believe it.

`Transform.apply` takes parameters from anybody, and a transform of one's own may draw anything.
Kernels check nothing, so both go through here, once: names and nesting, rows, dtypes, that numbers
are finite, and what each transform says its parameters lie between. What kaug's own transforms have
drawn themselves is in order already and comes by another way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kaug._types import Array
from kaug._validation import describe, message

#: By name of a parameter, what it must stay within (`minimum`, `maximum`) or between (`above`,
#: `below`, which exclude themselves), numbers or arrays that fit what one row has; and `odd`, where
#: it must be that.
Bounds = Mapping[str, Mapping[str, Any]]

UNIT = {"minimum": 0.0, "maximum": 1.0}

_FIX = "Pass what `draw` returns for these rows."
_DRAWN = "`draw_parameters` must return a dict of arrays, with a row for each row of its draws"


def fitted(example: Any, given: Any, count: int, name: str = "parameters") -> Any:
    """Returns parameters as arrays of their own, with the dtypes that `draw` gives them.

    Args:
        example: Parameters of one row, as `draw` makes them.
        given: Those that are to be used.
        count: Of how many rows they must be.
        name: What to call them in a message.

    Raises:
        TypeError: Something else stands where a dict, a tuple or an array is due, or the numbers of
            an array are of another kind.
        ValueError: Names are missing or unknown, rows are too few or too many, or a number is not
            finite.
    """
    if isinstance(example, Mapping):
        _check_names(example, given, name)
        return {
            key: fitted(part, given[key], count, _inside(name, key))
            for key, part in example.items()
        }
    if isinstance(example, tuple):
        if not isinstance(given, (tuple, list)) or len(given) != len(example):
            rule = f"`{name}` must be a tuple of {len(example)}, one for each transform"
            raise TypeError(message(rule, describe(given), _FIX))
        pairs = enumerate(zip(example, given, strict=True))
        return tuple(fitted(part, own, count, f"{name}[{i}]") for i, (part, own) in pairs)
    return _fitted_array(example, given, count, name)


def _inside(name: str, key: str) -> str:
    return key if name == "parameters" else f"{name}[{key!r}]"


def _check_names(example: Mapping[str, Any], given: Any, name: str) -> None:
    rule = f"`{name}` must be a dict with the keys {', '.join(map(repr, example))}"
    if not isinstance(given, Mapping):
        raise TypeError(message(rule, describe(given), _FIX))
    missing = [key for key in example if key not in given]
    unknown = [key for key in given if key not in example]
    if missing or unknown:
        what = [f"without {', '.join(map(repr, missing))}"] if missing else []
        what += [f"with {', '.join(map(repr, unknown))}"] if unknown else []
        raise ValueError(message(rule, f"a dict {' and '.join(what)}", _FIX))


def _fitted_array(example: Array, given: Any, count: int, name: str) -> Array:
    try:
        array = np.asarray(given)
    except ValueError:  # ragged
        array = np.empty((), object)
    shape = (count, *example.shape[1:])
    if array.dtype != example.dtype and not _is_alike(array.dtype, example.dtype):
        rule = f"`{name}` must be an array of {example.dtype}"
        raise TypeError(message(rule, describe(given), _FIX))
    if array.shape != shape:
        rule = "Parameters must be drawn for as many rows as there are images"
        received = f"{count} images and `{name}` of shape {array.shape}, where {shape} is due"
        raise ValueError(message(rule, received, _FIX))
    with np.errstate(over="ignore"):  # what overflows is found to be infinite
        own = np.array(array, example.dtype, order="C")
    _check_finite(own, name)
    return own


def _is_alike(given: np.dtype[Any], due: np.dtype[Any]) -> bool:
    """Tells whether numbers of one dtype can be had as another; flags are no numbers."""
    return bool(given.kind != "b" and due.kind != "b" and np.can_cast(given, due, "same_kind"))


def check_drawn(drawn: Any, count: int | None, who: str, *, taken: Sequence[str]) -> None:
    """Checks what `draw_parameters` of a transform returned.

    Args:
        drawn: What it returned.
        count: For how many rows; None if it was drawn on tensors, of which only names are checked.
        who: The transform, for the message.
        taken: Names that mean something else already.

    Raises:
        TypeError: It is no dict of arrays, however nested.
        ValueError: An array has another number of rows, a number is not finite, or a name is taken.
    """
    if not isinstance(drawn, Mapping):
        raise TypeError(message(_DRAWN, f"{describe(drawn)} from {who}"))
    for name in taken:
        if name in drawn:
            rule = f"`draw_parameters` must not return {name!r}, which `draw` adds by itself"
            raise ValueError(message(rule, f"the names {', '.join(map(repr, drawn))} from {who}"))
    if count is None:
        return
    for name, part in drawn.items():
        _check_drawn_part(part, count, who, str(name))


def _check_drawn_part(part: Any, count: int, who: str, name: str) -> None:
    if isinstance(part, (Mapping, tuple)):
        for key, inner in part.items() if isinstance(part, Mapping) else enumerate(part):
            _check_drawn_part(inner, count, who, f"{name}[{key!r}]")
        return
    if not isinstance(part, np.ndarray):
        fix = "Make an array of it; what is the same for all rows belongs into a field."
        raise TypeError(message(_DRAWN, f"{name}={describe(part)} from {who}", fix))
    if not part.ndim or len(part) != count:
        received = f"`{name}`, {describe(part)}, for {count} rows, from {who}"
        raise ValueError(message(_DRAWN, received))
    _check_finite(part, f"{name}` of `{who}")


def _check_finite(array: Array, name: str) -> None:
    if array.dtype.kind not in "fc" or np.isfinite(array).all():
        return
    place = np.unravel_index(int(np.argmin(np.isfinite(array))), array.shape)
    rule = f"`{name}` must hold finite numbers"
    raise ValueError(message(rule, f"{array[place]} in row {place[0]}"))


def check_bounds(bounds: Bounds, parameters: Mapping[str, Any], who: str) -> None:
    """Checks that parameters lie where a transform says they do.

    Args:
        bounds: By name; names that are not among the parameters do not count.
        parameters: Arrays by name.
        who: The transform, for the message.

    Raises:
        ValueError: One does not.
    """
    for name, limits in bounds.items():
        if name not in parameters:
            continue
        values = parameters[name]
        for kind, compare in _COMPARISONS.items():
            if kind not in limits:
                continue
            inside = compare(values, limits[kind])
            if inside.all():
                continue
            place = np.unravel_index(int(np.argmin(inside)), values.shape)
            own = {
                kind: np.broadcast_to(limits[kind], values.shape)[place]
                for kind in _COMPARISONS
                if kind in limits
            }
            rule = f"`{name}` of {who} must be {words(own)}"
            raise ValueError(message(rule, f"{values[place]:g} in row {place[0]}"))


_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "minimum": np.greater_equal,
    "above": np.greater,
    "maximum": np.less_equal,
    "below": np.less,
    "odd": lambda values, _: values % 2 == 1,
}
_SAID = {"minimum": "at least", "above": "above", "maximum": "at most", "below": "below"}


def words(limits: Mapping[str, Any]) -> str:
    """Returns what bounds say: `above 0 and at most 1`."""
    said = (kind if kind == "odd" else f"{_SAID[kind]} {value:g}" for kind, value in limits.items())
    return " and ".join(said)

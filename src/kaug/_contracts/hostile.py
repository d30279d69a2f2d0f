"""Parameters that no draw has made, and the contract that they are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from kaug._contracts.tools import drawn, pictures_for, require
from kaug._types import Array
from kaug._validation import describe
from kaug.transforms import Transform

Case = tuple[str, Any]

_ROWS = 5
# Far beyond what anything is meant for, or at the ends of what numbers can be.
_EXTREMES = (-1, 10**9, -(10**9), 2**31 - 1, 2**63 - 1, -(2**63), 1e30, -1e30, 1e308)


def refuses_what_was_not_drawn(transform: Transform) -> None:
    """Parameters that `draw` cannot have made must be refused by `apply`.

    Those of other rows, other names, other dtypes and numbers that are not finite, by a TypeError
    or a ValueError: what a kernel reads must be there.
    """
    images, parameters = pictures_for(transform).noise(_ROWS), drawn(transform, _ROWS)
    for what, wrong in impossible(parameters):
        outcome = outcome_of(transform, images, wrong)
        refused = outcome.startswith(("TypeError: ", "ValueError: "))
        require(refused, f"{outcome} for {what} and {describe(images)}")


def outcome_of(transform: Transform, images: Array, parameters: Any) -> str:
    """Returns what `apply` does with parameters, in words."""
    try:
        result = transform.apply(images, parameters)
    except Exception as error:  # any of them is an outcome
        return f"{type(error).__name__}: {error}"
    return f"an answer, {describe(result)}"


def impossible(parameters: Any) -> Iterator[Case]:
    """Yields what is wrong and parameters of which that is true, for every array in them."""
    yield "None", None
    yield "no names", {}
    yield "a list", [parameters]
    for name, array, put in _leaves(parameters, "", lambda changed: changed):
        for what, wrong in _wrong_arrays(array):
            yield f"`{name}` {what}", put(wrong)
    for what, wrong in _wrong_names(parameters):
        yield what, wrong


def extreme(parameters: Any) -> Iterator[Case]:
    """Yields numbers at their ends and parameters that hold them, which may be refused or not."""
    for name, array, put in _leaves(parameters, "", lambda changed: changed):
        for number in _EXTREMES:
            if array.dtype.kind == "b" or not _fits(number, array.dtype):
                continue
            for rows in (slice(None), slice(2, 3)):
                changed = array.copy()
                changed[rows] = number
                yield f"`{name}` {number:g} in rows {range(_ROWS)[rows]}", put(changed)


def _fits(number: float, dtype: np.dtype[Any]) -> bool:
    if dtype.kind == "f":
        return True
    limits = np.iinfo(dtype)
    return isinstance(number, int) and limits.min <= number <= limits.max


def _wrong_arrays(array: Array) -> Iterator[tuple[str, Any]]:
    yield "one row short", array[:-1]
    yield "of one row", array[:1]
    yield "of no rows", array[:0]
    yield "one row too long", np.concatenate([array, array[:1]])
    yield "of another rank", array[..., np.newaxis]
    yield "a number", array.flat[0]
    yield "None", None
    yield "of complex numbers", array.astype(complex)
    yield "of words", array.astype(str)
    yield "of objects", np.full(array.shape, None)
    if array.ndim > 1:
        yield "with a column less", array[:, :-1]
    if array.dtype.kind == "b":
        yield "of integers", array.astype(np.int64)
        return
    yield "of flags", np.ones(array.shape, np.bool_)
    if array.dtype.kind != "f":
        yield "of floats", array.astype(np.float64)
        return
    for number in (np.nan, np.inf, -np.inf):
        changed = array.copy()
        changed[2] = number
        yield f"{number} in row 2", changed


def _wrong_names(parameters: Mapping[str, Any]) -> Iterator[Case]:
    yield "one name too many", {**parameters, "unknown": np.zeros(_ROWS)}
    for name in parameters:
        rest = {other: value for other, value in parameters.items() if other != name}
        yield f"no `{name}`", rest


def _leaves(
    parameters: Any, name: str, put: Callable[[Any], Any]
) -> Iterator[tuple[str, Array, Callable[[Any], Any]]]:
    """Yields each array with its name, and what puts another one in its place."""
    if isinstance(parameters, np.ndarray):
        yield name, parameters, put
        return
    own: Mapping[Any, Any] = (
        parameters if isinstance(parameters, Mapping) else dict(enumerate(parameters))
    )
    for key, part in own.items():

        def put_inside(changed: Any, key: Any = key) -> Any:
            parts = {**own, key: changed}
            return put(parts if isinstance(parameters, Mapping) else tuple(parts.values()))

        yield from _leaves(part, f"{name}[{key!r}]" if name else str(key), put_inside)

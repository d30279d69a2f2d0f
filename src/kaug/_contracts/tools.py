"""What all contracts need: to call a transform, and to compare what it draws and makes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kaug._contracts.pictures import ImageKind
from kaug._draw.keys import root_key
from kaug._types import Array
from kaug._validation import describe
from kaug.transforms import Transform

# What of a message says that images of this kind are not for this transform.
_REFUSALS = ("channel", "dtype", "images")
# The same of a TypeError, which NumPy raises for other reasons, too.
_NEED = "needs images of"


class BrokenError(Exception):
    """A contract does not hold, on the input that the text describes."""


def require(condition: Any, received: str) -> None:
    """Breaks the contract at hand unless the condition holds."""
    if not condition:
        raise BrokenError(received)


def attempt(action: Callable[[], Any], what: str) -> Any:
    """Returns what `action` does; an exception breaks the contract at hand."""
    try:
        return action()
    except Exception as error:  # whatever a transform raises is what broke the contract
        raise BrokenError(f"{type(error).__name__} ({error}) from {what}") from error


def run(transform: Transform, images: Any, **options: Any) -> Any:
    """Returns what the transform makes of images, or of a dict with them."""
    given = images["images"] if isinstance(images, Mapping) else images
    return attempt(lambda: transform(images, **{"seed": 1, **options}), describe(given))


def refused(transform: Transform, images: Array) -> str:
    """Returns how the transform refuses images of this kind; empty when it takes them."""
    try:
        transform(images, seed=1)
    except ValueError as error:
        return str(error) if any(word in str(error) for word in _REFUSALS) else ""
    except TypeError as error:
        return str(error) if _NEED in str(error) else ""
    except Exception:  # no refusal but a fault, which shows when it is called again
        return ""
    return ""


def pictures_for(transform: Transform) -> ImageKind:
    """Returns a kind of images that the transform takes."""
    refusal = ""
    for pictures in ImageKind.choices():
        refusal = refused(transform, pictures.noise(2))
        if not refusal:
            return pictures
    raise BrokenError(f"the refusal of all images that were tried ({refusal})")


def rows_of(transform: Transform, images: Array, rows: Any, **options: int) -> Array:
    """Returns some rows as they come out; what is mixed in always comes from all `images`."""
    if not transform._mixes:
        return np.asarray(run(transform, images[rows], index=rows, **options))
    out = np.empty((len(rows), *transform.output_shape(images.shape[1:])), images.dtype)
    key = root_key(options.get("seed", 1), options.get("epoch", 0))
    fill = functools.partial(transform._fill, {"images": out}, {"images": images}, rows, key, rows)
    attempt(fill, describe(images))
    return out


def drawn(transform: Transform, rows: Any, *, seed: int = 1, epoch: int = 0) -> Any:
    """Returns parameters for the rows of these numbers, or for so many rows."""
    rows = np.arange(rows) if isinstance(rows, int) else rows
    draw = functools.partial(transform.draw, rows, seed=seed, epoch=epoch)
    return attempt(draw, f"drawing for {len(rows)} rows")


def equal(one: Array, other: Array) -> bool:
    """Tells whether images are the same."""
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def same(one: Any, other: Any) -> bool:
    """Tells whether parameters, however nested, are the same."""
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return np.array_equal(one, other)


def constant(parameters: Any) -> bool:
    """Tells whether parameters are the same for every row."""
    if isinstance(parameters, Mapping):
        return all(map(constant, parameters.values()))
    if isinstance(parameters, tuple):
        return all(map(constant, parameters))
    return bool(np.all(parameters == parameters[:1]))

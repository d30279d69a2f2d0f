"""What a notebook shows of a transform: its `repr` on several lines, and what it does to a picture.

The picture is painted here: a house with a red roof beside a tree, in front of a hill. It is not
square, has a left and a right, straight edges, even areas, small things and all colors.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kaug._colors import GRAY
from kaug._show.html import Pictures, card
from kaug._types import Array
from kaug._validation import message

_HEIGHT, _WIDTH = 60, 80
_FINE = 4  # each pixel is the mean of as many by as many
_ROWS = 7
_PIXELS = 2**21  # of all rows together, so that a large output takes no longer
_LINE = 80  # characters


def to_html(transform: Any) -> str:
    """Returns the description of a transform, and what it makes of a picture."""
    return card(pretty(transform), lambda: preview(transform), foreign=is_foreign(transform))


def is_foreign(transform: Any) -> bool:
    """Tells whether functions or classes that are not ours take part."""
    return any(
        not type(leaf).__module__.startswith("kaug.") or callable(getattr(leaf, "function", None))
        for leaf in (transform, *transform._leaves())
    )


# Text ---------------------------------------------------------------------------------------------


def pretty(transform: Any) -> str:
    """Returns the `repr` of a transform on as many lines as it takes; it evaluates back as well."""
    return "\n".join(_lines("", transform, "", 0))


def _lines(before: str, value: Any, after: str, indent: int) -> Iterator[str]:
    whole, space = f"{before}{value!r}{after}", " " * indent
    parts = _parts(value)
    if indent + len(whole) <= _LINE or not parts:
        yield space + whole
        return
    opening = "(" if isinstance(value, tuple) else f"{type(value).__name__}("
    yield f"{space}{before}{opening}"
    for name, part in parts:
        yield from _lines(name, part, ",", indent + 4)
    yield f"{space}){after}"


def _parts(value: Any) -> list[tuple[str, Any]]:
    """Returns what stands between the parentheses of a transform or a tuple of several."""
    if isinstance(value, tuple) and len(value) > 1:
        return [("", part) for part in value]
    if hasattr(type(value), "_described"):
        parts = [(f"{name}=", part) for name, part in value._described()]
        inside = ", ".join(f"{name}{part!r}" for name, part in parts)
        if repr(value) == f"{type(value).__name__}({inside})":  # and not one of its own
            return parts
    return []


# Pictures -----------------------------------------------------------------------------------------


def preview(transform: Any) -> Pictures:
    """Returns the picture, and what a transform makes of it in the first rows.

    Raises:
        Exception: Whatever the transform raises, given floats or bytes, in color or gray.
    """
    # What black and white are to the transform, if its parts agree on anything but 0 and 1.
    given = [getattr(leaf, "value_range", None) or (0.0, 1.0) for leaf in transform._leaves()]
    unusual = {pair for pair in given if pair != (0.0, 1.0)}
    black, white = unusual.pop() if len(unusual) == 1 else (0.0, 1.0)
    first_error: Exception | None = None
    for channels in (3, 1):
        shades = pictures(channels, varied=transform._mixes)
        for source in (
            (black + (white - black) * shades).astype(np.float32),
            np.rint(255 * shades).astype(np.uint8),
        ):
            limits = (black, white) if source.dtype.kind == "f" else (0.0, 255.0)
            try:
                return _shown(transform, source, limits)
            except Exception as error:  # it may know another kind of pictures only
                first_error = first_error or error
    raise first_error or AssertionError


def _shown(transform: Any, source: Array, limits: tuple[float, float]) -> Pictures:
    height, width, _ = transform.output_shape(source.shape[1:])
    count = min(_ROWS, _PIXELS // (height * width))
    if count < 1:
        rule = f"A picture that is shown here has at most {_PIXELS:,} pixels"
        raise ValueError(message(rule, f"{height} × {width}"))
    # Partners are drawn from all rows, so that all are handed over.
    made = transform(source if transform._mixes else source[:count], seed=0)[:count]
    black, white = limits
    least, most = float(made.min()), float(made.max())
    reach = (white - black) / 2
    original = (source[0] - black) / (white - black)
    note = "What becomes of a picture with seed=0."
    if any(leaf._leaves_range for leaf in transform._leaves()):
        black, white = least, most if most > least else least + 1
        note += f" Black is {black:.2f} and white {white:.2f} in all but the original."
    elif not black - reach <= least <= most <= white + reach:
        rule = f"Values must stay about {black:g}..{white:g}"
        raise ValueError(message(rule, f"{least:g}..{most:g}"))
    shown = [original, *((made.astype(np.float64) - black) / (white - black))]
    captions = ["original", *(f"row {row}" for row in range(count))]
    if transform._mixes:
        note = "What becomes of different pictures with seed=0, the original of row 0 beside them."
    return Pictures(shown, captions, note)


def pictures(channels: int, *, varied: bool = False) -> Array:
    """Returns the picture once for each row, `(7, 60, 80, C)`, float64 in [0, 1].

    Args:
        channels: 3, or 1 for gray.
        varied: Whether the rows are to differ, since they will be mixed: every other one is
            mirrored, and the channels take turns.
    """
    picture = _paint()
    rows = [picture] * _ROWS
    if varied:
        rows = [np.roll(picture[:, :: 1 - 2 * (row % 2)], row % 3, axis=2) for row in range(_ROWS)]
    colored = np.stack(rows)
    gray = (colored * GRAY).sum(axis=-1, keepdims=True)
    return np.asarray(colored if channels == 3 else gray)


def _paint() -> Array:
    """Returns the picture, `(60, 80, 3)`, float64 in [0, 1]."""
    shape = (_HEIGHT * _FINE, _WIDTH * _FINE)
    # Both count in heights of the picture, downwards and to the right.
    y, x = (np.indices(shape) + 0.5) / shape[0]
    sky = y[..., np.newaxis] * (0.45, 0.24, -0.14) + (0.44, 0.64, 0.90)
    picture = np.where(y[..., np.newaxis] < 1, sky, 0)
    for where, color in (
        (np.hypot(y - 0.20, x - 1.10) < 0.10, (0.98, 0.84, 0.30)),  # the sun
        (y > 0.66 + 0.09 * np.sin(5 * x + 0.6), (0.47, 0.66, 0.33)),  # the hill
        (y > 0.84 + 0.04 * np.sin(3 * x + 2.0), (0.33, 0.52, 0.25)),
        (_box(y, x, 0.46, 0.84, 0.20, 0.66), (0.90, 0.84, 0.74)),  # the house
        (_roof(y, x), (0.74, 0.22, 0.18)),
        (_box(y, x, 0.60, 0.84, 0.27, 0.38), (0.36, 0.22, 0.16)),
        (_box(y, x, 0.55, 0.70, 0.46, 0.60), (0.95, 0.95, 0.92)),
        (_box(y, x, 0.57, 0.68, 0.48, 0.58), (0.24, 0.38, 0.60)),
        (_box(y, x, 0.66, 0.88, 0.955, 1.005), (0.40, 0.26, 0.16)),  # the tree
        (np.hypot(y - 0.56, x - 0.98) < 0.17, (0.13, 0.36, 0.20)),
    ):
        picture = np.where(where[..., np.newaxis], color, picture)
    return np.asarray(picture.reshape(_HEIGHT, _FINE, _WIDTH, _FINE, 3).mean(axis=(1, 3)))


def _box(y: Array, x: Array, top: float, bottom: float, left: float, right: float) -> Array:
    return np.asarray((top <= y) & (y < bottom) & (left <= x) & (x < right))


def _roof(y: Array, x: Array) -> Array:
    return np.asarray((y < 0.47) & (y > 0.18 + np.abs(x - 0.43)))

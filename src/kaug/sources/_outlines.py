"""Outlines of objects, polygons or runs of pixels, and the masks that they make."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from kaug._types import Array
from kaug._validation import check_choice, check_flag, describe, message

_LEAST = 6  # numbers of a polygon
_PLACES = 5  # bits of a character in a text of runs, beside the one that says whether more follow
_ZERO = 48  # the character that stands for 0


class Outline(NamedTuple):
    """What an object covers.

    Attributes:
        polygons: Their corners, x and y in turns, `(2 * K,)` float64 each.
        runs: How many pixels in turn are not and are of the object, column by column, in place of
            polygons; or None.
    """

    polygons: tuple[Array, ...]
    runs: Array | None = None

    def scaled(self, by: Array) -> "Outline":
        """Returns an outline whose places are multiplied, `(2,)` for x and y."""
        return Outline(tuple(each * np.tile(by, len(each) // 2) for each in self.polygons))


def check_masks(masks: Any) -> bool:
    """Returns whether `masks`, True, False or "objects", asks for any.

    Raises:
        ImportError: There is nothing to draw them with.
        TypeError: It is something else.
        ValueError: It is another text.
    """
    if isinstance(masks, str):
        check_choice(masks, "masks", ("objects",))
    elif not check_flag(masks, "masks"):
        return False
    try:
        import pycocotools.mask  # noqa: F401
    except ImportError:
        rule, fix = "Masks are drawn by pycocotools", 'pip install "kaug[coco]"'
        raise ImportError(message(rule, "no pycocotools", fix)) from None
    return True


def outline_of(segmentation: Any, size: tuple[int, int]) -> Outline:
    """Returns the outline that the `segmentation` of a COCO annotation means.

    Args:
        segmentation: A list of polygons, or a dict of runs.
        size: Height and width of the picture; 0 for unknown.

    Raises:
        ValueError: It is none.
    """
    if not all(size):
        raise ValueError("masks need the height and the width of its picture")
    if isinstance(segmentation, dict):
        return Outline((), _runs(segmentation, size))
    if not isinstance(segmentation, list) or not segmentation:
        what = "a list of polygons or a dict of counts and size"
        raise ValueError(f"segmentation must be {what}, not {describe(segmentation)}")
    return Outline(tuple(_polygon(each, size) for each in segmentation))


def _polygon(corners: Any, size: tuple[int, int]) -> Array:
    try:
        polygon = np.array(corners, np.float64)
    except (TypeError, ValueError, OverflowError):
        polygon = np.zeros(0)
    if polygon.ndim != 1 or len(polygon) < _LEAST or len(polygon) % 2:
        rule = f"a polygon must be a list of x and y in turns, at least {_LEAST} numbers"
        raise ValueError(f"{rule}, not {describe(corners)}")
    limits = np.array([size[1], size[0]])
    points = polygon.reshape(-1, 2)
    if not ((points >= -limits) & (points <= 2 * limits)).all():  # not so for NaN either
        raise ValueError(
            f"a polygon that is not finite, or far from its picture, {describe(corners)}"
        )
    return polygon


def _runs(segmentation: dict[str, Any], size: tuple[int, int]) -> Array:
    counts: Any = segmentation.get("counts")
    if segmentation.get("size") != list(size):
        noted = describe(segmentation.get("size"))
        raise ValueError(f"the size of a segmentation must be that of its picture, not {noted}")
    runs: Any = _from_text(counts) if isinstance(counts, str) else counts
    whole = isinstance(runs, list) and all(type(run) is int and run >= 0 for run in runs)
    if not whole or sum(runs) != size[0] * size[1]:
        rule = "counts must be numbers of pixels that together are all of the picture"
        raise ValueError(f"{rule}, not {describe(counts)}")
    return np.array(runs, np.int64)


def _from_text(text: str) -> list[int]:
    """Returns the runs in a text, as COCO compresses them; nothing if it is none.

    Characters stand for 6 bits from "0" on: 5 of a number, the lowest first, and whether more
    follow; the last one's highest is the sign. From the fourth on, a number is the difference to
    the one two before.
    """
    runs: list[int] = []
    value = places = 0
    for code in text.encode():
        bits = code - _ZERO
        if not 0 <= bits < 2 ** (_PLACES + 1):
            return []
        value |= (bits & (2**_PLACES - 1)) << places
        places += _PLACES
        if bits >> _PLACES:
            continue
        if bits >> (_PLACES - 1):
            value -= 1 << places
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = places = 0
    return [] if places else runs


def draw(outline: Outline, size: tuple[int, int]) -> Array:
    """Returns the mask of an object, Booleans `(W, H)`: runs go down the columns."""
    if outline.runs is not None:
        inside = np.arange(len(outline.runs)) % 2 == 1
        return np.repeat(inside, outline.runs).reshape(size[::-1])
    from pycocotools import mask

    runs = mask.merge(mask.frPyObjects(list(outline.polygons), *size))
    drawn: Array = mask.decode(runs).view(bool).T
    return drawn


def paint(
    outlines: Iterable[tuple[int, Outline, bool]], size: tuple[int, int], dtype: str
) -> Array:
    """Returns the classes of pixels, `(H, W)`; 0 where there is none.

    Where objects overlap, the smaller one is on top, and crowds are below all others.

    Args:
        outlines: The value, the outline, and whether it is one of a crowd, for each object.
        size: Height and width.
        dtype: Of the result.
    """
    result = np.zeros(size[::-1], dtype)
    drawn = [(value, draw(outline, size), crowd) for value, outline, crowd in outlines]
    drawn.sort(key=lambda each: (not each[2], -np.count_nonzero(each[1])))
    for value, mask, _ in drawn:
        np.putmask(result, mask, value)
    return result.T

"""What stands above images: their labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kaug._types import Array
from kaug._validation import as_array, describe, message

_NAMED = 2  # shares of classes that are named, of mixed images
_LEAST = 0.05  # a smaller share is not named
_THERE = 0.5  # what has more of a class has it, where there may be several


def titles_of(labels: Any, count: int, class_names: Sequence[str] | None) -> list[str] | None:
    """Returns a title for each of `count` images, or None when there are no labels.

    Args:
        labels: `(N,)`, `(N, 1)`, shares of K classes `(N, K)`, or which of them are there.
        count: N.
        class_names: The names of the class numbers, or None.
    """
    if labels is None:
        return None
    values = as_array(labels, "labels")
    if values.shape == (count, 1):
        values = values[:, 0]
    if _are_of_classes(values, count):
        return _titles_of_classes(values, class_names)
    if values.shape != (count,):
        fix = "Several classes of one image go in as one text, or as (N, K) with 0 and 1."
        rule = f"`labels` must be one for each of the {count} images"
        raise ValueError(message(rule, describe(values), fix))
    if class_names is None:
        return [str(value) for value in values]
    if values.dtype.kind not in "iu" or values.min() < 0 or values.max() >= len(class_names):
        fix = "Pass all class names; or pass the titles as labels, without class_names."
        rule = f"`labels` must be integers in 0..{len(class_names) - 1} to pick from `class_names`"
        received = f"{describe(values)}, {values.min()} to {values.max()}"
        raise ValueError(message(rule, received, fix))
    return [str(class_names[value]) for value in values]


def known_names(labels: Any, class_names: Sequence[str] | None) -> Sequence[str] | None:
    """Returns names that come with images, if labels are numbers which these name."""
    if class_names is None or labels is None:
        return class_names
    values = as_array(labels, "labels")
    numbers = values.dtype.kind in "iu" and values.size and values.min() >= 0
    return class_names if numbers and values.max() < len(class_names) else None


def _are_of_classes(values: Array, count: int) -> bool:
    """Tells rows with a number in 0..1 for each class from all else."""
    if values.ndim != 2 or len(values) != count or values.dtype.kind not in "biuf":
        return False
    return bool(((values >= 0) & (values <= 1)).all())


def _titles_of_classes(values: Array, class_names: Sequence[str] | None) -> list[str]:
    names = [*map(str, range(values.shape[1]) if class_names is None else class_names)]
    if len(names) < values.shape[1]:
        rule = "`class_names` must name all classes of `labels`"
        received = f"{len(names)} names for {values.shape[1]} classes"
        raise ValueError(message(rule, received, "Add the missing names."))
    if not np.allclose(values.sum(axis=1), 1, atol=1e-3):  # each may have several, or none
        return [", ".join(names[each] for each in np.flatnonzero(row > _THERE)) for row in values]
    return [_title_of_shares(row, names) for row in values]


def _title_of_shares(row: Array, names: list[str]) -> str:
    largest = np.argsort(-row.astype(np.float64), kind="stable")[:_NAMED]
    named = [each for each in largest if row[each] >= _LEAST]
    alone = len(named) == 1
    return ", ".join(names[each] if alone else f"{names[each]} {row[each]:.1f}" for each in named)

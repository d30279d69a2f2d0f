"""What stands above images: their labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kaug._types import Array
from kaug._validation import as_array, describe, message

_NAMED = 2  # shares of classes that are named, of mixed images
_LEAST = 0.05  # a smaller share is not named


def titles_of(labels: Any, count: int, class_names: Sequence[str] | None) -> list[str] | None:
    """Returns a title for each of `count` images, or None when there are no labels.

    Args:
        labels: `(N,)`, `(N, 1)`, or shares of K classes `(N, K)`.
        count: N.
        class_names: The names of the class numbers, or None.
    """
    if labels is None:
        return None
    values = as_array(labels, "labels")
    if values.shape == (count, 1):
        values = values[:, 0]
    if _are_shares(values, count):
        return _titles_of_shares(values, class_names)
    if values.shape != (count,):
        fix = "Several classes of one image go in as one text: [', '.join(names), ...]."
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


def _are_shares(values: Array, count: int) -> bool:
    """Tells one-hot rows, or such that were mixed, from all else."""
    if values.ndim != 2 or len(values) != count or values.dtype.kind not in "biuf":
        return False
    return bool((values >= 0).all() and np.allclose(values.sum(axis=1), 1, atol=1e-3))


def _titles_of_shares(values: Array, class_names: Sequence[str] | None) -> list[str]:
    names = range(values.shape[1]) if class_names is None else class_names
    if len(names) < values.shape[1]:
        rule = "`class_names` must name all classes of `labels`"
        received = f"{len(names)} names for {values.shape[1]} classes"
        raise ValueError(message(rule, received, "Add the missing names."))
    titles = []
    for row in values:
        largest = np.argsort(-row, kind="stable")[:_NAMED]
        parts = [(str(names[each]), float(row[each])) for each in largest if row[each] >= _LEAST]
        mixed = len(parts) > 1
        titles.append(", ".join(f"{name} {share:.1f}" if mixed else name for name, share in parts))
    return titles

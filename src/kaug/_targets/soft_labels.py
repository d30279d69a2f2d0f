"""Labels that can be mixed: rows of floats, whatever they were before."""

from __future__ import annotations

from typing import Any

import numpy as np

from kaug._apply.leaf import Tree
from kaug._targets.by_place import PickledByPlace
from kaug._targets.structures import check_finite
from kaug._types import Array
from kaug._validation import describe, message


class SoftLabels(PickledByPlace):
    """Labels that become rows of floats when rows of them are taken."""

    def __init__(self, labels: Array, name: str, num_classes: int | None) -> None:
        if labels.ndim == 2 and labels.shape[1] == 1 and labels.dtype.kind in "iub":
            labels = labels[:, 0]
        _check_mixable(labels, name, num_classes)
        self._labels = labels
        self._classes = num_classes if labels.ndim == 1 else None
        self.shape = (len(labels), self._classes or labels.shape[1])
        self.dtype = labels.dtype if labels.dtype.kind == "f" else np.dtype(np.float32)

    def __getitem__(self, rows: Any) -> Array:
        labels = np.asarray(self._labels[rows])
        if self._classes is None:
            return labels.astype(self.dtype)
        one_hot: Array = labels[..., np.newaxis] == np.arange(self._classes)
        return one_hot.astype(self.dtype)


def _check_mixable(labels: Array, name: str, num_classes: int | None) -> None:
    check_form(labels.shape, labels.dtype.kind, name, num_classes, describe(labels))
    check_numbers(labels, name, num_classes)


def check_form(
    shape: tuple[int | None, ...], kind: str, name: str, num_classes: int | None, received: str
) -> None:
    """Raises for labels that cannot be mixed, as far as their shape and kind of dtype tell.

    Args:
        shape: Of the labels; class numbers `(N, 1)` are given as `(N,)`.
        kind: Of their dtype, as NumPy calls it.
        name: What the caller calls them.
        num_classes: How many classes there are, or None.
        received: What they are, in a message.
    """
    rule = f"To be mixed, `{name}` must be class numbers (N,), or one-hot or soft rows (N, K)"
    if len(shape) == 2 and kind in "iufb":
        # Beside others, class numbers may be what it is meant for.
        alone = "[" not in name.removesuffix("['labels']")
        if alone and num_classes is not None and (shape[1] or 0) > num_classes:
            rule = f"Rows of `{name}` must have at most num_classes={num_classes} columns"
            raise ValueError(
                message(rule, received, "Leave `num_classes` out where labels are rows already.")
            )
        return
    if len(shape) != 1 or kind not in "iub":
        raise ValueError(message(rule, received, "Number the classes from 0 on."))
    if num_classes is None:
        rule = f"To mix the class numbers in `{name}`, their number must be known"
        fix = "Pass it to the transform, for example MixUp(num_classes=10)."
        raise ValueError(message(rule, "num_classes=None", fix))


def check_numbers(labels: Array, name: str, num_classes: int | None) -> None:
    """Raises for labels of the right form whose values cannot be mixed."""
    if labels.ndim == 2:
        check_finite(labels, name, "A blend with such a label would be one as well.")
        if labels.dtype.kind in "iu" and labels.size and not 0 <= labels.min() <= labels.max() <= 1:
            rule = f"To be mixed, rows of integers in `{name}` must hold 0 and 1"
            fix = "Class numbers of several outputs must be separate arrays (N,)."
            raise ValueError(message(rule, f"{labels.min()}..{labels.max()}", fix))
        return
    if num_classes and len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
        rule = f"The class numbers in `{name}` must lie in 0..{num_classes - 1}"
        received = f"{labels.min()}..{labels.max()} with num_classes={num_classes}"
        raise ValueError(message(rule, received))


def num_classes(transform: Tree) -> int | None:
    """Returns the number of classes that all mixing steps agree on."""
    known = {getattr(leaf, "num_classes", None) for leaf in transform._leaves() if leaf._mixes}
    given = known - {None}
    if len(given) > 1:
        rule = "All mixing transforms of a policy must have the same `num_classes`"
        raise ValueError(message(rule, f"{given}"))
    return given.pop() if given else None

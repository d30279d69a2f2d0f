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
    rule = f"To be mixed, `{name}` must be class numbers (N,), or one-hot or soft rows (N, K)"
    if labels.ndim == 2 and labels.dtype.kind in "iufb":
        check_finite(labels, name, "A blend with such a label would be one as well.")
        if labels.dtype.kind in "iu" and labels.size and not 0 <= labels.min() <= labels.max() <= 1:
            rule = f"To be mixed, rows of integers in `{name}` must hold 0 and 1"
            fix = "Class numbers of several outputs must be separate arrays (N,)."
            raise ValueError(message(rule, f"{labels.min()}..{labels.max()}", fix))
        # Beside others, class numbers may be what it is meant for.
        alone = "[" not in name.removesuffix("['labels']")
        if alone and num_classes is not None and labels.shape[1] > num_classes:
            rule = f"Rows of `{name}` must have at most num_classes={num_classes} columns"
            fix = "Leave `num_classes` out where labels are rows already."
            raise ValueError(message(rule, describe(labels), fix))
        return
    if labels.ndim != 1 or labels.dtype.kind not in "iub":
        raise ValueError(message(rule, describe(labels), "Number the classes from 0 on."))
    if num_classes is None:
        rule = f"To mix the class numbers in `{name}`, their number must be known"
        fix = "Pass it to the transform, for example MixUp(num_classes=10)."
        raise ValueError(message(rule, "num_classes=None", fix))
    if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
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

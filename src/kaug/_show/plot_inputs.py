"""What plots of training and of classes are given, checked and brought to what they draw from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaug._targets.structures import check_present
from kaug._validation import as_array, describe, message

_MAX_CLASSES = 1_000
_ALIASES = {"acc": "accuracy", "accuracy": "acc"}


@dataclass(frozen=True)
class Run:
    """One training: its curves by metric, and the number of its first epoch."""

    name: str
    curves: Mapping[str, Sequence[float]]
    first_epoch: int = 1


def runs_of(history: Any) -> list[Run]:
    """Returns one run for each history; a single one has the name ''."""
    values = history.values() if isinstance(history, Mapping) else ()
    if any(hasattr(value, "history") or isinstance(value, Mapping) for value in values):
        return [_run(str(name), value) for name, value in history.items()]
    return [_run("", history)]


def _run(name: str, history: Any) -> Run:
    curves = getattr(history, "history", history)
    if not isinstance(curves, Mapping) or not all(map(_is_curve, curves.values())):
        fix = "Pass what model.fit(...) returns; for several, a dict from names to those."
        rule = "`history` must be a Keras History, or a dict of lists with one number an epoch"
        raise TypeError(message(rule, describe(history), fix))
    # A resumed training (initial_epoch) knows that it did not start at epoch 1.
    epochs = getattr(history, "epoch", None) or [0]
    return Run(name, {str(key): list(curve) for key, curve in curves.items()}, epochs[0] + 1)


def _is_curve(values: Any) -> bool:
    """Tells a list of numbers, of which NaN leaves a gap, from all else."""
    try:
        curve = np.asarray(values)
    except ValueError:  # lists of different length
        return False
    return curve.ndim == 1 and (curve.dtype.kind in "iuf" or not len(curve))


def recorded_name(run: Run, metric: str) -> str:
    """Returns the name under which a run recorded a metric."""
    for candidate in (metric, _ALIASES.get(metric, metric)):
        if run.curves.get(candidate):
            return candidate
    whose = f" for {run.name!r}" if run.name else ""
    there = [key for key, curve in run.curves.items() if curve]
    if not there:
        rule = "A history must hold at least one epoch"
        raise ValueError(message(rule, f"an empty one{whose}", "Train with model.fit(...) first."))
    rule = f"`metrics` must be among those recorded{whose}: {', '.join(there)}"
    fix = f"Pass metrics=({there[0]!r},), or compile the model with metrics=[{metric!r}]."
    raise ValueError(message(rule, repr(metric), fix))


def paired_classes(
    y_true: ArrayLike, y_pred: ArrayLike, class_names: Sequence[str] | None
) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """Returns true and predicted class numbers, and how many classes there are."""
    (true, true_size), (pred, pred_size) = _classes(y_true, "y_true"), _classes(y_pred, "y_pred")
    if len(true) != len(pred):
        rule = "`y_true` and `y_pred` must have the same length"
        fix = "Predict the rows that y_true belongs to."
        raise ValueError(message(rule, f"lengths {len(true)} and {len(pred)}", fix))
    size = max(true_size, pred_size)
    if class_names is None:
        return true, pred, size
    if size > len(class_names):
        rule = f"`class_names` must name all of the {size} classes"
        raise ValueError(message(rule, f"{len(class_names)} names", "Add the missing names."))
    return true, pred, len(class_names)


def _to_numbers(labels: NDArray[Any]) -> str:
    """Returns what makes class numbers of labels, by what they are."""
    if labels.dtype.kind in "OSTU":
        return "Number them alike in both: [classes.index(label) for label in labels]."
    if labels.dtype.kind == "f" and labels.size and 0 <= labels.min() <= labels.max() <= 1:
        return "Pass one sigmoid output p as (p > 0.5).astype(int)."
    return "Pass model.predict(x) as it is." if labels.size else ""


def _classes(labels: ArrayLike, name: str) -> tuple[NDArray[np.intp], int]:
    """Returns class numbers, and how many classes they need."""
    given = as_array(labels, name)
    check_present(given, name)
    values, size = given, 0
    if given.ndim == 2 and given.shape[1] == 1:
        values = given[:, 0]
    elif given.ndim == 2 and given.size and given.dtype.kind in "buif":
        values, size = given.argmax(axis=1), given.shape[1]
    if values.ndim != 1 or len(values) == 0 or values.dtype.kind not in "biu":
        rule = f"`{name}` must be class numbers (N,), or rows (N, K) with one column a class"
        raise ValueError(message(rule, describe(given), _to_numbers(given)))
    least, most = int(values.min()), int(values.max())
    if least < 0 or most >= _MAX_CLASSES:
        rule = f"`{name}` must be class numbers in 0..{_MAX_CLASSES - 1}"
        fix = "Number the classes from 0, with np.unique(y, return_inverse=True) for example."
        raise ValueError(message(rule, f"labels from {least} to {most}", fix))
    return values.astype(np.intp), max(size, most + 1)

"""What the plots are given, checked and brought to the form they draw from."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaug._colors import FAR_ABOVE_WHITE, FAR_BELOW_BLACK
from kaug._images import are_any_size, as_images
from kaug._targets.structures import check_present
from kaug._types import Array
from kaug._validation import (
    as_array,
    check_integer,
    describe,
    message,
    refuse_one_image,
)

MAX_IMAGES = 1_000  # a grid of more takes minutes to draw and cannot be seen
_MAX_CLASSES = 1_000
_ALIASES = {"acc": "accuracy", "accuracy": "acc"}


def check_pictures(images: Any, name: str = "images") -> Any:
    """Returns images `(N, H, W)`, `(N, H, W, C)` with channels one can show, or of any size."""
    if are_any_size(images):
        return as_images(images, name)
    array = as_array(images, name)
    if array.dtype.kind not in "buif":
        rule = f"`{name}` must hold integers in 0..255 or floats in [0, 1]"
        raise TypeError(message(rule, describe(array), "Convert them first."))
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[-1] not in (1, 3, 4)):
        rule = f"`{name}` must be (N, H, W), or (N, H, W, C) with 1, 3 or 4 channels"
        raise ValueError(message(rule, describe(array), "A single image x goes in as x[None]."))
    if 0 in array.shape:
        rule = f"`{name}` must hold at least one image of at least one pixel"
        raise ValueError(message(rule, describe(array), "Check how the images were selected."))
    refuse_one_image(array, name, f"`{name}` must be (N, H, W) or (N, H, W, C)")
    return array


def displayable(array: NDArray[Any]) -> NDArray[Any]:
    """Returns images as imshow takes them: uint8 in 0..255 or floats in [0, 1]."""
    if array.dtype.kind == "b":
        array = array.astype(np.float32)
    is_float = array.dtype.kind == "f"
    # Cubic interpolation overshoots a little; pixels in 0..255 or standardised ones do by far.
    low, high = (FAR_BELOW_BLACK, FAR_ABOVE_WHITE) if is_float else (0, 255)
    least, most = np.fmin.reduce(array, axis=None), np.fmax.reduce(array, axis=None)
    if least < low or most > high:
        raise ValueError(
            message(
                f"Images must be {'floats in [0, 1]' if is_float else 'integers in 0..255'}",
                f"{array.dtype} from {least} to {most}",
                "Bring them into that range, as with (x - x.min()) / (x.max() - x.min()).",
            )
        )
    # float32, because Matplotlib cannot resample every other float.
    array = array.clip(0, 1).astype(np.float32) if is_float else array.astype(np.uint8)
    return array[..., 0] if array.ndim == 4 and array.shape[-1] == 1 else array


def pictures_of(images: Any, most: int) -> tuple[list[Array], float]:
    """Returns no more than so many images as imshow takes them, and height over width."""
    if not are_any_size(images):
        shown = displayable(images[:most])
        return list(shown), shown.shape[1] / shown.shape[2]
    sequence = as_images(images, "images")
    several = (sequence[i] for i in range(min(most, len(sequence))))
    one = (
        each[np.newaxis] if each.ndim == 3 else each[np.newaxis, ..., np.newaxis]
        for each in several
    )
    return [displayable(check_pictures(each))[0] for each in one], 1.0


def titles_of(
    labels: ArrayLike | None, count: int, class_names: Sequence[str] | None
) -> list[str] | None:
    """Returns a title for each of `count` images, or None when there are no labels."""
    if labels is None:
        if class_names is not None:
            fix = "Pass plot_images(x, y, class_names=...)."
            rule = "`class_names` needs `labels` to name"
            raise ValueError(message(rule, "class_names without labels", fix))
        return None
    values = as_array(labels, "labels")
    if values.shape == (count, 1):
        values = values[:, 0]
    if values.shape != (count,):
        fix = "Turn one-hot labels into numbers with y.argmax(axis=-1)."
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


def grid_of(count: int, rows: int | None, columns: int | None) -> tuple[int, int]:
    """Returns the rows and columns of the grid that shows `count` images."""
    if rows is not None:
        rows = check_integer(rows, "rows", minimum=1)
    if columns is not None:
        columns = check_integer(columns, "columns", minimum=1)
    _check_shown(count if rows is None or columns is None else min(count, rows * columns))
    if columns is None:
        # A handful reads best side by side.
        square = count if count <= 5 else math.ceil(math.sqrt(count))
        columns = square if rows is None else math.ceil(count / rows)
    if rows is None:
        rows = math.ceil(count / columns)
    return rows, columns


def _check_shown(count: int) -> None:
    if count > MAX_IMAGES:
        rule = f"At most {MAX_IMAGES:,} images fit in a figure"
        received = f"{count:,} images to show" if count < 2**63 else "far more to show"
        raise ValueError(message(rule, received, "Pass x[:100], or rows=10, columns=10."))


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

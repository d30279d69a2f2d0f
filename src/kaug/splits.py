"""Splits of a dataset that keep copies of training rows out of validation."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaug._draw.keys import Key, permutation, resolve_seed
from kaug._images import ImageSequence, as_images
from kaug._memory import check_memory
from kaug._multi_label import choose_multi_label
from kaug._targets.maps import Maps
from kaug._targets.structures import (
    check_order,
    class_numbers,
    group_numbers,
    has_several_labels,
    labels_of,
    map_arrays,
    nbytes_per_row,
)
from kaug._types import Array, Rows
from kaug._validation import as_array, check_flag, check_fraction, message, warn

_NAMED = 5  # columns named in a message


def train_validation_split(
    x: ArrayLike,
    y: Any,
    *,
    sample_weight: Any = None,
    validation_split: float = 0.25,
    stratify: bool = True,
    groups: ArrayLike | None = None,
    seed: int | None = None,
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Splits images and labels into a training and a validation part, chosen at random.

    Keras' own `validation_split` takes the *last* rows. After augmented rows were appended, those
    are copies of training rows; so split first and augment the training part alone, or pass the
    index that `augment_dataset` returns as `groups`.

    Both parts are copies in memory. Of images that do not fit, let it split the row numbers: with
    `np.arange(N)` for `x`, the parts say which rows are theirs. Of images of any size nothing is
    read or copied: the parts are sequences of some of them.

    Args:
        x: Images, `(N, H, W, C)` or `(N, H, W)`, or videos `(N, T, H, W, C)`, or a sequence of
            images of any size, or row numbers `(N,)`.
        y: Labels: an array with N rows, or a tuple, list or dict of such arrays, also one with
            masks, boxes and keypoints under Keras' names.
        sample_weight: Weights with N rows, an array or a structure of arrays like `y`.
        validation_split: Share of the rows that goes to validation, between 0 and 1.
        stratify: Whether every class keeps its share on both sides. It needs `y`, or in a dict
            what is called `"labels"`, to be one array of class labels: `(N,)` integers or strings,
            or one-hot rows `(N, K)`. Rows `(N, K)` of 0 and 1 with any number of ones say which
            labels a row has; each of these keeps its share, to within a row where such a split is
            found, and there can be no groups.
        groups: Group of each row, `(N,)`. Rows of a group land on the same side.
        seed: 0..2⁶⁴-1; None draws one from Python's `random`.

    Returns:
        `(x_train, y_train), (x_val, y_val)`, rows in their original order; with `sample_weight`,
        it is the third item of both, as `fit` and its `validation_data` take it. Validation has
        `round(N * validation_split)` rows, at least one and at most N - 1; with groups, as near
        to that as whole groups come.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: Lengths differ, there are fewer than two rows, `validation_split` is not
            between 0 and 1, a class has one row alone, a label is missing or rows of several labels
            have groups (when stratifying), a group is missing, or one group holds so much that a
            side stays empty.
        MemoryError: The parts would not fit into the memory that is free.

    Example:
        >>> import numpy as np, kaug
        >>> x, y = np.zeros((8, 5, 7)), np.array([0, 0, 0, 0, 1, 1, 1, 1])
        >>> (x_train, y_train), (x_val, y_val) = kaug.train_validation_split(x, y, seed=0)
        >>> y_train, y_val
        (array([0, 0, 0, 1, 1, 1]), array([0, 1]))
    """
    images = _checked_rows(x)
    count = len(images)
    check_order(y=y, sample_weight=sample_weight, groups=groups)
    y, weight = _checked_targets(y, sample_weight, images)
    share = check_fraction(validation_split, "validation_split")
    stratify = check_flag(stratify, "stratify")
    key = Key.from_seed(resolve_seed(seed))
    if count < 2:
        raise ValueError(message("A split needs at least two rows", f"{count} rows"))
    units = np.arange(count) if groups is None else group_numbers(groups, count)
    labels = labels_of(y)
    if stratify and has_several_labels(labels):
        _check_several(labels, groups)
        chosen = choose_multi_label(labels, _total(count, share), key)
    else:
        classes = _checked_classes(labels) if stratify else np.zeros(count, np.int64)
        chosen = _choose(classes, units, share, key)
    validation = np.flatnonzero(chosen)
    if not 0 < len(validation) < count:
        raise ValueError(
            message(
                "Both sides of a split need at least one group",
                f"{len(np.unique(units))} groups, the largest of {np.bincount(units).max()} of "
                f"{count} rows, and validation_split={share}",
                "Use smaller groups or another validation_split.",
            )
        )
    training = np.flatnonzero(~chosen)
    if not isinstance(images, ImageSequence):  # of which nothing is read
        fix = "Pass row numbers for `x`: np.arange(N)."
        check_memory(images.shape[1:], images.dtype, count, _row_bytes((y, weight)), fix)
    parts = (images, y) if weight is None else (images, y, weight)
    return _rows(parts, training), _rows(parts, validation)


def _checked_rows(x: Any) -> Any:
    """Returns images, checked; numbers are rows as good as any."""
    images = isinstance(x, (list, tuple)) and any(hasattr(each, "shape") for each in x[:1])
    held = isinstance(x, (np.ndarray, list, tuple, range)) and not images
    shape = np.shape(x) if held else (0, 0)
    if len(shape) == 1 or shape[1:] == (1, 1):
        numbers = as_array(x, "x")
        if numbers.dtype.kind in "iu":
            return numbers
    return as_images(x)


def _rows(parts: tuple[Any, ...], rows: Rows) -> tuple[Any, ...]:
    def part(leaf: Any, _: str) -> Any:
        return leaf[rows] if isinstance(leaf, (np.ndarray, Maps)) else leaf

    images, *others = parts
    return images[rows], *(map_arrays(part, each) for each in others)


def _checked_targets(y: Any, sample_weight: Any, images: Any) -> tuple[Any, Any]:
    """Returns labels and weights, all arrays; what a dict says about its boxes stays."""
    # Not above: transforms take long to load, and few splits have boxes.
    from kaug.store._source import checked_targets

    return checked_targets(y, sample_weight, images)


def _row_bytes(y: Any) -> int:
    sizes = [0]

    def add(leaf: Any, _: str) -> None:
        if isinstance(leaf, np.ndarray):
            sizes.append(nbytes_per_row(leaf))

    map_arrays(add, y)
    return sum(sizes)


def _checked_classes(y: Any) -> Rows:
    classes = class_numbers(y, "Pass stratify=False for labels that are no classes.")
    sizes = np.bincount(classes)
    if (sizes == 1).any():
        raise ValueError(
            message(
                "Stratifying needs at least two rows of every class",
                f"{(sizes == 1).sum()} of {len(sizes)} classes with one row",
                "Pass stratify=False, or drop those classes.",
            )
        )
    return classes


def _check_several(labels: Array, groups: Any) -> None:
    """Raises for groups; warns of labels that cannot be on both sides."""
    if groups is not None:
        rule = "Rows of several labels each are stratified without groups"
        fix = "Pass stratify=False to keep groups together, or split before you augment."
        raise ValueError(message(rule, f"labels of shape {labels.shape} and groups", fix))
    alone = np.flatnonzero((labels != 0).sum(axis=0) == 1)
    if len(alone):
        rule = "A label that one row alone has is on one side of the split"
        named = ", ".join(map(str, alone[:_NAMED])) + (", …" if len(alone) > _NAMED else "")
        warn(message(rule, f"{len(alone)} such columns: {named}"))


def _choose(classes: Rows, units: Rows, share: float, key: Key) -> NDArray[np.bool_]:
    """Returns which rows are for validation: whole units at random, to the quota of each class."""
    sizes = np.bincount(units)
    # A unit counts for the class of its first row; with augmented copies all rows agree.
    first_row = np.unique(units, return_index=True)[1]
    unit_class = classes[first_row]
    order = permutation(key, len(sizes))
    quotas = _quotas(np.bincount(unit_class[units]), share)

    taken = np.zeros(len(sizes), np.bool_)
    # First the units that fit; then those that overshoot, where that comes nearer to the quota.
    for tolerance in (1, 2):
        for unit in order[~taken[order]]:
            room = quotas[unit_class[unit]]
            if sizes[unit] <= room or sizes[unit] < tolerance * room:
                quotas[unit_class[unit]] -= sizes[unit]
                taken[unit] = True
    return taken[units]


def _quotas(sizes: Rows, share: float) -> Rows:
    """Returns how many rows of each class go to validation, by largest remainder."""
    count = int(sizes.sum())
    total = _total(count, share)
    ideal = total * sizes / count
    quotas = np.floor(ideal).astype(np.int64)
    largest = np.argsort(quotas - ideal, kind="stable")[: total - int(quotas.sum())]
    quotas[largest] += 1
    return quotas


def _total(count: int, share: float) -> int:
    """Returns how many of so many rows go to validation."""
    return min(max(int(count * share + 0.5), 1), count - 1)

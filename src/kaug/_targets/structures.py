"""What travels with the images: labels, weights and any structure of them.

A structure is an array, or a tuple, list or dict (nested as you like) of arrays that all have one
row per image. A flat list of numbers or strings is taken as one array of labels.
"""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._images import Companion
from kaug._types import Array
from kaug._validation import as_array, check_length, describe, message, warn

_NAMED = 5  # rows named in a message


def map_arrays(function: Callable[[Any, str], Any], structure: Any, name: str = "y") -> Any:
    """Returns `structure` with `function(leaf, name)` in place of each of its leaves.

    Args:
        function: Called with each leaf and what to call it in a message, like `y['label'][0]`.
        structure: A structure of arrays; None stays None.
        name: What to call the structure itself.
    """
    if structure is None:
        return None
    if isinstance(structure, Mapping):
        return {
            key: map_arrays(function, value, f"{name}[{key!r}]") for key, value in structure.items()
        }
    if isinstance(structure, (tuple, list)) and not _is_flat(structure):
        items = [map_arrays(function, value, f"{name}[{i}]") for i, value in enumerate(structure)]
        if isinstance(structure, list):
            return items
        # A named tuple takes its fields one by one.
        return type(structure)(*items) if hasattr(structure, "_fields") else tuple(items)
    return function(structure, name)


def _is_flat(sequence: tuple[Any, ...] | list[Any]) -> bool:
    """Tells a list of labels, of which some may be missing, from a list of arrays."""
    present = [item for item in sequence if item is not None]
    if sequence and not present:
        return False
    return all(_is_label(item) for item in present)


def _is_label(item: Any) -> bool:
    shape = getattr(item, "shape", None)
    if shape is not None:  # symbolic tensors tell no more
        return bool(shape == ())
    return np.isscalar(item) or _is_nothing(item)


def check_targets(y: Any, name: str, count: int) -> Any:
    """Returns the structure `y` with every leaf an array of `count` rows.

    What belongs to images of any size, and is read with them, stays as it is.

    Raises:
        ValueError: A leaf has another length, is a scalar, or is ragged; a list of labels has
            some that are missing, or strings beside numbers; or it is one of rows.
    """

    def check(leaf: Any, leaf_name: str) -> Any:
        if isinstance(leaf, Companion):
            return leaf
        array = as_array(leaf, leaf_name)
        check_length(array, leaf_name, count)
        if isinstance(leaf, (tuple, list)) and array.dtype.kind in "USO":
            _check_one_kind(leaf, leaf_name)
        return array

    _refuse_rows(y, name, count)
    return map_arrays(check, y, name)


def check_order(**structures: Any) -> None:
    """Warns of pandas objects that label the same rows, but have them in another order.

    Args:
        **structures: Structures as they were given, by name, before arrays are made of them.
    """
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return
    labeled: list[tuple[str, Any]] = []

    def note(leaf: Any, name: str) -> None:
        if isinstance(leaf, (pandas.Series, pandas.DataFrame)):
            labeled.append((name, leaf.index))

    for name, structure in structures.items():
        map_arrays(note, structure, name)
    for name, index in labeled[1:]:
        first, other = labeled[0]
        same = len(index) == len(other) and not other.symmetric_difference(index).size
        if same and not index.equals(other):
            rule = "Rows belong together by their position, not by an index of pandas"
            received = (
                f"`{first}` and `{name}`, whose indices hold the same labels in another order"
            )
            fix = (
                f"Bring them into one order: {name}.loc[{first}.index]. If they are in it, pass "
                f"{name}.to_numpy()."
            )
            warn(message(rule, received, fix))
            return


def _refuse_rows(structure: Any, name: str, count: int) -> None:
    """Raises for rows that are lists: a list is one of arrays, each with all of the rows."""
    if isinstance(structure, Mapping):
        for key, value in structure.items():
            _refuse_rows(value, f"{name}[{key!r}]", count)
    elif isinstance(structure, (tuple, list)) and not hasattr(structure, "_fields"):
        rows = [item for item in structure if isinstance(item, (tuple, list)) and _is_flat(item)]
        lengths = {len(row) for row in rows}
        if len(rows) == len(structure) == count and len(lengths) == 1 and lengths != {count}:
            rule = f"A list `{name}` must hold arrays, each with one row for each image"
            received = f"{count} lists of {lengths.pop()}"
            fix = f"If each of them belongs to an image, pass np.asarray({name})."
            raise ValueError(message(rule, received, fix))
        for i, item in enumerate(structure):
            _refuse_rows(item, f"{name}[{i}]", count)


def _check_one_kind(labels: Sequence[Any], name: str) -> None:
    """Raises for labels that NumPy would make strings of: None, NaN and numbers beside strings."""
    if all(isinstance(label, str) for label in labels):
        return
    array = np.empty(len(labels), object)
    array[:] = labels
    check_present(array, name)
    _ordered(array, name)


def check_present(labels: Array, name: str) -> None:
    """Raises when labels are missing: None, NaN, NaT and what pandas has for it."""
    if labels.dtype.kind in "fc":
        missing = np.isnan(labels)
    elif labels.dtype.kind in "mM":
        missing = np.isnat(labels)
    elif labels.dtype.kind in "OT":
        flat = labels.astype(object).ravel()
        missing = np.fromiter(map(_is_nothing, flat), np.bool_, len(flat)).reshape(labels.shape)
    else:
        return
    rows = np.flatnonzero(missing.reshape(len(labels), -1).any(axis=1)) if missing.any() else ()
    if not len(rows):
        return
    what = {"f": "NaN", "c": "NaN", "m": "NaT", "M": "NaT"}.get(labels.dtype.kind)
    what = what or str(labels[missing][0])
    named = ", ".join(map(str, rows[:_NAMED])) + (", …" if len(rows) > _NAMED else "")
    received = f"{what} in row{'s' if len(rows) > 1 else ''} {named}"
    rule = f"{'Groups' if name == 'groups' else 'Labels'} must not be missing"
    fix = "Leave these rows out, or give them a value that stands for what is missing."
    raise ValueError(message(rule, f"{received} of `{name}`", fix))


def _is_nothing(label: Any) -> bool:
    """Tells what stands for a missing value: it is None, or not equal to itself."""
    if label is None:
        return True
    if isinstance(label, (str, bytes, int, np.ndarray, list, tuple, Mapping)):
        return False
    try:
        return bool(label != label)
    except TypeError:  # pandas.NA, of which nobody knows what it equals
        return True
    except ValueError:  # an array of another library
        return False


def _ordered(labels: Array, name: str) -> NDArray[np.int64]:
    """Returns numbers for labels, equal for equal ones and in their order."""
    try:
        return np.asarray(np.unique(labels, return_inverse=True)[1], np.int64)
    except TypeError:
        types = sorted({type(label).__name__ for label in labels})
        rule = (
            f"What `{name}` holds must be of one kind, with an order, as integers and strings are"
        )
        fix = f"Make strings of all, for example: [str(label) for label in {name}]."
        raise ValueError(message(rule, " and ".join(types), fix)) from None


def check_weights(sample_weight: Any, count: int) -> Any:
    """Returns `sample_weight` as a structure of real arrays of `count` rows.

    Raises:
        TypeError: The weights are not real numbers.
        ValueError: The lengths differ, or weights are NaN or infinite.
    """

    def check(array: Any, name: str) -> Any:
        if array.dtype.kind not in "iufb":
            raise TypeError(message(f"`{name}` must hold real numbers", describe(array)))
        if not isinstance(array, Companion):  # which looks when it is read
            check_finite(array, name, "To leave out a row, give it the weight 0.")
        return array

    weights = check_targets(sample_weight, "sample_weight", count)
    return map_arrays(check, weights, "sample_weight")


def check_finite(array: Array, name: str, fix: str = "") -> None:
    """Raises when floats are NaN or infinite, and says in which rows.

    Args:
        array: One row an image.
        name: What the caller calls it.
        fix: What to do about it.
    """
    if array.dtype.kind != "f":
        return
    # A sum shows all of them at once; one that is too large is looked at closely.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(array.sum(dtype=np.float64)):
            return
    bad = np.asarray(~np.isfinite(array).reshape(len(array), -1).all(axis=1))
    if bad.any():
        row = np.ravel(array[bad.argmax()])
        value = row[~np.isfinite(row)][0]
        rule = f"`{name}` must hold finite numbers"
        raise ValueError(message(rule, f"{value} in {rows_text(bad)}", fix))


def rows_text(bad: Array) -> str:
    """Returns the numbers of the rows that are wrong, the first of them, as text."""
    rows = np.flatnonzero(bad)
    if len(rows) == 1:
        return f"row {rows[0]}"
    more = f" and {len(rows) - 5:,} more" if len(rows) > 5 else ""
    return f"rows {', '.join(map(str, rows[:5]))}{more}"


def labels_of(y: Any) -> Any:
    """Returns what says the class of each row: labels, of a dict those under that name."""
    return y["labels"] if isinstance(y, Mapping) and "labels" in y else y


def class_numbers(y: Any, otherwise: str = "") -> NDArray[np.int64]:
    """Returns the class of each row as an integer `0..K-1`; see `class_labels`."""
    labels = class_labels(y, otherwise)
    return labels if _has_columns(y) else _ordered(labels, "y")


def class_labels(y: Any, otherwise: str = "", *, purpose: str = "Counting classes") -> Array:
    """Returns the class of each row, `(N,)`: its label, or the column of its one.

    Args:
        y: One array of labels: integers, booleans or strings `(N,)` or `(N, 1)`, or one-hot rows
            `(N, K)`.
        otherwise: What to do with labels that are no classes.
        purpose: What they are needed for.

    Raises:
        ValueError: `y` is not one array of class labels, or some of them are missing.
    """
    rule = (
        f"{purpose} needs one array of labels `y`: integers or strings of shape (N,), or "
        "one-hot rows of shape (N, K)"
    )
    if not isinstance(y, np.ndarray):
        raise ValueError(message(rule, f"y of type {type(y).__name__}", otherwise))
    check_present(y, "y")
    labels = y[:, 0] if y.ndim == 2 and not _has_columns(y) else y
    if _has_columns(labels) and _is_one_hot(labels):
        return np.asarray(labels.argmax(axis=1), np.int64)
    if labels.ndim != 1 or labels.dtype.kind not in "iubUSTO":
        raise ValueError(message(rule, describe(y), _to_classes(labels) or otherwise))
    return labels


def has_several_labels(y: Any) -> bool:
    """Tells whether rows of 0 and 1, `(N, K)`, say which labels a row has, not one in each."""
    return isinstance(y, np.ndarray) and _has_columns(y) and _is_flags(y) and not _is_one_hot(y)


def _has_columns(labels: Array) -> bool:
    return labels.ndim == 2 and labels.shape[1] != 1


def group_numbers(groups: Any, count: int) -> NDArray[np.int64]:
    """Returns the group of each of `count` rows as an integer `0..K-1`.

    Raises:
        ValueError: They are not `count` groups, some are missing, or they have no order.
    """
    array = as_array(groups, "groups")
    check_length(array, "groups", count)
    if isinstance(groups, (tuple, list)) and array.dtype.kind in "USO":
        _check_one_kind(groups, "groups")
    check_present(array, "groups")
    if array.ndim != 1:
        raise ValueError(message("`groups` must have shape (N,)", f"shape {array.shape}"))
    return _ordered(array, "groups")


def _to_classes(labels: Array) -> str:
    """Returns how classes can be made of labels of another dtype, if they can."""
    if labels.ndim == 1 and labels.dtype.kind == "f" and np.isfinite(labels).all():
        whole = bool(((labels == np.trunc(labels)) & (abs(labels) < 2**53)).all())
        return "Pass y.astype(int) if these are class numbers." if whole else ""
    if labels.ndim == 1 and labels.dtype.kind in "mM":
        return "Pass y.astype(str) to make a class of each time."
    return ""


def _is_flags(labels: Array) -> bool:
    return labels.dtype.kind in "iufb" and bool(np.all((labels == 0) | (labels == 1)))


def _is_one_hot(labels: Array) -> bool:
    return _is_flags(labels) and bool(np.all(labels.sum(axis=1) == 1))


def append_rows(structure: Any, index: NDArray[np.int64], *, append: bool) -> Any:
    """Returns every array with its own rows first (when `append`), then the rows of `index`.

    Args:
        structure: A checked structure of arrays.
        index: Source row of each new row, int64 `(n,)`.
        append: Whether the arrays' own rows come first.
    """

    def extend(array: Array, _: str) -> Array:
        kept = len(array) if append else 0
        result = np.empty((kept + len(index), *array.shape[1:]), array.dtype)
        result[:kept] = array[:kept]
        # In place: fancy indexing on the right would make the new rows twice.
        np.take(array, index, axis=0, out=result[kept:], mode="clip")
        return result

    return map_arrays(extend, structure)


def nbytes_per_row(structure: Any) -> int:
    """Returns how many bytes one row of every array of the structure takes."""
    sizes: list[int] = []

    def add(array: Array, _: str) -> None:
        sizes.append(array.itemsize * math.prod(array.shape[1:]))

    map_arrays(add, structure)
    return sum(sizes)

import tracemalloc
from collections import deque, namedtuple

import numpy as np
import pandas as pd
import pytest

from kaug.targets import (
    append_rows,
    check_targets,
    check_weights,
    class_numbers,
    map_arrays,
    nbytes_per_row,
)

Pair = namedtuple("Pair", ["color", "kind"])


def test_structures_keep_their_kind():
    y = {
        "a": [1, 2, 3],
        "b": (np.zeros((3, 2)), [np.array(["x", "y", "z"])]),
        "c": Pair(np.arange(3), None),
    }
    checked = check_targets(y, "y", 3)
    assert isinstance(checked["a"], np.ndarray)
    assert isinstance(checked["b"], tuple)
    assert isinstance(checked["b"][1], list)
    assert checked["c"].kind is None
    more = append_rows(checked, np.array([2, 0]), append=True)
    assert more["a"].tolist() == [1, 2, 3, 3, 1]
    assert more["b"][1][0].tolist() == ["x", "y", "z", "z", "x"]
    assert isinstance(more["c"], Pair)
    assert more["c"].color.tolist() == [0, 1, 2, 2, 0]


def test_leaves_are_named_by_their_place():
    structure = {"a": np.zeros(2), 3: (np.zeros(2), [np.zeros(2), None])}
    assert map_arrays(lambda _, name: name, structure) == {
        "a": "y['a']",
        3: ("y[3][0]", ["y[3][1][0]", None]),
    }


@pytest.mark.parametrize(
    "y", [[1, 2], (1.5, 2), ["a", "b"], [np.array(1), np.array(2)], [np.int64(1), np.array(2)]]
)
def test_a_flat_list_is_one_array(y):
    checked = check_targets(y, "y", 2)
    assert isinstance(checked, np.ndarray)
    assert checked.tolist() == np.array(y).tolist()


def test_only_the_new_rows():
    assert append_rows(np.array([5, 6, 7]), np.array([1, 1]), append=False).tolist() == [6, 6]


def test_results_are_never_views():
    y = np.arange(3)
    more = append_rows(y, np.empty(0, np.int64), append=True)
    assert not np.shares_memory(y, more)


def test_new_rows_are_made_once():
    y, index = np.zeros((1000, 100)), np.zeros(20_000, np.int64)
    tracemalloc.start()
    more = append_rows(y, index, append=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.1 * more.nbytes


@pytest.mark.parametrize(
    "y", [pd.Series([1, 2, 3]), pd.Series(["a", "b", "c"]), pd.DataFrame({"p": [1, 2, 3]})]
)
def test_pandas(y):
    assert np.array_equal(check_targets(y, "y", 3), np.asarray(y))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros(2), r"`y` must have one row for each of the 3 rows.*2 rows"),
        ({"a": np.zeros(3), "b": [np.zeros(3), np.zeros(4)]}, r"`y\['b'\]\[1\]`.*4 rows"),
        (5, "`y` must have one row.*a scalar"),
        ([[1, 2], [3], [4]], r"`y\[0\]` must have one row for each of the 3"),
        ((np.zeros(3), 7), r"`y\[1\]`.*scalar"),
        ((np.zeros(3), deque([[1], [2, 3]])), r"^`y\[1\]` must be an array, or nested.*deque\("),
    ],
)
def test_wrong_lengths_are_named(y, message):
    with pytest.raises(ValueError, match=message):
        check_targets(y, "y", 3)


def test_no_mask_is_lost():
    masked = np.ma.masked_equal(np.arange(4), 2)
    with pytest.raises(ValueError, match=r"`y\['age'\]` must have no .* Received: 1 of 4\. Fill"):
        check_targets({"age": masked}, "y", 4)
    kept = check_targets({"age": masked.filled(-1), "known": ~masked.mask}, "y", 4)
    assert kept["age"].tolist() == [0, 1, -1, 3]
    assert kept["known"].tolist() == [True, True, False, True]
    nothing_masked = np.ma.array([1, 2])
    assert type(check_targets(nothing_masked, "y", 2)) is np.ndarray


def test_targets_are_named_as_the_caller_says():
    with pytest.raises(
        ValueError, match=r"^`labels\[0\]` must have one row.*the `labels\[0\]` that"
    ):
        check_targets((np.zeros(2),), "labels", 3)


@pytest.mark.parametrize(
    ("weight", "error", "text"),
    [
        (
            {"a": np.array(["1", "2"])},
            TypeError,
            r"^`sample_weight\['a'\]` must hold real numbers\. "
            r"Received: an array of shape \(2,\) and dtype <U1\.$",
        ),
        (np.ones(2, complex), TypeError, "`sample_weight` must hold real numbers.*complex128"),
        (np.ones(3), ValueError, "^`sample_weight` must have one row for each of the 2 rows"),
    ],
)
def test_bad_weights(weight, error, text):
    with pytest.raises(error, match=text):
        check_weights(weight, 2)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float16", "bool"])
def test_weights_are_any_numbers(dtype):
    weights = check_weights(np.array([1, 0], dtype), 2)
    assert weights.dtype == dtype
    assert weights.tolist() == [1, 0]


def test_no_weights():
    assert check_weights([1, 2], 2).tolist() == [1, 2]
    assert check_weights(None, 2) is None


@pytest.mark.parametrize(
    "y",
    [
        np.array([3, 3, 9]),
        np.array([3, 3, 9], "uint8"),
        np.array([False, False, True]),
        np.array(["a", "a", "b"]),
        np.array([b"a", b"a", b"b"]),
        np.array(["a", "a", "b"], np.dtypes.StringDType()),
        np.array(["a", "a", "b"], object),
        np.array([[3], [3], [9]]),
        np.array([[1, 0], [1, 0], [0, 1]]),
        np.array([[1.0, 0], [1, 0], [0, 1]], "float32"),
        np.array([[True, False], [True, False], [False, True]]),
    ],
)
def test_class_numbers(y):
    assert class_numbers(y).tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("y", "received"),
    [
        (None, "y of type NoneType."),
        ((np.zeros(3), np.zeros(3)), "y of type tuple."),
        (
            np.array([0.0, 2.0]),
            "an array of shape (2,) and dtype float64. "
            "Pass y.astype(int) if these are class numbers.",
        ),
        (np.array([[0.5, 0.5]]), "an array of shape (1, 2) and dtype float64."),
        (np.array([[2, -1]]), "an array of shape (1, 2) and dtype int64."),
        (np.array([[0, 1], [1, 1]]), "an array of shape (2, 2) and dtype int64."),
        (np.array([["a", "b"]]), "an array of shape (1, 2) and dtype <U1."),
        (np.array([[[0, 1]]]), "an array of shape (1, 1, 2) and dtype int64."),
    ],
)
def test_what_has_no_classes(y, received):
    with pytest.raises(ValueError, match="Counting classes") as caught:
        class_numbers(y)
    assert str(caught.value) == (
        "Counting classes needs one array of labels `y`: integers or strings of shape (N,), or "
        f"one-hot rows of shape (N, K). Received: {received}"
    )


def test_bytes_per_row():
    assert nbytes_per_row((np.zeros((2, 3), "f4"), {"a": np.zeros(2, "u1")}, None)) == 13

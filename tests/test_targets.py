from collections import namedtuple

import numpy as np
import pandas as pd
import pytest

from kaug.targets import append_rows, check_targets, check_weights, class_numbers, nbytes_per_row

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


def test_only_the_new_rows():
    assert append_rows(np.array([5, 6, 7]), np.array([1, 1]), append=False).tolist() == [6, 6]


def test_results_are_never_views():
    y = np.arange(3)
    more = append_rows(y, np.empty(0, np.int64), append=True)
    assert not np.shares_memory(y, more)


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
    ],
)
def test_wrong_lengths_are_named(y, message):
    with pytest.raises(ValueError, match=message):
        check_targets(y, "y", 3)


def test_weights_must_be_numbers():
    with pytest.raises(TypeError, match="`sample_weight` must hold real numbers"):
        check_weights(np.array(["1", "2"]), 2)
    assert check_weights([1, 2], 2).tolist() == [1, 2]
    assert check_weights(None, 2) is None


@pytest.mark.parametrize(
    "y",
    [
        np.array([3, 3, 9]),
        np.array(["a", "a", "b"]),
        np.array(["a", "a", "b"], object),
        np.array([[3], [3], [9]]),
        np.array([[1, 0], [1, 0], [0, 1]]),
        np.array([[1.0, 0], [1, 0], [0, 1]], "float32"),
    ],
)
def test_class_numbers(y):
    assert class_numbers(y).tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    "y", [None, (np.zeros(3), np.zeros(3)), np.array([0.5, 1.5]), np.array([[0.5, 0.5]])]
)
def test_what_has_no_classes(y):
    with pytest.raises(ValueError, match="Counting classes needs one array of labels"):
        class_numbers(y)


def test_bytes_per_row():
    assert nbytes_per_row((np.zeros((2, 3), "f4"), {"a": np.zeros(2, "u1")}, None)) == 13


def test_class_numbers_that_are_floats_are_told_how_to_be_some():
    with pytest.raises(ValueError, match=r"y\.astype\(int\)"):
        class_numbers(np.array([0.0, 2.0]))

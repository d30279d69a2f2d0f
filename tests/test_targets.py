import tracemalloc
import warnings
from collections import deque, namedtuple

import numpy as np
import pandas as pd
import pytest

from kaug import (
    AugmentedDataset,
    ImageDataGenerator,
    augment_dataset,
    augment_rows,
    train_validation_split,
)
from kaug._targets.structures import (
    append_rows,
    check_targets,
    check_weights,
    class_numbers,
    group_numbers,
    map_arrays,
    nbytes_per_row,
)
from kaug.transforms import Identity

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
        (np.array([0.5, 2.0]), "an array of shape (2,) and dtype float64."),
        (np.array([np.inf, 2.0]), "an array of shape (2,) and dtype float64."),
        (np.array([1e300, 2.0]), "an array of shape (2,) and dtype float64."),
        (np.array([1j, 2.0]), "an array of shape (2,) and dtype complex128."),
        (
            np.array(["2026-01-02", "2026-01-03"], "M8[D]"),
            "an array of shape (2,) and dtype datetime64[D]. "
            "Pass y.astype(str) to make a class of each time.",
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


def test_what_to_do_with_labels_that_are_no_classes():
    with pytest.raises(ValueError, match=r"float64\. Pass stratify=False\.$"):
        class_numbers(np.array([0.5]), "Pass stratify=False.")
    assert class_numbers(np.array(["2026-01-02", "2026-01-03"], "M8[D]").astype(str)).max() == 1


MISSING = {
    "None": (np.array([None, "a", "b"] * 4, object), "None in rows 0, 3, 6, 9"),
    "NaN": (np.r_[np.nan, np.arange(11.0)], "NaN in row 0"),
    "NaN in a column": (np.r_[np.nan, np.arange(11.0)][:, None], "NaN in row 0"),
    "NaN in one-hot rows": (np.where(np.eye(12) * np.arange(12) > 7, np.nan, 0), "NaN in rows 8"),
    "complex NaN": (np.r_[0, complex(0, np.nan), np.arange(10)], "NaN in row 1"),
    "NaN among objects": (
        np.array(["a", float("nan")] * 6, object),
        "nan in rows 1, 3, 5, 7, 9, …",
    ),
    "NaT": (np.array(["NaT"] + ["2026-01-01"] * 11, "M8[D]"), "NaT in row 0"),
    "StringDType": (
        np.array([None] + ["a"] * 11, np.dtypes.StringDType(na_object=None)),
        "None in row 0",
    ),
    "strings of pandas": (pd.Series(["a", None] * 6), "nan in rows 1"),
    "pandas.NA": (pd.Series([pd.NA, "a"] * 6, dtype="string"), "<NA> in rows 0"),
    "Int64": (pd.Series([None, 1] * 6, dtype="Int64"), "NaN in rows 0"),
    "boolean": (pd.Series([None, True] * 6, dtype="boolean"), "<NA> in rows 0"),
    "a category": (pd.Series([None, "a"] * 6, dtype="category"), "nan in rows 0"),
    "a list": (["a", None] * 6, "None in rows 1, 3, 5, 7, 9, … of `"),
    "a list of numbers": ([1, None] * 6, "None in rows 1"),
    "a list with NaN": (["a", float("nan")] * 6, "nan in rows 1"),
    "a list with pandas.NA": (["a", pd.NA] * 6, "<NA> in rows 1"),
}


@pytest.mark.parametrize("case", MISSING)
def test_missing_labels(case):
    y, text = MISSING[case]
    with pytest.raises(
        ValueError, match=f"^Labels must not be missing\\. Received: {text}"
    ) as caught:
        class_numbers(check_targets(y, "y", 12))
    assert str(caught.value).endswith(
        " of `y`. Leave these rows out, or give them a value that stands for what is missing."
    )
    if case not in ("NaN in a column", "NaN in one-hot rows"):
        with pytest.raises(ValueError, match=f"^Groups must not be missing\\. Received: {text}"):
            group_numbers(y, 12)


def test_masked_labels_are_missing_too():
    with pytest.raises(ValueError, match="`groups` must have no masked values"):
        group_numbers(np.ma.masked_equal(np.arange(3), 1), 3)


@pytest.mark.parametrize("container", [list, lambda items: np.array(items, object)])
@pytest.mark.parametrize(
    ("items", "types"),
    [(["a", 1, "b"], "int and str"), ([b"a", "a", "a"], "bytes and str")],
)
def test_labels_of_several_kinds(container, items, types):
    for name, numbers in (
        ("y", lambda y: class_numbers(check_targets(y, "y", 3))),
        ("groups", lambda y: group_numbers(y, 3)),
    ):
        rule = f"^What `{name}` holds must be of one kind.*Received: {types}.*Make strings of all"
        with pytest.raises(ValueError, match=rule):
            numbers(container(items))
        assert numbers([str(item) for item in items]).tolist() in (
            [0, 1, 2],
            [1, 0, 2],
            [2, 0, 1],
            [1, 0, 0],
        )


def test_what_is_missing_travels_where_nothing_is_counted():
    y = {"a": np.array([None, "x"], object), "b": np.array([np.nan, 1])}
    checked = check_targets(y, "y", 2)
    assert checked["a"].tolist() == [None, "x"]
    assert np.isnan(checked["b"][0])
    assert check_targets([np.arange(2), None], "y", 2)[1] is None


@pytest.mark.parametrize(
    ("y", "name"),
    [
        ([[1, 0], [0, 1], [1, 0]], "y"),
        (((1, 0), (0, 1), (1, 0)), "y"),
        ({"a": [[1, 0], [0, 1], [1, 0]]}, r"y\['a'\]"),
        ([np.arange(3), [["a"], ["b"], ["c"]]], r"y\[1\]"),
    ],
)
def test_rows_that_are_lists(y, name):
    rule = rf"^A list `{name}` must .* Received: 3 lists of \d\. .*pass np\.asarray\({name}\)"
    with pytest.raises(ValueError, match=rule):
        check_targets(y, "y", 3)


def test_lists_of_one_label_a_row_are_arrays_of_their_own():
    checked = check_targets([[1, 2], [3, 4], [5, 6]], "y", 2)
    assert [part.tolist() for part in checked] == [[1, 2], [3, 4], [5, 6]]


def test_bytes_per_row():
    assert nbytes_per_row((np.zeros((2, 3), "f4"), {"a": np.zeros(2, "u1")}, None)) == 13


LABELS = pd.Series(list("aabbcc"), name="label")
SHUFFLED = LABELS.index[::-1]


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y, w: augment_dataset(x, y, 3, Identity(), sample_weight=w, seed=0),
        lambda x, y, w: augment_rows(x, y, [1, 2], Identity(), sample_weight=w, seed=0),
        lambda x, y, w: AugmentedDataset(x, y, Identity(), sample_weight=w, seed=0),
        lambda x, y, w: train_validation_split(x, y, groups=w, seed=0),
        lambda x, y, w: ImageDataGenerator().flow(x, y, sample_weight=w),
        lambda x, y, w: augment_dataset(x, {"a": y, "b": w}, 3, Identity(), seed=0),
        lambda x, y, w: augment_dataset(x, (y, [w.to_frame()]), 3, Identity(), seed=0),
    ],
)
def test_indices_of_another_order_are_pointed_out(call):
    x, weight = np.zeros((6, 4, 5, 1), "uint8"), pd.Series(np.arange(6.0))
    text = r"by their position.*same labels in another order. .*\.loc\[.*\.to_numpy\(\)"
    with pytest.warns(UserWarning, match=text) as caught:
        call(x, LABELS, weight.loc[SHUFFLED])
    assert len(caught) == 1
    with warnings.catch_warnings(action="error"):
        call(x, LABELS, weight)
        call(x, LABELS, weight.set_axis(range(3, 9)))
        call(x, LABELS.loc[SHUFFLED], weight.loc[SHUFFLED])
        call(x, LABELS.set_axis([0] * 6), weight)

"""Rows of several labels each: every label keeps its share on both sides of a split."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaug import train_validation_split
from kaug._draw.keys import Key
from kaug._multi_label import _swapped, choose_multi_label


def split_rows(y, **options):
    """Returns the rows of both sides."""
    rows = np.arange(len(y))
    (train, y_train), (val, y_val) = train_validation_split(rows, y, **options)
    assert np.array_equal(np.sort(np.concatenate([train, val])), rows)
    assert np.array_equal(y_train, y[train])
    assert np.array_equal(y_val, y[val])
    return train, val


def distances(y, val):
    """Returns how many rows each label is from its share in validation, and so in training."""
    return abs(y[val].sum(axis=0) - y.sum(axis=0) * len(val) / len(y))


def tags(count, columns, seed):
    """Returns rows of labels of which some are common and some are rare, at least two of each."""
    rng = np.random.default_rng(seed)
    shares = np.geomspace(0.5, 0.01, columns)
    y = (rng.random((count, columns)) < shares).astype("uint8")
    y[:2] = 1
    return y


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("count", "columns"), [(60, 4), (300, 12), (2000, 30)])
def test_every_label_is_within_a_row_of_its_share(count, columns, seed):
    y = tags(count, columns, seed)
    _, val = split_rows(y, validation_split=0.3, seed=seed)
    assert len(val) == 0.3 * count
    assert distances(y, val).max() < 1
    without = ~y.any(axis=1)  # keep their share as well
    assert abs(without[val].sum() - without.sum() * 0.3) < 1
    random = [np.random.default_rng(i).permutation(count)[: len(val)] for i in range(20)]
    assert distances(y, val).max() < np.mean([distances(y, rows).max() for rows in random])


def small(seed):
    """Returns few rows, how many go to validation, and the distances of all ways to choose them."""
    rng = np.random.default_rng(seed)
    count, columns = rng.integers(4, 13), rng.integers(2, 6)
    total = int(rng.integers(1, count))
    y = (rng.random((count, columns)) < rng.uniform(0.1, 0.6)).astype(int)
    ways = np.array(list(itertools.combinations(range(count), total)))
    ideal = y.sum(axis=0) * total / count
    return y, total, abs(y[ways].sum(axis=1) - ideal).max(axis=1)


def test_as_near_as_any_choice_comes():
    """Beside all choices of rows, in 300 small sets."""
    within, best_within, gaps, of_random = 0, 0, [], []
    for seed in range(300):
        y, total, ways = small(seed)
        chosen = choose_multi_label(y, total, Key.from_seed(seed))
        assert chosen.sum() == total
        own = distances(y, np.flatnonzero(chosen)).max()
        within, best_within = within + (own < 1), best_within + (ways.min() < 1)
        gaps.append(own - ways.min())
        of_random.append(ways.mean() - ways.min())
    assert min(gaps) > -1e-9  # or brute force is wrong
    assert within >= 0.99 * best_within
    assert max(gaps) < 1
    assert np.mean(gaps) < np.mean(of_random) / 4


@given(
    rows=st.lists(st.tuples(*[st.booleans()] * 3), min_size=2, max_size=40),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 1000),
)
def test_counts_are_exact(rows, share, seed):
    y = np.array(rows)
    total = min(max(int(len(y) * share + 0.5), 1), len(y) - 1)
    assert choose_multi_label(y, total, Key.from_seed(seed)).sum() == total


def test_by_hand():
    """Two rows of each of four sets of labels: a half has one of each."""
    y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 2)
    for seed in range(10):
        _, val = split_rows(y, validation_split=0.5, seed=seed)
        assert sorted(y[val].tolist()) == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_swaps_stop_within_a_row():
    """Three rows that have a label on one side, and three that have none on the other."""
    sets, kind = np.array([[True], [False]]), np.array([0, 0, 0, 1, 1, 1])
    assert _swapped(sets, kind, kind == 0).tolist() == [2, 1]
    assert _swapped(sets, kind, kind == 1).tolist() == [1, 2]
    assert _swapped(sets, kind, np.array([1, 1, 0, 1, 0, 0], bool)).tolist() == [2, 1]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32"])
def test_any_dtype_and_dicts(dtype):
    y = tags(80, 5, 0)
    expected = split_rows(y, seed=4)
    for one, other in zip(split_rows(y.astype(dtype), seed=4), expected, strict=True):
        assert np.array_equal(one, other)
    _, (val, targets) = train_validation_split(np.arange(80), {"labels": y.astype(dtype)}, seed=4)
    assert np.array_equal(val, expected[1])
    assert np.array_equal(targets["labels"], y[val])


def test_seeds():
    y = tags(80, 5, 0)
    first, again, other = (split_rows(y, seed=seed)[1] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_one_hot_rows_are_classes_still():
    y = np.eye(3, dtype=int)[np.arange(24) % 3]
    _, val = split_rows(y, seed=5)
    _, expected = split_rows(np.arange(24) % 3, seed=5)
    assert np.array_equal(val, expected)


def test_rows_without_any_label():
    y = np.zeros((8, 2), int)
    _, val = split_rows(y, seed=0)
    assert len(val) == 2


def test_pictures_of_any_size_are_not_read():
    class Unread:
        def __len__(self):
            return 40

        def __getitem__(self, row):
            assert row == 0  # whose dtype and channels are those of all
            return np.zeros((5, 7, 3), "uint8")

    y = tags(40, 4, 0)
    rows = np.arange(40)
    training, validation = train_validation_split(Unread(), y, sample_weight=rows, seed=0)
    assert (len(training[0]), len(validation[0])) == (30, 10)
    assert np.array_equal(y[validation[2]], validation[1])


def test_groups_are_refused():
    y = tags(40, 4, 0)
    with pytest.raises(ValueError, match=r"stratified without groups.*\(40, 4\) and groups. Pass"):
        train_validation_split(np.arange(40), y, groups=np.arange(40) // 2)
    split_rows(y, groups=np.arange(40) // 2, stratify=False, seed=0)


def test_a_label_of_one_row_is_pointed_out():
    y = tags(40, 4, 0)
    y[:, 2] = np.arange(40) == 17
    with pytest.warns(UserWarning, match=r"is on one side of the split. Received: 1 .* columns: 2"):
        split_rows(y, seed=0)

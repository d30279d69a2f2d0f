import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaug import _sampling as module
from kaug._draw.keys import Key, permutation


def choice_of(sampling, count, key, *, y=None, **options):
    classes = module.classes_to_balance(sampling, y)
    return module.choice_of(sampling, count, key, classes=classes, **options)


def source_rows(sampling, count, n, key, **options):
    return choice_of(sampling, count, key, **options)(np.arange(n))


KEY = Key.from_seed(1)
LABELS = np.array([0, 0, 0, 0, 0, 1, 1, 2])


@pytest.mark.parametrize("sampling", ["random", "cycle", "balanced"])
@pytest.mark.parametrize("append", [True, False])
def test_first_rows_do_not_depend_on_how_many_follow(sampling, append):
    plans = [source_rows(sampling, 8, n, KEY, y=LABELS, append=append) for n in range(40)]
    for n, plan in enumerate(plans):
        assert plan.dtype == np.int64
        assert np.array_equal(plan, plans[-1][:n])


@pytest.mark.parametrize("sampling", ["random", "cycle", "balanced"])
def test_another_key_is_another_plan(sampling):
    first, second = (source_rows(sampling, 8, 24, Key.from_seed(seed), y=LABELS) for seed in (1, 2))
    assert not np.array_equal(first, second)


def test_random_is_with_replacement_and_even():
    counts = np.bincount(source_rows("random", 10, 20_000, KEY), minlength=10)
    assert abs(counts - 2000).max() < 200


@given(count=st.integers(1, 20), n=st.integers(0, 70))
def test_cycle_takes_every_row_as_evenly_as_possible(count, n):
    counts = np.bincount(source_rows("cycle", count, n, KEY), minlength=count)
    assert counts.sum() == n
    assert counts.max() - counts.min() <= 1


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=30),
    n=st.integers(0, 60),
    append=st.booleans(),
)
def test_balanced_is_as_level_as_one_by_one(labels, n, append):
    labels = np.array(labels)
    plan = source_rows("balanced", len(labels), n, KEY, y=labels, append=append)
    # The definition, one row at a time: add to the smallest class.
    present = np.unique(labels)
    counts = np.bincount(labels, minlength=5) if append else np.zeros(5, int)
    for _ in range(n):
        counts[present[np.argmin(counts[present])]] += 1
    found = np.bincount(labels[plan], minlength=5)
    found += np.bincount(labels, minlength=5) if append else 0
    assert np.array_equal(found, counts)
    # Within a class every row is used as evenly as possible.
    for number in present:
        used = np.bincount(plan, minlength=len(labels))[labels == number]
        assert used.max() - used.min() <= 1


def test_every_round_of_a_cycle_has_an_order_of_its_own():
    rounds = source_rows("cycle", 20, 60, KEY).reshape(3, 20)
    assert len(np.unique(rounds, axis=0)) == 3


def test_an_order_is_made_once_for_rows_that_follow_each_other(monkeypatch):
    made = []
    monkeypatch.setattr(
        module, "permutation", lambda key, count: made.append(key) or permutation(key, count)
    )
    plan = choice_of("cycle", 20, KEY)
    for start in range(0, 60, 6):
        plan(np.arange(start, start + 6))
    assert made == [KEY.child(turn) for turn in range(3)]


@pytest.mark.parametrize("kind", ["integers", "one-hot"])
def test_each_class_goes_through_its_rows_in_orders_of_its_own(kind):
    classes = np.random.default_rng(0).permutation(np.repeat([1, 2, 3], [50, 40, 30]))
    if kind == "integers":
        labels, first = classes, 0  # they are counted from 0 on
    else:
        labels, first = np.eye(5)[classes], 1  # two columns are empty
    plan = source_rows("balanced", 120, 300, KEY, y=labels, append=False)
    for number in (1, 2, 3):
        key = KEY.child(number - 1 + first)
        rows = np.flatnonzero(classes == number)
        turns = [rows[permutation(key.child(turn), len(rows))] for turn in range(4)]
        assert np.array_equal(plan[classes[plan] == number], np.concatenate(turns)[:100])


def test_balanced_fills_the_smallest_first():
    plan = source_rows("balanced", 8, 7, KEY, y=LABELS)
    assert LABELS[plan].tolist() == [2, 1, 2, 1, 2, 1, 2]


# Drawn once and written down: what a seed means never changes.
GOLDEN = {
    ("cycle", True): [6, 4, 2, 5, 3, 7, 1, 0, 5, 6, 0, 2, 3, 1, 4, 7, 4, 6, 5, 2],
    ("balanced", True): [7, 5, 7, 6, 7, 6, 7, 2, 5, 7, 0, 5, 7, 4, 6, 7, 3, 5, 7, 1],
    ("balanced", False): [2, 5, 7, 0, 6, 7, 4, 6, 7, 3, 5, 7, 1, 5, 7, 0, 6, 7, 3, 5],
}


@pytest.mark.parametrize(("sampling", "append"), GOLDEN)
def test_the_rows_of_a_seed(sampling, append):
    plan = source_rows(sampling, 8, 20, KEY, y=LABELS, append=append)
    assert plan.tolist() == GOLDEN[sampling, append]


@pytest.mark.parametrize("sampling", ["random", "cycle", "balanced"])
@pytest.mark.parametrize("append", [True, False])
def test_any_rows_can_be_asked_for_in_any_order(sampling, append):
    plan = choice_of(sampling, 8, KEY, y=LABELS, append=append)
    whole = plan(np.arange(100))
    numbers = np.random.default_rng(0).permutation(100)
    assert np.array_equal(plan(numbers), whole[numbers])
    for start in range(0, 100, 7):
        part = np.arange(start, min(start + 7, 100))
        fresh = choice_of(sampling, 8, KEY, y=LABELS, append=append)  # knows no other rows
        assert np.array_equal(plan(part), whole[part])
        assert np.array_equal(fresh(part), whole[part])


@pytest.mark.parametrize("sampling", ["cycle", "balanced"])
def test_a_far_row_takes_no_longer_than_a_near_one(sampling):
    far = np.array([2**46, 2**46 + 1])
    plan = choice_of(sampling, 8, KEY, y=LABELS)(far)  # all rows before would not fit
    assert np.isin(plan, np.arange(8)).all()


def test_balanced_with_as_many_classes_as_rows():
    labels = np.arange(50_000)
    plan = source_rows("balanced", len(labels), 3_000, KEY, y=labels)
    assert np.array_equal(plan, np.arange(3_000))


class _Words:
    """A key whose words are given: the first halves of 64 bits, and the second."""

    def words(self, rows, block):
        return np.array([[0, 2**31 - 1, 2**31, 2**32 - 1], [0, 2**32 - 1, 0, 2**32 - 1]], "u4")


def test_rows_without_weight_are_not_drawn_at_the_ends_either():
    """At 0, just below a half, at a half, and just below 1."""
    rows = module.choice_of(np.array([0, 1, 0, 1, 0]), 5, _Words())(np.arange(4))
    assert rows.tolist() == [1, 1, 3, 3]

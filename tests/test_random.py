import random

import numpy as np
import pytest

from kaug._draw.draws import Draws
from kaug._draw.keys import Key, check_rows, permutation, resolve_seed
from kaug._kernels import threefry

ALL_ONES = 0xFFFFFFFF

# The known-answer vectors that Salmon et al. publish with Random123 for threefry2x32, 20 rounds.
KNOWN_ANSWERS = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((ALL_ONES, ALL_ONES), (ALL_ONES, ALL_ONES), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.parametrize(("key", "counter", "answer"), KNOWN_ANSWERS)
def test_known_answers(key, counter, answer):
    assert threefry.encrypt(*key, *counter) == answer
    assert threefry._encrypt(*key, *counter) == answer


def test_compiled_words_are_those_of_the_cipher():
    rows = np.array([0, 3, 2**31, 2**32 - 1, 2**32, 5 * 2**40 + 7, 2**47 - 1])
    key = (0x13198A2E, ALL_ONES)
    for first, count in ((0, 1), (1, 4), (2**16 - 3, 3)):
        words = threefry.words(key, rows, first, count)
        assert words.dtype == np.uint32
        for block, pair in enumerate(words.reshape(count, 2, len(rows)), start=first):
            expected = [
                threefry.encrypt(*key, int(row) % 2**32, int(row) // 2**32 * 2**16 + block)
                for row in rows
            ]
            assert list(map(tuple, pair.T.tolist())) == expected


def test_words_of_any_memory_layout():
    rows = np.arange(20)
    expected = Key(1, 2).words(rows[::3].copy(), 0, count=2)
    strided = rows[::3]
    fixed = strided.copy()
    fixed.flags.writeable = False
    for layout in (strided, fixed, rows[::-1][1::3][::-1]):
        np.testing.assert_array_equal(Key(1, 2).words(layout, 0, count=2), expected)
    assert strided.flags.writeable


def test_the_streams_have_not_changed():
    # Written down once. Whoever changes these numbers changes every picture ever augmented.
    root = Key.from_seed(2**63 + 12345)
    assert root.child(0) == Key(2927390083, 500578532)
    assert root.child(2**40 + 7) == Key(4041810333, 468095334)
    assert root.child(2**63 - 1) == Key(3573149459, 27778608)
    assert root.child(3).child(1) == Key(1664250114, 2423616244)
    assert (root.integer(3), root.integer(3, bits=31)) == (540286290, 270143145)
    draws = Draws(root, [0, 5, 2**32 + 5, 2**47 - 1])
    words = [[hex(word) for word in draws.word()] for _ in range(19)]
    assert words[0] == ["0xb326d940", "0xe0f83c19", "0xc133ffba", "0x53e70393"]
    assert words[1] == ["0xa2e5b50", "0xb18af6fe", "0xcced4f7", "0x1907339e"]
    assert words[8] == ["0xc0ff3f44", "0x8d4797e3", "0xcc1d3fb9", "0x926cf224"]
    assert words[18] == ["0x3890611b", "0x3c08b3d8", "0x332673e5", "0x486c57e5"]
    draws = Draws(root.child(0), [0, 7])
    assert draws.uniform(-10, 10).tolist() == [0.6106078275479376, -6.529406292829663]
    assert draws.chance(0.5).tolist() == [True, False]
    assert draws.sign().tolist() == [1, 1]
    assert draws.integers(1000).tolist() == [79, 667]
    assert draws.categorical([1, 2, 3]).tolist() == [2, 2]
    np.testing.assert_allclose(draws.normal(), [0.06426272904750746, 0.2360813809587651], 1e-12)
    assert permutation(root, 12).tolist() == [7, 8, 1, 11, 4, 9, 0, 3, 2, 5, 6, 10]


def test_how_many_words_are_taken_ahead_does_not_matter():
    many = np.arange(5000)
    whole, few = Draws(Key(5, 6), many), Draws(Key(5, 6), many[:7])
    for _ in range(21):
        np.testing.assert_array_equal(whole.word()[:7], few.word())


def test_rows_are_counters_so_order_and_batch_do_not_matter():
    rows = np.array([5, 2**40 + 3, 0, 2**32, 77])
    whole = [Draws(Key(1, 2), rows).uniform() for _ in range(2)]
    assert np.array_equal(whole[0], whole[1])
    for i, row in enumerate(rows):
        assert Draws(Key(1, 2), [row]).uniform()[0] == whole[0][i]


def test_low_words_alone_do_not_name_a_row():
    rows = np.array([7, 7 + 2**32, 7 + 2**33, 7 + 2**46])
    assert len(np.unique(Draws(Key(1, 2), rows).uniform())) == 4


def test_high_words_of_rows_and_numbers_of_draws_do_not_meet():
    draws = Draws(Key(1, 2), np.arange(6) * 2**32)
    words = np.stack([draws.word() for _ in range(12)])
    assert len(np.unique(words)) == words.size


def test_no_two_decisions_share_a_word():
    draws = Draws(Key(3, 4), np.arange(50))
    words = np.stack([draws.word() for _ in range(9)])
    assert len(np.unique(words)) == words.size


def test_words_of_a_row_run_out_before_they_repeat():
    draws = Draws(Key(3, 4), [0])
    draws._block = 2**16 - 1
    draws.word()
    draws.word()
    with pytest.raises(ValueError, match="131072 words") as caught:
        draws.word()
    assert str(caught.value) == (
        "A transform can draw up to 131072 words for a row. Received: a request for more. "
        "Draw one word and seed another generator with it."
    )


def test_children_rows_and_seeds_have_streams_of_their_own():
    root = Key.from_seed(11)
    keys = [root, root.child(0), root.child(1), root.child(2**40), root.child(0).child(0)]
    keys += [Key.from_seed(12), Key.from_seed(11 + 2**32)]
    words = np.concatenate([Draws(key, np.arange(20)).word() for key in keys])
    assert len(np.unique(words)) == words.size


@pytest.mark.parametrize("offset", ["row", "word", "seed", "child"])
def test_neighbours_are_independent(offset):
    count = 20_000
    rows = np.arange(count)
    root = Key.from_seed(0)
    draws = Draws(root, rows)
    first = draws.uniform()
    second = {
        "row": lambda: Draws(root, rows + 1).uniform(),
        "word": draws.uniform,
        "seed": lambda: Draws(Key.from_seed(1), rows).uniform(),
        "child": lambda: Draws(root.child(0), rows).uniform(),
    }[offset]()
    # The standard error of a correlation of independent numbers is 1 / sqrt(count) = 0.007.
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
    cells = np.histogram2d(first, second, bins=10, range=[[0, 1], [0, 1]])[0]
    chi_square = ((cells - count / 100) ** 2 / (count / 100)).sum()
    assert 50 < chi_square < 160  # 99 degrees of freedom: 1e-4 tails


def test_uniform_is_uniform_and_open():
    draws = Draws(Key.from_seed(5), np.arange(100_000)).uniform(-2, 6)
    assert draws.min() > -2
    assert draws.max() < 6
    counts = np.histogram(draws, bins=64, range=(-2, 6))[0]
    chi_square = ((counts - 100_000 / 64) ** 2 / (100_000 / 64)).sum()
    assert 25 < chi_square < 120  # 63 degrees of freedom


def test_extreme_words_stay_inside(monkeypatch):
    words = np.array([[0, ALL_ONES]], "u4")
    monkeypatch.setattr(Key, "words", lambda self, rows, block, count: words.repeat(count, axis=0))
    draws = Draws(Key(0, 0), [0, 1])
    low, high = draws.uniform()
    assert 0 < low < high < 1
    assert draws.chance(1.0).all()
    assert not draws.chance(0.0).any()
    assert draws.integers(10).tolist() == [0, 9]
    assert draws.sign().tolist() == [-1, 1]
    assert draws.categorical([0, 3, 0]).tolist() == [1, 1]
    assert np.isfinite(draws.normal()).all()


def test_derived_distributions():
    rows = np.arange(50_000)
    draws = Draws(Key.from_seed(9), rows)
    assert abs(draws.chance(0.3).mean() - 0.3) < 0.01
    assert abs(draws.sign().mean()) < 0.02
    assert np.abs(np.bincount(draws.integers(7)) / 50_000 - 1 / 7).max() < 0.008
    shares = np.bincount(draws.categorical([1, 0, 3]), minlength=3) / 50_000
    assert np.abs(shares - [0.25, 0, 0.75]).max() < 0.01
    normal = draws.normal(2, 3)
    assert abs(normal.mean() - 2) < 0.06
    assert abs(normal.std() - 3) < 0.05


def test_weights_of_half_precision():
    weights = np.ones(8192, "float16")  # whose sum half precision cannot count beyond 2048
    drawn = Draws(Key.from_seed(9), np.arange(2000)).categorical(weights)
    assert drawn.max() > 8000
    assert abs(drawn.mean() / 8192 - 0.5) < 0.03


def test_a_weight_beside_a_much_larger_one_counts(monkeypatch):
    largest = np.full((8, 1), 0xFFFFFFFF, np.uint32)
    monkeypatch.setattr(Key, "words", lambda *_, count: largest[: 2 * count])
    assert Draws(Key(1, 2), np.arange(1)).categorical([2**24, 1, 1]) == [2]


def test_permutation_is_one():
    order = permutation(Key(1, 1), 1000)
    assert sorted(order) == list(range(1000))
    assert not np.array_equal(order, permutation(Key(1, 2), 1000))
    assert permutation(Key(1, 1), 0).shape == (0,)


def test_seed_none_follows_python_random():
    random.seed(4)
    seeds = [resolve_seed(None) for _ in range(9)]
    random.seed(4)
    assert seeds == [random.getrandbits(32) for _ in range(9)]


def test_the_first_and_the_last_seed():
    assert resolve_seed(0) == 0
    assert resolve_seed(2**64 - 1) == 2**64 - 1
    assert resolve_seed(np.int64(3)) == 3


@pytest.mark.parametrize(
    ("seed", "error"),
    [(-1, ValueError), (2**64, ValueError), (1.0, TypeError), (True, TypeError), ("1", TypeError)],
)
def test_bad_seeds(seed, error):
    with pytest.raises(error, match=r"^`seed` must be an integer.*Received: seed=") as caught:
        resolve_seed(seed)
    assert str(caught.value).endswith(". Pass a non-negative integer, or None to draw a seed.")


NO_ROWS = "Row numbers must be a one-dimensional array of integers. Received: an array of shape"


@pytest.mark.parametrize(
    ("rows", "error", "text"),
    [
        ([4, -1], ValueError, "Row numbers must lie in 0..2**47-1. Received: -1..4."),
        ([2**47, 3], ValueError, f"Row numbers must lie in 0..2**47-1. Received: 3..{2**47}."),
        ([1.0], TypeError, f"{NO_ROWS} (1,) and dtype float64."),
        ([True], TypeError, f"{NO_ROWS} (1,) and dtype bool."),
        ([[1]], TypeError, f"{NO_ROWS} (1, 1) and dtype int64."),
    ],
)
def test_bad_rows(rows, error, text):
    with pytest.raises(error, match="Row numbers") as caught:
        check_rows(rows)
    assert str(caught.value) == text


def test_row_numbers_of_any_integers():
    rows = np.array([0, 2**47 - 1])
    assert check_rows(rows) is rows  # a batch of them is not copied
    for given in (rows.astype("uint64"), rows.tolist(), [0, np.int64(2**47 - 1)]):
        checked = check_rows(given)
        assert checked.dtype == np.int64
        assert np.array_equal(checked, rows)
    assert check_rows([]).dtype == np.int64

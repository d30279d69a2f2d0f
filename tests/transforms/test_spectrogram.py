"""Stripes of spectrograms: which way, how many, how wide, and what is put there."""

import numpy as np
import pytest

from kaug.transforms.spectrogram import FrequencyMask, TimeMask

BOTH = pytest.mark.parametrize(
    ("make", "axis"), [(FrequencyMask, 0), (TimeMask, 1)], ids=["FrequencyMask", "TimeMask"]
)


def masked(transform, count, size=(24, 37), seed=0):
    """Returns which samples are masked of `count` spectrograms, bool."""
    return transform(np.ones((count, *size), "uint8"), seed=seed) == 0


@BOTH
def test_stripes_by_hand(make, axis):
    parameters = {
        "count": np.array([2]),
        "width": np.array([[0.25, 0.5, 1.0]]),
        "start": np.array([[0.0, 0.999, 0.0]]),
        "words": np.zeros((1, 2), "uint32"),
    }
    ones = np.ones((1, 8, 8, 2), "float32")
    result = make(3).transform_images(ones, parameters)[0]
    line = [0, 0, 1, 1, 0, 0, 0, 0]  # the third stripe does not count
    expected = np.broadcast_to(np.array(line), (8, 8)) if axis else np.tile(line, (8, 1)).T
    np.testing.assert_array_equal(result, np.stack([expected] * 2, axis=-1))


@BOTH
def test_stripes_go_all_the_way(make, axis):
    gone = masked(make(width=0.5), 200)
    assert (gone == gone.all(axis=2 - axis, keepdims=True)).all()
    assert 0 < gone.mean() < 1


@BOTH
def test_widths_are_even_up_to_the_widest(make, axis):
    side = (24, 37)[axis]
    gone = masked(make(1, 0.5), 3000).any(axis=2 - axis).sum(axis=1)
    assert gone.min() == 0
    assert gone.max() == round(side * 0.5)
    middle = np.bincount(gone)[1:-1]
    expected = 3000 / (side * 0.5)
    assert np.abs(middle - expected).max() < 4.5 * np.sqrt(expected)


@BOTH
def test_places_are_even(make, axis):
    size = [5, 5]
    size[axis] = 8
    gone = masked(make(1, (0.25, 0.25)), 2100, tuple(size)).any(axis=2 - axis)
    counts = np.bincount(gone.argmax(axis=1), minlength=7)
    assert (gone.sum(axis=1) == 2).all()
    assert np.abs(counts - 300).max() < 4.5 * np.sqrt(300)


@BOTH
def test_counts(make, axis):
    gone = masked(make((1, 3), (0.02, 0.02)), 600, (50, 50)).any(axis=2 - axis)
    counts = np.bincount(gone.sum(axis=1), minlength=4)  # two may meet
    assert counts[0] == 0
    assert counts[1:].sum() == 600
    assert counts[1:].min() > 150


def test_defaults_are_about_those_of_the_paper():
    """A third of the frequencies and a tenth of the time at most, twice."""
    assert masked(FrequencyMask(), 500).any(axis=2).sum(axis=1).max() <= 2 * round(0.3 * 24)
    assert masked(TimeMask(), 500).any(axis=1).sum(axis=1).max() <= 2 * round(0.1 * 37)


def test_no_channel_is_opacity_unless_that_is_said():
    stereo = np.ones((20, 8, 9, 2), "float32")
    made = TimeMask(width=(0.5, 0.5))(stereo, seed=0)
    np.testing.assert_array_equal(made[..., 0], made[..., 1])
    assert (TimeMask(width=(0.5, 0.5), opacity=True)(stereo, seed=0)[..., 1] == 1).all()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float16", "float32", "float64"])
def test_values(images, dtype):
    batch = (100 * images(4, shape=(9, 14, 1), dtype="float64") - 80).clip(0).astype(dtype)
    made = TimeMask(width=0.9, fill_value=3)(batch, seed=1)
    assert made.dtype == dtype
    gone = masked(TimeMask(width=0.9), 4, (9, 14), seed=1)[..., None]
    np.testing.assert_array_equal(made, np.where(gone, 3, batch))


def test_noise():
    given = np.full((3, 30, 40, 1), 0.5, "float32")
    made = FrequencyMask(fill_mode="noise", value_range=(-80, 0), width=(0.5, 0.5))(given, seed=0)
    noise = made[made != 0.5]
    assert -80 < noise.min() < -78
    assert -2 < noise.max() < 0


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: TimeMask(0), ValueError, "`count` must be an integer, between 1 and 1000"),
        (lambda: TimeMask(width=40), ValueError, "`width` must lie in 0..1"),
        (lambda: FrequencyMask(width=(0.5, 0.1)), ValueError, r"Pass \(0.1, 0.5\)"),
        (lambda: FrequencyMask(fill_mode="mean"), ValueError, "`fill_mode`"),
        (
            lambda: TimeMask(fill_value=-80)(np.ones((1, 5, 7), "uint8")),
            ValueError,
            "`fill_value` must lie in 0..255",
        ),
    ],
)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()

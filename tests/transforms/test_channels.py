"""Channels dropped, put in another order and shifted: which ones, how often, how far."""

import itertools

import numpy as np
import pytest
from scipy import stats

from kaug.transforms.channels import ChannelDropout, ChannelShuffle, FancyPCA

DTYPES = ["uint8", "int16", "uint32", "int64", "float16", "float32", "float64", "longdouble"]


def numbered(rows, channels, dtype="uint8"):
    """Returns images each of whose samples tells its channel, from 1 on."""
    return np.tile(np.arange(1, channels + 1), (rows, 5, 7, 1)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_a_channel_is_dropped_whole(channels, dtype):
    given = numbered(40, channels, dtype)
    made = ChannelDropout(fill_value=9, opacity=False)(given, seed=3)
    dropped = made[:, 0, 0] == 9
    assert (dropped.sum(axis=1) == min(1, channels - 1)).all()
    assert made.dtype == given.dtype
    np.testing.assert_array_equal(made, np.where(dropped[:, None, None], 9, given))


@pytest.mark.parametrize("count", [2, (1, 3), 1000])
def test_how_many_are_dropped(count):
    made = ChannelDropout(count)(numbered(600, 5), seed=0)
    numbers = np.bincount((made[:, 0, 0] == 0).sum(axis=1), minlength=5)
    least, most = count if isinstance(count, tuple) else (min(count, 4), min(count, 4))
    assert numbers[least : most + 1].sum() == 600
    assert numbers[least : most + 1].min() > 600 / (most - least + 1) * 0.8


def test_every_channel_is_dropped_as_often():
    dropped = ChannelDropout()(numbered(3000, 3), seed=0)[:, 0, 0] == 0
    assert abs(dropped.mean(axis=0) - 1 / 3).max() < 4.5 * np.sqrt(2 / 9 / 3000)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_an_order_is_that_of_all_pixels(images, channels, dtype):
    given = images(20, shape=(9, 14, channels)).astype(dtype)
    made = ChannelShuffle()(given, seed=1)
    orders = ChannelShuffle()(numbered(20, channels), seed=1)[:, 0, 0].astype(int) - 1
    expected = np.stack([image[..., order] for image, order in zip(given, orders, strict=True)])
    np.testing.assert_array_equal(made, expected)
    assert made.dtype == given.dtype


def test_every_order_is_as_likely():
    orders = ChannelShuffle()(numbered(6000, 3), seed=0)[:, 0, 0] - 1
    counts = [(orders == order).all(axis=1).sum() for order in itertools.permutations(range(3))]
    assert sum(counts) == 6000
    assert abs(np.array(counts) - 1000).max() < 4.5 * np.sqrt(1000)


def test_what_is_no_number_moves_too(images):
    batch = images(4, dtype="float32")
    batch[0, 1, 2, 0], batch[1, 1, 2, 1] = np.nan, np.inf
    made = ChannelShuffle()(batch, seed=1)
    assert np.isnan(made).sum() == np.isinf(made).sum() == 1


@pytest.mark.parametrize("transform", [ChannelDropout(), ChannelShuffle()])
def test_opacity_is_no_channel_that_counts(transform):
    for channels in (2, 4):
        given = numbered(50, channels)
        made = transform(given, seed=0)
        assert (made[..., -1] == channels).all()
        if channels == 2:
            np.testing.assert_array_equal(made, given)


def shifts_of(images, stddev, seed=0):
    """Returns what is added to each channel of each image, of floats that stay within 0..1."""
    added = FancyPCA(stddev)(images, seed=seed) - images
    assert np.abs(added - added[:, :1, :1]).max() < 1e-6
    return added[:, 0, 0]


def middling(rows, channels, seed=0, spread=0.15):
    """Returns images of correlated channels, far from black and from white."""
    rng = np.random.default_rng(seed)
    mixed = rng.uniform(-1, 1, (channels, channels)) / channels
    return 0.5 + spread * rng.uniform(-1, 1, (rows, 21, 34, channels)) @ mixed


def test_shifts_go_along_principal_components_as_far_as_their_eigenvalues():
    """Of the formula as it is published, only the distribution can be seen."""
    image = middling(1, 3)
    many = np.repeat(image, 4000, axis=0)
    eigenvalues, components = np.linalg.eigh(np.cov(image.reshape(-1, 3).T, bias=True))
    numbers = shifts_of(many, 3.0) @ components / eigenvalues / 3.0
    for each in numbers.T:
        assert stats.kstest(each, "norm").pvalue > 0.01
    assert abs(np.corrcoef(numbers.T) - np.eye(3)).max() < 4 / np.sqrt(4000)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_shifts_are_covariances_times_numbers(channels):
    """The same numbers, whatever the images: so they can be found and used again."""
    first, second = middling(6, channels), middling(6, channels, seed=1)
    covariances = [
        np.array([np.atleast_2d(np.cov(i.reshape(-1, channels).T, bias=True)) for i in each])
        for each in (first, second)
    ]
    shifts = shifts_of(first, 1.0)
    numbers = np.linalg.solve(covariances[0], shifts[..., None])
    expected = (covariances[1] @ numbers)[..., 0] * 2
    np.testing.assert_allclose(shifts_of(second, 2.0), expected, atol=1e-9)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_bytes_are_shifted_by_whole_levels(images, channels):
    batch = images(8, shape=(33, 31, channels))
    exact = batch.astype(float) / 255
    gray = 0.5 + (exact - 0.5) / 2  # a quarter of the covariance, and room on both sides
    levels = 4 * 255 * shifts_of(gray, 0.5)
    made = FancyPCA(0.5)(batch, seed=0)
    expected = (batch + np.rint(levels)[:, None, None]).clip(0, 255)
    assert (made != expected).mean() < 0.02
    assert abs(made - expected).max() <= 1


def test_an_image_of_one_color_stays(images):
    for dtype in ("uint8", "float32"):
        plain = np.full((3, 9, 14, 3), 77 if dtype == "uint8" else 0.3, dtype)
        np.testing.assert_array_equal(FancyPCA(100)(plain, seed=0), plain)
    pixel = images(3, shape=(1, 1, 3))
    np.testing.assert_array_equal(FancyPCA(100)(pixel, seed=0), pixel)


def test_what_is_no_number_counts_as_black(images):
    batch = images(2, dtype="float32")
    batch[0, 1, 2, 0] = 0
    expected = FancyPCA(0.5)(batch, seed=0)
    batch[0, 1, 2, 0] = np.nan
    made = FancyPCA(0.5)(batch, seed=0)
    assert np.isnan(made).sum() == 1
    np.testing.assert_array_equal(made[~np.isnan(made)], expected[~np.isnan(made)])


def test_values_mean_what_the_range_says(images):
    batch = images(3, dtype="float64")
    shifted = FancyPCA(1.0, value_range=(-1, 3))(batch * 4 - 1, seed=1)
    np.testing.assert_allclose((shifted + 1) / 4, FancyPCA(1.0)(batch, seed=1), atol=1e-9)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: ChannelDropout(0), ValueError, "`count` must be an integer, between 1 and 1000"),
        (lambda: ChannelDropout(1.5), TypeError, "`count` must be an integer"),
        (lambda: ChannelDropout((3, 1)), ValueError, r"low <= high.*Pass \(1, 3\)"),
        (lambda: ChannelDropout(fill_value="red"), TypeError, "`fill_value`"),
        (
            lambda: ChannelDropout(fill_value=256)(numbered(1, 3)),
            ValueError,
            r"`fill_value` must lie in 0..255 for uint8 images",
        ),
        (lambda: FancyPCA(-1), ValueError, "`stddev` must lie in 0..100"),
        (lambda: FancyPCA("a lot"), TypeError, "`stddev`"),
        (lambda: ChannelShuffle(p=2), ValueError, "`p` must lie in 0..1"),
    ],
)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()

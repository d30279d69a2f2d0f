"""Channels dropped and put in another order: which ones, how often, and in every dtype."""

import itertools

import numpy as np
import pytest

from kaug.transforms.channels import ChannelDropout, ChannelShuffle

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
        (lambda: ChannelShuffle(p=2), ValueError, "`p` must lie in 0..1"),
    ],
)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()

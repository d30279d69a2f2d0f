"""Noise: its distribution, its place in the stream of its row, and what it does to values."""

import numpy as np
import pytest
from scipy import stats

from kaug._draw.keys import Key
from kaug._kernels.noise import CHUNK, fill_words
from kaug.transforms.noise import (
    GaussianNoise,
    MultiplicativeNoise,
    PixelDropout,
    SaltAndPepper,
    ShotNoise,
    normal_quantiles,
)


def noise_of(stddev, *, shape=(200, 300, 3), dtype="float64", seed=0):
    """Returns the noise one row gets, in standard deviations; no value reaches the limits."""
    gray = np.full((1, *shape), 0.5, dtype)
    return (GaussianNoise((stddev, stddev))(gray, seed=seed)[0] - 0.5) / stddev


@pytest.mark.parametrize("chunk", [0, 1, 1000])
def test_words_are_threefrys(chunk):
    words = np.empty(CHUNK, np.uint32)
    fill_words(np.uint32(0xDEADBEEF), np.uint32(0xFEDCBA98), chunk, words)
    counters = np.arange(CHUNK // 2) + chunk * CHUNK // 2
    expected = Key(0xDEADBEEF, 0xFEDCBA98).words(counters, 0)
    np.testing.assert_array_equal(words, np.concatenate(list(expected)))


def test_quantiles_are_as_normal_as_documented():
    values = normal_quantiles().astype("float64")
    assert values.shape == (2**16,)
    assert abs(values.mean()) < 1e-9
    assert abs(values.var() - 1) < 1e-8
    assert 4.32 < values.max() < 4.33
    reached = stats.norm.cdf(values)
    steps = np.arange(2**16 + 1) / 2**16
    assert np.abs(reached - steps[1:]).max() < 1.1e-5
    assert np.abs(reached - steps[:-1]).max() < 1.1e-5


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_is_normal(seed):
    noise = noise_of(0.05, seed=seed).ravel()
    assert abs(noise.mean()) < 4 / np.sqrt(noise.size)
    assert abs(noise.std() - 1) < 4 / np.sqrt(2 * noise.size)
    assert abs(stats.skew(noise)) < 4 * np.sqrt(6 / noise.size)
    assert abs(stats.kurtosis(noise)) < 4 * np.sqrt(24 / noise.size)
    assert stats.kstest(noise, "norm").pvalue > 0.01


def test_neighbours_and_channels_are_independent():
    noise = noise_of(0.05)
    pairs = [
        (noise[1:], noise[:-1]),
        (noise[:, 1:], noise[:, :-1]),
        (noise[..., 0], noise[..., 2]),
        (noise.ravel()[CHUNK:], noise.ravel()[:-CHUNK]),
    ]
    for first, second in pairs:
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 4 / np.sqrt(first.size)
    other = noise_of(0.05, seed=1)
    assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1]) < 4 / np.sqrt(noise.size)


def test_every_row_has_its_own_strength_and_noise():
    gray = np.full((5, 40, 50, 3), 0.5)
    parameters = GaussianNoise().draw(np.arange(5), seed=1)
    strengths = np.array([0.0, 0.01, 0.02, 0.04, 0.08])
    result = GaussianNoise().transform_images(gray, {**parameters, "stddev": strengths})
    np.testing.assert_array_equal(result[0], gray[0])
    np.testing.assert_allclose(result.std(axis=(1, 2, 3)), strengths, rtol=0.05)
    units = (result[1:] - 0.5) / strengths[1:, np.newaxis, np.newaxis, np.newaxis]
    assert np.abs(np.corrcoef(units.reshape(4, -1)) - np.eye(4)).max() < 0.06
    for row in range(5):
        part = slice(row, row + 1)
        own = {"stddev": strengths[part], "words": parameters["words"][part]}
        alone = GaussianNoise().transform_images(gray[part], own)
        np.testing.assert_array_equal(alone[0], result[row])


def test_bytes_are_rounded_and_clipped(images):
    batch = images(6, shape=(30, 41, 3))
    noise = GaussianNoise((0.2, 0.2))
    exact = batch / 255
    exact[:] = 0.5
    added = noise(exact, seed=2) - 0.5  # 2.5 standard deviations to the limits
    inside = np.abs(added) < 0.499
    expected = np.clip(np.rint(batch + 255 * added), 0, 255)
    difference = np.abs(noise(batch, seed=2) - expected)[inside]
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-4  # ties, told apart by single precision


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 7, 5), (9, 1, 3), (33, 31, 1)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint16", "int32"])
def test_other_dtypes_get_the_same_noise(images, shape, dtype):
    batch = images(4, shape=shape)
    expected = GaussianNoise((0.05, 0.05))(batch, seed=5)
    white = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    other = np.rint(batch / 255 * white) if white > 1 else batch / 255
    result = GaussianNoise((0.05, 0.05))(other.astype(dtype), seed=5)
    assert result.dtype == dtype
    assert np.abs(result.astype("float64") / white * 255 - expected).max() < 0.7


def test_value_range(images):
    batch = images(3, dtype="float32")
    expected = GaussianNoise(0.2)(batch, seed=1)
    shifted = GaussianNoise(0.2, value_range=(-1, 3))(batch * 4 - 1, seed=1)
    np.testing.assert_allclose((shifted + 1) / 4, expected, atol=1e-6)
    salted = SaltAndPepper((0.9, 0.9), value_range=(-1, 3))(batch * 4 - 1, seed=1)
    assert {-1.0, 3.0} <= set(salted.ravel().tolist())


def test_not_a_number_stays_one(images):
    batch = images(2, dtype="float32")
    batch[0, 1, 2, 0] = np.nan
    for transform in (GaussianNoise(), ShotNoise(), MultiplicativeNoise(), SaltAndPepper((0, 0))):
        result = transform(batch, seed=0)
        np.testing.assert_array_equal(np.isnan(result), np.isnan(batch))


@pytest.mark.parametrize("photons", [0.5, 1, 3, 10, 40, 1000])
def test_shot_noise_has_the_mean_and_the_variance_of_counts(photons):
    scale, size = 0.3 / max(photons, 1), (400, 500)
    light = np.full((1, *size), photons * scale)
    # Of so wide a range that nothing is clipped.
    counts = ShotNoise((scale / 9, scale / 9), value_range=(0, 9))(light, seed=3)[0] / scale
    expected = stats.poisson(photons)
    assert counts.min() >= 0
    assert abs(counts.mean() - expected.mean()) < 5 * expected.std() / np.sqrt(counts.size)
    assert abs(counts.var() / expected.var() - 1) < 0.03
    if photons >= 10:
        steps = np.arange(photons // 2, photons * 2)
        reached = np.searchsorted(np.sort(counts.ravel()), steps + 0.5) / counts.size
        np.testing.assert_allclose(reached, expected.cdf(steps), atol=0.025)


def test_less_than_half_a_photon_keeps_its_mean():
    dark = np.full((1, 400, 500), 0.01)
    made = ShotNoise((0.1, 0.1))(dark, seed=0) / 0.1
    assert abs(made.mean() - 0.1) < 2e-3
    assert abs(made.var() - 2 * 0.1**2) < 1e-3
    assert not ShotNoise((1, 1))(np.zeros((2, 30, 41)), seed=0).any()


def squares(image, scale, normals):
    """Numbers whose means and variances are solved for, sample by sample."""
    result = np.zeros(image.shape)
    for place in np.ndindex(image.shape):
        count = image[place] / scale
        # Of `a * (1 + x) = n` and `2 * a**2 * (1 + 2 * x) = n`, with `x = d**2`.
        roots = np.roots([1, 2 - 4 * count, 1 - 2 * count])
        away = max(roots.real.max(), 0) if count > 0.5 else 0
        a = count / (1 + away)
        result[place] = scale * a * (normals[place] + np.sqrt(away)) ** 2
    return result


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 7, 5), (9, 1, 3), (13, 31, 3)])
def test_shot_noise_is_the_formula(images, shape):
    batch = images(3, shape=shape)
    scales = np.array([0.01, 0.1, 0.7])
    parameters = ShotNoise().draw(np.arange(3), seed=1)
    normals = GaussianNoise(value_range=(-9, 9)).transform_images(
        np.zeros(batch.shape), {"words": parameters["words"], "stddev": np.full(3, 1 / 18)}
    )
    parameters["scale"] = scales
    exact = [squares(batch[i] / 255, scales[i], normals[i]) for i in range(3)]
    exact = np.clip(exact, 0, 1)
    made = ShotNoise().transform_images(batch / 255, parameters)
    np.testing.assert_allclose(made, exact, atol=1e-6)
    made = ShotNoise().transform_images(batch, parameters)
    assert np.abs(made - 255 * exact).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("per_channel", [False, True])
def test_factors_are_normal(per_channel):
    gray = np.full((1, 200, 300, 3), 0.5)
    made = MultiplicativeNoise((0.1, 0.1), per_channel=per_channel)(gray, seed=0)[0]
    factors = (made / 0.5 - 1) / 0.1
    assert (factors == factors[..., :1]).all() != per_channel
    own = factors.ravel() if per_channel else factors[..., 0].ravel()
    assert stats.kstest(own, "norm").pvalue > 0.01
    assert abs(np.corrcoef(own[1:], own[:-1])[0, 1]) < 4 / np.sqrt(own.size)
    if per_channel:
        pairs = np.corrcoef(factors.reshape(-1, 3).T)
        assert np.abs(pairs - np.eye(3)).max() < 4 / np.sqrt(len(own) / 3)


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("per_channel", [False, True])
def test_factors_multiply(images, channels, per_channel):
    batch = images(3, shape=(30, 41, channels))
    noise = MultiplicativeNoise((0.3, 0.3), per_channel=per_channel)
    factors = noise(np.full(batch.shape, 0.4), seed=2) / 0.4  # five standard deviations to white
    inside = factors < 2.4
    exact = (batch * factors).clip(0, 255)
    assert np.abs(noise(batch, seed=2) - exact)[inside].max() <= 0.5 + 1e-3
    floats = noise(batch / 255, seed=2)
    np.testing.assert_allclose(floats[inside], (exact / 255)[inside], atol=1e-9)


@pytest.mark.parametrize("noise", [ShotNoise((0.1, 0.1)), MultiplicativeNoise((0.3, 0.3))])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint16", "int32"])
def test_other_dtypes_get_the_same_counts_and_factors(images, noise, dtype):
    batch = images(4, shape=(33, 31, 2))
    expected = noise(batch, seed=5)
    np.testing.assert_array_equal(expected[..., 1], batch[..., 1])  # the opacity
    white = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    other = np.rint(batch / 255 * white) if white > 1 else batch / 255
    result = noise(other.astype(dtype), seed=5)
    assert result.dtype == dtype
    near = 1.5 if dtype == "float16" else 0.7
    assert np.abs(result.astype("float64") / white * 255 - expected).max() < near


@pytest.mark.parametrize("make", [ShotNoise, MultiplicativeNoise])
def test_no_noise_is_none(images, make):
    batch = images(2, shape=(9, 14, 3))
    np.testing.assert_array_equal(make((0, 0))(batch, seed=0), batch)
    floats = batch / np.float32(255)
    np.testing.assert_allclose(make((0, 0))(floats, seed=0), floats, atol=5e-6)
    floats[1, 2, 3, 0] = 1.2
    with pytest.warns(UserWarning, match="what lies outside is clipped"):
        make()(floats, seed=0)


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("amount", [0.001, 0.02, 0.3, 1.0])
def test_half_salt_half_pepper(channels, amount):
    gray = np.full((3, 150, 170, channels), 100, "uint8")
    result = SaltAndPepper((amount, amount))(gray, seed=4)
    assert (result == result[..., :1]).all()  # pixels, not channels
    for image in result[..., 0]:
        salt, pepper = (image == 255).mean(), (image == 0).mean()
        spread = 4.5 * np.sqrt(amount / 2 / image.size)
        assert abs(salt - amount / 2) < spread
        assert abs(pepper - amount / 2) < spread
        assert ((image == 100) | (image == 0) | (image == 255)).all()
    assert not np.array_equal(result[0], result[1])


def test_salt_is_spread_evenly():
    gray = np.full((200, 9, 11, 1), 100, "uint8")
    hits = (SaltAndPepper((0.5, 0.5))(gray, seed=0) != 100).mean(axis=0)
    assert abs(hits - 0.5).max() < 4.5 * np.sqrt(0.25 / 200)


@pytest.mark.parametrize("amount", [0.0, 1.0])
def test_none_and_all(images, amount):
    batch = np.full((2, 40, 41, 3), 7, "uint8")
    result = SaltAndPepper((0, 0)).transform_images(
        batch, {**SaltAndPepper().draw([0, 1], seed=0), "amount": np.full(2, amount)}
    )
    assert (result == 7).mean() == 1 - amount


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint16", "int32"])
def test_salt_falls_on_the_same_pixels(images, dtype):
    batch = np.full((3, 20, 31, 2), 100, "uint8")
    expected = SaltAndPepper((0.3, 0.3))(batch, seed=1)
    white = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    gray = np.full(batch.shape, white / 2, dtype)
    result = SaltAndPepper((0.3, 0.3))(gray, seed=1)
    np.testing.assert_array_equal(result == white, expected == 255)
    np.testing.assert_array_equal(result == 0, expected == 0)
    np.testing.assert_array_equal(result == gray, expected == 100)


def hit(transform, rows, shape, seed=0):
    """Returns which samples are hit, bool."""
    return transform(np.full((rows, *shape), 100, "uint8"), seed=seed) != 100


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("rate", [0.001, 0.05, 0.4, 1.0])
@pytest.mark.parametrize("per_channel", [False, True])
def test_as_many_pixels_are_dropped_as_said(channels, rate, per_channel):
    dropout = PixelDropout((rate, rate), per_channel=per_channel)
    gone = hit(dropout, 3, (150, 170, channels), seed=4)
    whole = (gone == gone[..., :1]).all()
    assert whole == (not per_channel or channels == 1 or rate == 1)
    decided = gone if per_channel else gone[..., :1]
    for image in decided:
        assert abs(image.mean() - rate) <= 4.5 * np.sqrt(rate * (1 - rate) / image.size)
    if rate < 1:
        assert not np.array_equal(gone[0], gone[1])


def test_dropped_channels_are_independent():
    gone = hit(PixelDropout((0.5, 0.5), per_channel=True), 1, (150, 170, 3))[0].reshape(-1, 3)
    assert np.abs(np.corrcoef(gone.T) - np.eye(3)).max() < 4 / np.sqrt(len(gone))
    columns = hit(PixelDropout((0.5, 0.5)), 1, (150, 170, 1))[0, ..., 0]
    pairs = columns[:, 1:].ravel(), columns[:, :-1].ravel()
    assert abs(np.corrcoef(*pairs)[0, 1]) < 4 / np.sqrt(columns.size)


@pytest.mark.parametrize("dtype", ["int16", "uint32", "float16", "float32", "float64"])
@pytest.mark.parametrize("per_channel", [False, True])
def test_the_same_pixels_are_dropped_of_every_dtype(images, dtype, per_channel):
    dropout = PixelDropout((0.3, 0.3), per_channel=per_channel, fill_value=7)
    batch = (images(3, shape=(9, 14, 3)) + np.int64(8)).astype(dtype)
    gone = hit(dropout, 3, (9, 14, 3), seed=1)
    result = dropout(batch, seed=1)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, np.where(gone, 7, batch))


def test_a_dropped_value_must_be_one():
    with pytest.raises(ValueError, match=r"`fill_value` must lie in 0..255 for uint8 images"):
        PixelDropout(fill_value=300)(np.zeros((1, 5, 7), "uint8"), seed=0)


@pytest.mark.parametrize(
    "transform",
    [GaussianNoise(), ShotNoise(), MultiplicativeNoise(), SaltAndPepper(), PixelDropout()],
)
def test_input_is_left_alone(transform, images):
    parameters = transform.draw(np.arange(3), seed=0)
    for dtype in ("uint8", "float32"):
        batch = images(3, dtype=dtype)
        before = batch.copy()
        batch.flags.writeable = False
        result = transform.transform_images(batch, parameters)
        assert not np.shares_memory(result, batch)
        np.testing.assert_array_equal(batch, before)
    assert transform(images(0), seed=1).shape == (0, 5, 7, 3)


def test_draws_fill_their_range():
    rows = np.arange(4000)
    stddev = GaussianNoise(0.5).draw(rows, seed=0)["stddev"]
    assert 0 < stddev.min() < 0.002
    assert 0.498 < stddev.max() < 0.5
    amount = SaltAndPepper((0.2, 0.4)).draw(rows, seed=0)["amount"]
    assert 0.2 < amount.min() < 0.201
    assert 0.399 < amount.max() < 0.4


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: GaussianNoise(-0.1), ValueError, "must not be negative.*stddev=-0.1"),
        (lambda: GaussianNoise((0.2, 0.1)), ValueError, r"low <= high.*Pass \(0.1, 0.2\)"),
        (lambda: GaussianNoise("loud"), TypeError, "`stddev` must be a finite number"),
        (
            lambda: GaussianNoise((-1, 1)),
            ValueError,
            "`stddev` must lie in 0..1. .*Divide levels by 255",
        ),
        (lambda: ShotNoise(2), ValueError, "`scale` must lie in 0..1.*reaches 0..2"),
        (lambda: MultiplicativeNoise(-1), ValueError, "must not be negative.*stddev=-1"),
        (lambda: MultiplicativeNoise(per_channel=2), TypeError, "must be True or False"),
        (lambda: SaltAndPepper(1.5), ValueError, "`amount` must lie in 0..1.*reaches 0..1.5"),
        (lambda: PixelDropout(1.5), ValueError, "`rate` must lie in 0..1.*reaches 0..1.5"),
        (lambda: PixelDropout(per_channel="yes"), TypeError, "`per_channel` must be True or False"),
        (lambda: SaltAndPepper((0, 0.1, 1)), ValueError, r"a pair \(low, high\)"),
        (lambda: SaltAndPepper(value_range=(1, 0)), ValueError, "black below white"),
    ],
)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()

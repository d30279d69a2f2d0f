"""Sharpness against Pillow and blur against SciPy."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter
from scipy import ndimage

from kaug._kernels.blur import radius_of, weigh
from kaug.transforms.filters import GaussianBlur, Sharpness, UnsharpMask

SHAPES = [(5, 7, 1), (23, 31, 3), (40, 9, 5), (1, 9, 3), (9, 1, 3), (2, 2, 1), (1, 1, 3)]


def pillow(image, change):
    """Returns an image with `change` applied to each channel by Pillow."""
    channels = [change(Image.fromarray(image[..., c])) for c in range(image.shape[2])]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


def blurred(image, sigma):
    """Returns what SciPy makes of an image, in float64."""
    return ndimage.gaussian_filter(image.astype("float64"), (sigma, sigma, 0), mode="reflect")


@pytest.mark.parametrize("shape", SHAPES)
def test_smoothing_is_pillows(images, shape):
    batch = images(3, shape=shape)
    smooth = Sharpness().transform_images(batch, {"sharpness": np.zeros(3)})
    for image, expected in zip(smooth, batch, strict=True):
        smoothed = pillow(expected, lambda channel: channel.filter(ImageFilter.SMOOTH))
        np.testing.assert_array_equal(image, smoothed)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("factor", [0.05, 0.5, 1, 1.5, 1.95, 7])
def test_sharpness_is_pillows_but_for_rounding(images, shape, factor):
    batch = images(2, shape=shape)
    result = Sharpness().transform_images(batch, {"sharpness": np.full(2, factor)})
    for image, before in zip(result, batch, strict=True):
        expected = pillow(before, lambda c: ImageEnhance.Sharpness(c).enhance(factor))
        assert np.abs(image.astype(int) - expected).max() <= 1
        smooth = pillow(before, lambda c: c.filter(ImageFilter.SMOOTH)).astype("float64")
        exact = np.clip(smooth + factor * (before - smooth), 0, 255)
        assert np.abs(image - exact).max() <= 0.5 + 1e-4


def test_every_row_has_its_own_factor(images):
    batch = np.repeat(images(1), 4, axis=0)
    factors = np.array([0.0, 1.0, 2.0, 1.0])
    result = Sharpness().transform_images(batch, {"sharpness": factors})
    np.testing.assert_array_equal(result[1], batch[1])
    np.testing.assert_array_equal(result[3], batch[3])
    for row in range(4):
        alone = Sharpness().transform_images(batch[:1], {"sharpness": factors[row : row + 1]})
        np.testing.assert_array_equal(result[row], alone[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sharper_floats(images, dtype):
    batch = images(3, shape=(6, 9, 3), dtype=dtype)
    factors = np.array([0, 0.7, 3])
    result = Sharpness().transform_images(batch, {"sharpness": factors})
    kernel = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
    for image, before, factor in zip(result, batch, factors, strict=True):
        before = before.astype("float64")
        smooth = before.copy()
        inside = ndimage.convolve(before, kernel[..., np.newaxis])[1:-1, 1:-1]
        smooth[1:-1, 1:-1] = inside
        expected = np.clip(smooth + factor * (before - smooth), 0, 1)
        np.testing.assert_allclose(image, expected, atol=1e-6 if dtype == "float32" else 1e-14)


@pytest.mark.pairwise(
    sigma=[0.0, 0.12, 0.3, 0.5, 1.0, 1.7, 3.3, 6.1, 6.2, 9.0],
    shape=SHAPES,
    dtype=["uint8", "float32", "float64"],
)
def test_blur_is_scipys(images, sigma, shape, dtype):
    batch = images(2, shape=shape, dtype=dtype)
    result = GaussianBlur().transform_images(batch, {"sigma": np.full(2, sigma)})
    assert result.dtype == dtype
    tolerance = {"uint8": 0.75, "float32": 1e-6, "float64": 1e-14}[dtype]
    for image, before in zip(result, batch, strict=True):
        assert np.abs(image - blurred(before, sigma)).max() <= tolerance


def test_blur_of_a_larger_picture_is_scipys(images):
    batch = images(2, shape=(97, 131, 3))
    sigma = np.array([0.9, 2.4])
    result = GaussianBlur().transform_images(batch, {"sigma": sigma})
    for row in range(2):
        assert np.abs(result[row] - blurred(batch[row], sigma[row])).max() <= 0.75


def test_blurred_bytes_are_not_darker(images):
    batch = images(8, shape=(97, 131, 3))
    for sigma in (1.0, 5.9):
        result = GaussianBlur().transform_images(batch, {"sigma": np.full(8, sigma)})
        exact = np.stack([blurred(image, sigma) for image in batch])
        # Sums are of whole 128ths: where they are rounded half up, half a one is won on average.
        assert 0 <= (result - exact).mean() < 1 / 128


def test_a_wide_blur_of_bytes_is_rounded_once(images):
    batch = images(1, shape=(97, 131, 3))
    result = GaussianBlur().transform_images(batch, {"sigma": np.array([40.0])})
    assert np.abs(result[0] - blurred(batch[0], 40)).max() < 0.51


def test_every_row_has_its_own_sigma(images):
    batch = images(6, shape=(9, 11, 3))
    sigma = np.array([0.0, 7.5, 0.4, 2.0, 30.0, 0.1])
    result = GaussianBlur().transform_images(batch, {"sigma": sigma})
    for row in range(6):
        part = slice(row, row + 1)
        alone = GaussianBlur().transform_images(batch[part], {"sigma": sigma[part]})
        np.testing.assert_array_equal(result[row], alone[0])
    np.testing.assert_array_equal(result[0], batch[0])
    np.testing.assert_array_equal(result[5], batch[5])


@pytest.mark.parametrize("value", [0, 1, 100, 254, 255])
def test_a_plain_picture_stays_as_it_is(value):
    batch = np.full((4, 12, 15, 3), value, "uint8")
    sigma = np.array([0.2, 1.0, 6.0, 9.0])
    assert (GaussianBlur().transform_images(batch, {"sigma": sigma}) == value).all()
    assert (Sharpness(1.0)(batch, seed=0) == value).all()


def test_weights_of_a_gaussian():
    weights = np.empty(5)
    weigh(1.0, 4, weights)
    impulse = np.zeros(9)
    impulse[4] = 1
    expected = ndimage.gaussian_filter1d(impulse, 1.0)[4:]
    np.testing.assert_allclose(weights * [2, 1, 1, 1, 1], expected, rtol=1e-12)
    assert [radius_of(sigma) for sigma in (0.0, 0.12, 0.13, 1.0, 2.0)] == [0, 0, 1, 4, 8]


@pytest.mark.parametrize("transform", [Sharpness(1.0), GaussianBlur(2.0)])
class TestBoth:
    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_floats_look_like_bytes(self, transform, images, dtype):
        batch = images(8, shape=(14, 11, 3))
        result = transform(batch, seed=3)
        floats = transform((batch / 255).astype(dtype), seed=3)
        assert floats.dtype == dtype
        assert np.abs(floats.astype("float64") * 255 - result).max() <= 1.3

    @pytest.mark.parametrize("dtype", ["uint16", "int32"])
    def test_other_integers_look_like_floats(self, transform, images, dtype):
        batch = images(8, shape=(9, 6, 1), dtype="float64")
        white = np.iinfo(dtype).max
        result = transform(np.rint(batch * white).astype(dtype), seed=3)
        assert np.abs(result / white - transform(batch, seed=3)).max() < 2e-5

    def test_value_range(self, transform, images):
        batch = images(5, dtype="float32")
        options = {**transform.get_config(), "value_range": (-1, 3)}
        shifted = type(transform)(**options)(batch * 4 - 1, seed=1)
        np.testing.assert_allclose((shifted + 1) / 4, transform(batch, seed=1), atol=1e-6)

    def test_views(self, transform, images):
        batch = images(4, shape=(6, 8, 3))
        expected = transform(batch, seed=1)
        frozen = batch.copy()
        frozen.flags.writeable = False
        flipped = batch[:, :, ::-1].copy()[:, :, ::-1]
        for same in (np.asfortranarray(batch), frozen, flipped):
            np.testing.assert_array_equal(transform(same, seed=1), expected)

    def test_empty(self, transform, images):
        assert transform(images(0), seed=1).shape == (0, 5, 7, 3)


@pytest.mark.filterwarnings("ignore:Floats must be in:UserWarning")
def test_sharpness_clips_what_it_overshoots():
    batch = np.random.default_rng(0).uniform(-0.25, 1.4, (2, 8, 9, 3)).astype("float32")
    for factor in (1, 2):
        sharp = Sharpness().transform_images(batch[1:], {"sharpness": np.full(1, factor)})
        assert (sharp.min(), sharp.max()) == (0, 1)
    unchanged = Sharpness().transform_images(batch[1:], {"sharpness": np.ones(1)})
    np.testing.assert_allclose(unchanged, np.clip(batch[1:], 0, 1), atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int16", "int32", "uint32"])
def test_blur_takes_any_values(dtype):
    """An average needs no black and no white: depths, temperatures, Hounsfield units."""
    low, high = (0, 200) if dtype == "uint32" else (-1024, 3000)
    batch = np.random.default_rng(0).uniform(low, high, (4, 8, 9, 3)).astype(dtype)
    if np.dtype(dtype).kind == "f":
        batch[0, 0, 0], batch[1] = np.nan, batch[1] / 3100
    result = GaussianBlur((1.5, 1.5))(batch, seed=0)
    assert result.dtype == dtype
    for row in range(4):
        expected = ndimage.gaussian_filter(batch[row].astype(float), (1.5, 1.5, 0), truncate=4)
        np.testing.assert_allclose(result[row], expected, rtol=1e-3, atol=0.51 if row else 2)
    np.testing.assert_allclose(GaussianBlur((0, 0))(batch, seed=0), batch, rtol=1e-3)


def test_draws_fill_their_range():
    rows = np.arange(4000)
    factor = Sharpness(0.3).draw(rows, seed=0)["sharpness"]
    assert 0.7 < factor.min() < 0.71
    assert 1.29 < factor.max() < 1.3
    sigma = GaussianBlur(3).draw(rows, seed=0)["sigma"]
    assert 0 < sigma.min() < 0.01
    assert 2.99 < sigma.max() < 3


def test_a_number_means_from_zero():
    assert GaussianBlur(2) == GaussianBlur((0, 2))
    assert GaussianBlur(2).sigma == (0.0, 2.0)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Sharpness(1.5), ValueError, "`sharpness` must lie in 0..100.*reaches -0.5..2.5"),
        (lambda: Sharpness((2, 1)), ValueError, r"low <= high.*Pass \(1, 2\)"),
        (lambda: Sharpness("much"), TypeError, "`sharpness` must be a finite number"),
        (lambda: GaussianBlur(-1), ValueError, "must not be negative.*sigma=-1"),
        (lambda: GaussianBlur((-1, 1)), ValueError, "`sigma` must lie in 0..100"),
        (lambda: GaussianBlur(None), TypeError, "`sigma` must be a finite number"),
        (lambda: GaussianBlur((1, 2, 3)), ValueError, r"a pair \(low, high\)"),
        (lambda: GaussianBlur(p=2), ValueError, r"`p` must lie in 0..1"),
    ],
)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()


def unsharpened(image, sigma, strength, threshold):
    """Returns an image of 0..1 sharpened in float64."""
    apart = image - blurred(image, sigma)
    beyond = np.sign(apart) * np.maximum(np.abs(apart) - threshold, 0)
    return (image + strength * beyond).clip(0, 1)


@pytest.mark.pairwise(
    sigma=[0.0, 0.5, 1.7, 9.0],
    strength=[0.0, 0.6, 3.0],
    threshold=[0.0, 0.1],
    shape=SHAPES,
    dtype=["uint8", "uint16", "float32", "float64"],
)
def test_unsharp_masks_are_what_a_blur_takes(images, sigma, strength, threshold, shape, dtype):
    batch = images(2, shape=shape, dtype=dtype)
    values = {"sigma": sigma, "strength": strength, "threshold": threshold}
    drawn = {name: np.full(2, value) for name, value in values.items()}
    result = UnsharpMask().transform_images(batch, drawn)
    assert result.dtype == dtype
    white = np.iinfo(dtype).max if batch.dtype.kind == "u" else 1
    near = {"uint8": 0.51, "uint16": 0.6, "float32": 2e-5, "float64": 1e-12}[dtype]
    for image, before in zip(result, batch / white, strict=True):
        expected = unsharpened(before, sigma, strength, threshold) * white
        assert np.abs(image - expected).max() <= near


def test_unsharp_masks_leave_faint_noise(images):
    faint = images(3, shape=(14, 11, 3)) // 64 + 100
    np.testing.assert_array_equal(UnsharpMask(threshold=0.02)(faint, seed=0), faint)
    assert (UnsharpMask(threshold=0)(faint, seed=0) != faint).any()


def test_unsharp_masks_of_all_kinds(images):
    batch = images(5, shape=(14, 11, 4))
    sharp = UnsharpMask()(batch, seed=1)
    np.testing.assert_array_equal(sharp[..., 3], batch[..., 3])
    np.testing.assert_array_equal(sharp[..., :3], UnsharpMask()(batch[..., :3], seed=1))
    floats = UnsharpMask(value_range=(-1, 1))(batch / 127.5 - 1, seed=1)
    np.testing.assert_allclose((floats + 1) * 127.5, sharp, atol=0.51)
    assert UnsharpMask()(batch[:0], seed=1).shape == (0, 14, 11, 4)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: UnsharpMask((0, 101)), "`sigma` must lie in 0..100"),
        (lambda: UnsharpMask(strength=-1), "must not be negative.*strength=-1"),
        (lambda: UnsharpMask(threshold=5), "`threshold` must lie in 0..1.*Divide levels by 255"),
    ],
)
def test_bad_unsharp_masks(make, text):
    with pytest.raises(ValueError, match=text):
        make()

"""Fewer pixels, made by Pillow and enlarged by the formula, and JPEGs that Pillow writes."""

import io

import numpy as np
import pytest
from PIL import Image

from kaug.transforms.degradation import Downscale, JPEGCompression

SHAPES = [(5, 7, 1), (23, 31, 3), (40, 9, 5), (1, 9, 3), (9, 1, 3), (2, 2, 1), (1, 1, 3)]


def in_blocks(image, scale):
    """Returns what Pillow makes of an image, enlarged pixel by pixel, in float32."""
    height, width, channels = image.shape
    size = [max(1, int(np.floor(scale * side + 0.5))) for side in (height, width)]
    planes = (Image.fromarray(image[..., c].astype("float32")) for c in range(channels))
    small = [np.asarray(p.resize(size[::-1], Image.Resampling.BILINEAR)) for p in planes]
    out = np.empty(image.shape, "float32")
    for row in range(height):
        for column in range(width):
            y, x = (
                (2 * row + 1) * size[0] // (2 * height),
                (2 * column + 1) * size[1] // (2 * width),
            )
            out[row, column] = [plane[y, x] for plane in small]
    return out


@pytest.mark.pairwise(
    scale=[0.01, 0.2, 1 / 3, 0.4, 0.5, 0.77, 0.99, 1.0],
    shape=[*SHAPES, (60, 100, 3)],
    dtype=["uint8", "uint16", "float32", "float64"],
)
def test_pixels_are_lost_as_by_pillow(images, scale, shape, dtype):
    batch = images(2, shape=shape, dtype=dtype)
    result = Downscale().transform_images(batch, {"scale": np.full(2, scale)})
    assert result.dtype == dtype
    tolerance = 0.502 if np.dtype(dtype).kind == "u" else 2e-6
    for image, before in zip(result, batch, strict=True):
        assert np.abs(image - in_blocks(before, scale)).max() <= tolerance


def test_blocks_by_eye():
    image = np.repeat(np.arange(0, 60, 10, dtype="uint8")[None, None, :, None], 3, axis=1)
    blocks = Downscale(1 / 3)(image, seed=0)[0, :, :, 0]
    assert blocks[:, 0].tolist() == blocks[:, 2].tolist()
    assert len(np.unique(blocks)) == 2
    assert (blocks[:, :3].var(), blocks[:, 3:].var()) == (0, 0)


def test_every_row_has_its_own_scale(images):
    batch = images(6, shape=(19, 11, 3))
    scales = np.array([0.1, 0.5, 1.0, 0.3, 0.5, 0.77])
    result = Downscale().transform_images(batch, {"scale": scales})
    for row in range(6):
        part = slice(row, row + 1)
        alone = Downscale().transform_images(batch[part], {"scale": scales[part]})
        np.testing.assert_array_equal(result[row], alone[0])
    np.testing.assert_array_equal(result[2], batch[2])


def test_values_fewer_pixels_have_may_lie_anywhere(images):
    batch = images(4, shape=(8, 9, 3), dtype="float32") * 6 - 3
    result = Downscale(0.4)(batch, seed=0)
    expected = np.stack([in_blocks(image, 0.4) for image in batch])
    np.testing.assert_allclose(result, expected, atol=1e-5)
    within = Downscale(0.4, value_range=(-1, 1))(batch, seed=0)
    np.testing.assert_allclose(within, expected.clip(-1, 1), atol=1e-5)


def test_nan_spreads_no_farther_than_averages(images):
    batch = images(1, shape=(12, 12, 1), dtype="float32")
    batch[0, 0, 0] = np.nan
    spoiled = np.isnan(Downscale(0.25)(batch, seed=0)[0, :, :, 0])
    assert spoiled[:3, :3].all()
    assert not spoiled[6:].any()


def test_opacity_and_views_and_none(images):
    batch = images(4, shape=(6, 8, 4))
    result = Downscale()(batch, seed=1)
    np.testing.assert_array_equal(result[..., 3], batch[..., 3])
    for same in (np.asfortranarray(batch), batch[:, :, ::-1].copy()[:, :, ::-1]):
        np.testing.assert_array_equal(Downscale()(same, seed=1), result)
    assert Downscale()(batch[:0], seed=1).shape == (0, 6, 8, 4)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Downscale(0), ValueError, "`scale` must be above 0 and at most 1.*scale=0"),
        (lambda: Downscale((0.5, 1.1)), ValueError, "`scale` must be above 0 and at most 1"),
        (lambda: Downscale((0.5, 0.2)), ValueError, r"Pass \(0.2, 0.5\)"),
        (lambda: Downscale("half"), TypeError, "`scale` must be a finite number"),
    ],
)
def test_bad_scales(make, error, text):
    with pytest.raises(error, match=text):
        make()


def as_jpeg(image, quality):
    """Returns an image as Pillow writes and reads it."""
    file = io.BytesIO()
    Image.fromarray(image.squeeze(-1) if image.shape[2] == 1 else image).save(
        file, "JPEG", quality=quality
    )
    return np.asarray(Image.open(file)).reshape(image.shape)


def smooth(count, shape):
    """Returns images whose neighbours are alike, unlike those of noise."""
    steps = np.random.default_rng(1).normal(0, 9, (count, *shape))
    return np.clip(128 + steps.cumsum(axis=2), 0, 255).astype("uint8")


@pytest.mark.pairwise(
    height=[1, 2, 3, 8, 9, 16, 22, 33, 50],
    width=[1, 2, 4, 5, 7, 8, 17, 31, 64],
    channels=[1, 3],
    quality=[1, 2, 10, 49, 50, 75, 92, 100],
    make=["noise", "smooth"],
)
def test_jpegs_are_pillows(images, height, width, channels, quality, make):
    shape = (height, width, channels)
    batch = images(2, shape=shape) if make == "noise" else smooth(2, shape)
    result = JPEGCompression().transform_images(batch, {"quality": np.full(2, quality)})
    for image, before in zip(result, batch, strict=True):
        np.testing.assert_array_equal(image, as_jpeg(before, quality))


def test_every_row_has_its_own_quality(images):
    batch = smooth(100, (17, 21, 3))
    qualities = np.arange(1, 101)
    result = JPEGCompression().transform_images(batch, {"quality": qualities})
    for image, before, quality in zip(result, batch, qualities, strict=True):
        np.testing.assert_array_equal(image, as_jpeg(before, int(quality)))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint16"])
def test_other_dtypes_go_through_bytes(dtype, images):
    batch = images(3, shape=(9, 14, 3))
    levels = JPEGCompression(40)(batch, seed=0)
    white = 1 if dtype[0] == "f" else 65535
    result = JPEGCompression(40)((batch * (white / 255)).astype(dtype), seed=0)
    assert result.dtype == dtype
    np.testing.assert_allclose(result / white, levels / 255, atol=5e-4 if dtype[0] == "f" else 1e-5)
    within = JPEGCompression(40, value_range=(-1, 3))((batch / 255 * 4 - 1), seed=0)
    np.testing.assert_allclose((within + 1) / 4, levels / 255, atol=1e-6)


def test_nan_is_black_and_stays(images):
    batch = images(1, shape=(9, 14, 1), dtype="float32")
    black = batch.copy()
    batch[0, 3, 4], black[0, 3, 4] = np.nan, 0
    result, expected = (JPEGCompression(40)(each, seed=0) for each in (batch, black))
    assert np.isnan(result[0, 3, 4, 0])
    expected[0, 3, 4] = np.nan
    np.testing.assert_array_equal(result, expected)


def test_floats_that_are_bytes_are_no_jpegs(images):
    with pytest.raises(ValueError, match=r"Floats must be in \[0, 1\] for JPEGCompression"):
        JPEGCompression()(images(2, dtype="float32") * 255, seed=0)
    with pytest.warns(UserWarning, match="what lies outside is clipped"):
        result = JPEGCompression()(images(2, dtype="float32") * 1.2, seed=0)
    assert (result.min() >= 0) & (result.max() <= 1)


def test_jpegs_keep_opacity_and_take_views(images):
    batch = images(4, shape=(6, 8, 4))
    result = JPEGCompression()(batch, seed=1)
    np.testing.assert_array_equal(result[..., 3], batch[..., 3])
    np.testing.assert_array_equal(result[..., :3], JPEGCompression()(batch[..., :3], seed=1))
    np.testing.assert_array_equal(JPEGCompression()(np.asfortranarray(batch), seed=1), result)
    assert JPEGCompression()(batch[:0], seed=1).shape == (0, 6, 8, 4)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: JPEGCompression(0), ValueError, "`quality` must be an integer.*quality=0|1"),
        (lambda: JPEGCompression((90, 30)), ValueError, r"Pass \(30, 90\)"),
        (lambda: JPEGCompression(50.5), TypeError, "`quality` must be an integer"),
        (
            lambda: JPEGCompression()(np.zeros((1, 4, 5, 5), "uint8"), seed=0),
            ValueError,
            "JPEGCompression needs images of 3 channels .*, or of 1 channel",
        ),
    ],
)
def test_bad_qualities(make, error, text):
    with pytest.raises(error, match=text):
        make()

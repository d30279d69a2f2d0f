"""Normalization against its formula, and what it refuses."""

import numpy as np
import pytest

import kaug
from kaug.layers import RandomTransform
from kaug.transforms import Brightness, Compose, Invert, Rotation, Sometimes, Transform
from kaug.transforms.normalize import PUBLISHED, Normalize

SHAPES = [(9, 14, 3), (1, 1, 3), (33, 31, 3), (70, 41, 3)]
FLOATS = ["float16", "float32", "float64", "longdouble"]


def fractions(count, shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).random((count, *shape)).astype(dtype)


def near(dtype):
    return 2e-2 if dtype == "float16" else 1e-5 if dtype == "float32" else 1e-12


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_numbers(name, dtype):
    images = fractions(3, (9, 14, 3), dtype)
    mean, std = PUBLISHED[name]
    made = Normalize(name)(images)
    assert made.dtype == dtype
    expected = (images.astype("float64") - mean) / std
    np.testing.assert_allclose(made.astype("float64"), expected, atol=near(dtype))


def test_numbers_of_imagenet_are_those_everybody_has():
    assert PUBLISHED["imagenet"] == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    black, white = Normalize()(np.array([[[[0.0] * 3, [1.0] * 3]]]))[0, 0]
    np.testing.assert_allclose(black, [-2.1179, -2.0357, -1.8044], atol=1e-4)
    np.testing.assert_allclose(white, [2.2489, 2.4286, 2.64], atol=1e-4)


@pytest.mark.parametrize("shape", [(9, 14, 1), (9, 14, 3), (9, 14, 5), (1, 1, 1)])
def test_one_number_is_for_all_channels(shape):
    images = fractions(3, shape)
    np.testing.assert_allclose(Normalize(0.5, 0.25)(images), (images - 0.5) / 0.25, atol=1e-12)
    mean = tuple(np.linspace(0.1, 0.9, shape[-1]).tolist())
    made = Normalize(mean, 0.25)(images)
    np.testing.assert_allclose(made, (images - mean) / 0.25, atol=1e-12)
    made = Normalize(0.5, mean)(images)
    np.testing.assert_allclose(made, (images - 0.5) / mean, atol=1e-11)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize(("mean", "axes"), [("per_image", (1, 2, 3)), ("per_channel", (1, 2))])
def test_images_by_their_own_numbers(mean, axes, channels, dtype):
    images = fractions(4, (33, 31, channels), dtype) * np.linspace(0.2, 1, channels).astype(dtype)
    exact = images.astype("float64")
    expected = exact - exact.mean(axes, keepdims=True)
    expected /= exact.std(axes, keepdims=True)
    made = Normalize(mean)(images)
    assert made.dtype == dtype
    np.testing.assert_allclose(made.astype("float64"), expected, atol=5 * near(dtype))


@pytest.mark.parametrize("mean", ["per_image", "per_channel"])
def test_an_image_of_one_value_becomes_nothing(mean):
    for value in (0.0, 0.1, 1.0):
        made = Normalize(mean)(np.full((2, 9, 14, 3), value, "float32"))
        np.testing.assert_allclose(made, 0, atol=1e-3)
    faint = 0.5 + 1e-5 * (fractions(1, (9, 14, 1)) - 0.5)
    assert abs(Normalize(mean)(faint)).max() < 0.01


@pytest.mark.parametrize("mean", ["imagenet", "per_image", "per_channel"])
def test_values_mean_what_the_range_says(mean):
    images = fractions(3, (9, 14, 3))
    expected = Normalize(mean)(images)
    for low, high in ((0, 255), (-1, 1), (-1024, 3071)):
        own = Normalize(mean, value_range=(low, high))(low + images * (high - low))
        np.testing.assert_allclose(own, expected, atol=1e-9)
    beyond = np.where(images < 0.3, -7.0, np.where(images > 0.8, 7.0, images))
    made = Normalize(mean, value_range=(0, 1))(beyond)
    np.testing.assert_allclose(made, Normalize(mean)(beyond.clip(0, 1)), atol=1e-12)


@pytest.mark.parametrize("mean", ["imagenet", "per_image", "per_channel"])
def test_what_is_no_number_counts_as_black_and_stays(mean):
    images = fractions(2, (9, 14, 3))
    images[0, 1, 2, 0] = 0
    expected = Normalize(mean)(images)
    images[0, 1, 2, 0] = np.nan
    made = Normalize(mean)(images)
    assert np.isnan(made).sum() == 1
    known = ~np.isnan(made)
    np.testing.assert_allclose(made[known], expected[known], atol=1e-12)


def test_opacity_stays():
    images = fractions(3, (9, 14, 4))
    made = Normalize()(images)
    np.testing.assert_array_equal(made[..., 3], images[..., 3])
    np.testing.assert_array_equal(made[..., :3], Normalize()(images[..., :3]))
    four = Normalize("per_channel", opacity=False)(images)
    np.testing.assert_allclose(four.mean((1, 2)), 0, atol=1e-12)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64"])
def test_integers_are_refused(images, dtype, tmp_path):
    batch = images(3, shape=(9, 14, 3)).astype(dtype)
    text = rf"needs images of floats.*images of {dtype}\. Pass images.astype.*\(0, 255\)"
    with pytest.raises(TypeError, match=text):
        Compose([Rotation(), Normalize(value_range=(0, 255))])(batch, seed=0)
    with pytest.raises(TypeError, match="needs images of floats"):
        RandomTransform(Normalize())(batch, training=True)
    with pytest.raises(TypeError, match="needs images of floats"):
        kaug.AugmentedDataset(batch, None, Sometimes(Normalize(), p=0.1), seed=0)
    with pytest.raises(TypeError, match="needs images of floats"):
        kaug.augment_dataset(batch, None, 2, Normalize(), seed=0, out=tmp_path / "made")
    assert not list(tmp_path.iterdir())
    floats = batch.astype("float32")
    np.testing.assert_allclose(
        Normalize(value_range=(0, 255))(floats), Normalize()(floats / 255), atol=1e-5
    )


def test_bytes_in_floats_are_pointed_out(images):
    batch = images(3, shape=(9, 14, 3)).astype("float32")
    with pytest.raises(ValueError, match=r"Floats must be in \[0, 1\] for Normalize.*\(0, 255\)"):
        Normalize()(batch)
    with pytest.warns(UserWarning, match="what lies outside is clipped"):
        Normalize()(batch / 255 + np.float32(0.1))


def test_what_follows_must_be_told(images):
    batch = images(3, shape=(9, 14, 3), dtype="float32")
    with pytest.raises(ValueError, match="Floats must be in"):
        Compose([Normalize(), Invert(p=1)])(batch, seed=0)
    told = Compose([Normalize(), Brightness(value_range=(-3, 3))])
    assert told(batch, seed=0).min() < -1


@pytest.mark.parametrize("channels", [1, 5])
def test_other_channels_are_refused(channels):
    text = f"needs images of 3 channels, besides opacity.*of {channels} channels.*of one number"
    with pytest.raises(ValueError, match=text):
        Normalize()(fractions(2, (9, 14, channels)))


@pytest.mark.parametrize(
    "transform", [Normalize(), Normalize(0.5, (0.1, 0.2)), Normalize("per_image", p=0.5)]
)
def test_it_is_what_it_was_after_saving(transform):
    assert Transform.from_json(transform.to_json()) == transform


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Normalize("image_net"), ValueError, "`mean` must be .*'imagenet'"),
        (lambda: Normalize(0.5), ValueError, "`std` goes with a `mean` of numbers"),
        (lambda: Normalize("clip", 0.5), ValueError, "a name stands for both"),
        (lambda: Normalize((0.1, 0.2), (0.1, 0.2, 0.3)), ValueError, "as many numbers.* 2 and 3"),
        (lambda: Normalize((), 0.5), ValueError, "`mean` must have a number for each channel"),
        (lambda: Normalize(0.5, 0), ValueError, "`std` must be a number in 1e-06..1,000,000"),
        (lambda: Normalize(np.nan, 1), ValueError, "`mean`"),
        (lambda: Normalize(None, 0.5), TypeError, "`mean`"),
        (lambda: Normalize(0.5, "0.5"), TypeError, "`std`"),
    ],
)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()

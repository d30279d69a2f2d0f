"""Corruptions: as strong as those of ImageNet-C, and each as its formula says."""

from io import BytesIO

import numpy as np
import pytest
from matplotlib import cbook
from PIL import Image
from scipy import ndimage, stats

from kaug._draw.keys import Key
from kaug.transforms.blur import Defocus
from kaug.transforms.corruption import Corruption
from kaug.transforms.elastic import ElasticDeformation
from kaug.transforms.noise import SaltAndPepper

# Mean distance to the image, in levels, of what imagecorruptions 1.1.2 makes of `photograph()` at
# the severities 1 to 5, with NumPy 1.26 and scikit-image 0.20: the mean of two calls, of eight for
# motion, of 40 for snow and of 60 for frost and fog.
DISTANCES = {
    "gaussian_noise": (15.1, 21.8, 30.9, 42.0, 56.1),
    "shot_noise": (13.6, 20.7, 29.1, 43.5, 53.5),
    "impulse_noise": (3.8, 7.8, 11.6, 21.7, 34.6),
    "defocus_blur": (11.3, 13.8, 18.2, 21.5, 24.8),
    "glass_blur": (12.5, 12.9, 20.2, 19.9, 22.4),
    "motion_blur": (13.5, 18.7, 24.1, 28.0, 31.3),
    "zoom_blur": (19.7, 23.6, 25.8, 28.3, 30.5),
    "snow": (37.3, 62.7, 62.4, 76.6, 90.1),
    "frost": (62.0, 75.4, 87.1, 76.1, 80.7),
    "fog": (48.9, 53.3, 58.1, 58.3, 61.0),
    "brightness": (17.1, 33.5, 46.0, 56.1, 65.2),
    "contrast": (39.1, 45.7, 52.2, 58.7, 62.0),
    "elastic_transform": (11.0, 13.4, 16.2, 18.0, 19.5),
    "pixelate": (6.4, 7.4, 9.2, 11.3, 12.6),
    "jpeg_compression": (7.5, 8.4, 9.0, 10.6, 12.2),
}
# How near distances come to these: ice is computed, clouds and flakes differ from draw to draw.
NEAR = {"frost": 0.2, "fog": 0.08, "snow": 0.08}
# Where their numbers make no severity worse than the one before in every case.
UNEVEN = {"glass_blur", "frost", "fog"}
# What draws nothing.
CERTAIN = {
    "defocus_blur",
    "zoom_blur",
    "brightness",
    "contrast",
    "pixelate",
    "jpeg_compression",
}
EVERY = pytest.mark.parametrize("name", Corruption.names)


def photograph(side=224):
    """Grace Hopper, as she comes with Matplotlib."""
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        image = Image.open(file).resize((side, side), Image.Resampling.BOX, box=(0, 0, 512, 512))
    return np.asarray(image)[None]


def distances(name, batch, **options):
    made = [Corruption(name, severity)(batch, **options) for severity in range(1, 6)]
    return np.array([np.abs(each.astype(float) - batch).mean() for each in made])


def units(words, count):
    own = Key(*map(int, words)).words(np.arange(count), 0)[0]
    return (own >> np.uint32(8)) * 2.0**-24


def test_all_names_are_tested():
    assert set(DISTANCES) == set(Corruption.names)


@EVERY
def test_as_strong_as_imagecorruptions(name):
    batch = np.repeat(photograph(), 8, axis=0)
    np.testing.assert_allclose(
        distances(name, batch, seed=0), DISTANCES[name], rtol=NEAR.get(name, 0.06)
    )


@EVERY
@pytest.mark.parametrize("seed", [0, 1])
def test_distance_grows_with_severity(name, seed):
    made = distances(name, np.repeat(photograph(112), 8, axis=0), seed=seed)
    assert made[0] < made[4]
    if name not in UNEVEN:
        assert (np.diff(made) > 0).all()


@EVERY
def test_severities_look_alike_in_all_sizes(name):
    if name.endswith("noise") or name in ("pixelate", "jpeg_compression"):
        pytest.skip("is made of pixels")
    small = distances(name, photograph(128), seed=2)
    large = distances(name, photograph(256), seed=2)
    # Small pictures have less in them to be blurred; were lengths in pixels, it would be a half.
    np.testing.assert_allclose(small, large, rtol=0.25)


@EVERY
def test_a_row_is_corrupted_alike(name):
    batch = photograph(64)
    batch = np.concatenate([batch, batch[:, ::-1], batch[:, :, ::-1]])
    corruption = Corruption(name, 4)
    whole = corruption(batch, seed=3)
    alone = corruption(batch[2:], seed=3, index=[2])
    np.testing.assert_array_equal(whole[2], alone[0])
    other = corruption(batch[2:], seed=4, index=[2])
    certain = name in CERTAIN
    assert np.array_equal(other, alone) == certain


@EVERY
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint16"])
def test_other_dtypes_are_corrupted_alike(name, dtype):
    batch = photograph(40)[:, :30]
    expected = Corruption(name)(batch, seed=1).astype(float)
    white = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    made = Corruption(name)((batch / 255 * white).astype(dtype), seed=1)
    assert made.dtype == dtype
    difference = np.abs(made.astype(float) / white * 255 - expected)
    assert np.quantile(difference, 0.99) < 0.8  # a photon more or less, flakes at the threshold


@EVERY
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 3), (13, 2, 1), (20, 31, 5), (12, 17, 4)])
def test_any_size_and_channels(name, shape, images):
    batch = images(3, shape=shape)
    made = Corruption(name, 5)(batch, seed=0)
    assert made.shape == batch.shape
    assert Corruption(name)(batch[:0], seed=0).shape == (0, *shape)
    if shape[-1] == 4:
        np.testing.assert_array_equal(made[..., 3], batch[..., 3])


def test_gaussian_noise_has_its_deviation():
    gray = np.full((2, 90, 110, 3), 0.5, "float64")
    made = Corruption("gaussian_noise", 1)(gray, seed=0) - 0.5
    assert abs(made.std() - 0.08) < 0.002
    assert abs(made.mean()) < 0.002


def test_shot_noise_is_of_poisson():
    values = np.linspace(0, 1, 600).reshape(1, 20, 30, 1)
    words = Corruption("shot_noise", 2).draw([0], seed=5)["words"][0]
    stream = np.concatenate(
        [np.concatenate(Key(*map(int, words)).words(np.arange(256) + 256 * k, 0)) for k in (0, 1)]
    )
    expected = stats.poisson.ppf((stream[:600] + 0.5) * 2.0**-32, values.ravel() * 25) / 25
    made = Corruption("shot_noise", 2)(values, seed=5)
    np.testing.assert_allclose(made.ravel(), np.minimum(expected, 1), atol=1e-12)


def test_impulses_hit_samples_as_often_as_said():
    gray = np.full((2, 120, 150, 3), 100, "uint8")
    made = Corruption("impulse_noise", 5)(gray, seed=0)
    for value in (0, 255):
        assert abs((made == value).mean() - 0.135) < 0.005
    assert not (made == made[..., :1]).all()  # channels apart, unlike SaltAndPepper
    whole = SaltAndPepper((0.27, 0.27))(gray, seed=0)
    assert (whole == whole[..., :1]).all()


def test_defocus_is_that_of_a_disk():
    image = photograph(112) / 255
    made = Corruption("defocus_blur", 3)(image, seed=0)
    np.testing.assert_allclose(made, Defocus((3, 3))(image, seed=0), atol=1e-9)


def test_glass_moves_pixels_that_are_near():
    ramp = np.tile(np.arange(224.0)[:, None] / 255, (1, 224))[None, ..., None]
    made = Corruption("glass_blur", 2)(ramp, seed=0)
    moved = (made - ramp)[0, 12:-12, 12:-12, 0] * 255
    assert 0.3 < moved.std() < 2
    assert np.abs(moved).max() < 10
    edge = Corruption("glass_blur", 2)(ramp, seed=1)
    np.testing.assert_allclose(edge[0, 0, :, 0], ramp[0, 0, :, 0], atol=0.01)


def test_motion_is_half_a_gaussian_along_a_line():
    dot = np.zeros((1, 224, 224, 1))
    dot[0, 112, 112] = 1
    words = Corruption("motion_blur", 3).draw([0], seed=0)["words"][0]
    angle = np.radians(90 * units(words, 1)[0] - 45)
    expected, steps = np.zeros((224, 224)), np.arange(31)
    weights = np.exp(-0.5 * (steps / 8) ** 2)
    for step, weight in zip(steps, weights / weights.sum(), strict=True):
        row = 112 - round(step * np.sin(angle))
        expected[row, 112 - round(step * np.cos(angle))] += weight
    made = Corruption("motion_blur", 3)(dot, seed=0)
    np.testing.assert_allclose(made[0, ..., 0], expected, atol=1e-12)


@pytest.mark.parametrize("size", [(5, 9), (30, 17), (1, 1)])
def test_motion_goes_on_beyond_the_edges(size):
    rng = np.random.default_rng(0)
    images = rng.random((6, *size, 3))
    words = Corruption("motion_blur", 5).draw(np.arange(6), seed=0)["words"]
    sigma = 15 * min(size) / 224
    steps = np.arange(min(int(40 * min(size) / 224), int(4 * sigma)) + 1)
    weights = np.exp(-0.5 * (steps / sigma) ** 2)
    rows, columns = np.mgrid[: size[0], : size[1]]
    made = Corruption("motion_blur", 5)(images, seed=0)
    for image, own, key in zip(images, made, words, strict=True):
        angle, expected = np.radians(90 * units(key, 1)[0] - 45), 0
        for step, weight in zip(steps, weights / weights.sum(), strict=True):
            down, right = np.rint(step * np.sin(angle)), np.rint(step * np.cos(angle))
            place = [
                np.clip(each + int(way), 0, side - 1)
                for each, way, side in zip((rows, columns), (down, right), size, strict=True)
            ]
            expected = expected + weight * image[tuple(place)]
        np.testing.assert_allclose(own, expected, atol=1e-9)


@pytest.mark.parametrize(("severity", "most", "step"), [(1, 1.105, 0.01), (5, 1.305, 0.03)])
def test_zooms_are_averaged(severity, most, step):
    image = photograph(50)[:, :37] / 255
    total = image[0].copy()
    for factor in np.arange(1, most, step):
        middle = (np.array(image.shape[1:3]) - 1) / 2
        for channel in range(3):
            total[..., channel] += ndimage.affine_transform(
                image[0, ..., channel], [1 / factor] * 2, middle * (1 - 1 / factor), order=1
            )
    expected = total / (len(np.arange(1, most, step)) + 1)
    made = Corruption("zoom_blur", severity)(image, seed=0)
    np.testing.assert_allclose(made[0], expected, atol=1e-9)


def test_it_snows_from_both_sides():
    black = np.zeros((4, 60, 81, 3))
    made = Corruption("snow", 1)(black, seed=0)
    fallen = made - 0.2 * 0.5  # what is whitened
    assert fallen.min() > -1e-9
    assert fallen.max() > 0.3
    np.testing.assert_allclose(fallen, fallen[:, ::-1, ::-1], atol=1e-9)


def test_snow_falls_rather_down_than_across():
    made = Corruption("snow", 3)(np.zeros((20, 112, 112, 1)), seed=0)[..., 0]
    made -= made.mean()
    down, across = made[:, 4:] * made[:, :-4], made[:, :, 4:] * made[:, :, :-4]
    assert down.mean() > 1.5 * across.mean()


def test_frost_adds_ice():
    black = np.zeros((4, 60, 81, 3))
    ice = Corruption("frost", 1)(black, seed=0) / 0.4
    assert 0.55 < ice.mean() < 0.7
    assert ice.std() > 0.05
    gray = np.full((4, 60, 81, 3), 0.3)
    more = Corruption("frost", 2)(gray, seed=0)
    np.testing.assert_allclose(more, 0.8 * 0.3 + 0.6 * ice, atol=1e-6)
    assert (ice[..., 2] > ice[..., 0]).all()  # bluish


def test_fog_keeps_what_is_brightest():
    image = photograph(90) / 255
    made = Corruption("fog", 3)(image, seed=0)
    white = image.max()
    clouds = made / (white / (white + 2.5)) - image
    np.testing.assert_allclose(clouds, np.repeat(clouds[..., :1], 3, axis=-1), atol=1e-6)
    np.testing.assert_allclose(clouds.mean() / 2.5, 0.5, atol=0.01)
    np.testing.assert_allclose(clouds.std() / 2.5, 0.164, atol=0.01)
    assert clouds.min() > -1e-6
    assert clouds.max() < 2.5 + 1e-6


def test_brightness_adds_to_the_value_of_hsv():
    colors = np.array([[[0.2, 0.4, 0.1], [0.9, 0.5, 0.5], [0, 0, 0], [0.3, 0.3, 0.3]]])[None]
    made = Corruption("brightness", 2)(colors, seed=0)[0, 0]
    expected = [[0.3, 0.6, 0.15], [1, 0.5 / 0.9, 0.5 / 0.9], [0.2] * 3, [0.5] * 3]
    np.testing.assert_allclose(made, expected, atol=1e-9)
    gray = Corruption("brightness", 2)(colors[..., :1], seed=0)[0, 0]
    np.testing.assert_allclose(gray, np.minimum(colors[0, 0, :, :1] + 0.2, 1))


def test_contrast_is_lost_about_the_mean_of_each_channel():
    image = photograph(50)[:, :37] / 255
    means = image.mean(axis=(1, 2), keepdims=True)
    made = Corruption("contrast", 4)(image, seed=0)
    np.testing.assert_allclose(made, means + 0.1 * (image - means), atol=1e-9)


@pytest.mark.parametrize("severity", range(1, 6))
@pytest.mark.parametrize("size", [(224, 224), (50, 38), (33, 64)])
def test_blocks_are_those_of_pillow(severity, size):
    image = photograph(64)[0, : min(size[0], 64), : min(size[1], 64)]
    image = np.asarray(Image.fromarray(image).resize(size[::-1]))
    factor = (0.6, 0.5, 0.4, 0.3, 0.25)[severity - 1]
    small = Image.fromarray(image).resize(
        (int(size[1] * factor), int(size[0] * factor)), Image.Resampling.BOX
    )
    expected = np.asarray(small.resize(size[::-1], Image.Resampling.BOX)).astype(int)
    made = Corruption("pixelate", severity)(image[None], seed=0)[0]
    assert np.abs(made - expected).max() <= 1  # Pillow rounds between its two passes


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_jpegs_are_those_of_pillow(channels):
    image = np.concatenate([photograph(50)[:, :37]] * 2, axis=-1)[..., :channels]
    made = Corruption("jpeg_compression", 2)(image, seed=0)[0]
    for part in [slice(0, 3)] if channels == 3 else range(channels):
        file = BytesIO()
        Image.fromarray(image[0, ..., part]).save(file, "JPEG", quality=18)
        np.testing.assert_array_equal(made[..., part], np.asarray(Image.open(file)))


def test_elastic_is_elastic_deformation(images):
    batch = photograph(60) / 255
    corruption = Corruption("elastic_transform", 5)
    words = corruption.draw([0], seed=2)["words"]
    pixels = 30 * 0.005 * 224 * 3**-0.5 / (2 * np.pi**0.5 * 0.01 * 224)
    rubber = ElasticDeformation(pixels / 224, 0.01, fill_mode="reflect")
    expected = rubber.apply(batch, {**rubber.draw([0], seed=2), "words": words})
    np.testing.assert_allclose(corruption(batch, seed=2), expected, atol=1e-12)


def test_targets_stay_or_are_refused(images):
    batch = images(2, shape=(9, 12, 3))
    masks = images(2, shape=(9, 12))
    made = Corruption("fog")({"images": batch, "segmentation_masks": masks}, seed=0)
    np.testing.assert_array_equal(made["segmentation_masks"], masks)
    with pytest.raises(TypeError, match=r"moves pixels, and nothing else.*ElasticDeformation"):
        Corruption("elastic_transform")({"images": batch, "segmentation_masks": masks}, seed=0)


def test_the_layer_refuses_them():
    from kaug.layers import RandomTransform

    with pytest.raises(TypeError, match=r"needs transforms that act on tensors.*AugmentedDataset"):
        RandomTransform(Corruption())


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Corruption("rust"), ValueError, "`name` must be .*'gaussian_noise'.*rust"),
        (lambda: Corruption(severity=0), ValueError, "`severity` must be .*1 and 5"),
        (lambda: Corruption(severity=2.5), TypeError, "`severity` must be an integer"),
    ],
)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()

"""A zooming lens against SciPy, and glass against the corruption of its name."""

import numpy as np
import pytest
from scipy import ndimage

from kaug.layers import RandomTransform
from kaug.transforms import Corruption, GaussianBlur, GlassBlur, ZoomBlur

SHAPES = [(5, 7, 1), (23, 31, 3), (40, 9, 5), (1, 9, 3), (9, 1, 3), (2, 2, 1), (1, 1, 3)]


def zoomed(image, factor):
    """Returns an image of floats magnified about its centre by SciPy."""
    centre = (np.array(image.shape[:2]) - 1) / 2
    planes = [
        ndimage.affine_transform(plane, [1 / factor] * 2, centre * (1 - 1 / factor), order=1,
                                 mode="nearest")
        for plane in np.moveaxis(image, -1, 0)
    ]  # fmt: skip
    return np.stack(planes, axis=-1)


@pytest.mark.pairwise(
    zoom=[1.0, 1.1, 1.5, 3.0],
    shape=SHAPES,
    dtype=["uint8", "uint16", "float32", "float64"],
)
def test_zooming_is_scipys(images, zoom, shape, dtype):
    batch = images(2, shape=shape, dtype=dtype)
    result = ZoomBlur().transform_images(batch, {"zoom": np.full(2, zoom)})
    assert result.dtype == dtype
    near = {"uint8": 0.51, "uint16": 1, "float32": 1e-5, "float64": 1e-10}[dtype]
    for image, mean in zip(result, batch.astype(float), strict=True):
        for step in range(5):
            mean = (mean + zoomed(mean, zoom ** (2**step / 31))) / 2
        assert np.abs(image - mean).max() <= near


@pytest.mark.parametrize("zoom", [1.1, 1.5, 3.0])
def test_it_is_a_mean_of_32_images(zoom):
    rows, columns = np.mgrid[:50, :61]
    waves = (0.5 + 0.25 * np.sin(rows / 7) + 0.25 * np.cos(columns / 9))[..., None]
    expected = np.mean([zoomed(waves, zoom ** (k / 31)) for k in range(32)], axis=0)
    result = ZoomBlur(zoom)(waves[None], seed=0)[0]
    np.testing.assert_allclose(result, expected, atol=0.004)


def test_every_row_zooms_as_far_as_it_says(images):
    batch, zooms = images(4, shape=(9, 12, 3)), np.array([1, 1.2, 2, 3])
    result = ZoomBlur().transform_images(batch, {"zoom": zooms})
    for row in range(4):
        alone = ZoomBlur().transform_images(batch[row : row + 1], {"zoom": zooms[row : row + 1]})
        np.testing.assert_array_equal(result[row], alone[0])
    np.testing.assert_array_equal(result[0], batch[0])


@pytest.mark.parametrize("transform", [ZoomBlur(), GlassBlur()])
class TestBoth:
    @pytest.mark.parametrize("value", [0, 1, 254, 255])
    def test_a_plain_picture_stays_as_it_is(self, transform, value):
        batch = np.full((3, 12, 15, 3), value, "uint8")
        assert (transform(batch, seed=0) == value).all()

    def test_values_may_lie_anywhere(self, transform, images):
        batch = images(4, shape=(9, 12, 3), dtype="float32") * 6 - 3
        result = transform(batch, seed=1)
        assert np.abs(result).max() > 1
        unit = transform((batch + 3) / 6, seed=1)
        np.testing.assert_allclose(result, unit * 6 - 3, atol=1e-4)
        within = type(transform)(value_range=(-1, 1))(batch.clip(-1, 1), seed=1)
        expected = transform(batch.clip(-1, 1), seed=1)
        np.testing.assert_allclose(within, expected, atol=1e-4)

    def test_floats_look_like_bytes(self, transform, images):
        batch = images(4, shape=(14, 11, 3))
        floats = transform((batch / 255).astype("float32"), seed=3)
        assert np.abs(floats * 255 - transform(batch, seed=3)).max() <= 1.5

    def test_opacity_stays(self, transform, images):
        batch = images(4, shape=(6, 8, 4))
        result = transform(batch, seed=1)
        np.testing.assert_array_equal(result[..., 3], batch[..., 3])
        np.testing.assert_array_equal(result[..., :3], transform(batch[..., :3], seed=1))
        assert transform(batch[:0], seed=1).shape == (0, 6, 8, 4)


@pytest.mark.parametrize(
    ("severity", "drawn"), [(1, (0.7, 1, 2)), (3, (1.0, 2, 3)), (5, (1.5, 4, 2))]
)
def test_glass_is_that_of_corruptions(images, severity, drawn):
    batch = images(2, shape=(224, 230, 3))
    words = np.array([[3, 4], [5, 2**32 - 1]], "uint32")
    names = ("sigma", "distance", "iterations")
    parameters = {name: np.full(2, value) for name, value in zip(names, drawn, strict=True)}
    result = GlassBlur().transform_images(batch, {**parameters, "words": words})
    expected = Corruption("glass_blur", severity).transform_images(batch, {"words": words})
    # Bytes are rounded between blurs, floats are not.
    assert np.abs(result.astype(int) - expected).max() <= 1


def test_glass_scatters_what_is_near():
    places = np.arange(20 * 30, dtype="uint16").reshape(1, 20, 30)
    made = GlassBlur((0, 0), 1, 1)(places, seed=0)[0].astype(int)
    down, right = np.arange(20)[:, None] - made // 30, np.arange(30) - made % 30
    assert set(np.unique(down)) == set(np.unique(right)) == {0, 1}
    assert 0.4 < down[2:, 2:].mean() < 0.6
    assert (down[:2] == 0).all()
    assert (right[:, :2] == 0).all()


def test_every_row_has_its_own_glass(images):
    batch = images(3, shape=(19, 22, 3))
    drawn = GlassBlur((0, 2), (1, 6), (1, 4)).draw(np.arange(3), seed=0)
    result = GlassBlur().transform_images(batch, drawn)
    for row in range(3):
        own = {name: values[row : row + 1] for name, values in drawn.items()}
        np.testing.assert_array_equal(
            result[row], GlassBlur().transform_images(batch[row : row + 1], own)[0]
        )
    tiny = images(3, shape=(2, 9, 1))
    blurred = GaussianBlur().transform_images(tiny, drawn)
    twice = GaussianBlur().transform_images(blurred, drawn)
    np.testing.assert_array_equal(GlassBlur().transform_images(tiny, drawn), twice)


def test_glass_is_for_arrays(images):
    with pytest.raises(TypeError, match="GlassBlur is for arrays only, since each pixel waits"):
        RandomTransform(GlassBlur())(images(2), training=True)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ZoomBlur(0.9), "`zoom` must lie in 1..3"),
        (lambda: ZoomBlur((1, 4)), "`zoom` must lie in 1..3"),
        (lambda: GlassBlur(distance=0), "`distance` must be an integer"),
        (lambda: GlassBlur(iterations=(3, 11)), "`iterations` must be an integer"),
        (lambda: GlassBlur(-1), "must not be negative.*sigma=-1"),
    ],
)
def test_bad_options(make, text):
    with pytest.raises(ValueError, match=text):
        make()

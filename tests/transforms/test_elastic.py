"""Elastic deformation against its definition in NumPy, and scipy.ndimage."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops
from scipy import ndimage

from kaug._kernels.threefry import encrypt
from kaug.transforms.elastic import ElasticDeformation

FILL_MODES = ["nearest", "reflect", "wrap", "constant"]


def field(transform, words, size):
    """The displacements of every pixel, `(2, H, W)`: the sum of all bumps, one by one."""
    side = min(size)
    axes, bumps = [], []
    for length in size:
        places = (np.arange(length) - (length - 1) / 2) / (transform.sigma * side)
        nodes = np.arange(np.floor(places[0]) - 3, np.floor(places[-1]) + 5).astype(int)
        distances = places[:, None] - nodes
        # Every place is reached by the four nodes to either side of it.
        near = (nodes > np.floor(places)[:, None] - 4) & (nodes <= np.floor(places)[:, None] + 4)
        bump = np.exp(-(distances**2) / 2) * near
        bumps.append(bump / np.sqrt((bump**2).sum(axis=1, keepdims=True)))
        axes.append(nodes & 0xFFFFFFFF)
    drawn = encrypt(*words.tolist(), *np.meshgrid(*axes, indexing="ij"))
    heights = np.stack([word.astype("uint32").view("int32") * 2.0**-31 for word in drawn])
    scale = transform.alpha * side * np.sqrt(3)
    return scale * (bumps[0] @ heights @ bumps[1].T)


def fields_of(transform, size, count):
    parameters = transform.draw(np.arange(count), seed=0)
    return np.stack([field(transform, each, size) for each in parameters["words"]])


@pytest.mark.pairwise(
    sampling=itertools.product(FILL_MODES, ["nearest", "bilinear"]),
    shape=[(9, 9, 1), (8, 13, 3), (45, 30, 3), (11, 6, 5)],
    dtype=["uint8", "float32", "float64"],
)
def test_parity_with_the_definition(images, sampling, shape, dtype):
    fill_mode, interpolation = sampling
    batch = images(5, shape=shape, dtype=dtype)
    value = (17 if dtype == "uint8" else 0.25) * (fill_mode == "constant")
    transform = ElasticDeformation(
        0.15, 0.2, fill_mode=fill_mode, fill_value=value, interpolation=interpolation
    )
    parameters = transform.draw(np.arange(5), seed=4)
    result = transform.apply(batch, parameters)
    for row, words in enumerate(parameters["words"]):
        coordinates = np.mgrid[: shape[0], : shape[1]] + field(transform, words, shape[:2])
        for channel in range(shape[2]):
            expected = ndimage.map_coordinates(
                batch[row, ..., channel].astype("float64"),
                coordinates,
                order=1 if interpolation == "bilinear" else 0,
                mode=fill_mode,
                cval=value,
            )
            error = np.abs(result[row, ..., channel].astype("float64") - expected)
            assert error.max() <= (1 if dtype == "uint8" else 2e-5)


def test_the_field_is_smoothed_noise_of_that_strength():
    # Smoothed white noise correlates like exp(-distance² / 4 sigma²), as SciPy's filter shows.
    size, sigma = (40, 60), 6.0
    transform = ElasticDeformation(0.05, sigma / 40)
    fields = fields_of(transform, size, 300)
    noise = np.random.default_rng(0).uniform(-1, 1, (300, 2, 100, 120))
    smooth = ndimage.gaussian_filter(noise, (0, 0, sigma, sigma))[..., 30:70, 30:90]
    smooth *= 0.05 * 40 / smooth.std()
    for name in ("ours", "scipy"):
        sample = fields if name == "ours" else smooth
        assert abs(sample.std() - 2) < 0.05
        assert abs(sample.mean()) < 0.06
        for lag in (3, 6, 12):
            expected = np.exp(-(lag**2) / (4 * sigma**2))
            down = (sample[..., lag:, :] * sample[..., :-lag, :]).mean() / sample.var()
            across = (sample[..., lag:] * sample[..., :-lag]).mean() / sample.var()
            np.testing.assert_allclose([down, across], expected, atol=0.04)
    # As strong at the edge as in the middle, and one direction knows nothing of the other.
    spread = fields.std(axis=(0, 1))
    assert 1.7 < spread.min() < spread.max() < 2.3
    assert abs((fields[:, 0] * fields[:, 1]).mean()) < 0.2


def test_pixels_do_not_change_the_field():
    transform = ElasticDeformation()
    small, large = (fields_of(transform, (n, 2 * n), 3) / n for n in (21, 105))
    # The pixels of the small picture are centred on every fifth of the large one.
    np.testing.assert_allclose(large[..., 2::5, 2::5], small, atol=1e-12)


def test_defaults_do_not_fold_and_move_garments_gently():
    fields = fields_of(ElasticDeformation(), (28, 28), 1500)
    (yy, yx), (xy, xx) = (np.gradient(fields[:, axis], axis=(1, 2)) for axis in range(2))
    assert len(np.unique(fields[:, 0, 0, 0])) == 1500  # each row has its own
    assert ((1 + yy) * (1 + xx) - yx * xy).min() > 0.1
    assert np.abs(fields).max() < 28 / 6


def test_points_are_found_where_their_pixels_come_from():
    transform, size = ElasticDeformation(), (28, 40)
    words = transform.draw(np.arange(300), seed=3)["words"]
    result = transform.transform_points(
        np.random.default_rng(0).uniform((4, 4), (35, 23), (300, 5, 2)), {"words": words}, size
    )
    points = np.random.default_rng(0).uniform((4, 4), (35, 23), (300, 5, 2))
    for own_words, moved, own in zip(words, result, points, strict=True):
        displacements = field(transform, own_words, size)
        there = [
            ndimage.map_coordinates(displacements[axis], moved[:, ::-1].T, order=3, mode="nearest")
            for axis in (1, 0)
        ]
        np.testing.assert_allclose(moved + np.transpose(there), own, atol=0.01)


def test_points_on_tensors_are_those_of_arrays():
    size, transform = (28, 41), ElasticDeformation(0.05, 0.2)
    points = np.random.default_rng(0).uniform(-6, 45, (5, 7, 2))
    words = transform.draw(np.arange(5), seed=3)["words"]
    expected = transform.transform_points(points, {"words": words}, size)
    parameters = {"words": ops.convert_to_tensor(words.astype("uint32").view("int32"))}
    tensors = ops.convert_to_tensor(points.astype("float32"))
    moved = ops.convert_to_numpy(transform.transform_points(tensors, parameters, size))
    np.testing.assert_allclose(moved, expected, atol=1e-3)
    assert np.abs(expected - points).max() > 1


@given(x=st.floats(15, 45), y=st.floats(12, 28), seed=st.integers(0, 2**32))
def test_a_blob_goes_where_its_point_goes(x, y, seed):
    size = (40, 60)
    rows, columns = np.mgrid[: size[0], : size[1]]
    picture = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 18)
    transform = ElasticDeformation(fill_mode="constant")
    parameters = transform.draw([0], seed=seed)
    ((point,),) = transform.transform_points(np.array([[[x, y]]]), parameters, size)
    results = [
        transform.apply(picture[None], parameters)[0],
        transform.transform_masks(picture[None, ..., None], parameters)[0, ..., 0],
    ]
    for result, tolerance in zip(results, (0.25, 0.8), strict=True):
        # A peak stays the peak, while a centre of gravity follows what is around it as well.
        result = result**20
        centre = np.array([(result * columns).sum(), (result * rows).sum()]) / result.sum()
        np.testing.assert_allclose(centre, point, atol=tolerance)


def test_without_alpha_nothing_changes(images):
    for dtype in ("uint8", "float32", "float64"):
        batch = images(3, shape=(8, 13, 3), dtype=dtype)
        np.testing.assert_array_equal(ElasticDeformation(0)(batch), batch)
    points = np.array([[[1.5, 2.25], [-4.0, 20.0]]])
    moved = ElasticDeformation(0).transform_points(
        points, ElasticDeformation().draw([0], seed=1), (8, 13)
    )
    np.testing.assert_array_equal(moved, points)


def test_masks_are_not_blended(images):
    batch = images(10, shape=(8, 13, 3))
    transform = ElasticDeformation(fill_mode="constant", fill_value=9)
    parameters = transform.draw(np.arange(10), seed=2)
    nearest = ElasticDeformation(fill_mode="constant", interpolation="nearest")
    masks = transform.transform_masks(batch, parameters)
    np.testing.assert_array_equal(masks, nearest.transform_images(batch, parameters))


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float16", ">f4", "int8"])
def test_other_dtypes_are_rounded(images, dtype):
    batch = (images(5, shape=(9, 14, 3)) // 2).astype(dtype)
    result = ElasticDeformation()(batch, seed=0)
    exact = ElasticDeformation()(batch.astype("float64"), seed=0)
    assert result.dtype == batch.dtype
    np.testing.assert_allclose(result.astype("float64"), exact, atol=0.51, rtol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 7, 3), (6, 1, 5), (2, 2, 3)])
@pytest.mark.parametrize("sigma", [0.01, 1])
def test_tiny_images(images, shape, sigma):
    batch = images(4, shape=shape)
    result = ElasticDeformation(0.1, sigma)(batch, seed=0)
    assert result.shape == batch.shape
    assert result.min() >= batch.min()
    assert ElasticDeformation()(batch[:0]).shape == (0, *shape)


BAD = [
    (lambda: ElasticDeformation(-0.1), ValueError, r"`alpha` must be a number in 0..1.*-0.1"),
    (lambda: ElasticDeformation(34), ValueError, "alpha=34.*Divide pixels by the shorter side"),
    (lambda: ElasticDeformation(sigma=0), ValueError, r"`sigma` must be a number in 0.01..1"),
    (lambda: ElasticDeformation(sigma="a"), TypeError, "`sigma` must be a number"),
    (lambda: ElasticDeformation(fill_mode="mirror"), ValueError, "`fill_mode` must be one of"),
    (lambda: ElasticDeformation(p=2), ValueError, "`p` must lie in 0..1"),
]


@pytest.mark.parametrize(("make", "error", "text"), BAD)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()

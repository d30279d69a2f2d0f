"""Perspective against homographies solved from corners, and scipy.ndimage.map_coordinates."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from kaug._apply.resample import Resampling, remapped
from kaug.transforms import Zoom
from kaug.transforms.perspective import Perspective

FILL_MODES = ["nearest", "reflect", "wrap", "constant"]
UNIT = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])


def in_pixels(corners, size):
    """Corners in pixels counted from the first one's centre; a picture's own are at -0.5."""
    return (corners + 1) * np.array([size[1], size[0]]) / 2 - 0.5


def solved(starts, ends):
    """The homography that takes four points to four others, from its eight equations."""
    equations, results = [], []
    for (x, y), (u, v) in zip(starts, ends, strict=True):
        equations.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        equations.append([0, 0, 0, x, y, 1, -v * x, -v * y])
        results += [u, v]
    return np.append(np.linalg.solve(equations, results), 1).reshape(3, 3)


def where_from(corners, size):
    """The source (row, column) of every pixel."""
    matrix = solved(in_pixels(corners, size), in_pixels(UNIT, size))
    rows, columns = np.mgrid[: size[0], : size[1]]
    u, v, w = np.tensordot(matrix, np.stack([columns, rows, np.ones(size)]), 1)
    return np.stack([v / w, u / w])


@pytest.mark.pairwise(
    sampling=itertools.product(FILL_MODES, ["nearest", "bilinear"]),
    shape=[(9, 9, 1), (8, 13, 3), (45, 30, 3), (11, 6, 5)],
    dtype=["uint8", "float32", "float64"],
)
def test_scipy_parity(images, sampling, shape, dtype):
    fill_mode, interpolation = sampling
    batch = images(8, shape=shape, dtype=dtype)
    value = (17 if dtype == "uint8" else 0.25) * (fill_mode == "constant")
    transform = Perspective(0.5, fill_mode=fill_mode, fill_value=value, interpolation=interpolation)
    parameters = transform.draw(np.arange(8), seed=4)
    result = transform.apply(batch, parameters)
    for row, corners in enumerate(parameters["corners"]):
        coordinates = where_from(corners, shape[:2])
        for channel in range(shape[2]):
            expected = ndimage.map_coordinates(
                batch[row, ..., channel].astype("float64"),
                coordinates,
                order=1 if interpolation == "bilinear" else 0,
                mode=fill_mode,
                cval=value,
            )
            error = np.abs(result[row, ..., channel].astype("float64") - expected)
            assert error.max() <= (1 if dtype == "uint8" else 1e-5)


def test_corners_go_inward_by_up_to_the_distortion():
    transform = Perspective(0.4)
    corners = transform.draw(np.arange(2000), seed=1)["corners"]
    inward = 1 - corners * UNIT
    assert 0 < inward.min() < 0.001
    assert 0.399 < inward.max() < 0.4
    assert np.abs(np.corrcoef(inward.reshape(-1, 8).T) - np.eye(8)).max() < 0.1
    for size in ((5, 9), (1, 1), (224, 100)):
        points = np.broadcast_to(in_pixels(UNIT, size), (2000, 4, 2))
        moved = transform.transform_points(points, {"corners": corners}, size)
        np.testing.assert_allclose(moved, in_pixels(corners, size), atol=1e-9)


def test_points_follow_the_homography():
    transform = Perspective(0.6)
    corners = transform.draw(np.arange(20), seed=1)["corners"]
    points = np.random.default_rng(0).uniform(-3, 30, (20, 7, 2))
    moved = transform.transform_points(points, {"corners": corners}, (20, 31))
    for own, own_corners, own_points in zip(moved, corners, points, strict=True):
        matrix = solved(in_pixels(UNIT, (20, 31)), in_pixels(own_corners, (20, 31)))
        lifted = np.c_[own_points, np.ones(7)] @ matrix.T
        np.testing.assert_allclose(own, lifted[:, :2] / lifted[:, 2:], rtol=1e-9)


def test_all_corners_alike_make_the_picture_smaller(images):
    batch = images(1, shape=(8, 13, 3), dtype="float64")
    parameters = {"corners": UNIT[None] / 2, "applied": np.array([True])}
    result = Perspective(fill_mode="reflect").apply(batch, parameters)
    np.testing.assert_allclose(result, Zoom((0.5, 0.5), fill_mode="reflect")(batch), atol=1e-12)


def test_the_picture_stays_convex_and_within():
    transform = Perspective(0.666)
    points = np.random.default_rng(0).uniform(-0.5, (12.5, 7.5), (5000, 9, 2))
    moved = transform.transform_points(points, transform.draw(np.arange(5000), seed=0), (8, 13))
    assert ((moved >= -0.5) & (moved <= (12.5, 7.5))).all()


def test_without_distortion_nothing_changes(images):
    for dtype in ("uint8", "float32", "float64"):
        batch = images(3, shape=(8, 13, 3), dtype=dtype)
        np.testing.assert_allclose(Perspective(0)(batch), batch, atol=1e-6)


def test_masks_are_not_blended(images):
    batch = images(10, shape=(8, 13, 3))
    transform = Perspective(fill_mode="constant", fill_value=9)
    parameters = transform.draw(np.arange(10), seed=2)
    nearest = Perspective(fill_mode="constant", interpolation="nearest")
    masks = transform.transform_masks(batch, parameters)
    np.testing.assert_array_equal(masks, nearest.transform_images(batch, parameters))


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float16", ">f4", "int8"])
def test_other_dtypes_are_rounded(images, dtype):
    batch = (images(5, shape=(9, 14, 3)) // 2).astype(dtype)
    result = Perspective()(batch, seed=0)
    exact = Perspective()(batch.astype("float64"), seed=0)
    assert result.dtype == batch.dtype
    np.testing.assert_allclose(result.astype("float64"), exact, atol=0.51, rtol=1e-3)


def test_images_between_the_borders_of_words(images):
    """Numba would compile the kernels once more for them."""
    batch = images(5, shape=(9, 14, 3), dtype="float32")
    shifted = np.empty(batch.nbytes + 1, "uint8")[1:].view("float32").reshape(batch.shape)
    shifted[:] = batch

    def kernel(source, out, _):
        assert source.flags.aligned
        out[:] = source

    assert not shifted.flags.aligned
    np.testing.assert_array_equal(remapped(shifted, Resampling(), kernel), batch)
    np.testing.assert_array_equal(Perspective()(shifted, seed=0), Perspective()(batch, seed=0))


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 7, 3), (6, 1, 5), (2, 2, 3)])
@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_tiny_images(images, shape, fill_mode):
    batch = images(40, shape=shape)
    result = Perspective(0.66, fill_mode=fill_mode)(batch, seed=0)
    assert result.shape == batch.shape
    if fill_mode == "nearest":
        assert result.min() >= batch.min()
    assert Perspective()(batch[:0]).shape == (0, *shape)


@given(
    x=st.floats(15, 45),
    y=st.floats(12, 28),
    seed=st.integers(0, 2**32),
    distortion=st.floats(0, 0.4),
)
def test_a_blob_goes_where_its_point_goes(x, y, seed, distortion):
    size = (40, 60)
    rows, columns = np.mgrid[: size[0], : size[1]]
    picture = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 4)
    transform = Perspective(distortion, fill_mode="constant")
    parameters = transform.draw([0], seed=seed)
    ((point,),) = transform.transform_points(np.array([[[x, y]]]), parameters, size)
    results = [
        transform.apply(picture[None], parameters)[0],
        transform.transform_masks(picture[None, ..., None], parameters)[0, ..., 0],
    ]
    for result, tolerance in zip(results, (0.2, 0.6), strict=True):
        centre = np.array([(result * columns).sum(), (result * rows).sum()]) / result.sum()
        np.testing.assert_allclose(centre, point, atol=tolerance)


BAD = [
    (lambda: Perspective(-0.1), ValueError, "`distortion` must be a number from 0.*-0.1"),
    (lambda: Perspective(2 / 3), ValueError, "less than 2/3.*The default is 0.3"),
    (lambda: Perspective("a"), TypeError, "`distortion` must be a number"),
    (lambda: Perspective(fill_mode="mirror"), ValueError, "`fill_mode` must be one of"),
    (lambda: Perspective(interpolation="cubic"), ValueError, "`interpolation` must be one of"),
    (lambda: Perspective(fill_value=None), TypeError, "`fill_value` must be a finite number"),
    (lambda: Perspective(p=2), ValueError, "`p` must lie in 0..1"),
]


@pytest.mark.parametrize(("make", "error", "text"), BAD)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()

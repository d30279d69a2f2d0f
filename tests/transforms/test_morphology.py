"""Maxima and minima of squares against SciPy's gray morphology."""

import numpy as np
import pytest
from scipy import ndimage

from kaug.transforms import Dilation, Erosion

SHAPES = [(5, 7, 1), (23, 31, 3), (40, 9, 5), (1, 9, 3), (9, 1, 3), (2, 2, 1), (1, 1, 3)]
INTEGERS = ("uint8", "int8", "uint16", "int16", ">i2", "int32", "int64", "uint64")
FLOATS = ("float16", "float32", "float64")
SCIPY = {Dilation: ndimage.grey_dilation, Erosion: ndimage.grey_erosion}
both = pytest.mark.parametrize("cls", [Dilation, Erosion])


def noise(count, shape, dtype):
    rng, kind = np.random.default_rng(0), np.dtype(dtype)
    if kind.kind == "f":
        return rng.normal(0, 100, (count, *shape)).astype(kind)
    ends, native = np.iinfo(kind), kind.newbyteorder("=")
    return rng.integers(ends.min, ends.max, (count, *shape), native, endpoint=True).astype(kind)


def expected(cls, image, size):
    """Returns what SciPy makes of an image; what it would round comes from a window of NumPy."""
    if image.dtype.itemsize < 8 and image.dtype != np.float16:
        native = image.astype(image.dtype.newbyteorder("="))
        return SCIPY[cls](native, size=(size, size, 1))
    wide = np.pad(image, ((size // 2,) * 2, (size // 2,) * 2, (0, 0)), "edge")
    squares = np.lib.stride_tricks.sliding_window_view(wide, (size, size), (0, 1))
    return (squares.max if cls is Dilation else squares.min)(axis=(-2, -1))


@pytest.mark.pairwise(
    cls=[Dilation, Erosion],
    size=[1, 3, 5, 7, 11, 33],
    shape=[*SHAPES, (90, 131, 3)],
    dtype=[*INTEGERS, *FLOATS],
)
def test_it_is_scipys(cls, size, shape, dtype):
    batch = noise(2, shape, dtype)
    result = cls().transform_images(batch, {"size": np.full(2, size)})
    assert result.dtype == dtype
    for image, before in zip(result, batch, strict=True):
        np.testing.assert_array_equal(image, expected(cls, before, size))


@both
def test_every_row_has_its_own_size(cls, images):
    batch = images(6, shape=(9, 11, 3))
    sizes = np.array([3, 7, 1, 99, 5, 3])
    result = cls().transform_images(batch, {"size": sizes})
    for image, before, size in zip(result, batch, sizes, strict=True):
        np.testing.assert_array_equal(image, expected(cls, before, size))


@both
@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_makes_all_nan_that_see_it(cls, images, dtype):
    batch = images(2, shape=(9, 12, 2), dtype=dtype)
    clean = cls(5, opacity=False)(batch, seed=0)
    batch[0, 4, 6, 1] = batch[0, 0, 0, 0] = np.nan
    result = cls(5, opacity=False)(batch, seed=0)
    spoiled = np.zeros(batch.shape, bool)
    spoiled[0, 2:7, 4:9, 1] = spoiled[0, :3, :3, 0] = True
    np.testing.assert_array_equal(np.isnan(result), spoiled)
    np.testing.assert_array_equal(result[~spoiled], clean[~spoiled])


@both
def test_opacity_value_range_views_and_nothing(cls, images):
    batch = images(4, shape=(6, 8, 4))
    result = cls()(batch, seed=1)
    np.testing.assert_array_equal(result[..., 3], batch[..., 3])
    np.testing.assert_array_equal(result[..., :3], cls()(batch[..., :3].copy(), seed=1))
    for same in (np.asfortranarray(batch), batch[:, :, ::-1].copy()[:, :, ::-1]):
        np.testing.assert_array_equal(cls()(same, seed=1), result)
    within = cls(value_range=(50, 60))(batch[..., :3], seed=1)
    np.testing.assert_array_equal(within, result[..., :3].clip(50, 60))
    assert cls()(batch[:0], seed=1).shape == (0, 6, 8, 4)


@both
def test_masks_and_points_stay(cls, images):
    data = {
        "images": images(2, shape=(6, 8, 3)),
        "segmentation_masks": np.arange(96).reshape(2, 6, 8),
        "keypoints": np.array([[[1.0, 2.0]], [[3.0, 4.0]]]),
    }
    made = cls()(data, seed=0)
    for name in ("segmentation_masks", "keypoints"):
        np.testing.assert_array_equal(made[name], data[name])


def test_sizes_are_drawn_alike():
    sizes = Erosion((3, 7)).draw(np.arange(3000), seed=0)["size"]
    values, counts = np.unique(sizes, return_counts=True)
    assert values.tolist() == [3, 5, 7]
    assert counts.min() > 900


@both
def test_bad_sizes(cls, images):
    with pytest.raises(ValueError, match=r"`size` must be odd, 1..99.*size=2"):
        cls(2)
    with pytest.raises(ValueError, match=r"Pass \(3, 7\)"):
        cls((7, 3))
    drawn = {"size": np.array([4]), "applied": np.array([True])}
    with pytest.raises(ValueError, match=r"and odd.*4 in row 0"):
        cls().apply(images(1), drawn)

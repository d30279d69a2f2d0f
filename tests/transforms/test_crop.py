"""Crops against NumPy's padding, Pillow's resizing and SciPy's warp."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from kaug.transforms import Compose, HorizontalFlip, OneOf
from kaug.transforms.crop import PadAndCrop, RandomResizedCrop

GRID = np.arange(35, dtype="uint8").reshape(5, 7)
PADDED_BY = {"nearest": "edge", "reflect": "symmetric", "constant": "constant"}
DTYPES = ["uint8", "uint16", "int32", "float16", "float32", "float64", ">f4", "longdouble"]


def place(transform, rows, size):
    matrices = transform._matrices(transform.draw(np.arange(rows), seed=5), size)
    return -matrices[:, 2].T.astype(int)


# PadAndCrop ---------------------------------------------------------------------------------------


@pytest.mark.pairwise(
    fill_mode=PADDED_BY, shape=[(8, 13, 1), (11, 6, 3), (5, 5, 5), (1, 1, 2)], dtype=DTYPES
)
def test_it_is_a_crop_of_the_padded_picture(images, fill_mode, shape, dtype):
    batch = images(20, shape=shape, dtype=dtype)
    transform = PadAndCrop(0.4, fill_mode=fill_mode, fill_value=7 * (fill_mode == "constant"))
    result = transform(batch, seed=5)
    assert result.dtype == batch.dtype
    height, width = (round(0.4 * side) for side in shape[:2])
    options = {"constant_values": 7} if fill_mode == "constant" else {}
    pad = ((0, 0), (height, height), (width, width), (0, 0))
    padded = np.pad(batch, pad, PADDED_BY[fill_mode], **options)
    for row, (down, right) in enumerate(place(transform, 20, shape[:2])):
        top, left = height - down, width - right
        crop = padded[row, top : top + shape[0], left : left + shape[1]]
        np.testing.assert_array_equal(result[row], crop)


@pytest.mark.parametrize("fill_mode", ["nearest", "reflect", "wrap", "constant"])
def test_filling_is_that_of_scipy_however_far(images, fill_mode):
    batch = images(30, shape=(4, 9))
    transform = PadAndCrop(1, fill_mode=fill_mode)
    result = transform(batch, seed=5)
    for row, offsets in enumerate(place(transform, 30, (4, 9))):
        expected = ndimage.shift(batch[row], offsets, order=0, mode=fill_mode)
        np.testing.assert_array_equal(result[row], expected)


def test_every_offset_is_as_likely():
    offsets = place(PadAndCrop(), 8100, (32, 32))
    counts = np.zeros((9, 9), int)
    np.add.at(counts, tuple((offsets + 4).T), 1)
    assert counts.sum() == 8100
    assert counts.min() > 60
    assert counts.max() < 145


def test_values_arrive_bit_for_bit(images):
    batch = images(4, shape=(9, 9, 1), dtype="float32")
    batch[:, 2:7, 2:7] = np.nan
    batch[:, 4, 4] = -np.inf
    result = PadAndCrop(0.2)(batch, seed=1)
    assert np.isnan(result).sum() == 4 * 24
    assert (result == -np.inf).sum() == 4
    np.testing.assert_array_equal(PadAndCrop(0)(batch), batch)


def test_masks_and_points_move_along(images):
    batch = images(50, shape=(8, 13, 3)) // 2
    batch[:, 4, 6] = 255
    transform = PadAndCrop(0.25, fill_value=9)
    parameters = transform.draw(np.arange(50), seed=2)
    moved = transform.transform_images(batch, parameters)
    masks = transform.transform_masks(batch[..., :1], parameters)
    background = masks[..., 0] == 0
    np.testing.assert_array_equal(masks[..., 0] == 255, (moved == 255).all(axis=-1))
    assert (moved[background] == 9).all(axis=-1).mean() > 0.9
    points = transform.transform_points(np.full((50, 1, 2), (6.0, 4.0)), parameters, (8, 13))
    for mask, ((x, y),) in zip(masks[..., 0], points, strict=True):
        assert mask[int(y), int(x)] == 255


# RandomResizedCrop --------------------------------------------------------------------------------


def resized_by_pillow(image, box, size, method):
    top, left, height, width = box
    corners = (left, top, left + width, top + height)
    channels = [
        Image.fromarray(channel).resize(size[::-1], method, box=corners)
        for channel in np.moveaxis(image, -1, 0)
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


@pytest.mark.parametrize("size", [(None, None), (5, 31), (40, 9), (3, 2), (1, 1)])
@pytest.mark.parametrize("shape", [(23, 19, 1), (16, 33, 3), (14, 14, 5)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_boxes_are_resized_as_by_pillow(images, size, shape, dtype):
    batch = images(12, shape=shape, dtype=dtype)
    transform = RandomResizedCrop(height=size[0], width=size[1])
    parameters = transform.draw(np.arange(12), seed=3)
    result = transform.apply(batch, parameters)
    assert result.shape[1:] == transform.output_shape(shape)
    tolerance = 1 if dtype == "uint8" else 1e-5
    boxes = transform.boxes(parameters, shape[:2])
    for image, box, own in zip(batch, boxes, result, strict=True):
        expected = resized_by_pillow(image, box, own.shape[:2], Image.Resampling.BILINEAR)
        assert np.abs(own.astype("float64") - expected).max() <= tolerance


@pytest.mark.parametrize("size", [(None, None), (5, 31), (3, 2)])
def test_the_nearest_pixel_is_that_of_pillow(images, size):
    batch = images(12, shape=(23, 19, 3))
    transform = RandomResizedCrop(height=size[0], width=size[1], interpolation="nearest")
    parameters = transform.draw(np.arange(12), seed=3)
    result = transform.apply(batch, parameters)
    masks = transform.transform_masks(batch, parameters)
    np.testing.assert_array_equal(masks, result)
    for image, box, own in zip(batch, transform.boxes(parameters, (23, 19)), result, strict=True):
        expected = resized_by_pillow(image, box, own.shape[:2], Image.Resampling.NEAREST)
        np.testing.assert_array_equal(own, expected)


@pytest.mark.parametrize("shape", [(23, 19, 1), (16, 33, 3), (1, 6, 2), (1, 1, 5), (2, 1, 3)])
def test_enlarging_is_the_warp_of_scipy(images, shape):
    batch = images(8, shape=shape, dtype="float64")
    transform = RandomResizedCrop(height=40, width=51)
    parameters = transform.draw(np.arange(8), seed=3)
    result = transform.apply(batch, parameters)
    boxes = transform.boxes(parameters, shape[:2])
    for image, (top, left, height, width), own in zip(batch, boxes, result, strict=True):
        scale = np.array([height / 40, width / 51])
        for channel in range(shape[2]):
            expected = ndimage.affine_transform(
                image[..., channel],
                np.diag(scale),
                np.array([top, left]) + 0.5 * scale - 0.5,
                output_shape=(40, 51),
                order=1,
                mode="nearest",
            )
            np.testing.assert_allclose(own[..., channel], expected, atol=1e-12)


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float16", ">f4", "int8"])
@pytest.mark.parametrize("size", [None, 4])
def test_other_dtypes_are_rounded(images, dtype, size):
    batch = (images(5, shape=(9, 14, 3)) // 2).astype(dtype)
    transform = RandomResizedCrop(height=size, width=size)
    result = transform(batch, seed=0)
    exact = transform(batch.astype("float64"), seed=0)
    assert result.dtype == batch.dtype
    np.testing.assert_allclose(result.astype("float64"), exact, atol=0.51, rtol=1e-3)


def test_a_box_of_the_whole_picture_changes_nothing(images):
    batch = images(3, shape=(9, 14, 3), dtype="float32")
    batch[0, 3, 3, 0] = np.nan
    whole = RandomResizedCrop((1, 1), (14 / 9, 14 / 9))
    np.testing.assert_array_equal(whole(batch), batch)


def test_checkers_are_averaged_not_skipped():
    checkers = np.indices((64, 48)).sum(axis=0) % 2 * 200.0
    small = RandomResizedCrop((1, 1), (3 / 4, 3 / 4), height=16, width=12)(checkers[None])[0]
    assert np.abs(small[1:-1, 1:-1] - 100).max() < 1e-9


@pytest.mark.parametrize("size", [(28, 28), (30, 41), (40, 24)])
def test_boxes_have_the_area_and_the_ratio_and_fit(size):
    transform = RandomResizedCrop()
    parameters = transform.draw(np.arange(4000), seed=1)
    top, left, height, width = transform.boxes(parameters, size).T
    assert min(top.min(), left.min()) >= 0
    assert (top + height).max() <= size[0]
    assert (left + width).max() <= size[1]
    ratio, area = width / height, width * height / (size[0] * size[1])
    assert ratio.min() > 3 / 4 - 1e-6
    assert ratio.max() < 4 / 3 + 1e-6
    # The aspects of these pictures are or nearly are in reach, so that most areas are, too.
    share = (np.abs(area - parameters["area"]) < 1e-6).mean()
    assert share == 1 if size[0] == size[1] else share > 0.75
    assert abs(parameters["area"].mean() - 0.54) < 0.01
    small = area < 0.5
    assert abs(np.log(ratio[small]).mean()) < 0.02
    assert abs(np.log(ratio[small]).std() - np.log(16 / 9) / np.sqrt(12)) < 0.01
    slack = (height < size[0] - 1) & (width < size[1] - 1)
    places = np.stack([top / (size[0] + 1e-9 - height), left / (size[1] + 1e-9 - width)])
    np.testing.assert_allclose(places[:, slack].mean(axis=1), 0.5, atol=0.02)
    assert abs(np.corrcoef(places[:, slack])[0, 1]) < 0.06


def test_a_long_picture_gives_the_largest_box_there_is():
    transform = RandomResizedCrop((0.9, 1))
    top, left, height, width = transform.boxes(transform.draw(np.arange(50), seed=0), (20, 100)).T
    np.testing.assert_allclose(height, 20)
    np.testing.assert_allclose(width, 20 * 4 / 3)
    assert left.max() > 60 > 15 > left.min()
    assert (top == 0).all()


def test_rows_that_are_not_cropped_are_resized_as_a_whole(images):
    batch = images(60, shape=(12, 18, 3))
    result = RandomResizedCrop(height=6, width=6, p=0.5)(batch, seed=1)
    whole = RandomResizedCrop((1, 1), (1.5, 1.5), height=6, width=6)(batch)
    same = (result == whole).all(axis=(1, 2, 3))
    assert 15 < same.sum() < 45
    applied = RandomResizedCrop(p=0.5).draw(np.arange(60), seed=1)["applied"]
    np.testing.assert_array_equal(same, ~applied)
    alone = RandomResizedCrop(p=0.5)(batch, seed=1)
    np.testing.assert_array_equal((alone == batch).all(axis=(1, 2, 3)), ~applied)


def test_in_policies(images):
    batch = images(30, shape=(12, 18, 3))
    crop = RandomResizedCrop(height=7, width=5)
    policy = Compose([HorizontalFlip(1), crop, HorizontalFlip(1)])
    assert policy(batch, seed=1).shape == (30, 7, 5, 3)
    one = OneOf([crop, HorizontalFlip(1)])
    result = one(batch, seed=1)
    assert result.shape == (30, 7, 5, 3)
    parts = [one(batch[i : i + 1], seed=1, index=[i]) for i in range(30)]
    np.testing.assert_array_equal(np.concatenate(parts), result)


def blob(x, y, size, width=2.0):
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * width**2))


def centre(image):
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(image * columns).sum(), (image * rows).sum()]) / image.sum()


@given(
    transform=st.sampled_from(
        [PadAndCrop(0.2), RandomResizedCrop((0.5, 1)), RandomResizedCrop(height=35, width=40)]
    ),
    x=st.floats(15, 45),
    y=st.floats(12, 28),
    seed=st.integers(0, 2**32),
)
def test_a_blob_goes_where_its_point_goes(transform, x, y, seed):
    size = (40, 60)
    parameters = transform.draw([0], seed=seed)
    ((point,),) = transform.transform_points(np.array([[[x, y]]]), parameters, size)
    result = transform.apply(blob(x, y, size)[None], parameters)[0]
    end = np.array(result.shape[::-1]) - 1
    if (point > 14).all() and (point < end - 14).all():
        np.testing.assert_allclose(centre(result), point, atol=0.05)
        mask = transform.transform_masks(blob(x, y, size)[None, ..., None], parameters)[0, ..., 0]
        np.testing.assert_allclose(centre(mask), point, atol=0.6)


BAD = [
    (lambda: PadAndCrop(-0.1), ValueError, r"`padding` must be a number in 0..1.*-0.1"),
    (lambda: PadAndCrop(4), ValueError, "padding=4.*Divide pixels by the size"),
    (lambda: PadAndCrop("4"), TypeError, "`padding` must be a number"),
    (lambda: PadAndCrop(fill_mode="mirror"), ValueError, "`fill_mode` must be one of"),
    (lambda: PadAndCrop(p=2), ValueError, "`p` must lie in 0..1"),
    (lambda: RandomResizedCrop(0.5), ValueError, r"`scale` must be a pair.*scale=0.5"),
    (lambda: RandomResizedCrop((0, 1)), ValueError, "`scale` must lie in 1e-06..1"),
    (lambda: RandomResizedCrop((0.5, 1.1)), ValueError, "reaches 0.5..1.1"),
    (lambda: RandomResizedCrop((1, 0.5)), ValueError, r"low <= high.*Pass \(0.5, 1\)"),
    (lambda: RandomResizedCrop(ratio=(0, 1)), ValueError, "`ratio` must lie in 0.001..1000"),
    (lambda: RandomResizedCrop(ratio=("a", 1)), TypeError, "`ratio` must be a finite number"),
    (lambda: RandomResizedCrop(height=0), ValueError, "`height` must be an integer, between 1"),
    (lambda: RandomResizedCrop(width=2.5), TypeError, "`width` must be an integer"),
    (lambda: RandomResizedCrop(interpolation="cubic"), ValueError, "`interpolation` must be"),
    (lambda: RandomResizedCrop(p=-1), ValueError, "`p` must lie in 0..1"),
]


@pytest.mark.parametrize(("make", "error", "text"), BAD)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_padding_must_fit_the_dtype(images):
    with pytest.raises(ValueError, match=r"`fill_value` must lie in 0..255 for uint8"):
        PadAndCrop(fill_value=300)(images(1))


@pytest.mark.parametrize("transform", [PadAndCrop(), RandomResizedCrop()])
def test_no_rows(images, transform):
    assert transform(images(0)).shape == (0, 5, 7, 3)

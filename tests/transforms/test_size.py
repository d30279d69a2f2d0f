"""Sizes against Pillow's resizing, NumPy's slices, and averages taken pixel by pixel."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from kaug.transforms import (
    Affine,
    Brightness,
    CenterCrop,
    Compose,
    Crop,
    HorizontalFlip,
    Letterbox,
    OneOf,
    Pad,
    PadAndCrop,
    RandomCrop,
    RandomResizedCrop,
    Resize,
    Rotation,
    SomeOf,
    Sometimes,
    VerticalFlip,
    Zoom,
)

GRID = np.arange(35, dtype="uint8").reshape(5, 7)
WHOLE = {"fill_mode": "constant", "fill_value": 9}


def by_pillow(image, size, box=None):
    """Returns an image resized with Pillow, each channel by itself."""
    height, width = size
    channels = [
        np.asarray(Image.fromarray(channel).resize((width, height), Image.Resampling.BILINEAR, box))
        for channel in np.moveaxis(image, -1, 0)
    ]
    return np.stack(channels, axis=-1)


def averaged(image, matrix, size):
    """Returns what triangles along the axes of the image make of it, pixel by pixel."""
    height, width, channels = image.shape
    image = image.astype(float)
    reach = np.maximum(np.hypot(matrix[:, 0], matrix[:, 1]), 1)
    result = np.empty((*size, channels))
    for r, c in np.ndindex(*size):
        place = matrix @ (r, c, 1)
        place = np.clip(place, -0.5, np.array([height, width]) - 0.5)
        rows, columns = (
            np.maximum(1 - np.abs(np.arange(side) - x) / far, 0)
            for side, x, far in zip((height, width), place, reach, strict=True)
        )
        result[r, c] = columns @ np.tensordot(rows, image, 1) / (rows.sum() * columns.sum())
    return result


# Resize -------------------------------------------------------------------------------------------


@pytest.mark.pairwise(
    shape=[(41, 67, 1), (38, 25, 3), (9, 50, 5), (7, 1, 1), (1, 1, 3)],
    size=[(1, 1), (13, 31), (60, 20), (41, 67), (3, 90)],
    dtype=["uint8", "float32", "uint16"],
)
def test_images_are_resized_as_by_pillow(images, shape, size, dtype):
    batch = images(2, shape=shape, dtype=dtype)
    result = Resize(height=size[0], width=size[1])(batch)
    assert result.dtype == batch.dtype
    for image, resized in zip(batch, result, strict=True):
        # Pillow rounds after each axis.
        near = {"atol": 1} if dtype == "uint8" else {"rtol": 1e-5, "atol": 1e-6}
        near = {"atol": 0.51} if dtype == "uint16" else near
        image = image.astype("float32") if dtype == "uint16" else image
        np.testing.assert_allclose(resized.astype(float), by_pillow(image, size), **near)


@pytest.mark.parametrize("size", [(13, 31), (60, 20), (41, 67)])
def test_floats_are_resized_as_by_keras(images, size):
    batch = images(2, shape=(41, 67, 3), dtype="float32")
    expected = keras.ops.image.resize(batch, size, antialias=True)
    np.testing.assert_allclose(Resize(height=size[0], width=size[1])(batch), expected, atol=2e-6)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((40, 80), (16, 32)), ((80, 40), (32, 16)), ((33, 50), (16, 24)), ((1, 9), (16, 144))],
)
def test_the_shorter_side_is_given(images, shape, expected):
    assert Resize(16).output_shape((*shape, 3)) == (*expected, 3)
    assert Resize(16)(images(1, shape=(*shape, 3))).shape == (1, *expected, 3)


def test_the_nearest_pixel_is_that_of_pillow(images):
    batch = images(3, shape=(41, 67, 1))
    result = Resize(height=13, width=90, interpolation="nearest")(batch)
    for image, resized in zip(batch, result, strict=True):
        expected = Image.fromarray(image[..., 0]).resize((90, 13), Image.Resampling.NEAREST)
        np.testing.assert_array_equal(resized[..., 0], np.asarray(expected))


@pytest.mark.parametrize("transform", [Resize(), CenterCrop(), RandomCrop(), Pad(), Letterbox()])
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_without_arguments_nothing_changes(images, transform, dtype):
    batch = images(3, shape=(5, 8, 3), dtype=dtype)
    np.testing.assert_array_equal(transform(batch, seed=0), batch)


# Crops, padding -----------------------------------------------------------------------------------


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_the_middle_is_cut_out_or_padded(height, width, size):
    image = np.arange(1, height * width + 1, dtype="uint16").reshape(1, height, width, 1)
    padded = Pad(*size, fill_value=700)(image)
    more = [max(now - side, 0) for side, now in zip((height, width), size, strict=True)]
    margins = [(side // 2, side - side // 2) for side in more]
    expected = np.pad(image, [(0, 0), *margins, (0, 0)], constant_values=700)
    np.testing.assert_array_equal(padded, expected)
    crop = CenterCrop(*size)(padded)
    top, left = ((a - b) // 2 for a, b in zip(padded.shape[1:3], size, strict=True))
    np.testing.assert_array_equal(crop, padded[:, top : top + size[0], left : left + size[1]])


def test_a_crop_takes_the_same_box_of_every_image():
    image = np.arange(70, dtype="uint16").reshape(2, 5, 7, 1)
    np.testing.assert_array_equal(Crop(2, 3, top=3, left=4)(image), image[:, 3:, 4:])
    np.testing.assert_array_equal(Crop(5, 6)(image), image[:, :, :6])
    with pytest.raises(ValueError, match=r"ends at 6 × 7 .*Received: an image of 5 × 7"):
        Crop(3, top=3, left=4)(image)


def test_padding_to_a_multiple(images):
    batch = images(2, shape=(33, 64, 3))
    result = Pad(multiple_of=32)(batch)
    assert result.shape == (2, 64, 64, 3)
    np.testing.assert_array_equal(result[:, 15:48], batch)
    assert Pad(40, multiple_of=32).output_shape((33, 70)) == (64, 96)


def test_every_place_of_a_crop_is_as_likely():
    crops = RandomCrop(3, 4)(np.broadcast_to(GRID, (6000, 5, 7)), seed=0)
    places, counts = np.unique(crops[:, 0, 0], return_counts=True)
    np.testing.assert_array_equal(places, GRID[:3, :4].ravel())
    assert counts.min() > 420
    assert counts.max() < 580
    for crop in crops[:50]:
        row, column = divmod(int(crop[0, 0]), 7)
        np.testing.assert_array_equal(crop, GRID[row : row + 3, column : column + 4])


def test_a_crop_needs_an_image_as_large(images):
    for crop in (CenterCrop(6, 4), RandomCrop(6, 4)):
        with pytest.raises(ValueError, match=r"6 × 4 .*Received: an image of 5 × 7 .*Pad\(6, 4\)"):
            crop(images(2, shape=(5, 7, 3)))
    assert Compose([Pad(6, 4), RandomCrop(6, 4)])(images(2, shape=(5, 7, 3))).shape == (2, 6, 4, 3)


@pytest.mark.parametrize(
    ("shape", "inner"),
    [
        ((40, 80), (slice(8, 24), slice(0, 32))),
        ((80, 40), (slice(0, 32), slice(8, 24))),
        ((20, 33), (slice(6, 25), slice(0, 32))),
        ((1, 9), (slice(14, 18), slice(0, 32))),
        ((7, 7), (slice(0, 32), slice(0, 32))),
    ],
)
def test_the_whole_image_is_in_the_letterbox(images, shape, inner):
    batch = images(2, shape=(*shape, 3))
    result = Letterbox(32, fill_value=114)(batch)
    size = tuple(part.stop - part.start for part in inner)
    for image, boxed in zip(batch, result, strict=True):
        expected = by_pillow(image, size)
        np.testing.assert_allclose(boxed[inner].astype(float), expected, atol=1)
        boxed[inner] = 114
        assert (boxed == 114).all()


# One resampling -----------------------------------------------------------------------------------

RUNS = [
    Compose([RandomResizedCrop((0.2, 0.9), height=17, width=22), HorizontalFlip(), VerticalFlip()]),
    Compose([HorizontalFlip(), Resize(height=60, width=30), CenterCrop(33, 21)]),
    Compose([RandomCrop(20, 40), Resize(height=15, width=15), VerticalFlip()]),
]


@pytest.mark.parametrize("policy", RUNS)
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_crop_resize_and_flip_are_one_resize_by_pillow(images, policy, channels):
    batch = images(8, shape=(53, 71, channels))
    drawn = policy.draw(np.arange(8), seed=2)
    pixels = in_pixels(policy, drawn, (53, 71))
    result = policy.apply(batch, drawn)
    size = result.shape[1:3]
    for image, made, matrix in zip(batch, result, pixels, strict=True):
        mirrored = [slice(None, None, int(np.sign(matrix[i, i]))) for i in range(2)]
        box = []
        for i in (1, 0):
            step, end = matrix[i, i], size[i]
            sides = (matrix[i, 2] + 0.5 - step / 2, matrix[i, 2] + 0.5 + (end - 0.5) * step)
            box.append(np.clip(sorted(sides), 0, (53, 71)[i]))
        (left, right), (top, bottom) = box
        expected = by_pillow(image, size, (left, top, right, bottom))[tuple(mirrored)]
        np.testing.assert_allclose(made.astype(float), expected, atol=1)


def in_pixels(policy, drawn, size):
    from kaug._apply.matrices import to_pixels

    return to_pixels(policy._matrices(drawn, size), size, policy.output_shape(size))


@pytest.mark.parametrize(
    "policy",
    [
        Compose([RandomResizedCrop(height=12, width=9), Rotation(90)]),
        Compose([Affine(rotation=20, shear=30, zoom=(0.3, 1)), Resize(height=14, width=17)]),
        Compose([Rotation(180), Resize(10)]),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_what_gets_smaller_is_averaged(policy, dtype, channels):
    noise = np.random.default_rng(0).normal(size=(6, 66, 94, channels))
    smooth = ndimage.gaussian_filter(noise, (0, 1.5, 1.5, 0))
    most = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    batch = (np.clip(smooth / smooth.std() * 0.2 + 0.5, 0, 1) * most).astype(dtype)
    drawn = policy.draw(np.arange(6), seed=4)
    result = policy.apply(batch, drawn)
    assert result.dtype == dtype
    for image, made, matrix in zip(batch, result, in_pixels(policy, drawn, (66, 94)), strict=True):
        inner = inside(matrix, made.shape[:2], (66, 94))
        off = np.abs(made / most - averaged(image / most, matrix, made.shape[:2]))[inner]
        assert off.mean() < 0.018
        assert off.max() < 0.12


def inside(matrix, size, shape):
    """Returns which pixels of a result show the image and nothing beyond it."""
    places = np.einsum("ij,jrc->irc", matrix[:, :2], np.indices(size)) + matrix[:, 2, None, None]
    return np.all([(x >= 0) & (x <= side - 1) for x, side in zip(places, shape, strict=True)], 0)


def test_a_rotation_shows_what_a_crop_beside_it_cut_off():
    image = np.full((1, 40, 40, 1), 200, "uint8")
    turned = Compose([CenterCrop(20), Rotation((45, 45), **WHOLE)])(image)
    assert (turned == 200).all()
    apart = Compose([CenterCrop(20), Brightness((1, 1)), Rotation((45, 45), **WHOLE)])(image)
    assert (apart == 9).sum() > 20


@pytest.mark.parametrize("shape", [(1, 30), (30, 1), (1, 1), (1, 2), (2, 1)])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "float64"])
def test_a_side_of_one_pixel_keeps_its_values_where_it_gets_smaller(shape, channels, dtype):
    batch = np.full((2, *shape, channels), 100, dtype)
    smaller = Compose([Pad(20, fill_mode="nearest"), Resize(3)])
    for policy in (smaller, Compose([Affine(zoom=(0.2, 0.2)), Resize(height=4, width=4)])):
        np.testing.assert_allclose(policy(batch).astype(float), 100, rtol=1e-6)


@pytest.mark.parametrize(
    "policy",
    [
        Letterbox(24, fill_mode="wrap"),
        Compose([Zoom((0.3, 0.3), fill_mode="wrap"), Resize(height=50, width=70)]),
        Compose([Affine(rotation=(30, 30), zoom=(0.3, 0.3), fill_mode="wrap"), Resize(50)]),
    ],
)
def test_wrapping_repeats_a_picture_from_where_it_ends(policy):
    rows, columns = np.indices((60, 84)) * 2 * np.pi
    waves = (np.sin(rows / 60) + np.cos(columns / 84))[np.newaxis, ..., np.newaxis]
    drawn = policy.draw([0], seed=0)
    (matrix,) = in_pixels(policy, drawn, (60, 84))
    matrix[:, 2] += (240, 336)
    tiles = np.tile(waves[0], (9, 9, 1))
    made = policy.apply({"images": waves, "segmentation_masks": waves}, drawn)
    expected = averaged(tiles, matrix, policy.output_shape((60, 84)))
    for values in (made["images"], made["segmentation_masks"]):
        assert np.abs(values[0] - expected).mean() < 0.045


def test_wrapping_shows_nothing_of_the_other_side_within_a_picture(images):
    batch = images(2, shape=(5, 7, 3), dtype="float32")
    still = Rotation((0, 0), fill_mode="wrap")
    larger = Resize(height=20, width=28)
    np.testing.assert_array_equal(Compose([still, larger])(batch), larger(batch))


def test_checkers_become_gray():
    checkers = (np.indices((64, 64)).sum(0) % 2 * 255).astype("uint8")[None]
    for policy in (Resize(8), Compose([Rotation((30, 30)), Resize(8)])):
        assert abs(policy(checkers).astype(int) - 128).max() <= 3


def test_masks_boxes_and_points_go_along():
    image = np.zeros((1, 40, 80, 1), "uint8")
    image[:, 10:30, 20:50] = 255
    data = {
        "images": image,
        "segmentation_masks": image > 0,
        "bounding_boxes": {"boxes": [[[20, 10, 50, 30]]], "labels": [[3]]},
        "bounding_box_format": "xyxy",
        "keypoints": [[[20.0, 10.0], [49.0, 29.0]]],
    }
    made = Letterbox(40)(data)
    np.testing.assert_allclose(made["bounding_boxes"]["boxes"], [[[10, 15, 25, 25]]])
    np.testing.assert_allclose(made["keypoints"], [[[9.75, 14.75], [24.25, 24.25]]])
    expected = np.zeros((1, 40, 40, 1), bool)
    expected[:, 15:25, 10:25] = True
    np.testing.assert_array_equal(made["segmentation_masks"], expected)
    made = Compose([Resize(20), CenterCrop(20)])(data)
    np.testing.assert_allclose(made["bounding_boxes"]["boxes"], [[[0, 5, 15, 15]]])


@pytest.mark.parametrize(
    "make",
    [
        lambda: OneOf([Resize(height=4, width=4), RandomCrop(4)]),
        lambda: Sometimes(Pad(multiple_of=8)),
        lambda: SomeOf([Letterbox(9), Rotation(10)], n=(1, 2)),
        lambda: Compose([Rotation(10), Compose([Resize(9)])], p=0.5),
        lambda: OneOf([Compose([Rotation(10), CenterCrop(4)]), HorizontalFlip()]),
    ],
)
def test_sizes_that_some_rows_would_not_have_are_refused(make):
    with pytest.raises(ValueError, match=r"must act on every row\. Received: .* in .*chance"):
        make()


def test_sizes_that_every_row_has_are_none_of_chance(images):
    policy = SomeOf([Resize(height=6, width=4), OneOf([Rotation(10), HorizontalFlip()])], n=2)
    policy = Compose([Sometimes(RandomResizedCrop(height=9, width=8)), OneOf([policy])])
    assert policy(images(9, shape=(8, 8, 1)), seed=0).shape == (9, 6, 4, 1)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Resize(0), ValueError, "between 1 and 32768"),
        (lambda: Resize(2.5), TypeError, "`shorter_side` must be an integer"),
        (lambda: Resize(height=5), ValueError, "both a height and a width. Received: height=5"),
        (lambda: Resize(4, height=5, width=5), ValueError, "Received: shorter_side=4, height=5"),
        (lambda: Resize(4, interpolation="cubic"), ValueError, "'nearest', 'bilinear'"),
        (lambda: CenterCrop(width=5), ValueError, "a height where it has a width"),
        (lambda: Pad(9, fill_mode="edge"), ValueError, "`fill_mode` must be one of"),
        (lambda: Pad(multiple_of=0), ValueError, "`multiple_of` must be an integer"),
        (lambda: Letterbox(9, fill_value="white"), TypeError, "`fill_value` must be a finite"),
    ],
)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_padding_and_cropping_fuse_with_what_fills_alike(images):
    policy = Compose([PadAndCrop(), HorizontalFlip(), Resize(height=20, width=20)])
    assert policy._resampling() is not None
    assert Compose([PadAndCrop(), Rotation(10)])._resampling() is None
    assert policy(images(2, shape=(9, 14, 3)), seed=1).shape == (2, 20, 20, 3)

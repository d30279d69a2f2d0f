"""Every dtype: what only moves pixels keeps their bits, what blends them stays within the ends."""

import numpy as np
import pytest

from kaug._apply.dtypes import to_dtype
from kaug.transforms import (
    D4,
    AugMix,
    Brightness,
    Compose,
    ElasticDeformation,
    Erasing,
    HorizontalFlip,
    Identity,
    MixUp,
    PadAndCrop,
    Perspective,
    RandAugment,
    RandomResizedCrop,
    Rotate90,
    Rotation,
    Translation,
)

INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
MOVING = [
    Identity(),
    HorizontalFlip(),
    Rotate90(),
    D4(),
    PadAndCrop(0.3),
    Translation((1 / 7, 1 / 7), (-2 / 7, -2 / 7), fill_mode="constant"),
    Translation((1 / 7, 1 / 7), (-2 / 7, -2 / 7), fill_mode="wrap"),
    Rotation(40, interpolation="nearest", fill_mode="reflect"),
    Rotation(40, interpolation="nearest", fill_mode="constant"),
    Perspective(interpolation="nearest", fill_mode="constant"),
    ElasticDeformation(interpolation="nearest"),
    RandomResizedCrop(interpolation="nearest", height=5, width=9),
]


def values(dtype, shape):
    """Returns values from all over a dtype, none of them 0."""
    dtype = np.dtype(dtype)
    words = np.random.default_rng(0).integers(1, 2**63, shape, np.int64)
    if dtype.kind == "f":
        words = words % 1000 if dtype.itemsize == 2 else words
        return words.astype(dtype) + dtype.type(1) / 3
    return np.maximum(words >> max(63 - 8 * dtype.itemsize, 0), 1).astype(dtype)


@pytest.mark.pairwise(
    transform=MOVING,
    dtype=[*INTEGERS, ">u8", ">i2", "float16", "float32", "float64", ">f8", "longdouble"],
    channels=[1, 5],
)
def test_what_only_moves_pixels_keeps_their_bits(transform, dtype, channels):
    images = values(dtype, (6, 7, 7, channels))
    # Where each pixel of the result comes from, found on small numbers; 0 is outside.
    numbers = np.arange(1, 50, dtype="float32").reshape(1, 7, 7, 1).repeat(6, 0)
    places = transform(numbers, seed=3)[..., 0].astype(int)
    pixels = np.concatenate(
        [np.zeros((6, 1, channels), images.dtype), images.reshape(6, 49, -1)], 1
    )
    result = transform(images, seed=3)
    assert result.dtype == images.dtype
    np.testing.assert_array_equal(result, pixels[np.arange(6)[:, None, None], places])


@pytest.mark.pairwise(
    dtype=INTEGERS,
    end=["min", "max"],
    transform=[
        Rotation((30, 30)),
        Perspective(),
        ElasticDeformation(),
        RandomResizedCrop(height=9, width=5),
        MixUp(),
        Compose([Rotation(20), HorizontalFlip()]),
    ],
)
def test_blends_stay_within_the_ends(transform, dtype, end):
    value = getattr(np.iinfo(dtype), end)
    result = transform(np.full((2, 9, 13, 1), value, dtype), seed=0)
    np.testing.assert_allclose(result.astype("longdouble"), value, rtol=1e-15)  # float64 sums


@pytest.mark.parametrize(
    "transform", [Brightness((1, 1)), AugMix(width=1), RandAugment(1)], ids=repr
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int64", "uint64"])
def test_white_stays_white(transform, dtype):
    white = np.full((5, 9, 13, 1), np.iinfo(dtype).max, dtype)
    result = transform(white, seed=0)
    assert result.dtype == dtype
    assert (result.max(axis=(1, 2, 3)) == white.max()).any()


@pytest.mark.parametrize(
    "transform", [Rotation((30, 30)), RandomResizedCrop(), Erasing(p=1)], ids=repr
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int64", "float32"])
def test_any_layout_in_memory(transform, dtype):
    images = values(dtype, (4, 9, 14, 3))
    if np.dtype(dtype).kind == "f":
        images /= images.max()
    expected = transform(images, seed=1)
    swapped = images.astype(images.dtype.newbyteorder())
    fixed = images.copy()
    fixed.flags.writeable = False
    for other in (
        swapped,
        fixed,
        np.asfortranarray(images),
        images[::-1].copy()[::-1],
        np.repeat(images, 2, axis=2)[:, :, ::2],
        np.concatenate([images, images], axis=3)[..., :3],
    ):
        np.testing.assert_array_equal(transform(other, seed=1), expected)


def test_rounding_to_what_fits():
    for dtype in INTEGERS:
        ends = np.iinfo(dtype)
        for work in ("float32", "float64"):
            far = np.array([-1e30, ends.min, 2.5, 3.5, ends.max, 1e30], work)
            assert (
                to_dtype(far, np.dtype(dtype)).tolist() == [ends.min] * 2 + [2, 4] + [ends.max] * 2
            )


def test_fill_values_that_a_dtype_does_not_have():
    rotation = Rotation(30, fill_mode="constant", fill_value=1e300)
    for dtype, range_of_it in (("float32", "-3.402823"), ("int64", "-9223372036854775808")):
        with pytest.raises(
            ValueError, match=f"`fill_value` must lie in {range_of_it}.*for {dtype}"
        ):
            rotation(np.zeros((1, 5, 7, 1), dtype), seed=0)
    assert rotation(np.zeros((1, 5, 7, 1)), seed=0).max() == 1e300

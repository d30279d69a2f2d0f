"""Pixels as areas on tensors: what comes out is what the compiled loops make of the same draws."""

import keras
import numpy as np
import pytest
from keras import ops

from kaug.layers import RandomTransform
from kaug.transforms import (
    Affine,
    Compose,
    HorizontalFlip,
    Letterbox,
    Pad,
    PadAndCrop,
    RandomCrop,
    RandomResizedCrop,
    Resize,
    Rotation,
    Sometimes,
    Translation,
    Zoom,
)

INDEX = np.arange(8)
FILL_MODES = ("nearest", "reflect", "wrap", "constant")


def policies(fill_mode):
    fill = {"fill_mode": fill_mode, "fill_value": 0.3 if fill_mode == "constant" else 0.0}
    return [
        Compose([RandomResizedCrop(height=9, width=22), Zoom(0.4, **fill), HorizontalFlip()]),
        Compose([RandomResizedCrop(height=9, width=12), Translation(0.4, 0.4, **fill)]),
        Compose([RandomResizedCrop(height=9, width=12), Rotation(40, **fill)]),
        Compose([Resize(height=5, width=7), Affine(rotation=180, shear=20, zoom=0.5, **fill)]),
        Compose([Resize(height=60, width=51), Sometimes(Rotation(180, **fill))]),
        Compose([Letterbox(40, 15, **fill), Rotation(30, **fill), Pad(multiple_of=8, **fill)]),
    ]


def through(transform, data):
    numbers = {"index": INDEX[: len(data["images"])], "epoch": np.array(1)}
    made = RandomTransform(transform, seed=3)({**data, **numbers}, training=True)
    return keras.tree.map_structure(ops.convert_to_numpy, {name: made[name] for name in data})


def as_arrays(transform, data):
    return transform(data, seed=3, epoch=1, index=INDEX[: len(data["images"])])


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("number", range(len(policies("nearest"))))
@pytest.mark.usefixtures("by_operation")
def test_what_gets_smaller_is_averaged_as_on_arrays(fill_mode, number):
    transform = policies(fill_mode)[number]
    shape = [(8, 25, 31, 3), (8, 40, 23, 1)][number % 2]
    data = {"images": np.random.default_rng(0).random(shape, np.float32)}
    own, expected = (each(transform, data)["images"] for each in (through, as_arrays))
    assert own.shape == expected.shape
    # Where a pixel lies on the end of the image, rounding decides whether it is filled.
    assert np.mean(np.abs(own - expected) > 2e-5) <= 1e-3


@pytest.mark.parametrize(
    "transform",
    [HorizontalFlip(1), Compose([PadAndCrop(0.3), RandomCrop(9, 12), HorizontalFlip()])],
    ids=repr,
)
def test_what_slides_keeps_every_value_beside_others(transform):
    images = np.random.default_rng(0).random((8, 25, 31, 3), np.float32)
    images[:, ::4, ::3, 1] = [[np.nan, np.inf, -np.inf, 3e38] * 2 + [7, 5, 0]]
    own, expected = (each(transform, {"images": images})["images"] for each in (through, as_arrays))
    np.testing.assert_array_equal(own, expected)


def test_one_pixel_is_stretched():
    data = {"images": np.full((3, 1, 1, 5), 7, np.uint8)}
    for transform in (Resize(height=3, width=4), Letterbox(3, 4)):
        own, expected = (each(transform, data)["images"] for each in (through, as_arrays))
        np.testing.assert_array_equal(own, expected)


@pytest.mark.parametrize("dtype", ["int32", "uint16", "uint8", "float32"])
@pytest.mark.parametrize("transform", [Rotation(30), Compose([Resize(11), Rotation(30)])])
@pytest.mark.usefixtures("by_operation")
def test_masks_keep_every_bit(transform, dtype):
    generator = np.random.default_rng(1)
    top = 2**24 if dtype == "float32" else np.iinfo(dtype).max
    masks = generator.integers(0, top, (8, 25, 31)).astype(dtype)
    data = {"images": np.zeros((8, 25, 31, 1), np.uint8), "segmentation_masks": masks}
    own, expected = (each(transform, data)["segmentation_masks"] for each in (through, as_arrays))
    assert own.dtype == masks.dtype
    assert np.mean(own != expected) <= 1e-3
    assert set(own.ravel()) <= set(masks.ravel())

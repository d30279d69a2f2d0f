"""The published policies in the layer."""

import numpy as np
import pytest
from keras import ops

from kaug._tensors.execute import whole
from kaug.transforms import AugMix, AutoAugment, RandAugment, TrivialAugmentWide
from kaug.transforms._bases.magnitudes import GEOMETRIC, NUMBERS
from kaug.transforms._bases.slots import ValueSlot

STRENGTHS = {"Posterize": 3.0, "Solarize": 0.4, "AutoContrast": 0.0}


def _parameters(names, factor):
    return {
        "operation": np.array([NUMBERS[name] for name in names]),
        "strength": np.array([STRENGTHS.get(name, factor) for name in names]),
    }


def _by_tensors(slot, batch, parameters):
    given = {
        "operation": ops.convert_to_tensor(parameters["operation"].astype("int32")),
        "strength": ops.convert_to_tensor(parameters["strength"].astype("float32")),
    }
    images = ops.convert_to_tensor(batch.astype("float32"))
    return ops.convert_to_numpy(
        whole(slot.transform_tensors(images, given, batch.dtype), batch.dtype)
    )


@pytest.mark.pairwise(
    shape=[(13, 21, 3), (21, 13, 1), (5, 7, 5), (9, 4, 4), (1, 2, 2)],
    dtype=["uint8", "uint16", "float32", "float16"],
    options=[{}, {"opacity": False}, {"value_range": (-1, 2)}],
)
def test_each_operation_is_that_of_arrays(shape, dtype, options, images, near):
    names = [name for name in NUMBERS if name not in (*GEOMETRIC, "Identity")]
    batch = images(len(names), shape=shape, dtype=dtype)
    if "value_range" in options:
        batch = batch % 3 if dtype[0] == "u" else batch * 2 - 1
    slot = ValueSlot(**options)
    parameters = _parameters(names, 0.6)
    own, expected = _by_tensors(slot, batch, parameters), slot.transform_images(batch, parameters)
    near(own / 2, expected / 2) if dtype == "float16" else near(own, expected)


def test_levels_of_bytes_are_exact(images):
    names = ["Posterize", "Solarize", "AutoContrast", "Equalize", "Invert", "Sharpness", "Contrast"]
    batch = images(len(names), shape=(31, 25, 3)) // 3 + 40
    parameters, slot = _parameters(names, 0.1), ValueSlot()
    own = _by_tensors(slot, batch, parameters)
    expected = slot.transform_images(batch, parameters)
    stretched = names.index("AutoContrast")  # Pillow's arithmetic may fall short of whole levels
    assert np.abs(own - expected.astype(float))[stretched].max() <= 1
    for row in set(range(len(names))) - {stretched}:
        np.testing.assert_array_equal(own[row], expected[row], err_msg=names[row])


@pytest.mark.parametrize(
    ("policy", "count"),
    [
        (RandAugment(), 0),
        (RandAugment(), 1),
        (TrivialAugmentWide(), 1),
        (AutoAugment(), 1),
        (AugMix(), 1),
    ],
    ids=repr,
)
@pytest.mark.usefixtures("by_operation")
def test_few_rows(policy, count, images, both):
    own, expected = both(policy, images(max(count, 1), shape=(25, 31, 3))[:count])
    assert own.shape == expected.shape == (count, 25, 31, 3)
    assert (np.abs(own - expected.astype(float)) > 1).mean() < 1e-2 if count else True


def test_pixels_that_are_no_numbers_stay_alone(images):
    names = [name for name in NUMBERS if name not in (*GEOMETRIC, "Identity")]
    batch = images(len(names), shape=(6, 7, 3), dtype="float32")
    batch[:, 3, 3, 1] = np.nan
    slot, parameters = ValueSlot(), _parameters(names, 0.6)
    own, expected = _by_tensors(slot, batch, parameters), slot.transform_images(batch, parameters)
    assert np.isnan(expected).any()
    np.testing.assert_allclose(own, expected, rtol=0, atol=2e-5)

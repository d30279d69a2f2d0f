"""Functions and transforms of one's own in the layer."""

from dataclasses import dataclass

import numpy as np
import pytest
from keras import ops

from kaug.image_data_generator.native import KerasGeometry
from kaug.layers import RandomTransform
from kaug.transforms import Compose, Lambda, OneOf, Rotation, Transform

compiled_or_not = pytest.mark.parametrize("compiled", [False, True])


@dataclass(frozen=True, repr=False)
class Stripe(Transform):
    thickness: float = 0.25
    p: float = 1.0

    def draw_parameters(self, draws):
        top = draws.uniform(0, 1 - self.thickness)
        return {"top": top, "level": draws.xp.where(draws.chance(0.5), 0.0, 1.0)}

    def transform_images(self, images, parameters):
        top, level = (parameters[name][:, None, None, None] for name in ("top", "level"))
        place = np.arange(images.shape[1])[:, None, None] / images.shape[1]
        blank = (place >= top) & (place < top + self.thickness)
        return np.where(blank, level, images).astype(images.dtype)

    def transform_tensors(self, images, parameters, dtype):
        top, level = (parameters[name][:, None, None, None] for name in ("top", "level"))
        place = np.arange(images.shape[1], dtype="float32")[:, None, None] / images.shape[1]
        place = ops.convert_to_tensor(place.astype("float32"))
        return ops.where((place >= top) & (place < top + self.thickness), level, images)


@dataclass(frozen=True, repr=False)
class Nameless(Stripe):
    def draw_parameters(self, draws):
        return {"applied": draws.chance(0.5), **super().draw_parameters(draws)}


@compiled_or_not
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize(
    "policy",
    [
        Stripe(),
        Stripe(p=0.5),
        Compose([Rotation(30), Stripe(p=0.5), Lambda(lambda images: images[:, ::-1])]),
        OneOf([Stripe(0.5), Lambda(lambda images: images[:, ::-1], p=0.5)]),
    ],
    ids=["alone", "of half", "in a run", "one of two"],
)
def test_what_is_ones_own_does_the_same(policy, dtype, compiled, images, both, near):
    batch = images(9, shape=(25, 31, 2), dtype=dtype)
    own, expected = both(policy, batch, compiled=compiled)
    assert (expected != batch).any()
    if dtype == "float32":
        # Steps of a third and of a stripe, of which rounding may take the other.
        assert np.mean(np.abs(own - expected) > 2e-5) < 1e-3
    else:
        near(own, expected)


def test_masks_beside_what_does_not_say_where_it_moves_them():
    data = {"images": np.ones((2, 8, 9, 3), "float32"), "segmentation_masks": np.ones((2, 8, 9))}
    with pytest.raises(TypeError, match="Stripe"):
        RandomTransform(Stripe())(data, training=True)


def test_names_that_are_taken():
    with pytest.raises(ValueError, match="must not return 'applied'"):
        RandomTransform(Nameless())(np.ones((2, 8, 9, 3), "float32"), training=True)


def test_a_function_that_changes_the_shape():
    layer = RandomTransform(Lambda(lambda images: images[:, 1:]))
    with pytest.raises(ValueError, match=r"keep the shape \(2, 8, 9, 3\)"):
        layer(np.ones((2, 8, 9, 3), "float32"), training=True)


def test_a_function_that_fails_on_tensors_says_what_to_do():
    def fails(images):
        raise ZeroDivisionError("of its own")

    rule = "ZeroDivisionError from .* of its own.* Compute with `keras.ops`"
    with pytest.raises(RuntimeError, match=rule):
        RandomTransform(Lambda(fails))(np.ones((2, 8, 9, 3), "float32"), training=True)


@pytest.mark.pairwise(
    shift=[0.2, 3, (-2.0, 1.0, 4.0), (0.1, 0.3)],
    fill_mode=["nearest", "constant", "wrap"],
    dtype=["uint8", "float32"],
    compiled=[False, True],
)
def test_the_geometry_of_keras(shift, fill_mode, dtype, compiled, images, both, near):
    transform = KerasGeometry(
        rotation_range=20.0,
        width_shift_range=shift,
        height_shift_range=shift,
        shear_range=10.0,
        zoom_range=(0.8, 1.3),
        horizontal_flip=True,
        vertical_flip=True,
        fill_mode=fill_mode,
    )
    own, expected = both(transform, images(7, shape=(25, 31, 3), dtype=dtype), compiled=compiled)
    atol = 1 if dtype == "uint8" else 1e-4
    assert np.mean(np.abs(own - expected.astype("float32")) > atol) < 1e-3

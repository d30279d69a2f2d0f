"""Every transform inside a model: what it does on tensors is what it does on arrays."""

import keras
import numpy as np
import pytest
from instances import EVERYTHING, IDS
from keras import ops

from kaug.layers import RandomTransform
from kaug.transforms import Lambda

# Of samples, where a pixel lies so near the middle between two that rounding decides.
_TIES = 1e-3
# What may differ by rounding: of bytes one level, of floats that.
_NEAR = 2e-5
INDEX, EPOCH = np.arange(7) + 40, 3


def runs(transform):
    return not any(
        isinstance(leaf, Lambda) or not type(leaf).__module__.startswith("kaug.")
        for leaf in transform._leaves()
    )


EVERY = [
    pytest.param(each, id=name) for each, name in zip(EVERYTHING, IDS, strict=True) if runs(each)
]
every_transform = pytest.mark.parametrize("transform", EVERY)


def by_layer(transform, batch, *, compiled=False):
    layer = RandomTransform(transform, seed=5)
    data = {"images": batch, "index": INDEX[: len(batch)], "epoch": np.array(EPOCH)}
    if not compiled:
        return ops.convert_to_numpy(layer(data, training=True)["images"])
    return compiled_call(layer, data)


def compiled_call(layer, data):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        result = tf.function(lambda: layer(data, training=True))()
    elif keras.backend.backend() == "jax":
        import jax

        result = jax.jit(lambda given: layer(given, training=True))(data)
    else:
        result = layer(data, training=True)
    return ops.convert_to_numpy(result["images"])


def differing(own, expected, dtype):
    """The share of samples that differ by more than rounding."""
    assert own.shape == expected.shape
    near = 1 if dtype == "uint8" else _NEAR
    return np.mean(np.abs(own.astype(float) - expected.astype(float)) > near + 1e-9)


@every_transform
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.filterwarnings("ignore:A quarter turn of images that are not square")
def test_images_are_those_of_arrays(transform, dtype, channels, images):
    batch = images(7, shape=(25, 31, channels), dtype=dtype)
    try:
        expected = transform(batch, seed=5, epoch=EPOCH, index=INDEX)
    except ValueError:
        pytest.skip("not of so many channels")
    assert differing(by_layer(transform, batch), expected, dtype) <= _TIES


@every_transform
@pytest.mark.filterwarnings("ignore:A quarter turn of images that are not square")
def test_compiled_images_are_the_same(transform, images):
    batch = images(7, shape=(25, 31, 3))
    expected = transform(batch, seed=5, epoch=EPOCH, index=INDEX)
    assert differing(by_layer(transform, batch, compiled=True), expected, "uint8") <= _TIES

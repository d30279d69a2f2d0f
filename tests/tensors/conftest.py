"""What a transform makes of images in the layer, beside what it makes of them by itself."""

import keras
import numpy as np
import pytest
from keras import ops

from kaug.layers import RandomTransform


@pytest.fixture
def both():
    """Returns a function of a transform and a batch: what the layer, and what the call makes."""

    def made(transform, batch, *, compiled=False):
        index = np.arange(len(batch)) + 40
        layer = RandomTransform(transform, seed=5)
        data = {"images": batch, "index": index, "epoch": np.array(3)}
        own = _compiled(layer, data) if compiled else layer(data, training=True)
        expected = transform(batch, seed=5, epoch=3, index=index)
        return ops.convert_to_numpy(own["images"]), expected

    return made


def _compiled(layer, data):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(lambda: layer(data, training=True))()
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(lambda given: layer(given, training=True))(data)
    return layer(data, training=True)


@pytest.fixture
def near():
    """Returns a function that fails unless samples are equal, or nearly, as their dtype has it."""

    def check(own, expected):
        atol = 1 if expected.dtype.kind in "iu" else {2: 6e-4}.get(expected.dtype.itemsize, 2e-5)
        np.testing.assert_allclose(own.astype(float), expected.astype(float), rtol=0, atol=atol)

    return check

"""What is held is as it was."""

import keras
import numpy as np
import pytest
from keras import ops

from kaug._tensors.held import held


@pytest.mark.compiled
@pytest.mark.parametrize("count", [0, 1, 1000])
@pytest.mark.parametrize("compiled", [False, True])
def test_what_is_held_stays_as_it_is(count, compiled):
    values = np.resize(np.array([np.nan, np.inf, -np.inf, 1, -2e30, 0], "float32"), count)
    function = held
    if compiled and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        function = tf.function(held, jit_compile=True)
    if compiled and keras.backend.backend() == "jax":
        import jax

        function = jax.jit(held)
    kept = ops.convert_to_numpy(function(ops.convert_to_tensor(values)))
    np.testing.assert_array_equal(kept, values)

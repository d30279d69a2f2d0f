"""Functions of tensors as one program, where the backend has a compiler.

Carried out operation by operation, every intermediate of a warp would go through memory.
"""

from collections.abc import Callable
from typing import Any

import keras

Function = Callable[..., Any]


def compiled(function: Function) -> Function:
    """Returns a function of tensors, compiled for every form of these when it is first called."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        xla: Function = tf.function(function, autograph=False, jit_compile=True)
        return xla
    if backend == "jax":
        import jax

        jitted: Function = jax.jit(function)
        return jitted
    return function

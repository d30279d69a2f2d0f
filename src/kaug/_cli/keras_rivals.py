"""What Keras has for the tutorial's policy."""

import os
from collections.abc import Callable
from itertools import count
from typing import Any

from kaug._types import Array

_BATCH = 256  # Keras' are made for batches, not for a whole dataset


def rivals() -> dict[str, Callable[[Array], Any]]:
    """Returns Keras' generator and a chain of its layers as functions of images, by name."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # else TensorFlow talks while it is loaded
    return {"Keras' generator": _generator(), "Keras' layers": _layers()}


def _generator() -> Callable[[Array], Any]:
    from tensorflow.keras.preprocessing.image import ImageDataGenerator

    generator = ImageDataGenerator(
        rotation_range=10,
        zoom_range=0.1,
        shear_range=0.5,
        width_shift_range=0.1,
        height_shift_range=0.1,
        horizontal_flip=True,
    )
    seeds = count()

    def call(images: Array) -> Any:
        batch = images[:_BATCH]
        flow = generator.flow(batch, batch_size=len(batch), shuffle=False, seed=next(seeds))
        return next(flow).astype(images.dtype, copy=False)

    return call


def _layers() -> Callable[[Array], Any]:
    import keras

    fill = {"fill_mode": "nearest", "interpolation": "bilinear"}
    chain = keras.Sequential(
        [
            keras.layers.RandomRotation(10 / 360, **fill),
            keras.layers.RandomTranslation(0.1, 0.1, **fill),
            keras.layers.RandomShear(0.0087, 0.0, **fill),
            keras.layers.RandomZoom(0.1, 0.1, **fill),
            keras.layers.RandomFlip("horizontal"),
        ]
    )

    def call(images: Array) -> Any:
        made = keras.ops.convert_to_numpy(chain(images[:_BATCH], training=True))
        return made.astype(images.dtype, copy=False)

    return call

"""The migration surface: Keras' `ImageDataGenerator`, carried out by kaug."""

import sys

from kaug.image_data_generator import _generator
from kaug.image_data_generator._generator import ImageDataGenerator
from kaug.image_data_generator.native import KerasGeometry, native_equivalent

__all__ = ["ImageDataGenerator", "KerasGeometry", "native_equivalent"]

# The name by which pickles of version 0.1 know it.
sys.modules[f"{__name__}.generator"] = _generator

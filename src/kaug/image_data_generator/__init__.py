"""The migration surface: Keras' `ImageDataGenerator`, carried out by kaug."""

from kaug.image_data_generator._generator import ImageDataGenerator
from kaug.image_data_generator.native import KerasGeometry, native_equivalent

__all__ = ["ImageDataGenerator", "KerasGeometry", "native_equivalent"]

"""What the parts of a generator know of it: its options, and how it augments."""

from typing import Any, Protocol

import numpy as np

from kaug._types import Array, Floats, Rows


class Options(Protocol):
    """The options of a generator, checked, the axes they are about, and what it has learned."""

    keras_compat: bool
    featurewise_center: bool
    samplewise_center: bool
    featurewise_std_normalization: bool
    samplewise_std_normalization: bool
    zca_whitening: bool
    zca_epsilon: float
    rotation_range: float
    width_shift_range: Any
    height_shift_range: Any
    brightness_range: Any
    shear_range: float
    zoom_range: Any
    channel_shift_range: float
    fill_mode: str
    cval: float
    horizontal_flip: bool
    vertical_flip: bool
    rescale: Any
    preprocessing_function: Any
    data_format: str
    validation_split: float
    interpolation_order: int
    dtype: Any

    row_axis: int
    col_axis: int
    channel_axis: int

    mean: Any
    std: Any
    zca_whitening_matrix: Any


class Augments(Options, Protocol):
    """What iterators use of a generator."""

    def check_images(self, images: Array) -> None:
        """Raises for what are no images, or too few channels first."""

    def _draw(self, rng: np.random.RandomState, count: int, shape: tuple[int, ...]) -> Floats: ...

    def _transform(self, images: Array, rows: Rows, parameters: Floats) -> Array: ...

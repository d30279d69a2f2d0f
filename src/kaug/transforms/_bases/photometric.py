"""Transforms that change values and move nothing, and what the values mean."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kaug._apply.destination import result_like
from kaug._apply.dtypes import to_dtype, working_dtype
from kaug._apply.values import check_values
from kaug._kernels import pointwise, read_only
from kaug._tensors import ops
from kaug._types import Array, Parameters
from kaug._validation import message
from kaug.transforms._bases.options import ValueOptions
from kaug.transforms.transform import Transform


@dataclass(frozen=True, repr=False)
class Photometric(ValueOptions):
    """A transform of values: masks, boxes and keypoints stay as they are.

    The last of 2 or 4 channels is opacity and stays, too, unless `opacity` says otherwise.
    """

    photometric: ClassVar[bool] = True

    def limits(self, dtype: np.dtype[Any]) -> tuple[float, float]:
        """Returns what is black and what is white in images of a dtype.

        That is `value_range`, or else 0..1 for floats and for integers 0 and the largest.
        """
        if self.value_range is not None:
            return self.value_range
        return (0.0, 1.0) if dtype.kind == "f" else (0.0, float(np.iinfo(dtype).max))

    def within_range(self, images: Array) -> Array:
        """Returns images clipped to the value range, if one is given."""
        if self.value_range is None:
            return images
        values = images.astype(working_dtype(images.dtype))
        return to_dtype(np.clip(values, *self.value_range), images.dtype)

    def tensors_within_range(self, images: Any, dtype: np.dtype[Any]) -> Any:
        """Returns tensors clipped to the value range, if one is given."""
        return images if self.value_range is None else ops.clip(images, *self.limits(dtype))

    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        """Returns `images` with other values, but for their opacity."""
        if self.opacity and images.shape[-1] in (2, 4):
            colors = self.transform_colors(images[..., :-1], parameters)
            return np.concatenate([colors, images[..., -1:]], axis=-1)
        return self.transform_colors(images, parameters)

    def transform_tensors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        """Returns `images` with other values, but for their opacity, on tensors."""
        if self.opacity and images.shape[-1] in (2, 4):
            colors = self.transform_tensor_colors(images[..., :-1], parameters, dtype)
            return ops.concatenate([colors, images[..., -1:]], axis=-1)
        return self.transform_tensor_colors(images, parameters, dtype)

    @abstractmethod
    def transform_tensor_colors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        """Returns images without opacity with other values, on tensors."""

    @abstractmethod
    def transform_colors(self, images: Array, parameters: Parameters) -> Array:
        """Returns images without opacity with other values."""


@dataclass(frozen=True, repr=False)
class Ranged(Photometric):
    """A transform of values between black and white, as tensors go through it."""

    @property
    def _takes_white_from_dtype(self) -> bool:
        return self.value_range is None

    def transform_tensor_colors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        low, high = self.limits(dtype)
        # Multiplied by the reciprocal, as compilers would make it of a division.
        unit = ops.clip((images - low) * (1 / (high - low)), 0.0, 1.0)
        in_bytes = dtype == np.uint8 and (low, high) == (0, 255)
        changed = self.change_tensors(unit, parameters, in_bytes=in_bytes)
        return ops.clip(changed, 0.0, 1.0) * (high - low) + low

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        """Returns what `change` does, on tensors.

        Args:
            images: `(M, H, W, C)`, float32 in 0..1.
            parameters: What to do.
            in_bytes: Whether these are the 256 levels of bytes, divided by 255; what comes of them
                is rounded to such levels afterwards. What lies outside 0..1 is cut off in any case.
        """
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class Normalized(Ranged):
    """A transform of values between black and white.

    A subclass says what happens to bytes, 0..255, and to floats, 0..1. Images of other dtypes and
    value ranges are brought to floats and back, so all of them come out alike. Values outside the
    range are clipped to it; NaN stays NaN. Without a `value_range`, what cannot mean what it would
    be taken for is an error: see `_apply.values`.
    """

    def transform_colors(self, images: Array, parameters: Parameters) -> Array:
        low, high = self.limits(images.dtype)
        dtype: Any = working_dtype(images.dtype)
        outside = np.zeros(1, np.bool_)
        if images.dtype == np.uint8 and (low, high) == (0, 255):
            return self.change(read_only(np.ascontiguousarray(images)), parameters, outside)
        floats = given = np.ascontiguousarray(images, dtype)
        if (low, high) != (0, 1):
            floats = (given - dtype.type(low)) / dtype.type(high - low)
        with np.errstate(all="ignore"):  # what is refused behind it may be anything
            changed = self.change(read_only(floats), parameters, outside)
        doubtful = self.value_range is None and (outside[0] or images.dtype.kind != "f")
        if doubtful and check_values(given, images.dtype, type(self).__name__):
            # Values are clipped in the end; clipped before, they have a finite mean.
            changed = self.change(read_only(np.clip(floats, 0, 1)), parameters, outside)
        if (low, high) != (0, 1):
            changed = changed * dtype.type(high - low) + dtype.type(low)
        return to_dtype(changed, images.dtype)

    @abstractmethod
    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        """Returns new images.

        Args:
            images: `(M, H, W, C)`, C-contiguous, not to be written to: uint8, or floats. Results
                have the same dtype, and floats lie in 0..1 whatever was given: values count as
                what they are clipped to.
            parameters: What to do.
            outside: Bool `(1,)`, set where a float lies outside of 0..1 by more than rounding.
        """


def strengths(parameters: Parameters, name: str, dtype: Any) -> Array:
    """Returns a parameter as kernels take it: contiguous, of one dtype, not to be written to."""
    return read_only(np.ascontiguousarray(parameters[name], dtype))


def is_colored(transform: Transform, images: Array) -> bool:
    """Returns whether images have three channels; any number but that and 1 is an error."""
    channels = int(images.shape[-1])
    if channels not in (1, 3):
        name = type(transform).__name__
        rule = f"{name} needs images of 3 channels (red, green, blue), or of 1 channel"
        fix = "Split off what is no color first."
        raise ValueError(message(rule, f"images of {channels} channels", fix))
    return channels == 3


def clipped(images: Array, outside: Array) -> Array:
    """Returns a copy of the images with no value beyond the range."""
    out = result_like(images)
    pointwise.clip(images, out, outside)
    return out


def shifted(images: Array, shifts: Array, outside: Array) -> Array:
    """Returns images with fractions of the range `(M, C)` added, of bytes whole levels."""
    if images.dtype == np.uint8:
        offsets = np.floor(shifts * 255 + 0.5).astype(np.int16)
    else:
        offsets = shifts.astype(images.dtype)
    out = result_like(images)
    pointwise.add(images, read_only(offsets), out, outside)
    return out

"""Crops: a part of the picture in place of the whole."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._apply.dtypes import checked_fill
from kaug._apply.parameters import UNIT, Bounds
from kaug._apply.resample import (
    INTERPOLATIONS,
    Reading,
    Resampling,
    check_fill,
    remapped,
    warn_of_idle_fill,
)
from kaug._apply.stages import Step
from kaug._draw.draws import Draws
from kaug._kernels import read_only
from kaug._kernels.resize import place_boxes, resize
from kaug._kernels.shift import shift
from kaug._kernels.warp import FILL_MODES
from kaug._types import Array, Parameters
from kaug._validation import (
    check_choice,
    check_integer,
    check_number,
    check_probability,
    describe,
    message,
)
from kaug.transforms.transform import Transform

# What a box can be: hardly a pixel of a million, and not quite a line.
_SCALES, _RATIOS = (1e-6, 1.0), (1e-3, 1e3)
_LONGEST = 2**15


@dataclass(frozen=True, repr=False)
class PadAndCrop(Transform):
    """Pads the picture on all sides and crops a part of the original size out of it.

    That is a shift by whole pixels: every one that the padding allows is as likely, and pixels are
    copied, not blended. With the defaults it is what the standard training on CIFAR does, which
    pads 32 × 32 pixels by 4 zeros (He, Zhang, Ren and Sun, "Deep residual learning for image
    recognition", 2015, section 4.2).

    Args:
        padding: Fraction of the height and of the width, 0..1, rounded to whole pixels.
        fill_mode: What the padding holds: `"nearest"`, `"reflect"`, `"wrap"` or `"constant"`, as
            in `scipy.ndimage`.
        fill_value: What it holds with `"constant"`, in the value range of the images.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of its range, or an option is unknown.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import PadAndCrop
        >>> PadAndCrop(0.4)(np.arange(35).reshape(1, 5, 7), seed=0)[0]
        array([[ 0,  0,  0,  0,  0,  0,  0],
               [ 0,  0,  0,  0,  0,  0,  0],
               [ 0,  0,  1,  2,  3,  4,  5],
               [ 0,  7,  8,  9, 10, 11, 12],
               [ 0, 14, 15, 16, 17, 18, 19]])
    """

    padding: float = 0.125
    fill_mode: str = field(default="constant", kw_only=True)
    fill_value: float = field(default=0.0, kw_only=True)
    p: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        rule = "`padding` must be a number in 0..1, a fraction of the height and the width"
        padding = check_number(self.padding, "padding", rule)
        if not 0 <= padding <= 1:
            fix = "Divide pixels by the size of the image: 4 of 32 are 0.125."
            raise ValueError(message(rule, f"padding={padding}", fix))
        check_fill(self.fill_mode, self.fill_value, "nearest")
        object.__setattr__(self, "padding", padding)
        object.__setattr__(self, "fill_value", float(self.fill_value))
        warn_of_idle_fill(self.fill_mode, self.fill_value)
        object.__setattr__(self, "p", check_probability(self.p))

    def _bounds(self) -> Bounds:
        return dict.fromkeys(("down", "right"), UNIT)

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns where the picture goes in each row, from 0 (`top`, `left`) to 1."""
        return {"down": draws.uniform(), "right": draws.uniform()}

    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        """Returns `images` shifted."""
        return self._shifted(images, parameters, self.fill_value)

    def transform_masks(self, masks: Array, parameters: Parameters) -> Array:
        """Returns `masks` shifted; the padding is 0 with `fill_mode="constant"`."""
        return self._shifted(masks, parameters, 0.0)

    def transform_points(
        self, points: Array, parameters: Parameters, size: tuple[int, int]
    ) -> Array:
        """Returns `points` shifted."""
        down, right = self._offsets(parameters, size)
        return points + np.stack([right, down], axis=1)[:, np.newaxis]

    def _offsets(
        self, parameters: Parameters, size: tuple[int, int]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns by how many pixels each row moves down and to the right."""
        down, right = (int(self.padding * side + 0.5) for side in size)
        return (
            (parameters["down"] * (2 * down + 1)).astype(np.int64) - down,
            (parameters["right"] * (2 * right + 1)).astype(np.int64) - right,
        )

    def _shifted(self, images: Array, parameters: Parameters, value: float) -> Array:
        down, right = self._offsets(parameters, (images.shape[1], images.shape[2]))
        source = np.ascontiguousarray(images)
        out = np.empty_like(source)
        fill, bits = _bits(Resampling(self.fill_mode, value), images.dtype)
        mode = FILL_MODES.index(self.fill_mode)
        shift(read_only(source.view(bits)), down, right, mode, fill, out.view(bits))
        return out


# Small pieces of a batch ask for the same again and again.
@lru_cache(maxsize=64)
def _bits(sampling: Resampling, dtype: np.dtype[Any]) -> tuple[Array, np.dtype[Any]]:
    """Returns the bits of a fill value, and unsigned integers for those of any value."""
    value = np.array([checked_fill(sampling.fill_mode, sampling.fill_value, dtype)], dtype)
    bits = np.dtype(f"u{min(dtype.itemsize, 8)}")
    return value.view(bits), bits


@dataclass(frozen=True, repr=False)
class RandomResizedCrop(Transform):
    """Crops a box of random area, aspect ratio and place, and resizes it.

    The area is spread evenly over `scale`, the logarithm of the ratio evenly over that part of
    `ratio` with which a box of this area fits into the picture, and the place evenly over all where
    it lies within (Szegedy and others, "Going deeper with convolutions", 2014, section 6). Where no
    ratio fits, the box is the largest of the nearest one. torchvision's transform of this name
    draws area and ratio up to ten times until they fit: there large areas are rarer than small
    ones; here they are not. A box does not end on whole pixels.

    Boxes are resized as by `PIL.Image.resize`: `"bilinear"` interpolates between the
    centres of pixels, and where the result is smaller than the box it averages over a triangle, so
    that nothing flickers (what is called antialiasing).

    Args:
        scale: Area of the box as a fraction of that of the picture, a pair (low, high) from a
            millionth to 1.
        ratio: Width of the box over its height, in pixels, a pair (low, high) in 0.001..1000.
        height: Of the result in pixels, up to 32,768; None keeps that of the picture.
        width: Of the result in pixels, likewise.
        interpolation: `"bilinear"` or `"nearest"`.
        p: Probability that a row is cropped. If `height` or `width` is given, others are resized as
            a whole; so of two such crops in a `OneOf`, the second one sees pictures that the first
            one has resized. Prefer one crop of a wider `scale`.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A range is reversed or impossible, or an option is unknown.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import RandomResizedCrop
        >>> image = np.arange(35).reshape(1, 5, 7)
        >>> RandomResizedCrop((0.3, 0.3), interpolation="nearest")(image, seed=1)[0]
        array([[ 8,  9,  9,  9, 10, 10, 11],
               [15, 16, 16, 16, 17, 17, 18],
               [15, 16, 16, 16, 17, 17, 18],
               [22, 23, 23, 23, 24, 24, 25],
               [29, 30, 30, 30, 31, 31, 32]])
        >>> RandomResizedCrop((1, 1), (1.4, 1.4), height=2, width=3)(image, seed=0)[0]
        array([[ 8, 10, 12],
               [22, 24, 26]])
    """

    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    height: int | None = field(default=None, kw_only=True)
    width: int | None = field(default=None, kw_only=True)
    interpolation: str = field(default="bilinear", kw_only=True)
    p: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", _checked_pair(self.scale, "scale", *_SCALES))
        object.__setattr__(self, "ratio", _checked_pair(self.ratio, "ratio", *_RATIOS))
        for name in ("height", "width"):
            if getattr(self, name) is not None:
                value = check_integer(getattr(self, name), name, minimum=1, maximum=_LONGEST)
                object.__setattr__(self, name, value)
        check_choice(self.interpolation, "interpolation", INTERPOLATIONS)
        object.__setattr__(self, "p", check_probability(self.p))

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of an augmented image, given that of an image."""
        return (self.height or shape[0], self.width or shape[1], *shape[2:])

    def _steps(
        self, parameters: Parameters, within: NDArray[np.bool_] | None = None
    ) -> Iterator[Step]:
        """Yields the transform; where it changes the size, it acts on every row in some way."""
        if self.height is None and self.width is None:
            yield from super()._steps(parameters, within)
            return
        applied = parameters["applied"] if within is None else parameters["applied"] & within
        yield Step(self, {**parameters, "applied": applied}, np.ones(len(applied), np.bool_))

    def _bounds(self) -> Bounds:
        places = dict.fromkeys(("shape", "top", "left"), UNIT)
        return {"area": dict(zip(("minimum", "maximum"), _SCALES, strict=True)), **places}

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the box of each row.

        That is its `area` as a fraction, its `shape`, 0..1 from the tallest to the widest that
        fits, and its place, `top` and `left`, 0..1 over where it fits.
        """
        return {
            "area": draws.uniform(*self.scale),
            "shape": draws.uniform(),
            "top": draws.uniform(),
            "left": draws.uniform(),
        }

    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        """Returns `images` cropped and resized."""
        return self._resized(images, parameters, self.interpolation)

    def transform_masks(self, masks: Array, parameters: Parameters) -> Array:
        """Returns `masks` cropped and resized, their values not blended."""
        return self._resized(masks, parameters, "nearest")

    def transform_points(
        self, points: Array, parameters: Parameters, size: tuple[int, int]
    ) -> Array:
        """Returns where `points` lie in the box."""
        boxes = self.boxes(parameters, size)[:, np.newaxis]
        height, width, *_ = self.output_shape(size)
        scale = np.array([width, height]) / boxes[..., [3, 2]]
        return np.asarray((points + 0.5 - boxes[..., [1, 0]]) * scale - 0.5)

    def boxes(self, parameters: Parameters, size: tuple[int, int]) -> NDArray[np.float64]:
        """Returns the boxes, `(M, 4)`: top, left, height and width in pixels.

        They are counted from the upper left corner of the picture, not from a pixel's centre.

        Args:
            parameters: For M rows.
            size: Height and width of the picture.
        """
        names = ("area", "shape", "top", "left", "applied")
        area, shape, top, left, applied = (read_only(parameters[name]) for name in names)
        boxes = np.empty((len(area), 4))
        place_boxes(area, shape, top, left, applied, self.ratio, size, boxes)
        return boxes

    def _resized(self, images: Array, parameters: Parameters, interpolation: str) -> Array:
        boxes = self.boxes(parameters, (images.shape[1], images.shape[2]))
        height, width, *_ = self.output_shape(images.shape[1:])

        def kernel(source: Array, out: Array, reading: Reading) -> None:
            resize(source, boxes, reading.linear, reading.weight_dtype, out)

        return remapped(images, Resampling(interpolation=interpolation), kernel, (height, width))


def _checked_pair(value: Any, name: str, least: float, most: float) -> tuple[float, float]:
    rule = f"`{name}` must be a pair (low, high) in {least:g}..{most:g}, low <= high"
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(message(rule, f"{name}={describe(value)}"))
    low, high = (check_number(item, name, rule) for item in value)
    if not least <= low <= high <= most:
        raise ValueError(message(rule, f"{name}={value}"))
    return low, high

"""Crops: a part of the picture in place of the whole."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kaug._apply import matrices
from kaug._apply.leaf import of_each_frame
from kaug._apply.matrices import Matrices
from kaug._apply.parameters import UNIT, Bounds
from kaug._apply.resample import INTERPOLATIONS, Resampling, warn_of_idle_fill
from kaug._draw.draws import Draws
from kaug._kernels.warp import FILL_MODES
from kaug._namespace import namespace
from kaug._types import Parameters, Size
from kaug._validation import check_number, check_probability
from kaug.transforms._bases.affine import AffineTransform
from kaug.transforms._bases.crops import crops
from kaug.transforms._bases.fields import Number, Range, choice
from kaug.transforms._bases.sized import LENGTH, ResizedCrop

#: What a box can be: hardly a pixel of a million, and not quite a line.
SCALES, RATIOS = (1e-6, 1.0), (1e-3, 1e3)


@dataclass(frozen=True, repr=False)
class PadAndCrop(AffineTransform):
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

    _checks: ClassVar = {
        "padding": Number(
            rule="a number in 0..1, a fraction of the height and the width",
            minimum=0,
            maximum=1,
            fix="Divide pixels by the size of the image: 4 of 32 are 0.125.",
        ),
        "fill_mode": choice(*FILL_MODES),
        "fill_value": check_number,
        "p": check_probability,
    }

    _slides: ClassVar[bool] = True

    padding: float = 0.125
    fill_mode: str = field(default="constant", kw_only=True)
    fill_value: float = field(default=0.0, kw_only=True)
    p: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        warn_of_idle_fill(self.fill_mode, self.fill_value)

    def _bounds(self) -> Bounds:
        return dict.fromkeys(("down", "right"), UNIT)

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns where the picture goes in each row, from 0 (`top`, `left`) to 1."""
        return {"down": draws.uniform(), "right": draws.uniform()}

    def _resampling(self) -> Resampling:
        return Resampling(self.fill_mode, self.fill_value, "")

    def _matrices(self, parameters: Parameters, size: Size) -> Matrices:
        xp = namespace(parameters["down"])
        ways = (
            xp.floor(parameters[name] * (2 * most + 1)) - most
            for name, most in zip(
                ("down", "right"),
                (np.floor(self.padding * side + 0.5) for side in size),
                strict=True,
            )
        )
        return matrices.where(parameters["applied"], matrices.translation(*ways))


@dataclass(frozen=True, repr=False)
class RandomResizedCrop(ResizedCrop):
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

    _checks: ClassVar = {
        "scale": Range(minimum=SCALES[0], maximum=SCALES[1], number=None),
        "ratio": Range(minimum=RATIOS[0], maximum=RATIOS[1], number=None),
        "height": LENGTH,
        "width": LENGTH,
        "interpolation": choice(*INTERPOLATIONS),
        "p": check_probability,
    }

    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    height: int | None = field(default=None, kw_only=True)
    width: int | None = field(default=None, kw_only=True)
    interpolation: str = field(default="bilinear", kw_only=True)
    p: float = field(default=1.0, kw_only=True)

    @of_each_frame
    def output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Returns the shape of an augmented image, given that of an image."""
        return (self.height or shape[0], self.width or shape[1], *shape[2:])

    def _bounds(self) -> Bounds:
        places = dict.fromkeys(("shape", "top", "left"), UNIT)
        return {"area": dict(zip(("minimum", "maximum"), SCALES, strict=True)), **places}

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

    def boxes(self, parameters: Parameters, size: Size) -> NDArray[np.float64]:
        """Returns the boxes, `(M, 4)`: top, left, height and width in pixels.

        They are counted from the upper left corner of the picture, not from a pixel's centre.

        Args:
            parameters: For M rows.
            size: Height and width of the picture, of each an integer or one for each row.
        """
        return crops(parameters, size, self.ratio)

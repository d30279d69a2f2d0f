"""Affine geometry: rotate, move, shear, zoom, flip. A run of these is one resampling.

All of them turn the image about its centre `(size - 1) / 2` and keep its size. What would come
from outside the image is filled as `scipy.ndimage` does:

| `fill_mode` | outside `a b c d` lies |
| --- | --- |
| `"nearest"` | `a a a a | a b c d | d d d d` |
| `"reflect"` | `d c b a | a b c d | d c b a` |
| `"wrap"` | the image again, its first pixel on its last: a period of `size - 1` |
| `"constant"` | `fill_value` |
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kaug._apply import matrices
from kaug._apply.matrices import Matrices
from kaug._apply.parameters import Bounds
from kaug._apply.resample import INDIFFERENT, Resampling
from kaug._draw.draws import Draws
from kaug._namespace import namespace
from kaug._types import Parameters, Size
from kaug._validation import check_probability, message, warn
from kaug.transforms._bases.affine import AffineTransform
from kaug.transforms._bases.fields import Check, NumberOrPair, Range
from kaug.transforms._bases.options import ResamplingOptions

_ROTATION = Range(minimum=-3600, maximum=3600)
_SHIFT = Range(minimum=-1, maximum=1, fix="Divide pixels by the size of the image.")
_SHEAR = Range(above=-90, below=90)
_ZOOM = Range(minimum=0.001, maximum=1000, number="around 1")


@dataclass(frozen=True, repr=False)
class _Geometric(AffineTransform):
    """A transform that is an affine warp; `_warps` is all there is to write."""

    _checks: ClassVar[Mapping[str, Check]] = {"p": check_probability}

    p: float = field(default=1.0, kw_only=True)

    def _bounds(self) -> Bounds:
        zooms = dict.fromkeys(("height_zoom", "width_zoom"), _ZOOM.bounds)
        return {**super()._bounds(), **zooms}

    def _resampling(self) -> Resampling:
        return INDIFFERENT

    def _matrices(self, parameters: Parameters, size: Size) -> Matrices:
        """Returns the warps, output pixel to input pixel about the centre, `(2, 3, M)`."""
        return matrices.where(parameters["applied"], self._warps(parameters, size))

    @abstractmethod
    def _warps(self, parameters: Parameters, size: Size) -> Matrices:
        """Returns the warps of all rows, applied or not."""


@dataclass(frozen=True, repr=False)
class _Resampled(ResamplingOptions, _Geometric):
    """A geometric transform with a say in what lies outside and between the pixels."""

    def _resampling(self) -> Resampling:
        return self._sampling


def _zooms(
    draws: Draws, zoom: tuple[float, float], keep_aspect: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draws both magnifications; as many words are taken if they are to be alike."""
    height, width = draws.uniform(*zoom), draws.uniform(*zoom)
    return height, height if keep_aspect else width


@dataclass(frozen=True, repr=False)
class Affine(_Resampled):
    """Zooms, shears, rotates and then moves the image, in one resampling.

    A number `r` means evenly on `[-r, r]` (zoom: `[1 - r, 1 + r]`), a pair `[low, high]`.

    Args:
        rotation: Degrees, counter-clockwise, up to ten turns.
        height_shift: Fraction of the height, -1..1; positive moves the image down.
        width_shift: Fraction of the width, -1..1; positive moves the image to the right.
        shear: Degrees by which columns lean to the right, like italics; between -90 and 90.
        zoom: Magnification, 0.001..1,000; above 1 things get larger.
        keep_aspect: Whether both axes are magnified alike.
        fill_mode: `"nearest"`, `"reflect"`, `"wrap"` or `"constant"`, as in `scipy.ndimage`.
        fill_value: What lies outside with `"constant"`, in the value range of the images.
        interpolation: `"bilinear"` or `"nearest"`.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A range is reversed or impossible, or an option is unknown.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Affine
        >>> image = np.arange(35).reshape(1, 5, 7)
        >>> Affine(rotation=(180, 180), width_shift=(1 / 7, 1 / 7))(image, seed=0)[0]
        array([[34, 34, 33, 32, 31, 30, 29],
               [27, 27, 26, 25, 24, 23, 22],
               [20, 20, 19, 18, 17, 16, 15],
               [13, 13, 12, 11, 10,  9,  8],
               [ 6,  6,  5,  4,  3,  2,  1]])
    """

    _checks: ClassVar = {
        "rotation": _ROTATION,
        "height_shift": _SHIFT,
        "width_shift": _SHIFT,
        "shear": _SHEAR,
        "zoom": _ZOOM,
    }

    rotation: NumberOrPair = field(default=0.0, kw_only=True)
    height_shift: NumberOrPair = field(default=0.0, kw_only=True)
    width_shift: NumberOrPair = field(default=0.0, kw_only=True)
    shear: NumberOrPair = field(default=0.0, kw_only=True)
    zoom: NumberOrPair = field(default=0.0, kw_only=True)
    keep_aspect: bool = field(default=True, kw_only=True)

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns `rotation`, `shear` (degrees), shifts (fractions) and zooms of each row."""
        height, width = _zooms(draws, self._ends("zoom"), self.keep_aspect)
        return {
            "height_zoom": height,
            "width_zoom": width,
            "shear": draws.uniform(*self._ends("shear")),
            "rotation": draws.uniform(*self._ends("rotation")),
            "height_shift": draws.uniform(*self._ends("height_shift")),
            "width_shift": draws.uniform(*self._ends("width_shift")),
        }

    def _warps(self, parameters: Parameters, size: Size) -> Matrices:
        result = matrices.zoom(parameters["height_zoom"], parameters["width_zoom"])
        result = matrices.compose(result, matrices.shear(parameters["shear"]))
        result = matrices.compose(result, matrices.rotation(parameters["rotation"]))
        down, right = parameters["height_shift"] * size[0], parameters["width_shift"] * size[1]
        return matrices.compose(result, matrices.translation(down, right))


@dataclass(frozen=True, repr=False)
class Rotation(_Resampled):
    """Rotates the image about its centre, counter-clockwise.

    Args:
        rotation: Degrees. A number `r` means evenly on `[-r, r]`, a pair `[low, high]`.
        fill_mode: See `Affine`, as for the arguments after it.
        fill_value: What lies outside with `fill_mode="constant"`.
        interpolation: `"bilinear"` or `"nearest"`.
        p: Probability that a row is transformed at all.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Rotation
        >>> image = np.arange(35).reshape(1, 5, 7)
        >>> Rotation((90, 90), fill_mode="constant", fill_value=99)(image, seed=0)[0]
        array([[99,  5, 12, 19, 26, 33, 99],
               [99,  4, 11, 18, 25, 32, 99],
               [99,  3, 10, 17, 24, 31, 99],
               [99,  2,  9, 16, 23, 30, 99],
               [99,  1,  8, 15, 22, 29, 99]])
    """

    _checks: ClassVar = {"rotation": _ROTATION}

    rotation: NumberOrPair = 10.0

    def _warps(self, parameters: Parameters, size: Size) -> Matrices:
        del size
        return matrices.rotation(parameters["rotation"])


@dataclass(frozen=True, repr=False)
class Translation(_Resampled):
    """Moves the image.

    Args:
        height_shift: Fraction of the height, -1..1; positive moves the image down. A number `r`
            means evenly on `[-r, r]`, a pair `[low, high]`.
        width_shift: Fraction of the width, -1..1; positive moves the image to the right.
        fill_mode: See `Affine`, as for the arguments after it.
        fill_value: What lies outside with `fill_mode="constant"`.
        interpolation: `"bilinear"` or `"nearest"`.
        p: Probability that a row is transformed at all.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Translation
        >>> image = np.arange(35).reshape(1, 5, 7)
        >>> Translation((1 / 5, 1 / 5), (-2 / 7, -2 / 7), fill_mode="constant")(image, seed=0)[0]
        array([[ 0,  0,  0,  0,  0,  0,  0],
               [ 2,  3,  4,  5,  6,  0,  0],
               [ 9, 10, 11, 12, 13,  0,  0],
               [16, 17, 18, 19, 20,  0,  0],
               [23, 24, 25, 26, 27,  0,  0]])
    """

    _checks: ClassVar = {"height_shift": _SHIFT, "width_shift": _SHIFT}

    _slides: ClassVar[bool] = True

    height_shift: NumberOrPair = 0.1
    width_shift: NumberOrPair = 0.1

    def _warps(self, parameters: Parameters, size: Size) -> Matrices:
        down, right = parameters["height_shift"] * size[0], parameters["width_shift"] * size[1]
        return matrices.translation(down, right)


@dataclass(frozen=True, repr=False)
class Shear(_Resampled):
    """Shears the image horizontally: rows slide along themselves, columns lean.

    Args:
        shear: Degrees by which columns lean to the right, like italics; between -90 and 90. A
            number `r` means evenly on `[-r, r]`, a pair `[low, high]`.
        fill_mode: See `Affine`, as for the arguments after it.
        fill_value: What lies outside with `fill_mode="constant"`.
        interpolation: `"bilinear"` or `"nearest"`.
        p: Probability that a row is transformed at all.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Shear
        >>> image = np.arange(35).reshape(1, 5, 7)
        >>> shear = Shear((45, 45), fill_mode="constant", interpolation="nearest")
        >>> shear(image, seed=0)[0]
        array([[ 0,  0,  0,  1,  2,  3,  4],
               [ 0,  7,  8,  9, 10, 11, 12],
               [14, 15, 16, 17, 18, 19, 20],
               [22, 23, 24, 25, 26, 27,  0],
               [30, 31, 32, 33, 34,  0,  0]])
    """

    _checks: ClassVar = {"shear": _SHEAR}

    shear: NumberOrPair = 10.0

    def _warps(self, parameters: Parameters, size: Size) -> Matrices:
        del size
        return matrices.shear(parameters["shear"])


@dataclass(frozen=True, repr=False)
class Zoom(_Resampled):
    """Magnifies the image about its centre.

    Args:
        zoom: Magnification; above 1 things get larger. A number `r` (below 1) means evenly on
            `[1 - r, 1 + r]`, a pair `[low, high]`.
        keep_aspect: Whether both axes are magnified alike; False draws them apart.
        fill_mode: See `Affine`, as for the arguments after it.
        fill_value: What lies outside with `fill_mode="constant"`.
        interpolation: `"bilinear"` or `"nearest"`.
        p: Probability that a row is transformed at all.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Zoom
        >>> image = np.arange(35).reshape(1, 5, 7)
        >>> Zoom((0.5, 0.5), fill_mode="constant")(image, seed=0)[0]
        array([[ 0,  0,  0,  0,  0,  0,  0],
               [ 0,  0,  1,  3,  5,  0,  0],
               [ 0,  0, 15, 17, 19,  0,  0],
               [ 0,  0, 29, 31, 33,  0,  0],
               [ 0,  0,  0,  0,  0,  0,  0]])
    """

    _checks: ClassVar = {"zoom": _ZOOM}

    zoom: NumberOrPair = 0.1
    keep_aspect: bool = field(default=True, kw_only=True)

    def _widest(self, size: tuple[int, int]) -> tuple[float, float]:
        del size
        least = self._ends("zoom")[0]
        return 1 / least, 1 / least

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns `height_zoom` and `width_zoom` of each row."""
        height, width = _zooms(draws, self._ends("zoom"), self.keep_aspect)
        return {"height_zoom": height, "width_zoom": width}

    def _warps(self, parameters: Parameters, size: Size) -> Matrices:
        del size
        return matrices.zoom(parameters["height_zoom"], parameters["width_zoom"])


@dataclass(frozen=True, repr=False)
class HorizontalFlip(_Geometric):
    """Mirrors the image left to right.

    Args:
        p: Probability that a row is flipped.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import HorizontalFlip
        >>> HorizontalFlip(p=1)(np.arange(35).reshape(1, 5, 7), seed=0)[0]
        array([[ 6,  5,  4,  3,  2,  1,  0],
               [13, 12, 11, 10,  9,  8,  7],
               [20, 19, 18, 17, 16, 15, 14],
               [27, 26, 25, 24, 23, 22, 21],
               [34, 33, 32, 31, 30, 29, 28]])
    """

    _slides: ClassVar[bool] = True

    p: float = 0.5

    def _warps(self, parameters: Parameters, size: Size) -> Matrices:
        del size
        return matrices.from_entries(((1, 0, 0), (0, -1, 0)), parameters["applied"])


@dataclass(frozen=True, repr=False)
class VerticalFlip(_Geometric):
    """Mirrors the image top to bottom.

    Args:
        p: Probability that a row is flipped.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import VerticalFlip
        >>> VerticalFlip(p=1)(np.arange(35).reshape(1, 5, 7), seed=0)[0]
        array([[28, 29, 30, 31, 32, 33, 34],
               [21, 22, 23, 24, 25, 26, 27],
               [14, 15, 16, 17, 18, 19, 20],
               [ 7,  8,  9, 10, 11, 12, 13],
               [ 0,  1,  2,  3,  4,  5,  6]])
    """

    _slides: ClassVar[bool] = True

    p: float = 0.5

    def _warps(self, parameters: Parameters, size: Size) -> Matrices:
        del size
        return matrices.from_entries(((-1, 0, 0), (0, 1, 0)), parameters["applied"])


@dataclass(frozen=True, repr=False)
class _Quarters(_Geometric):
    """A transform that turns by quarters, and may mirror."""

    def _bounds(self) -> Bounds:
        return {**super()._bounds(), "quarters": {"minimum": 0, "maximum": 3}}

    def _warps(self, parameters: Parameters, size: Size) -> Matrices:
        self._doubt_quarters(parameters, size)
        quarters = parameters["quarters"]
        xp = namespace(quarters)
        degrees = xp.where(quarters % 2 == 1, 90.0, 0.0) + xp.where(quarters >= 2, 180.0, 0.0)
        return matrices.rotation(degrees)

    def _doubt_quarters(self, parameters: Parameters, size: Size) -> None:
        """Warns of quarter turns of what is not square, which may happen where it is traced."""
        height, width = size
        cut: Any = height != width
        if namespace(parameters["quarters"]) is np:
            cut = cut & parameters["applied"] & (parameters["quarters"] % 2 == 1)
            height, width = (np.broadcast_to(side, cut.shape)[cut] for side in size)
        if np.any(cut):
            rule = "A quarter turn of images that are not square cuts off what sticks out"
            name = type(self).__name__
            fix = f"Crop or resize them to squares first, or leave `{name}` out."
            received = f"images of {np.ravel(height)[0]} × {np.ravel(width)[0]} pixels"
            warn(message(rule, received, fix))


@dataclass(frozen=True, repr=False)
class Rotate90(_Quarters):
    """Turns the image by one, two or three quarters, each as likely, counter-clockwise.

    The image keeps its size. A quarter turn of one that is not square does not fit, and a warning
    says so: what sticks out is cut off, and what is missing is filled as the transforms beside it
    in the policy fill, `"nearest"` when there are none.

    Args:
        p: Probability that a row is turned.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Rotate90
        >>> image = np.arange(25).reshape(1, 5, 5)
        >>> Rotate90(p=1)(image, seed=1)[0]
        array([[ 4,  9, 14, 19, 24],
               [ 3,  8, 13, 18, 23],
               [ 2,  7, 12, 17, 22],
               [ 1,  6, 11, 16, 21],
               [ 0,  5, 10, 15, 20]])
    """

    p: float = 0.5

    def _bounds(self) -> Bounds:
        return {**super()._bounds(), "quarters": {"minimum": 1, "maximum": 3}}

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `quarters` of each row, 1 to 3."""
        return {"quarters": draws.integers(3) + 1}


@dataclass(frozen=True, repr=False)
class D4(_Quarters):
    """Turns and mirrors the image by one of the eight symmetries of a square, each as likely.

    One of them leaves it as it is, three turn it, and four mirror it: left to right, top to bottom
    and about either diagonal. Pixels of squares are moved and never blended.

    The image keeps its size. Half of the symmetries turn it by a quarter or mirror it about a
    diagonal: `Rotate90` says what becomes of one that is not square, and a warning here as well.

    Args:
        p: Probability that one of the eight is drawn for a row.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import D4
        >>> image = np.arange(25).reshape(1, 5, 5)
        >>> D4()(image, seed=6)[0]
        array([[ 0,  5, 10, 15, 20],
               [ 1,  6, 11, 16, 21],
               [ 2,  7, 12, 17, 22],
               [ 3,  8, 13, 18, 23],
               [ 4,  9, 14, 19, 24]])
    """

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `quarters` of each row, 0 to 3, and if it is `mirrored` left to right then.

        Counter-clockwise, as all that turns.
        """
        return {"quarters": draws.integers(4), "mirrored": draws.chance(0.5)}

    def _warps(self, parameters: Parameters, size: Size) -> Matrices:
        mirrored = parameters["mirrored"]
        side = namespace(mirrored).where(mirrored, -1.0, 1.0)
        mirror = matrices.from_entries(((1, 0, 0), (0, side, 0)), mirrored)
        return matrices.compose(super()._warps(parameters, size), mirror)

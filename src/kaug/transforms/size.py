"""Size: the same policy makes one size of images of any.

All of these are affine. So they join the geometry beside them: a run of crops, resizing, rotations
and flips is one resampling, from the image as it came to the one that goes on. What a crop cuts off
is there when a rotation beside it turns it into view.

Where images get smaller, pixels are averaged with a triangle as wide as two pixels of the result,
as by `PIL.Image.resize`, so that nothing flickers (what is called antialiasing). That goes for the
whole run, whichever step makes them smaller.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from kaug._apply import matrices
from kaug._apply.leaf import of_each_frame
from kaug._apply.matrices import Matrices
from kaug._apply.parameters import UNIT, Bounds
from kaug._apply.resample import (
    INDIFFERENT,
    INTERPOLATIONS,
    Resampling,
    warn_of_idle_fill,
)
from kaug._draw.draws import Draws
from kaug._kernels.warp import FILL_MODES
from kaug._namespace import namespace
from kaug._types import Parameters, Size
from kaug._validation import check_number, message
from kaug.transforms._bases.affine import AffineTransform
from kaug.transforms._bases.fields import choice, integer
from kaug.transforms._bases.sized import LENGTH, LONGEST, ToSize, across, rounded


@dataclass(frozen=True, repr=False)
class Resize(AffineTransform):
    """Resizes whole images, to a size or with their proportions kept.

    Args:
        shorter_side: The shorter side of the result in pixels, 1..32,768; the other one follows,
            rounded.
        height: Of the result in pixels, 1..32,768, where proportions need not be kept; with
            `width`.
        width: Likewise. Without any of the three, images keep their size.
        interpolation: `"bilinear"` or `"nearest"`.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of its range, an option is unknown, or sizes contradict.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import CenterCrop, Compose, Resize
        >>> images = np.arange(48).reshape(1, 4, 12)
        >>> Resize(2)(images)[0]
        array([[ 9, 11, 13, 15, 17, 19],
               [28, 30, 32, 34, 36, 38]])
        >>> validation = Compose([Resize(2), CenterCrop(2)])
        >>> validation(images)[0]
        array([[13, 15],
               [32, 34]])
    """

    _checks: ClassVar = {
        **dict.fromkeys(("shorter_side", "height", "width"), LENGTH),
        "interpolation": choice(*INTERPOLATIONS),
    }

    shorter_side: int | None = None
    height: int | None = field(default=None, kw_only=True)
    width: int | None = field(default=None, kw_only=True)
    interpolation: str = field(default="bilinear", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        names = ("shorter_side", "height", "width")
        given = [name for name in names if getattr(self, name) is not None]
        if given not in ([], ["shorter_side"], ["height", "width"]):
            rule = "`Resize` must have a shorter side, or both a height and a width"
            received = ", ".join(f"{name}={getattr(self, name)}" for name in given)
            raise ValueError(message(rule, received))

    def _widest(self, size: tuple[int, int]) -> tuple[float, float]:
        return across(size, self.output_shape(size))

    @property
    def _gives_size(self) -> bool:
        return (self.shorter_side or self.height) is not None

    @of_each_frame
    def output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Returns the shape of an augmented image, given that of an image."""
        height, width, *rest = shape
        if self.height is not None:
            return (self.height, self.width, *rest)
        if self.shorter_side is None:
            return shape
        if height is None or width is None:
            return (None, None, *rest)
        scale = self.shorter_side / np.minimum(height, width)
        return (*(rounded(side * scale) for side in (height, width)), *rest)

    def _resampling(self) -> Resampling:
        return Resampling("", 0.0, self.interpolation, areas=True)

    def _matrices(self, parameters: Parameters, size: Size) -> Matrices:
        after = self.output_shape(size)
        return matrices.crop((0, 0, *size), size, after, parameters["applied"])


@dataclass(frozen=True, repr=False)
class _Crop(ToSize):
    """A transform to a size that images must be as large as."""

    _slides: ClassVar[bool] = True

    @property
    def _corner(self) -> tuple[int, int]:
        """How far down and to the right it begins at least."""
        return (0, 0)

    @of_each_frame
    def output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Returns the shape of an augmented image, given that of an image."""
        result = super().output_shape(shape)
        _check_holds(shape, result, self._corner)
        return result

    def _resampling(self) -> Resampling:
        return INDIFFERENT


@dataclass(frozen=True, repr=False)
class CenterCrop(_Crop):
    """Cuts the middle out of images. No pixel is changed.

    Where as many pixels cannot go on both sides, one more goes at the bottom and on the right.

    Args:
        height: In pixels, 1..32,768; None keeps the size.
        width: None is the height.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of its range; or, when it is applied, an image is smaller.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import CenterCrop
        >>> CenterCrop(2, 3)(np.arange(35).reshape(1, 5, 7))[0]
        array([[ 9, 10, 11],
               [16, 17, 18]])
    """

    def _matrices(self, parameters: Parameters, size: Size) -> Matrices:
        after = self.output_shape(size)
        top, left = (np.floor((before - now) / 2) for before, now in zip(size, after, strict=True))
        return matrices.crop((top, left, *after), size, after, parameters["applied"])


@dataclass(frozen=True, repr=False)
class Crop(_Crop):
    """Cuts the same box out of every image. No pixel is changed.

    For what is in the same place of every picture: the scale bar of a microscope, say, or the hood
    of a car.

    Args:
        height: In pixels, 1..32,768; None keeps the size.
        width: None is the height.
        top: Where the box begins, in pixels from the upper border, 0..32,768.
        left: The same from the left border.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of its range; or, when it is applied, the box does not lie
            within an image.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Crop
        >>> Crop(2, 3, top=1)(np.arange(35).reshape(1, 5, 7))[0]
        array([[ 7,  8,  9],
               [14, 15, 16]])
    """

    _checks: ClassVar = {"top": integer(0, LONGEST), "left": integer(0, LONGEST)}

    top: int = field(default=0, kw_only=True)
    left: int = field(default=0, kw_only=True)

    @property
    def _corner(self) -> tuple[int, int]:
        return (self.top, self.left)

    def _matrices(self, parameters: Parameters, size: Size) -> Matrices:
        after = self.output_shape(size)
        return matrices.crop((*self._corner, *after), size, after, parameters["applied"])


@dataclass(frozen=True, repr=False)
class RandomCrop(_Crop):
    """Cuts a box out of images: every place where it lies within is as likely.

    No pixel is changed. Where images may be smaller than that, put `Pad` of the same size before
    it.

    Args:
        height: In pixels, 1..32,768; None keeps the size.
        width: None is the height.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of its range; or, when it is applied, an image is smaller.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import RandomCrop
        >>> RandomCrop(2, 3)(np.arange(35).reshape(1, 5, 7), seed=0)[0]
        array([[23, 24, 25],
               [30, 31, 32]])
    """

    def _bounds(self) -> Bounds:
        return dict.fromkeys(("top", "left"), UNIT)

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns where the box of each row lies, `top` and `left`, 0..1 over where it fits."""
        return {"top": draws.uniform(), "left": draws.uniform()}

    def _matrices(self, parameters: Parameters, size: Size) -> Matrices:
        after, xp = self.output_shape(size), namespace(parameters["top"])
        top, left = (
            xp.minimum(xp.floor(parameters[name] * (before - now + 1)), before - now)
            for name, before, now in zip(("top", "left"), size, after, strict=True)
        )
        return matrices.crop((top, left, *after), size, after, parameters["applied"])


@dataclass(frozen=True, repr=False)
class _Filled(ToSize):
    """A transform to a size that images need not fill."""

    _checks: ClassVar = {"fill_mode": choice(*FILL_MODES), "fill_value": check_number}

    fill_mode: str = field(default="constant", kw_only=True)
    fill_value: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        warn_of_idle_fill(self.fill_mode, self.fill_value)


@dataclass(frozen=True, repr=False)
class Pad(_Filled):
    """Makes images larger by a margin, the image in the middle. No pixel is changed.

    Where as much cannot go on both sides, one pixel more goes at the bottom and on the right.
    Images that are large enough stay as they are.

    Args:
        height: The least height of the result in pixels, 1..32,768; None is that of the image.
        width: The least width; None is the height, if there is one.
        multiple_of: What height and width are to be multiples of, 1..32,768, as networks ask for
            that halve their input five times: 32.
        fill_mode: What the margin holds: `"nearest"`, `"reflect"`, `"wrap"` or `"constant"`, as
            in `scipy.ndimage`.
        fill_value: What it holds with `"constant"`, in the value range of the images. In
            masks that is `mask_fill_value`.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of its range, or an option is unknown.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Pad
        >>> Pad(3, 4, fill_value=9)(np.arange(4).reshape(1, 2, 2))[0]
        array([[9, 0, 1, 9],
               [9, 2, 3, 9],
               [9, 9, 9, 9]])
    """

    _checks: ClassVar = {"multiple_of": integer(1, LONGEST)}

    _slides: ClassVar[bool] = True

    multiple_of: int = field(default=1, kw_only=True)

    @property
    def _gives_size(self) -> bool:
        return super()._gives_size or self.multiple_of > 1

    @of_each_frame
    def output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Returns the shape of an augmented image, given that of an image."""
        least = super().output_shape((1, 1))
        return (*map(self._padded, shape, least), *shape[2:])

    def _padded(self, side: Any, least: int) -> Any:
        if side is None:
            return None
        return rounded(np.ceil(np.maximum(side, least) / self.multiple_of) * self.multiple_of)

    def _resampling(self) -> Resampling:
        return Resampling(self.fill_mode, self.fill_value, "")

    def _matrices(self, parameters: Parameters, size: Size) -> Matrices:
        after = self.output_shape(size)
        top, left = (-np.floor((now - before) / 2) for before, now in zip(size, after, strict=True))
        return matrices.crop((top, left, *after), size, after, parameters["applied"])


@dataclass(frozen=True, repr=False)
class Letterbox(_Filled):
    """Resizes images so that they fit, their proportions kept, and pads what is left.

    The image lies in the middle. Where as much padding cannot go on both sides, one pixel more goes
    at the bottom and on the right.

    Args:
        height: Of the result in pixels, 1..32,768; None keeps the size.
        width: None is the height.
        fill_mode: What the padding holds: `"nearest"`, `"reflect"`, `"wrap"` or `"constant"`, as
            in `scipy.ndimage`.
        fill_value: What it holds with `"constant"`, in the value range of the images. In
            masks that is `mask_fill_value`.
        interpolation: `"bilinear"` or `"nearest"`.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of its range, or an option is unknown.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Letterbox
        >>> Letterbox(4, fill_value=99)(np.arange(32).reshape(1, 4, 8))[0]
        array([[99, 99, 99, 99],
               [ 6,  8, 10, 12],
               [19, 21, 23, 25],
               [99, 99, 99, 99]])
    """

    _checks: ClassVar = {"interpolation": choice(*INTERPOLATIONS)}

    interpolation: str = field(default="bilinear", kw_only=True)

    def _widest(self, size: tuple[int, int]) -> tuple[float, float]:
        return across(size, self._sides(size))

    def _resampling(self) -> Resampling:
        return Resampling(self.fill_mode, self.fill_value, self.interpolation, areas=True)

    def _matrices(self, parameters: Parameters, size: Size) -> Matrices:
        after, sides = self.output_shape(size), self._sides(size)
        # Pixels of the image to one of the result.
        down, right = (before / now for before, now in zip(size, sides, strict=True))
        top, left = (-np.floor((now - side) / 2) for side, now in zip(sides, after, strict=True))
        box = (top * down, left * right, after[0] * down, after[1] * right)
        return matrices.crop(box, size, after, parameters["applied"])

    def _sides(self, size: Size) -> tuple[Any, Any]:
        """Returns the height and width of what the image becomes."""
        after = self.output_shape(size)
        scale = np.minimum(after[0] / size[0], after[1] / size[1])
        height, width = (
            np.minimum(rounded(side * scale), now) for side, now in zip(size, after, strict=True)
        )
        return height, width


def _check_holds(shape: tuple[Any, ...], result: tuple[Any, ...], corner: tuple[int, int]) -> None:
    """Raises for images that do not hold what is to be cut out of them."""
    sides = shape[:2]
    least = tuple(now + start for now, start in zip(result[:2], corner, strict=True))
    if all(side is None or _all(side >= now) for side, now in zip(sides, least, strict=True)):
        return
    sizes = np.stack(np.broadcast_arrays(*sides), axis=-1).reshape(-1, 2)
    height, width = sizes[(sizes < least).any(axis=1)][0]
    rule = f"A crop of {result[0]} × {result[1]} pixels needs images that are at least as large"
    fix = f"Put Pad({least[0]}, {least[1]}) before it, or Resize."
    if any(corner):
        rule = f"A crop that ends at {least[0]} × {least[1]} pixels needs images that hold it"
        fix = "Begin it farther up and to the left, or make it smaller."
    raise ValueError(message(rule, f"an image of {height} × {width} pixels", fix))


def _all(holds: Any) -> bool:
    return holds if isinstance(holds, bool) else bool(np.all(holds))

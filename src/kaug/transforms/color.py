"""Color: brightness, contrast, saturation, hue, and what else changes each pixel by itself.

Values run from black to white: 0..255 for uint8, 0..1 for floats, `value_range` if that is given.
What would leave the range is clipped to it. Where Pillow has the operation, this is Pillow's,
rounded to the nearest level where Pillow cuts off; floats give the same image, not rounded.
"""

from dataclasses import dataclass
from itertools import permutations
from typing import Any, ClassVar

import numpy as np

from kaug._apply.destination import result_like
from kaug._apply.dtypes import working_dtype
from kaug._apply.parameters import Bounds
from kaug._draw.below import draws_below
from kaug._draw.draws import Draws
from kaug._kernels import colors, pointwise, read_only
from kaug._kernels.jitter import jitter
from kaug._namespace import namespace
from kaug._tensors import colors as tensors
from kaug._tensors import ops
from kaug._types import Array, Parameters
from kaug._validation import message
from kaug.transforms._bases.fields import NumberOrPair, Range
from kaug.transforms._bases.photometric import Normalized, clipped, is_colored, shifted, strengths

# A factor of 1 changes nothing, one of 0 leaves nothing.
_FACTOR = Range(minimum=0, maximum=100, number="around 1")
_TURN = Range(minimum=-0.5, maximum=0.5)
# What red, green and blue of sepia are made of.
_SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
_ORDERS = np.array(list(permutations(range(4))))
# Of the 256 levels of bytes.
_LOGARITHMS = np.log(np.arange(256) / 255, out=np.full(256, -np.inf), where=np.arange(256) > 0)


@dataclass(frozen=True, repr=False)
class Brightness(Normalized):
    """Multiplies all values by a factor, as `PIL.ImageEnhance.Brightness` does.

    Args:
        brightness: Factor, 0 or more: 0 is black, 1 changes nothing. A number `r` means evenly on
            `[1 - r, 1 + r]`, a pair `[low, high]`.
        value_range: What is black and what is white. Values beyond are clipped. None takes 0 and
            the dtype's largest, or 1 for floats; images whose values cannot mean that, such as
            floats of 0..255 or bytes in int64, are then an error.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed or reaches below 0.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Brightness
        >>> image = np.array([[[0, 10], [20, 100], [180, 255]]], "uint8")
        >>> Brightness((1.5, 1.5))(image, seed=0)[0]
        array([[  0,  15],
               [ 30, 150],
               [255, 255]], dtype=uint8)
    """

    _checks: ClassVar = {"brightness": _FACTOR}

    brightness: NumberOrPair = 0.2

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        factors = strengths(parameters, "brightness", working_dtype(images.dtype))
        return _scaled(images, factors, np.zeros_like(factors), outside)

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        return images * tensors.by_row(parameters["brightness"])


@dataclass(frozen=True, repr=False)
class Contrast(Normalized):
    """Moves all values away from the mean brightness, as `PIL.ImageEnhance.Contrast` does.

    The mean is that of the channel if there is one, of Pillow's gray (`L`) if there are three, and
    of all samples for any other number. For bytes it is rounded, as Pillow's.

    Args:
        contrast: Factor, 0 or more: 0 is plain gray, 1 changes nothing. A number `r` means evenly
            on `[1 - r, 1 + r]`, a pair `[low, high]`.
        value_range: See `Brightness`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Contrast
        >>> image = np.array([[[70, 80], [90, 110], [120, 130]]], "uint8")
        >>> Contrast((2, 2))(image, seed=0)[0]
        array([[ 40,  60],
               [ 80, 120],
               [140, 160]], dtype=uint8)
    """

    _checks: ClassVar = {"contrast": _FACTOR}

    contrast: NumberOrPair = 0.2

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        means = np.empty(len(images))
        colors.find_means(images, means)
        if images.dtype == np.uint8:
            means = np.floor(means + 0.5)
        factors = strengths(parameters, "contrast", working_dtype(images.dtype))
        offsets = ((1 - factors) * means).astype(factors.dtype)
        return _scaled(images, factors, offsets, outside)

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        means = tensors.means(images, in_bytes=in_bytes)
        return tensors.away_from(means, images, parameters["contrast"])


def _scaled(images: Array, factors: Array, offsets: Array, outside: Array) -> Array:
    out = result_like(images)
    pointwise.scale(images, factors, read_only(offsets), out, outside)
    return out


@dataclass(frozen=True, repr=False)
class Saturation(Normalized):
    """Moves each pixel away from its gray, as `PIL.ImageEnhance.Color` does.

    Args:
        saturation: Factor, 0 or more: 0 is gray, 1 changes nothing. A number `r` means evenly on
            `[1 - r, 1 + r]`, a pair `[low, high]`.
        value_range: See `Brightness`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        ValueError: Also when images have neither 1 channel, which has no color to change, nor 3.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Saturation
        >>> pixels = np.array([[[[100, 100, 100], [200, 100, 100]]]], "uint8")
        >>> Saturation((0, 0))(pixels, seed=0)[0]
        array([[[100, 100, 100],
                [130, 130, 130]]], dtype=uint8)
    """

    _checks: ClassVar = {"saturation": _FACTOR}

    saturation: NumberOrPair = 0.2

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        if not is_colored(self, images):
            return clipped(images, outside)
        out = result_like(images)
        factors = strengths(parameters, "saturation", working_dtype(images.dtype))
        colors.saturate(images, factors, out, outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        if not is_colored(self, images):
            return images
        gray = tensors.gray(images, in_bytes=in_bytes)
        return tensors.away_from(gray, images, parameters["saturation"])


@dataclass(frozen=True, repr=False)
class Hue(Normalized):
    """Turns the color wheel, leaving saturation and value in HSV as they are.

    Computed in floats, where `torchvision.transforms.functional.adjust_hue` on a Pillow image
    rounds hue, saturation and value to bytes.

    Args:
        hue: Fraction of the wheel, -0.5..0.5: a third makes red green. A number `r` means evenly on
            `[-r, r]`, a pair `[low, high]`.
        value_range: See `Brightness`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        ValueError: Also when images have neither 1 channel, which has no hue to change, nor 3.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Hue
        >>> pixels = np.array([[[[200, 0, 0], [90, 80, 70]]]], "uint8")
        >>> Hue((1 / 3, 1 / 3))(pixels, seed=0)[0]
        array([[[  0, 200,   0],
                [ 70,  90,  80]]], dtype=uint8)
    """

    _checks: ClassVar = {"hue": _TURN}

    hue: NumberOrPair = 0.05

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        if not is_colored(self, images):
            return clipped(images, outside)
        out = result_like(images)
        colors.turn_hues(images, _sextants(parameters, working_dtype(images.dtype)), out, outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        if not is_colored(self, images):
            return images
        return tensors.turned(images, tensors.sextants(parameters["hue"]))


def _sextants(parameters: Parameters, precision: np.dtype[Any]) -> Array:
    """Returns turns as 0..6, of which a kernel needs to take off one round at most."""
    return read_only((np.asarray(parameters["hue"], np.float64) % 1 * 6).astype(precision))


@dataclass(frozen=True, repr=False)
class ColorJitter(Normalized):
    """Changes brightness, contrast, saturation and hue, in an order drawn for each row.

    Each of the four is as in the transform of its name, and the values are clipped after each, as
    `torchvision.transforms.ColorJitter` does it; but they are floats until the end, so that bytes
    are rounded once, and the gray and its mean are not rounded at all. One channel has neither
    saturation nor hue.

    Args:
        brightness: Factor; a number `r` means evenly on `[1 - r, 1 + r]`, a pair `[low, high]`.
            0 leaves the brightness alone, and so for the others.
        contrast: Factor, given likewise.
        saturation: Factor, given likewise.
        hue: Fraction of the color wheel; a number `r` means evenly on `[-r, r]`.
        value_range: See `Brightness`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A range is reversed or impossible, or images have neither 1 nor 3 channels.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import ColorJitter
        >>> image = np.array([[[70, 80], [90, 110], [120, 130]]], "uint8")
        >>> ColorJitter(0, (2, 2), 0, 0)(image, seed=0)[0]
        array([[ 40,  60],
               [ 80, 120],
               [140, 160]], dtype=uint8)
    """

    _checks: ClassVar = {
        "brightness": _FACTOR,
        "contrast": _FACTOR,
        "saturation": _FACTOR,
        "hue": _TURN,
    }

    brightness: NumberOrPair = 0.2
    contrast: NumberOrPair = 0.2
    saturation: NumberOrPair = 0.2
    hue: NumberOrPair = 0.05

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the strength of each change by name, and their `order`, `(M, 4)`.

        In an order, 0 is the brightness, 1 the contrast, 2 the saturation and 3 the hue.
        """
        strengths = super().draw_parameters(draws)
        return {**strengths, "order": draws.xp.take(_ORDERS, draws.integers(len(_ORDERS)), axis=0)}

    def _bounds(self) -> Bounds:
        return {**super()._bounds(), "order": {"minimum": 0, "maximum": 3}}

    def _check_values_of(self, parameters: Parameters) -> None:
        super()._check_values_of(parameters)
        whole = (np.sort(parameters["order"], axis=1) == np.arange(4)).all(axis=1)
        if not whole.all():
            row = int(np.argmin(whole))
            rule = "`order` of ColorJitter must hold 0, 1, 2 and 3 once each"
            raise ValueError(message(rule, f"{parameters['order'][row].tolist()} in row {row}"))

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        is_colored(self, images)
        table = np.empty((len(images), 4), working_dtype(images.dtype))
        for column, name in enumerate(("brightness", "contrast", "saturation")):
            table[:, column] = parameters[name]
        table[:, 3] = _sextants(parameters, table.dtype)
        out = result_like(images)
        orders = strengths(parameters, "order", np.int64)
        jitter(images, read_only(table), orders, out, outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        is_colored(self, images)
        return tensors.jittered(images, parameters)


@dataclass(frozen=True, repr=False)
class Gamma(Normalized):
    """Raises all values, as fractions of the range, to a power: above 1 is darker, below lighter.

    As `torchvision.transforms.functional.adjust_gamma`, with a gain of 1.

    Args:
        gamma: Exponent, 0.001..100; 1 changes nothing. A number `r` means evenly on
            `[1 - r, 1 + r]`, a pair `[low, high]`.
        value_range: See `Brightness`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Gamma
        >>> Gamma((2, 2))(np.array([[[0.0, 0.1], [0.2, 0.5], [0.9, 1.0]]]), seed=0).round(2)[0]
        array([[0.  , 0.01],
               [0.04, 0.25],
               [0.81, 1.  ]])
    """

    _checks: ClassVar = {"gamma": Range(minimum=0.001, maximum=100, number="around 1")}

    gamma: NumberOrPair = 0.2

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        if images.dtype != np.uint8:
            exponents = strengths(parameters, "gamma", images.dtype)
            return _powers(clipped(images, outside), exponents[:, None, None, None])
        exponents = strengths(parameters, "gamma", np.float64)
        powers = np.exp(_LOGARITHMS * exponents[:, None, None])
        tables = (powers * 255 + 0.5).astype(np.uint8)
        out = result_like(images)
        pointwise.look_up(images, read_only(tables), out)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        return ops.exp(ops.log(images) * tensors.by_row(parameters["gamma"]))


def _powers(values: Array, exponents: Array) -> Array:
    """Returns `values ** exponents`: NumPy's logarithm is made of vectors, its power is not."""
    with np.errstate(divide="ignore"):
        logarithms = np.log(values)
    powers = logarithms * exponents
    return np.asarray(np.exp(powers, out=powers))


@dataclass(frozen=True, repr=False)
class ChannelShift(Normalized):
    """Adds a number to all values of a channel, drawn for each row and channel apart.

    Of three channels that is what other libraries have as `RGBShift`.

    Args:
        shift: Fraction of the value range. A number `r` means evenly on `[-r, r]`, a pair
            `[low, high]`.
        value_range: See `Brightness`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import ChannelShift
        >>> ChannelShift((0.1, 0.1))(np.array([[[0.0, 0.2], [0.4, 0.6], [0.8, 1.0]]]), seed=0)[0]
        array([[0.1, 0.3],
               [0.5, 0.7],
               [0.9, 1. ]])
    """

    _checks: ClassVar = {"shift": Range(minimum=-1, maximum=1)}

    shift: NumberOrPair = 0.1

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns what each row's shifts lie between, `shift` `(M, 2)`, and a `word` for them.

        How many channels there are is not known yet; a row's word names as many shifts as needed.
        """
        low, high = self._ends("shift")
        return {"shift": draws.constant([low, high]), "word": draws.word()}

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        return shifted(images, _shifts(parameters, images.shape[-1]), outside)

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        return tensors.shifted(images, _shifts(parameters, images.shape[-1]), in_bytes=in_bytes)


def _shifts(parameters: Any, channels: int) -> Any:
    """Returns what is added to each channel, `(M, C)`, on arrays or tensors."""
    draws = draws_below(parameters["word"])
    units = draws.xp.stack([draws.uniform() for _ in range(channels)], axis=1)
    low, high = parameters["shift"][:, :1], parameters["shift"][:, 1:]
    return low + (high - low) * units


@dataclass(frozen=True, repr=False)
class Grayscale(Normalized):
    """Turns images gray, as Pillow's conversion to `L` does; they keep their three channels.

    Args:
        p: Probability that a row is changed.
        value_range: See `Brightness`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.

    Raises:
        ValueError: Also when images have neither 1 channel, which is gray already, nor 3.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Grayscale
        >>> pixels = np.array([[[[100, 100, 100], [200, 100, 100]]]], "uint8")
        >>> Grayscale(p=1)(pixels, seed=0)[0]
        array([[[100, 100, 100],
                [130, 130, 130]]], dtype=uint8)
    """

    p: float = 0.1

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        del parameters
        if not is_colored(self, images):
            return clipped(images, outside)
        out = result_like(images)
        colors.gray(images, out, outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del parameters
        if not is_colored(self, images):
            return images
        return ops.concatenate([tensors.gray(images, in_bytes=in_bytes)] * 3, axis=-1)


@dataclass(frozen=True, repr=False)
class Sepia(Normalized):
    """Moves each pixel towards the brown of old photographs.

    Sepia is made of red, green and blue by the matrix that Toub published ("Sepia Tone,
    StringLogicalComparer, and More", MSDN Magazine, January 2005), as in most libraries.

    Args:
        strength: How far, 0..1: 0 changes nothing, 1 is sepia. A number `s` means evenly on
            `[0, s]`, a pair `[low, high]`.
        value_range: See `Brightness`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        ValueError: Also when images have neither 1 channel, which has no color and stays as it is,
            nor 3.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Sepia
        >>> pixels = np.array([[[[100, 100, 100], [200, 100, 100]]]], "uint8")
        >>> Sepia((1, 1))(pixels, seed=0)[0]
        array([[[135, 120,  94],
                [174, 155, 121]]], dtype=uint8)
    """

    _checks: ClassVar = {"strength": Range(minimum=0, maximum=1, number="from 0")}

    strength: NumberOrPair = (0.5, 1.0)

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        if not is_colored(self, images):
            return clipped(images, outside)
        matrices = _toned(parameters["strength"]).astype(working_dtype(images.dtype))
        out = result_like(images)
        colors.mix(images, read_only(matrices), out, outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        if not is_colored(self, images):
            return images
        return tensors.mixed(images, _toned(parameters["strength"]))


def _toned(strengths: Any) -> Any:
    """Returns matrices between that which changes nothing and that of sepia, `(M, 3, 3)`."""
    xp: Any = namespace(strengths)
    precision = "float64" if xp is np else "float32"
    own, sepia = (xp.array(each, precision) for each in (np.eye(3), _SEPIA - np.eye(3)))
    return own + xp.reshape(strengths, (-1, 1, 1)) * sepia


@dataclass(frozen=True, repr=False)
class Invert(Normalized):
    """Swaps black and white, as `PIL.ImageOps.invert` does.

    Args:
        p: Probability that a row is changed.
        value_range: See `Brightness`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Invert
        >>> Invert(p=1)(np.array([[[0, 10], [20, 100], [200, 255]]], "uint8"), seed=0)[0]
        array([[255, 245],
               [235, 155],
               [ 55,   0]], dtype=uint8)
    """

    p: float = 0.5

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        del parameters
        if images.dtype == np.uint8:
            return np.invert(images, out=result_like(images))
        return np.asarray(1 - clipped(images, outside))

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del parameters, in_bytes
        return 1.0 - images

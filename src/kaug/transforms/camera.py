"""What light and cameras do: color of the light, darker corners, colored edges, noise of sensors.

Values run from black to white: 0..255 for uint8, 0..1 for floats, `value_range` if that is given.
What would leave the range is clipped to it.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kaug._apply.destination import result_like
from kaug._apply.dtypes import working_dtype
from kaug._apply.matrices import zoom
from kaug._apply.resample import Resampling, warped
from kaug._draw.draws import Draws
from kaug._kernels import pointwise, read_only
from kaug._kernels.noise import add_color_noise, add_noise
from kaug._kernels.vignette import darken
from kaug._namespace import namespace
from kaug._tensors import geometry, noise, ops
from kaug._tensors.colors import by_row
from kaug._types import Array, Parameters
from kaug.transforms._bases.fields import NumberOrPair, Range
from kaug.transforms._bases.photometric import (
    Normalized,
    Photometric,
    clipped,
    is_colored,
    strengths,
)
from kaug.transforms.noise import normal_quantiles

# From XYZ to linear red, green and blue: IEC 61966-2-1.
_TO_SRGB = (
    (3.2406, -1.5372, -0.4986),
    (-0.9689, 1.8758, 0.0415),
    (0.0557, -0.2040, 1.0570),
)
# Values are about the light to the power of one over this.
_GAMMA = 2.2


@dataclass(frozen=True, repr=False)
class PlanckianJitter(Normalized):
    """Puts images into the light of a black body: reddish if it is cool, bluish if it is hot.

    Red and blue are multiplied by a number each and green stays, as Zini, Buzzelli, Twardowski and
    van de Weijer do it ("Planckian Jitter", 2023, arXiv:2202.07993). At about 6,500 K, the white of
    sRGB, nothing changes. The color of a black body is that of Krystek (1985,
    doi:10.1002/col.5080100109), which is good to 0.0001 in u and v. Where values are light to the
    power of 1/2.2, multiplying them is the same as multiplying the light.

    Args:
        temperature: In kelvins, 2,000..15,000, drawn for each row: a number, or a pair
            `(low, high)`.
        value_range: What is black and what is white. Values beyond are clipped. None takes 0 and
            the dtype's largest, or 1 for floats.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `temperature` is out of its range; or images have neither 1 channel, which has
            no color to change, nor 3.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import PlanckianJitter
        >>> gray = np.full((1, 1, 2, 3), 100, "uint8")
        >>> PlanckianJitter(3000)(gray, seed=0)[0]
        array([[[140, 100,  60],
                [140, 100,  60]]], dtype=uint8)
    """

    _checks: ClassVar = {"temperature": Range(minimum=2000, maximum=15000, number="exactly")}

    temperature: NumberOrPair = (3000.0, 15000.0)

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        if not is_colored(self, images):
            return clipped(images, outside)
        factors = white_points(np.asarray(parameters["temperature"], np.float64))
        out = result_like(images)
        own = read_only(factors.astype(working_dtype(images.dtype)))
        pointwise.scale_channels(images, own, out, outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        if not is_colored(self, images):
            return images
        return images * white_points(parameters["temperature"])[:, None, None, :]


def white_points(temperatures: Any) -> Any:
    """Returns what values of white are in the light of black bodies, `(M, 3)`, green being 1."""
    xp: Any = namespace(temperatures)
    u, v = chromaticities(temperatures * 1e-3)
    # Tristimulus values over the same number, which green divides out.
    xyz = (1.5 * u, v, 2 - 0.5 * u - 5 * v)
    red, green, blue = (sum(a * b for a, b in zip(row, xyz, strict=True)) for row in _TO_SRGB)
    coded = ((red / green) ** (1 / _GAMMA), xp.ones_like(red), (blue / green) ** (1 / _GAMMA))
    return xp.stack(coded, axis=1)


def chromaticities(temperatures: Any) -> tuple[Any, Any]:
    """Returns u and v, CIE 1960, of black bodies of so many thousand kelvins, 1..15."""
    t = temperatures
    u = (0.860117757 + t * (0.154118254 + t * 0.128641212)) / (
        1 + t * (0.842420235 + t * 0.708145163)
    )
    v = (0.317398726 + t * (0.0422806245 + t * 0.0420481691)) / (
        1 + t * (-0.0289741816 + t * 0.161456053)
    )
    return u, v


@dataclass(frozen=True, repr=False)
class Vignette(Normalized):
    """Darkens images towards their corners, as lenses do.

    By the law of the fourth power of the cosine (Gardner, 1947, Journal of Research of the National
    Bureau of Standards 39, 213): at a distance `r` from the middle values are multiplied by
    `1 / (1 + b * r**2)**2`, with `b` such that the corners get what `strength` says. It is applied
    to the values as they are, not to the light they stand for.

    Args:
        strength: By which fraction the corners are darker than the middle, 0..0.99. A number `s`
            means evenly on `[0, s]`, a pair `[low, high]`.
        value_range: See `PlanckianJitter`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed or reaches outside 0..0.99.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Vignette
        >>> Vignette((0.75, 0.75))(np.full((1, 3, 5), 200, "uint8"), seed=0)[0]
        array([[ 50, 102, 139, 102,  50],
               [ 62, 139, 200, 139,  62],
               [ 50, 102, 139, 102,  50]], dtype=uint8)
    """

    _checks: ClassVar = {"strength": Range(minimum=0, maximum=0.99, number="from 0")}

    strength: NumberOrPair = (0.0, 0.6)

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        bends = _bends(np.asarray(parameters["strength"], np.float64))
        out = result_like(images)
        darken(images, read_only(bends.astype(working_dtype(images.dtype))), out, outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        squares = [(np.arange(side) - (side - 1) / 2) ** 2 for side in images.shape[1:3]]
        distances = squares[0][:, None, None] + squares[1][:, None]
        corner = max(distances.max(initial=0), 1e-9)
        distances = ops.convert_to_tensor((distances / corner).astype(np.float32))
        falls = 1 + by_row(_bends(parameters["strength"])) * distances
        return images / (falls * falls)


def _bends(strengths: Any) -> Any:
    """Returns what squared distances from the middle are multiplied by, those of corners being 1.

    There the square of the tangent of the angle is that number, and its cosine to the fourth power
    is what is left of the light.
    """
    return (1 - strengths) ** -0.5 - 1


# How red and blue are read.
_EDGES = Resampling("nearest", 0.0, "bilinear")


@dataclass(frozen=True, repr=False)
class ChromaticAberration(Photometric):
    """Makes the red and the blue image larger or smaller than the green one, as lenses do.

    Lenses bend light of different colors differently, so edges away from the middle get fringes of
    color: lateral chromatic aberration. Red and blue are resampled bilinearly about the centre, and
    continued by the pixels at their edges; green stays. Images of one channel stay as they are.

    Masks, boxes and keypoints stay as they are, too: objects are where they are in green.

    Args:
        red: By which fraction the red image is larger than the green one, -0.2..0.2, drawn for each
            row. A number `r` means evenly on `[-r, r]`, a pair `[low, high]`. At 0.01 the fringes
            in the corners of 224 × 224 pixels are 1.6 pixels wide.
        blue: The same of the blue image.
        value_range: Not used.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A range is reversed or reaches outside -0.2..0.2, or images have neither 1
            channel nor 3.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import ChromaticAberration
        >>> image = np.zeros((1, 1, 9, 3), "uint8")
        >>> image[..., 6:, :] = 200
        >>> ChromaticAberration((0.1, 0.1), (-0.1, -0.1))(image, seed=0)[0, 0, 5:8]
        array([[  0,   0,  22],
               [164, 200, 200],
               [200, 200, 200]], dtype=uint8)
    """

    _checks: ClassVar = {
        "red": Range(minimum=-0.2, maximum=0.2),
        "blue": Range(minimum=-0.2, maximum=0.2),
    }

    red: NumberOrPair = 0.01
    blue: NumberOrPair = 0.01

    def transform_colors(self, images: Array, parameters: Parameters) -> Array:
        out = images.copy()
        if is_colored(self, images):
            for channel, name in ((0, "red"), (2, "blue")):
                factors = 1 + np.asarray(parameters[name], np.float64)
                plane = images[..., channel : channel + 1]
                out[..., channel : channel + 1] = warped(
                    plane, zoom(factors, factors), _EDGES, images.shape[1:3]
                )
        return out

    def transform_tensor_colors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        del dtype
        if not is_colored(self, images):
            return images
        size, planes = (
            (images.shape[1], images.shape[2]),
            [images[..., c : c + 1] for c in range(3)],
        )
        for channel, name in ((0, "red"), (2, "blue")):
            factors = 1 + parameters[name]
            planes[channel] = geometry.warp(planes[channel], zoom(factors, factors), _EDGES, size)
        return ops.concatenate(planes, axis=-1)


@dataclass(frozen=True, repr=False)
class ISONoise(Normalized):
    """Adds the noise of a sensor that got little light: in the brightness and in the hue of pixels.

    To all channels of a pixel the same normally distributed number is added, and its hue in HSV is
    turned by another one; gray has no hue to turn. The numbers are made as those of
    `GaussianNoise`. Masks, boxes and keypoints stay as they are.

    Args:
        color: Standard deviation of the turns as a fraction of the color wheel, 0..0.5, drawn for
            each row. A number `s` means evenly on `[0, s]`, a pair `[low, high]`.
        intensity: Standard deviation of what is added as a fraction of the value range, 0..1,
            given likewise.
        value_range: See `PlanckianJitter`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A range is reversed or impossible, or images have neither 1 channel nor 3.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import ISONoise
        >>> green = np.full((1, 1, 3, 3), (40, 200, 40), "uint8")
        >>> ISONoise(color=(0.05, 0.05), intensity=(0.02, 0.02))(green, seed=0)[0]
        array([[[ 35, 195, 114],
                [ 39, 199,  82],
                [ 60, 192,  32]]], dtype=uint8)
    """

    _checks: ClassVar = {
        "color": Range(minimum=0, maximum=0.5, number="from 0"),
        "intensity": Range(minimum=0, maximum=1, number="from 0"),
    }

    color: NumberOrPair = (0.0, 0.05)
    intensity: NumberOrPair = (0.0, 0.1)

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns `color` and `intensity` of each row, and two `words` `(M, 2)` for the noise."""
        return {**super().draw_parameters(draws), "words": draws.words(2)}

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        precision = working_dtype(images.dtype)
        white = 255 if images.dtype == np.uint8 else 1
        lights = read_only((np.asarray(parameters["intensity"]) * white).astype(precision))
        words, quantiles = parameters["words"], normal_quantiles()
        out = result_like(images)
        if not is_colored(self, images):
            add_noise(images, words, lights, quantiles, out, outside)
            return out
        turns = read_only((strengths(parameters, "color", precision) * 6).astype(precision))
        add_color_noise(images, words, lights, turns, quantiles, out, outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        words, lights, quantiles = parameters["words"], parameters["intensity"], normal_quantiles()
        if not is_colored(self, images):
            return noise.add_noise(images, words, lights, quantiles)
        turns = parameters["color"] * 6.0
        return noise.add_color_noise(images, words, lights, turns, quantiles)

"""Stains of microscopy.

Values run from black to white: 0..255 for uint8, 0..1 for floats, `value_range` if that is given.
What would leave the range is clipped to it.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kaug._apply.dtypes import working_dtype
from kaug._draw.draws import Draws
from kaug._kernels import read_only
from kaug._kernels.stains import mix
from kaug._namespace import namespace
from kaug._tensors import ops
from kaug._types import Array, Parameters
from kaug.transforms._bases.fields import NumberOrPair, Range
from kaug.transforms._bases.photometric import Normalized, clipped, is_colored

# Optical densities of hematoxylin, eosin and DAB in red, green and blue.
_STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
_UNMIXED = np.linalg.inv(_STAINS)
# The least light there is.
_DARKEST = 1e-6
_DENSITIES = -np.log(np.maximum(np.arange(256) / 255, _DARKEST)).astype(np.float32)


@dataclass(frozen=True, repr=False)
class HEStain(Normalized):
    """Makes the stains of a section weaker or stronger: hematoxylin and eosin, each by itself.

    The optical density of each pixel is split into those of hematoxylin, eosin and DAB by the
    matrix of Ruifrok and Johnston (2001), as `skimage.color.rgb2hed` does, but what is negative is
    kept. What there is of the first two is multiplied by `scale`, and `shift` is added (Tellez et
    al., 2018, doi:10.1109/TMI.2018.2820199); the third is left alone. Then they are put together
    again. Light below a millionth of white counts as that.

    Args:
        scale: Factor of a stain, 0..10, drawn for each row and stain: a number `r` means evenly on
            `[1 - r, 1 + r]`, a pair `[low, high]`.
        shift: What is added to it, in units of optical density to the base of 10, -1..1: a number
            `r` means evenly on `[-r, r]`, a pair `[low, high]`.
        value_range: What is black and what is white. Values beyond are clipped. None takes 0 and
            the dtype's largest, or 1 for floats.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A range is reversed or impossible; or images have neither 1 channel, in which
            stains cannot be told apart, so that they stay as they are, nor 3.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import HEStain
        >>> section = np.array([[[[120, 80, 160], [230, 120, 200]]]], "uint8")
        >>> HEStain(scale=(1.2, 1.2), shift=0)(section, seed=0)[0]
        array([[[104,  65, 149],
                [228, 106, 197]]], dtype=uint8)
    """

    _checks: ClassVar = {
        "scale": Range(minimum=0, maximum=10, number="around 1"),
        "shift": Range(minimum=-1, maximum=1),
    }

    scale: NumberOrPair = 0.2
    shift: NumberOrPair = 0.02

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns `scale` and `shift` of hematoxylin and of eosin, `(M, 2)` each."""
        return {
            name: draws.xp.stack([draws.uniform(*self._ends(name)) for _ in range(2)], axis=1)
            for name in ("scale", "shift")
        }

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        if not is_colored(self, images):
            return clipped(images, outside)
        precision = working_dtype(images.dtype)
        if images.dtype == np.uint8:
            densities = _DENSITIES.take(images)
        else:
            densities = np.maximum(clipped(images, outside), precision.type(_DARKEST))
            np.negative(np.log(densities, out=densities), out=densities)
        matrices, offsets = (read_only(each.astype(precision)) for each in _mixtures(parameters))
        mix(densities, matrices, offsets)
        light = np.exp(np.minimum(densities, 0, out=densities), out=densities)
        return light if images.dtype != np.uint8 else (light * 255 + 0.5).astype(np.uint8)

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        if not is_colored(self, images):
            return images
        densities = -ops.log(ops.maximum(images, _DARKEST))
        matrices, offsets = _mixtures(parameters)
        planes = [densities[..., c : c + 1] * matrices[:, c, None, None] for c in range(3)]
        return ops.exp(-(planes[0] + planes[1] + planes[2] + offsets[:, None, None]))


def _mixtures(parameters: Any) -> tuple[Any, Any]:
    """Returns what densities are multiplied by `(M, 3, 3)`, and what is added to them `(M, 3)`."""
    scale, shift = parameters["scale"], parameters["shift"]
    xp: Any = namespace(scale)
    precision = "float64" if xp is np else "float32"
    matrices, offsets = xp.array(np.eye(3), precision), 0.0
    for stain in range(2):
        own = xp.array(_UNMIXED[:, [stain]] * _STAINS[stain], precision)
        density = xp.array(_STAINS[stain] * np.log(10), precision)
        matrices = matrices + (scale[:, stain, None, None] - 1) * own
        offsets = offsets + shift[:, stain, None] * density
    return matrices, offsets

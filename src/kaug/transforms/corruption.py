"""Corruptions that a model is to stand: robustness is measured by them, nothing trained on them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kaug._draw.draws import Draws
from kaug._kernels import read_only
from kaug._kernels.pointwise import clip
from kaug._types import Array, Parameters
from kaug._validation import message
from kaug.transforms._bases import corruptions
from kaug.transforms._bases.fields import choice, integer
from kaug.transforms._bases.photometric import Normalized
from kaug.transforms.transform import Transform

# Of each corruption what its function is told at the severities 1 to 5.
_SEVERITIES: Mapping[str, list[tuple[float, ...]]] = {
    "gaussian_noise": [(0.08,), (0.12,), (0.18,), (0.26,), (0.38,)],
    "shot_noise": [(60,), (25,), (12,), (5,), (3,)],
    "impulse_noise": [(0.03,), (0.06,), (0.09,), (0.17,), (0.27,)],
    "defocus_blur": [(3,), (4,), (6,), (8,), (10,)],
    "glass_blur": [(0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)],
    "motion_blur": [(10, 3), (15, 5), (15, 8), (15, 12), (20, 15)],
    "zoom_blur": [(1.105, 0.01), (1.155, 0.01), (1.205, 0.02), (1.255, 0.02), (1.305, 0.03)],
    "snow": [
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    ],
    "frost": [(1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)],
    "fog": [
        (1.5, 2, 0.149),
        (2, 2, 0.149),
        (2.5, 1.7, 0.164),
        (2.5, 1.5, 0.173),
        (3, 1.4, 0.181),
    ],
    "brightness": [(0.1,), (0.2,), (0.3,), (0.4,), (0.5,)],
    "contrast": [(0.4,), (0.3,), (0.2,), (0.1,), (0.05,)],
    "elastic_transform": [(12.5,), (16.25,), (21.25,), (25,), (30,)],
    "pixelate": [(0.6,), (0.5,), (0.4,), (0.3,), (0.25,)],
    "jpeg_compression": [(25,), (18,), (15,), (10,), (7,)],
}
# Those in which nothing is random.
_CERTAIN = {
    "defocus_blur",
    "zoom_blur",
    "brightness",
    "contrast",
    "pixelate",
    "jpeg_compression",
}
_NO_WORDS = np.empty((0, 2), np.uint32)


@dataclass(frozen=True, repr=False)
class Corruption(Normalized):
    """Corrupts images as those of ImageNet-C are, at one of five severities.

    The corruptions are those of Hendrycks and Dietterich (2019, arXiv:1903.12261), with the numbers
    of their code. They are what the robustness of a model is measured by: corrupt the images it is
    tested on, by every name and severity, and look at how much worse it gets. A model that was
    trained on them is not measured by them any more.

    The numbers were made for images of 224 × 224. Lengths (of blurs, flakes and displacements)
    grow and shrink with the shorter side, so that a severity looks alike in all sizes. Noise is
    made for each pixel, and the blocks of `"pixelate"` are of as many pixels, whatever the size.
    What is random depends on the seed, the epoch and the number of a row, as everywhere, and is the
    same at all severities.

    Where it is not theirs:

    - `"frost"` adds ice that is computed, feathers and veins, where they add parts of photographs.
    - `"elastic_transform"` has the numbers of imagecorruptions 1.1.2 (Michaelis et al., 2019,
      arXiv:1907.07484): the severities 1 and 2 of ImageNet-C are of another kind than the others.
    - `"defocus_blur"` is that of `Defocus`, whose disk has a rim half a pixel softer or sharper.
    - `"fog"` is made of smooth noise, as rough and as uneven as the plasma fractals they make.
    - `"zoom_blur"` zooms about the centre exactly, not by whole pixels.
    - Results are rounded, where theirs are cut off to whole levels.

    The mean distance to the image grows with the severity, but for `"glass_blur"` and `"frost"`,
    whose severity 4 lies below 3, and `"fog"`, where they are about the same; so it is with their
    code. Three channels are red, green and blue to `"snow"`, `"frost"`, `"brightness"` and
    `"jpeg_compression"`, others as many gray ones. JPEGs are those of `JPEGCompression`, and have
    256 levels in every dtype. What becomes of NaN is not defined. There is no form for tensors: use
    it on arrays, or in `kaug.AugmentedDataset`.

    Masks, boxes and keypoints stay as they are. `"elastic_transform"` moves pixels, by 1 to 2.4 of
    224 in the mean, and refuses them.

    Args:
        name: One of `Corruption.names`: `"gaussian_noise"`, `"shot_noise"`, `"impulse_noise"`,
            `"defocus_blur"`, `"glass_blur"`, `"motion_blur"`, `"zoom_blur"`, `"snow"`, `"frost"`,
            `"fog"`, `"brightness"`, `"contrast"`, `"elastic_transform"`, `"pixelate"`,
            `"jpeg_compression"`.
        severity: 1..5.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is corrupted at all.

    Raises:
        TypeError: An argument has the wrong type, or masks, boxes or keypoints cannot follow.
        ValueError: The name is none of these, or another argument is out of range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Corruption
        >>> image = np.array([[[0, 100, 200, 250, 5], [10, 20, 30, 40, 50]]], "uint8")
        >>> Corruption("contrast", 3)(image, seed=0)[0]
        array([[ 56,  76,  96, 106,  57],
               [ 58,  60,  62,  64,  66]], dtype=uint8)
        >>> all_of_them = [Corruption(each, s) for each in Corruption.names for s in range(1, 6)]
    """

    _checks: ClassVar = {"name": choice(*_SEVERITIES), "severity": integer(1, 5)}
    #: What corruptions there are.
    names: ClassVar[tuple[str, ...]] = tuple(_SEVERITIES)

    name: str = "gaussian_noise"
    severity: int = 3

    # In place of that of its base, which would ask for `change_tensors`.
    transform_tensors = Transform.transform_tensors

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns two `words` `(M, 2)`, of which all is made that is random, if anything is."""
        return {} if self.name in _CERTAIN else {"words": draws.words(2)}

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        byte = images.dtype == np.uint8
        floats = np.empty(images.shape, np.float32 if byte else images.dtype)
        if byte:
            np.multiply(images, np.float32(1 / 255), out=floats)
        else:
            clip(images, floats, outside)
        words = read_only(np.ascontiguousarray(parameters.get("words", _NO_WORDS)))
        scale = min(images.shape[1:3]) / corruptions.SIDE
        corrupt: Callable[..., Array] = getattr(corruptions, self.name)
        made = corrupt(floats, words, scale, *_SEVERITIES[self.name][self.severity - 1])
        made = np.clip(made, 0, 1)
        if byte:
            return np.floor(made * 255 + 0.5).astype(np.uint8)
        return made.astype(images.dtype, copy=False)

    def _check_carries(self, what: str) -> None:
        if self.name == "elastic_transform":
            rule = f"The elastic_transform of {type(self).__name__} moves pixels, and nothing else"
            fix = "Use ElasticDeformation, with which they move."
            raise TypeError(message(rule, what, fix))
        super()._check_carries(what)

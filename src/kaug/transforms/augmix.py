"""AugMix: several chains of operations, mixed with each other and with the image itself."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kaug._apply.dtypes import to_dtype, working_dtype
from kaug._apply.execute import carried_out
from kaug._apply.plan import plan
from kaug._apply.stages import Course
from kaug._draw.distributions import beta, check_alpha, dirichlet
from kaug._draw.draws import Draws
from kaug._namespace import entries
from kaug._tensors import ops
from kaug._tensors.colors import by_row
from kaug._tensors.execute import carry_out
from kaug._types import Array, Parameters
from kaug._validation import message
from kaug.transforms._bases import magnitudes
from kaug.transforms._bases.fields import Number, integer
from kaug.transforms._bases.magnitudes import NUMBERS
from kaug.transforms._bases.slots import Slots

# How many operations a chain has at most when their number is drawn.
_DEEPEST = 3
# Of copies, and of operations each goes through.
_MOST = 100


@dataclass(frozen=True, repr=False)
class AugMix(Slots):
    """Blends the image with a mixture of differently augmented copies of it.

    Each row is copied `width` times, and each copy goes through a chain of operations: shearing,
    moving, rotating, posterizing, solarizing, stretching the contrast, or equalizing the histogram,
    drawn evenly, with strengths drawn evenly up to `severity`. The copies are mixed with weights
    from the Dirichlet distribution, and the mixture is blended with the image by a share from the
    beta distribution, both with the parameter `alpha`. Integers are rounded once, at the end.

    At severity 10 the strongest are a shear of 0.3, a move by a third of the image, a turn by 30
    degrees, 1 of 8 bits, and solarizing everything; at severity 3 three tenths of the way, and
    posterizing begins at 4 bits.

    From Hendrycks, Mu, Cubuk, Zoph, Gilmer and Lakshminarayanan, "AugMix: A simple data processing
    method to improve robustness and uncertainty", ICLR 2020, arXiv:1912.02781, whose reference
    implementation this follows. Its loss, which compares the predictions for three such images,
    is not part of it.

    The result shows several moved copies at once, so masks, boxes and keypoints are refused.

    Args:
        severity: How strong operations can be, 1 to 10.
        width: Number of copies, 1 to 100.
        depth: Number of operations in a chain, 1 to 100; -1 draws it from 1, 2 and 3.
        alpha: 0.0001 to 1,000,000. Small values leave one copy, and either it or the image,
            nearly alone; 1 draws all weights alike; large values mix evenly.
        all_ops: Whether brightness, contrast, color and sharpness occur too, as factors of 0.1 to
            1.9. They are among the corruptions of ImageNet-C, so leave them out to be measured on
            those.
        fill_mode: What lies outside the image: see `Affine`.
        fill_value: What lies outside with `"constant"`, in the value range of the images.
        interpolation: `"bilinear"` or `"nearest"`.
        value_range: See `RandAugment`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import AugMix
        >>> image = np.arange(35, dtype="uint8").reshape(1, 5, 7)
        >>> AugMix(severity=10)(image, seed=9)[0]
        array([[ 0,  1,  3,  5,  6,  8, 10],
               [ 6, 14, 16, 17, 19, 21, 23],
               [12, 27, 28, 30, 32, 34, 36],
               [18, 39, 41, 43, 45, 47, 49],
               [24, 52, 54, 56, 58, 60, 61]], dtype=uint8)
    """

    _checks: ClassVar = {
        "severity": Number(rule="a number of 1 to 10", minimum=1, maximum=10),
        "width": integer(1, _MOST),
        "alpha": check_alpha,
    }

    severity: float = 3.0
    width: int = 3
    depth: int = -1
    alpha: float = 1.0
    all_ops: bool = field(default=False, kw_only=True)
    interpolation: str = field(default="bilinear", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.depth != -1:
            self._check("depth", integer(1, _MOST, "Pass -1 for 1 to 3 at random."))

    def longest_way(self) -> float:
        """Returns the longest way of a translation at severity 10, as a part of the image."""
        return magnitudes.AUGMIX_WAY

    @property
    def _takes_white_from_dtype(self) -> bool:
        return self.value_range is None

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the operations and weights of each row.

        `operation`, 0 beyond the end of a chain, and `strength` are `(M, width, depth)`, the
        `weight` of each chain in the mixture is `(M, width)`, and the `share` of the mixture in the
        result `(M,)`.
        """
        weights = dirichlet(draws, self.alpha, self.width)
        share = beta(draws, self.alpha, self.alpha)
        chains = [self._drawn_chain(draws) for _ in range(self.width)]
        operations, strengths = (draws.xp.stack(part, axis=1) for part in zip(*chains, strict=True))
        return {
            "operation": operations,
            "strength": strengths,
            "weight": weights,
            "share": share,
        }

    def _drawn_chain(self, draws: Draws) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        xp = draws.xp
        names = magnitudes.AUGMIX_ALL if self.all_ops else magnitudes.AUGMIX_CHOICES
        choices = np.array([NUMBERS[name] for name in names])
        depth = self.depth if self.depth > 0 else 1 + draws.integers(_DEEPEST)
        operations, strengths = [], []
        for place in range(self.depth if self.depth > 0 else _DEEPEST):
            drawn = entries(choices, draws.integers(len(choices)))
            levels = draws.uniform(0.1, self.severity) / 10
            operations.append(xp.where(place < depth, drawn, 0))
            strengths.append(magnitudes.AUGMIX.strengths(operations[-1], levels, draws.sign()))
        return xp.stack(operations, axis=1), xp.stack(strengths, axis=1)

    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        operations, strengths = parameters["operation"], parameters["strength"]
        count, width, depth = operations.shape
        steps = self.slots(
            operations.reshape(-1, depth),
            strengths.reshape(-1, depth),
            np.ones(count * width, np.bool_),
        )
        copies = carried_out(steps, np.repeat(images, width, axis=0))
        copies = copies.reshape(count, width, *images.shape[1:])
        share = parameters["share"]
        weights = share[:, np.newaxis] * parameters["weight"]
        return _blended(images, 1 - share, copies, weights)

    def transform_tensors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        """Returns the same on tensors; one chain after the other, each of the whole batch."""
        share = parameters["share"]
        everywhere = ops.ones_like(share, dtype="bool")
        blend = images * by_row(1.0 - share)
        for number in range(self.width):
            operations = parameters["operation"][:, number]
            steps = self.slots(operations, parameters["strength"][:, number], everywhere)
            stages = plan(Course(tuple(steps)), tuple(images.shape[1:]))
            copy = carry_out(stages, {"images": images}, dtype)["images"]
            blend = blend + copy * by_row(share * parameters["weight"][:, number])
        return blend

    def _check_carries(self, what: str) -> None:
        rule = "AugMix shows several moved copies of an image at once"
        raise ValueError(message(rule, what, "Leave AugMix out, or use RandAugment."))


def _blended(images: Array, share: Array, copies: Array, weights: Array) -> Array:
    """Returns `share * image + sum(weights * copies)`, rounded for integers."""
    dtype = working_dtype(images.dtype)
    share, weights = share.astype(dtype), weights.astype(dtype)
    blend = images * share[:, np.newaxis, np.newaxis, np.newaxis]
    for number in range(weights.shape[1]):
        blend += copies[:, number] * weights[:, number, np.newaxis, np.newaxis, np.newaxis]
    return to_dtype(blend, images.dtype)

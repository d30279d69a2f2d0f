"""Normalization: values in units that networks were trained on, or in those of each image.

It is for the end of a policy: what comes out is no longer between black and white.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kaug._apply.destination import result_like
from kaug._apply.dtypes import working_dtype
from kaug._apply.values import check_values
from kaug._kernels import read_only
from kaug._kernels.moments import moments
from kaug._kernels.pointwise import standardize
from kaug._tensors import colors, ops
from kaug._types import Array, Parameters
from kaug._validation import check_choice, describe, message
from kaug.transforms._bases.fields import Number
from kaug.transforms._bases.photometric import Photometric

Numbers = float | tuple[float, ...]

#: Means and standard deviations of red, green and blue that are known by a name.
PUBLISHED: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = MappingProxyType(
    {
        "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        "inception": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        "clip": (
            (0.48145466, 0.4578275, 0.40821073),
            (0.26862954, 0.26130258, 0.27577711),
        ),
        "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    }
)
_OWN = ("per_image", "per_channel")
# What varies less has no contrast that is worth being raised.
_LEAST = 1e-3
_MEAN = Number(rule="a number in -1,000,000..1,000,000", minimum=-1e6, maximum=1e6)
_DEVIATION = Number(rule="a number in 1e-06..1,000,000", minimum=1e-6, maximum=1e6)


def _check_mean(value: Any, name: str) -> str | Numbers:
    if isinstance(value, str):
        return check_choice(value, name, choices=(*PUBLISHED, *_OWN))
    return _numbers(value, name, _MEAN)


def _check_std(value: Any, name: str) -> Numbers | None:
    return None if value is None else _numbers(value, name, _DEVIATION)


def _numbers(value: Any, name: str, check: Any) -> Numbers:
    if not isinstance(value, (tuple, list)):
        number: float = check(value, name)
        return number
    if not value:
        rule = f"`{name}` must have a number for each channel"
        raise ValueError(message(rule, f"{name}={describe(value)}"))
    return tuple(check(each, name) for each in value)


@dataclass(frozen=True, repr=False)
class Normalize(Photometric):
    """Takes a mean from all values and divides them by a standard deviation.

    Values count as fractions of the value range, and are clipped to it, before they become
    `(value - mean) / std`. Floats only, since what comes out does not fit integers. It is no longer
    between 0 and 1 either: make it the last step of a policy, or tell what follows by a
    `value_range`. Masks, boxes and keypoints stay as they are.

    What is normalized for training must be so for prediction: `Normalize()(images)` does it, while
    `kaug.layers.RandomTransform` changes nothing outside of training; in a model
    `keras.layers.Normalization` does it always. Originals among augmented rows stay as they are.

    Args:
        mean: A number for all channels, or a tuple with one for each, as fractions of the value
            range; or the name of a published mean with its deviation, which are for red, green and
            blue: `"imagenet"`, as torchvision has them, `"inception"`, 0.5 and 0.5, `"clip"` and
            `"cifar10"`. `"per_image"` takes the mean and the deviation of all of an image's
            samples, `"per_channel"` those of each of its channels; NaN counts as black for them.
        std: Standard deviation, likewise, above 0; None where `mean` is a name. What images vary
            less by than 0.001 counts as that, so that an image of one value becomes 0.
        value_range: What is black and what is white; None means 0..1.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type; or images are integers.
        ValueError: `mean` is no name that is known, or `std` is missing or too much; or images have
            other channels than there are numbers.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Normalize
        >>> images = np.array([[[[0.0, 0.5, 1.0], [0.5, 0.5, 0.5]]]])
        >>> Normalize()(images)[0].round(2)
        array([[[-2.12,  0.2 ,  2.64],
                [ 0.07,  0.2 ,  0.42]]])
        >>> Normalize("per_image", value_range=(0, 255))(np.array([[[[3.0], [5.0]]]]))[0, 0, :, 0]
        array([-1.,  1.])
    """

    _checks: ClassVar = {"mean": _check_mean, "std": _check_std}

    mean: str | Numbers = "imagenet"
    std: Numbers | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.mean, str) != (self.std is None):
            rule = "`std` goes with a `mean` of numbers, while a name stands for both"
            received = f"mean={self.mean!r} and std={self.std!r}"
            raise ValueError(message(rule, received, 'Pass mean=0.5, std=0.5; or mean="imagenet".'))
        counts = [len(each) for each in (self.mean, self.std) if isinstance(each, tuple)]
        if len(set(counts)) > 1:
            rule = "`mean` and `std` must have as many numbers as each other"
            raise ValueError(message(rule, " and ".join(map(str, counts))))

    @property
    def _leaves_range(self) -> bool:
        return True

    def transform_colors(self, images: Array, parameters: Parameters) -> Array:
        del parameters
        self._check_dtype(images.dtype)
        low, high = self.limits(images.dtype)
        given = np.ascontiguousarray(images, working_dtype(images.dtype))
        out = result_like(given)
        kind, outside = given.dtype.type, np.zeros(1, np.bool_)
        if self.mean in _OWN:
            mean, std = self._own(given, low, high)
        else:
            mean, std = (np.tile(each, (len(images), 1)) for each in self._of(images.shape[-1]))
        factors = 1 / (std * (high - low))
        offsets = -(mean / std + low * factors)
        standardize(
            read_only(given),
            read_only(factors.astype(given.dtype)),
            read_only(offsets.astype(given.dtype)),
            kind(low),
            kind(high),
            out,
            outside,
        )
        if self.value_range is None and outside[0]:
            check_values(given, images.dtype, type(self).__name__)
        return out.astype(images.dtype, copy=False)

    def _own(self, images: Array, low: float, high: float) -> tuple[Array, Array]:
        """Returns what each image has itself, `(M, C)` both."""
        means, covariances = moments(images, low, high, together=False)
        variances = np.diagonal(covariances, axis1=1, axis2=2)
        if self.mean == "per_image":
            mean = means.mean(axis=1, keepdims=True)
            variances = (variances + (means - mean) ** 2).mean(axis=1, keepdims=True)
            means, variances = (np.repeat(e, images.shape[-1], axis=1) for e in (mean, variances))
        return means, np.maximum(np.sqrt(variances), _LEAST)

    def transform_tensor_colors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        del parameters
        self._check_dtype(dtype)
        low, high = self.limits(dtype)
        unit = ops.clip((images - low) * (1 / (high - low)), 0.0, 1.0)
        if self.mean in _OWN:
            axes = (1, 2, 3) if self.mean == "per_image" else (1, 2)
            mean, std = colors.means_and_deviations(unit, axes)
            return (unit - mean) / ops.maximum(std, _LEAST)
        mean, std = self._of(images.shape[-1])
        factors, offsets = (each.astype(np.float32) for each in (1 / std, -mean / std))
        return unit * ops.convert_to_tensor(factors) + ops.convert_to_tensor(offsets)

    def _of(self, channels: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns the mean and the deviation of each channel that are given or published."""
        pair = PUBLISHED[self.mean] if isinstance(self.mean, str) else (self.mean, self.std)
        counts = {len(each) for each in pair if isinstance(each, tuple)}
        if counts - {channels}:
            needed, what = counts.pop(), repr(self)
            rule = f"{what} needs images of {needed} channels, besides opacity"
            fix = "Pass a mean and a std of one number, or of one for each channel."
            raise ValueError(message(rule, f"images of {channels} channels", fix))
        mean, std = (np.broadcast_to(np.asarray(e, np.float64), (channels,)) for e in pair)
        return mean, std

    def _check_dtype(self, dtype: np.dtype[Any]) -> None:
        if dtype.kind != "f":
            rule = "Normalize needs images of floats, since integers cannot hold what it makes"
            fix = 'Pass images.astype("float32") with value_range=(0, 255), say.'
            raise TypeError(message(rule, f"images of {dtype}", fix))

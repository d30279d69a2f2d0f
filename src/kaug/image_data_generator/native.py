"""The geometry of Keras' `ImageDataGenerator` as a native transform."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kaug._apply import matrices
from kaug._apply.matrices import Matrices
from kaug._apply.parameters import Bounds
from kaug._apply.resample import INTERPOLATIONS, Resampling, check_fill
from kaug._draw.draws import Draws
from kaug._kernels.warp import FILL_MODES
from kaug._namespace import entries, namespace
from kaug._types import Parameters
from kaug._validation import check_flag
from kaug.image_data_generator._draws import is_fraction
from kaug.image_data_generator._options import check_reach, check_shift, check_zoom
from kaug.transforms._bases.affine import AffineTransform
from kaug.transforms._bases.fields import integer

# Options that only geometry has nothing to do with, and the values that turn them off.
_NOT_GEOMETRY = {
    "featurewise_center": False,
    "samplewise_center": False,
    "featurewise_std_normalization": False,
    "samplewise_std_normalization": False,
    "zca_whitening": False,
    "brightness_range": None,
    "channel_shift_range": 0.0,
    "preprocessing_function": None,
    "rescale": None,
    "keras_compat": False,
}


@dataclass(frozen=True, repr=False)
class KerasGeometry(AffineTransform):
    """The geometry of Keras' `ImageDataGenerator`: one matrix, one resampling.

    The arguments are those of Keras' class, and mean what its documentation says: width shifts
    are horizontal, height shifts vertical, and images that are not square turn about their centre.

    Args:
        rotation_range: Degrees, evenly on `[-r, r]`.
        width_shift_range: A float below 1: fraction of the width, evenly on `[-r, r]`; from 1 on,
            pixels. An integer `r`: whole pixels below `r`, either way. A sequence: one of these,
            either way.
        height_shift_range: The same of the height.
        shear_range: Degrees, evenly on `[-r, r]`, in Keras' form `[[1, -sin], [0, cos]]`.
        zoom_range: `(low, high)` of the factors by which coordinates are scaled, both axes apart;
            a factor above 1 makes things smaller.
        horizontal_flip: Whether half of the rows are mirrored left to right.
        vertical_flip: Whether half of the rows are mirrored top to bottom.
        fill_mode: `"nearest"`, `"reflect"`, `"wrap"` or `"constant"`.
        cval: What lies outside with `"constant"`.
        interpolation_order: 0 or 1.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range.
    """

    _checks: ClassVar = {
        "rotation_range": check_reach,
        "width_shift_range": check_shift,
        "height_shift_range": check_shift,
        "shear_range": check_reach,
        "zoom_range": lambda value, _: tuple(check_zoom(value)),
        "horizontal_flip": check_flag,
        "vertical_flip": check_flag,
        "interpolation_order": integer(maximum=1),
    }

    rotation_range: float = field(default=0.0, kw_only=True)
    width_shift_range: float | Sequence[float] = field(default=0.0, kw_only=True)
    height_shift_range: float | Sequence[float] = field(default=0.0, kw_only=True)
    shear_range: float = field(default=0.0, kw_only=True)
    zoom_range: Sequence[float] = field(default=(1.0, 1.0), kw_only=True)
    horizontal_flip: bool = field(default=False, kw_only=True)
    vertical_flip: bool = field(default=False, kw_only=True)
    fill_mode: str = field(default="nearest", kw_only=True)
    cval: float = field(default=0.0, kw_only=True)
    interpolation_order: int = field(default=1, kw_only=True)

    def _bounds(self) -> Bounds:
        # Keras has none; beyond these a picture is a smear of one of its pixels.
        names, far = ("theta", "tx", "ty", "shear", "zx", "zy"), 2.0**20
        return {name: {"minimum": -far, "maximum": far} for name in names}

    def __post_init__(self) -> None:
        super().__post_init__()
        self._resampling()  # checks how it fills

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns Keras' parameters of each row, shifts as they were given."""
        return {
            "theta": draws.uniform(-self.rotation_range, self.rotation_range),
            "tx": _draw_shift(self.width_shift_range, draws),
            "ty": _draw_shift(self.height_shift_range, draws),
            "shear": draws.uniform(-self.shear_range, self.shear_range),
            "zx": draws.uniform(*self.zoom_range),
            "zy": draws.uniform(*self.zoom_range),
            "flip_horizontal": draws.chance(0.5 * self.horizontal_flip),
            "flip_vertical": draws.chance(0.5 * self.vertical_flip),
        }

    def _resampling(self) -> Resampling:
        """Returns how the transform resamples."""
        return check_fill(self.fill_mode, self.cval, INTERPOLATIONS[self.interpolation_order])

    def _matrices(self, parameters: Parameters, size: tuple[int, int]) -> Matrices:
        """Returns the warps, output pixel to input pixel about the centre, `(2, 3, M)`."""
        down = _in_pixels(parameters["ty"], self.height_shift_range, size[0])
        right = _in_pixels(parameters["tx"], self.width_shift_range, size[1])
        lean = parameters["shear"] * (np.pi / 180)
        xp = namespace(lean)
        mirrored = [
            xp.where(parameters[name], -1.0, 1.0) for name in ("flip_vertical", "flip_horizontal")
        ]
        # Keras' order. Its shifts are those of the coordinates, opposite to the picture's.
        result = matrices.rotation(parameters["theta"])
        for rows in (
            ((1, 0, down), (0, 1, right)),
            ((xp.cos(lean), 0, 0), (-xp.sin(lean), 1, 0)),
            ((parameters["zy"], 0, 0), (0, parameters["zx"], 0)),
            ((mirrored[0], 0, 0), (0, mirrored[1], 0)),
        ):
            result = matrices.compose(result, matrices.from_entries(rows, lean))
        return result


def _draw_shift(shift: float | Sequence[float], draws: Draws) -> NDArray[np.float64]:
    """Draws as Keras does; two words are taken whatever the kind of `shift`."""
    if isinstance(shift, float):
        value = draws.uniform(-shift, shift)
        draws.word()
        return value
    choices = np.arange(max(shift, 1)) if isinstance(shift, int) else np.asarray(shift, np.float64)
    chosen = entries(np.asarray(choices, np.float64), draws.integers(len(choices)))
    shifts: NDArray[np.float64] = chosen * draws.sign()
    return shifts


def _in_pixels(
    drawn: NDArray[np.float64], shift: float | Sequence[float], length: int
) -> NDArray[np.float64]:
    return drawn * length if is_fraction(shift) else drawn


def native_equivalent(generator: Any) -> KerasGeometry | None:
    """Returns the native transform of an `ImageDataGenerator`, or None if it has none.

    It has one when only geometric options are set, the interpolation order is 0 or 1, and it is
    Keras' own class or kaug's: a subclass may do anything.
    """
    kind = type(generator)
    home = kind.__module__.split(".")[0]
    if kind.__name__ != "ImageDataGenerator" or home not in ("keras", "tf_keras", "kaug"):
        return None
    return None if not_native(generator) else to_native(generator)


def not_native(generator: Any) -> list[str]:
    """Returns the options of a generator, as `name=value`, that no native transform has."""
    values = vars(generator)
    names = [name for name, off in _NOT_GEOMETRY.items() if values.get(name, off) != off]
    checks = {
        "interpolation_order": (0, 1),
        "data_format": ("channels_last",),
        "fill_mode": FILL_MODES,
    }
    names += [name for name, known in checks.items() if values[name] not in known]
    return [f"{name}={values[name]!r}" for name in names]


def to_native(generator: Any) -> KerasGeometry:
    """Returns the native transform with the geometric options of a generator."""
    return KerasGeometry(
        rotation_range=float(generator.rotation_range),
        width_shift_range=_plain_shift(generator.width_shift_range),
        height_shift_range=_plain_shift(generator.height_shift_range),
        shear_range=float(generator.shear_range),
        zoom_range=tuple(float(factor) for factor in generator.zoom_range),
        horizontal_flip=bool(generator.horizontal_flip),
        vertical_flip=bool(generator.vertical_flip),
        fill_mode=generator.fill_mode,
        cval=float(generator.cval),
        interpolation_order=int(generator.interpolation_order),
    )


def _plain_shift(shift: Any) -> float | tuple[float, ...]:
    if np.ndim(shift):
        return tuple(float(value) for value in shift)
    return int(shift) if isinstance(shift, (int, np.integer)) else float(shift)

"""Checks of the options of `ImageDataGenerator`."""

from typing import Any

import numpy as np

from kaug._kernels.warp import FILL_MODES
from kaug._validation import check_choice, check_number, describe, message

# The last four are not in Keras' documentation, but its class hands them on to SciPy.
MODES = (*FILL_MODES, "mirror", "grid-mirror", "grid-wrap", "grid-constant")

# Options that are arithmetic on the values, which integers cannot hold.
NEED_FLOATS = (
    "featurewise_center",
    "samplewise_center",
    "featurewise_std_normalization",
    "samplewise_std_normalization",
    "zca_whitening",
    "rescale",
)


# Far beyond these, angles, shifts and factors leave nothing of a picture but rounding errors.
FAR = 1e6
FAR_VALUE = 1e30


def check_reach(value: Any, name: str, limit: float = FAR) -> float:
    """Returns a number that is nowhere near the end of the floats."""
    rule = f"`{name}` must be a finite number, at most {limit:g} either way"
    number = check_number(value, name, rule)
    if abs(number) > limit:
        raise ValueError(message(rule, f"{name}={value}"))
    return number


def check_value(value: Any, name: str) -> float:
    """Returns a number to be added to pixels."""
    return check_reach(value, name, FAR_VALUE)


def check_shift(value: Any, name: str, *, as_keras: bool = False) -> float | tuple[float, ...]:
    """Returns a shift range: a float, an int, or a sequence of them as a tuple.

    Args:
        value: What was given.
        name: Of the option.
        as_keras: Whether a negative whole number is a fraction, as Keras has it.
    """
    if isinstance(value, (str, dict, set)) or np.ndim(value) > 1:
        rule = f"`{name}` must be a number or a sequence of numbers"
        raise TypeError(message(rule, f"{name}={describe(value)}"))
    if np.ndim(value) == 1:
        if not len(value):
            raise ValueError(message(f"`{name}` must not be empty", f"{name}={value}"))
        return tuple(_plain(item, name) for item in value)
    number = _plain(value, name)
    if not isinstance(number, int) or number >= 0:
        return number
    if as_keras:
        return float(number)
    rule = f"`{name}` as a whole number of pixels must not be negative"
    fix = f"Pass {-number}: pictures move either way."
    raise ValueError(message(rule, f"{name}={value}", fix))


def _plain(value: Any, name: str) -> float:
    number = check_reach(value, name)
    return int(value) if isinstance(value, (int, np.integer)) else number


def check_zoom(value: Any, *, as_keras: bool = False) -> list[float]:
    """Returns the lowest and the highest zoom factor, above 0 except as Keras has it."""
    if isinstance(value, (int, float, np.integer, np.floating)):
        reach = check_reach(value, "zoom_range")
        factors = [1 - reach, 1 + reach]
    else:
        factors = _check_pair(value, "zoom_range", "a number or a pair of numbers")
    if min(factors) <= 0 and not as_keras:
        raise ValueError(
            message(
                "`zoom_range` holds factors of the coordinates, which must be above 0",
                f"zoom_range={value}",
                "Pass (low, high), or a number z below 1 for (1 - z, 1 + z).",
            )
        )
    return factors


def check_brightness(value: Any, *, as_keras: bool = False) -> list[float] | None:
    """Returns the lowest and the highest brightness factor, from 0 on except as Keras has it."""
    if value is None:
        return None
    low, high = _check_pair(value, "brightness_range", "a pair of numbers")
    if min(low, high) < 0 and not as_keras:
        raise ValueError(
            message(
                "`brightness_range` holds factors, which must not be negative",
                f"brightness_range={value}",
                f"Did you mean ({max(1 + low, 0):g}, {max(1 + high, 0):g})?",
            )
        )
    return [low, high]


def _check_pair(value: Any, name: str, what: str) -> list[float]:
    if not isinstance(value, (tuple, list, np.ndarray)) or np.shape(value) != (2,):
        raise ValueError(
            message(
                f"`{name}` must be {what}",
                f"{name}={describe(value)}",
                f"Write {name}=(low, high).",
            )
        )
    return [check_reach(item, name) for item in value]


def check_epsilon(value: Any) -> float:
    """Returns what keeps whitening from dividing by zero."""
    number = check_number(value, "zca_epsilon")
    if number <= 0:
        raise ValueError(message("`zca_epsilon` must be above 0", f"zca_epsilon={value}"))
    return number


def check_dtype(value: Any, options: dict[str, Any]) -> str:
    """Returns the name of a dtype that holds images and whatever the options make of them."""
    try:
        dtype = np.dtype(value)
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind not in "iuf":
        rule = "`dtype` must be an integer or a float dtype"
        raise TypeError(message(rule, f"dtype={describe(value)}", 'Use dtype="float32".'))
    wrong = [name for name in NEED_FLOATS if options.get(name)]
    if wrong and dtype.kind != "f":
        raise ValueError(
            message(
                "Options that change the value range need a float dtype",
                f"{wrong[0]}={options[wrong[0]]!r} and dtype={dtype.name!r}",
                'Use dtype="float32".',
            )
        )
    return str(dtype)


def check_validation_split(value: Any) -> float:
    """Returns the share of rows that `subset="validation"` takes, 0 for none."""
    number = 0.0 if value is None or value is False else check_number(value, "validation_split")
    if not 0 <= number < 1:
        rule = "`validation_split` must be 0 or lie strictly between 0 and 1"
        raise ValueError(message(rule, f"validation_split={value}"))
    return number


def check_rescale(value: Any, dtype: str) -> float | None:
    """Returns the factor, None for none; neither it nor its use may leave the dtype."""
    if value is None:
        return None
    number = check_number(value, "rescale")
    with np.errstate(all="ignore"):
        held = np.float64(number).astype(dtype) if np.dtype(dtype).kind == "f" else number
    if number and (not np.isfinite(held) or not held):
        rule = f"`rescale` must be a number that dtype={dtype!r} can hold"
        raise ValueError(message(rule, f"rescale={value}", 'Pass dtype="float64" if you mean it.'))
    return number


def check_function(value: Any) -> Any:
    """Returns a function, or None."""
    if value is not None and not callable(value):
        rule = "`preprocessing_function` must be a function of one image, or None"
        raise TypeError(message(rule, f"preprocessing_function={describe(value)}"))
    return value


def check_data_format(value: Any) -> str:
    """Returns where the channels are."""
    return check_choice(value, "data_format", ("channels_last", "channels_first"))


def is_random(generator: Any) -> bool:
    """Tells whether a generator draws anything that changes an image."""
    recolored = generator.channel_shift_range or generator.brightness_range is not None
    return bool(recolored or moves_pixels(generator))


def moves_pixels(generator: Any) -> bool:
    """Tells whether a generator draws anything that moves the pixels of an image."""
    ranges = ("rotation", "width_shift", "height_shift", "shear")
    flips = generator.horizontal_flip or generator.vertical_flip
    moved = any(np.any(getattr(generator, f"{name}_range")) for name in ranges)
    zoomed = list(generator.zoom_range) != [1, 1]
    return bool(flips or moved or zoomed)

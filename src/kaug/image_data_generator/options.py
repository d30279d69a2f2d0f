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


def check_shift(value: Any, name: str) -> float | tuple[float, ...]:
    """Returns a shift range: a float, an int, or a sequence of them as a tuple."""
    if isinstance(value, (str, dict, set)) or np.ndim(value) > 1:
        rule = f"`{name}` must be a number or a sequence of numbers"
        raise TypeError(message(rule, f"{name}={describe(value)}"))
    if np.ndim(value) == 1:
        if not len(value):
            raise ValueError(message(f"`{name}` must not be empty", f"{name}={value}"))
        return tuple(_plain(item, name) for item in value)
    return _plain(value, name)


def _plain(value: Any, name: str) -> float:
    number = check_number(value, name)
    if not isinstance(value, (int, np.integer)):
        return number
    if value < 0:
        rule = f"`{name}` as a whole number of pixels must not be negative"
        raise ValueError(message(rule, f"{name}={value}", "Pictures move either way anyhow."))
    return int(value)


def check_zoom(value: Any) -> list[float]:
    """Returns the lowest and the highest zoom factor."""
    if isinstance(value, (int, float, np.integer, np.floating)):
        reach = check_number(value, "zoom_range")
        return [1 - reach, 1 + reach]
    return _check_pair(value, "zoom_range", "a number or a pair of numbers")


def check_brightness(value: Any) -> list[float] | None:
    """Returns the lowest and the highest brightness factor."""
    return None if value is None else _check_pair(value, "brightness_range", "a pair of numbers")


def _check_pair(value: Any, name: str, what: str) -> list[float]:
    if not isinstance(value, (tuple, list, np.ndarray)) or len(value) != 2:
        raise ValueError(
            message(
                f"`{name}` must be {what}",
                f"{name}={describe(value)}",
                f"Write {name}=(low, high).",
            )
        )
    return [check_number(item, name) for item in value]


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
    number = check_number(value or 0.0, "validation_split")
    if not 0 <= number < 1:
        rule = "`validation_split` must be 0 or lie strictly between 0 and 1"
        raise ValueError(message(rule, f"validation_split={value}"))
    return number


def check_rescale(value: Any) -> float | None:
    """Returns the factor, None for none."""
    return None if value is None else check_number(value, "rescale")


def check_function(value: Any) -> Any:
    """Returns a function, or None."""
    if value is not None and not callable(value):
        rule = "`preprocessing_function` must be a function of one image, or None"
        raise TypeError(message(rule, f"preprocessing_function={describe(value)}"))
    return value


def check_data_format(value: Any) -> str:
    """Returns where the channels are."""
    return check_choice(value, "data_format", ("channels_last", "channels_first"))

"""Checks at public boundaries, and the one form their messages take.

Every message states the rule, what was received, and the fix.
"""

import operator
import sys
import warnings
from collections.abc import Iterable
from itertools import islice
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._parallel import caller_of

# Who may stand between a user's line and kaug. A thread of theirs begins in the standard library.
_BETWEEN = (
    "keras",
    "tensorflow",
    "jax",
    "torch",
    "threading",
    "concurrent",
    "multiprocessing",
)


def message(rule: str, received: str, fix: str = "") -> str:
    """Returns ``rule. Received: received. fix`` as one error message."""
    text = f"{rule}. Received: {received}."
    return f"{text} {fix}" if fix else text


def describe(value: Any) -> str:
    """Returns a short description of a value for the `Received:` part of a message."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    try:
        text = repr(value)
    except ValueError:  # Python writes no integer of thousands of digits
        text = _written(value) if isinstance(value, int) else "a value that cannot be written"
    if len(text) > 80:
        text = text[:77] + "..."
    return f"{text} (type {type(value).__name__})"


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warns at the line that called kaug, however far up it is and in whichever thread.

    Where Keras or its backend called kaug, that is the line that called them, if it can be found.
    """
    place = first = _outside({"kaug"}, sys._getframe())
    if first and _package(first) in _BETWEEN:
        place = _outside({"kaug", *_BETWEEN}, first) or first
    if place is None:  # all of it is kaug's: its command
        warnings.warn(text, category, stacklevel=2)
        return
    warnings.warn_explicit(
        text,
        category,
        place.f_code.co_filename,
        place.f_lineno,
        str(place.f_globals.get("__name__")),
        place.f_globals.setdefault("__warningregistry__", {}),
    )


def _outside(packages: Iterable[str], frame: FrameType | None) -> FrameType | None:
    """Returns the first frame from one on upwards that is of none of the packages."""
    while frame and _package(frame) in packages:
        frame = caller_of(frame)
    return frame


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]


def check_integer(
    value: Any, name: str, *, minimum: int = 0, maximum: int | None = None, fix: str = ""
) -> int:
    """Returns `value` as an `int` when it is an integer (not a bool) within the bounds."""
    bounds = f"at least {minimum}" if maximum is None else f"between {minimum} and {maximum}"
    rule = f"`{name}` must be an integer, {bounds}"
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(message(rule, f"{name}={describe(value)}", fix)) from None
    if number < minimum or (maximum is not None and number > maximum):
        raise ValueError(message(rule, f"{name}={_written(number)}", fix))
    return number


def check_flag(value: Any, name: str) -> bool:
    """Returns `value` as a `bool` when it is one; 0 and 1 are taken as well."""
    if isinstance(value, (bool, np.bool_)) or (type(value) is int and value in (0, 1)):
        return bool(value)
    raise TypeError(message(f"`{name}` must be True or False", f"{name}={describe(value)}"))


def check_choice(value: Any, name: str, choices: Iterable[str]) -> str:
    """Returns `value` when it is one of `choices`."""
    known = tuple(choices)
    if not isinstance(value, str) or value not in known:
        options = ", ".join(repr(choice) for choice in known)
        raise ValueError(message(f"`{name}` must be one of {options}", f"{name}={describe(value)}"))
    return value


def check_number(value: Any, name: str, rule: str = "", fix: str = "") -> float:
    """Returns `value` as a `float` when it is a finite number (not a bool).

    Args:
        value: What to check.
        name: What the caller calls it.
        rule: What it must be, when more is asked for than a finite number.
        fix: What to do about it.
    """
    rule = rule or f"`{name}` must be a finite number"
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        raise TypeError(message(rule, f"{name}={describe(value)}", fix))
    try:
        number = float(value)
    except OverflowError:  # an integer beyond the largest float
        number = float("inf")
    if not np.isfinite(number):
        raise ValueError(message(rule, f"{name}={_written(value)}", fix))
    return number


def _written(number: Any) -> str:
    """Returns a number as a message shows it: those of many digits shortened."""
    if isinstance(number, int) and number.bit_length() > 128:
        return f"an integer of {number.bit_length()} bits"
    return str(number)


def check_fraction(value: Any, name: str) -> float:
    """Returns `value` as a `float` when it lies strictly between 0 and 1."""
    rule = f"`{name}` must be a number strictly between 0 and 1"
    number = check_number(value, name, rule)
    if not 0 < number < 1:
        raise ValueError(message(rule, f"{name}={value}"))
    return number


def check_probability(value: Any, name: str = "p") -> float:
    """Returns `value` as a `float` when it lies in 0..1."""
    number = check_number(value, name)
    if not 0 <= number <= 1:
        raise ValueError(message(f"`{name}` must lie in 0..1", f"{name}={value}"))
    return number


def as_array(value: Any, name: str) -> NDArray[Any]:
    """Returns `value` as an array; memory maps stay memory maps.

    Raises:
        TypeError: It is neither an array nor a sequence: a path, a generator, a dataset.
        ValueError: It is ragged, or an array with masked values, whose mask would be lost.
    """
    rule = f"`{name}` must be an array, or nested sequences of equal lengths"
    if np.ma.is_masked(value):
        count = int(np.ma.getmaskarray(value).sum())
        fix = "Fill them in: .filled(...). To keep the mask, pass it as an array of labels."
        raise ValueError(
            message(f"`{name}` must have no masked values", f"{count:,} of {value.size:,}", fix)
        )
    try:
        array = np.asanyarray(value) if isinstance(value, np.memmap) else np.asarray(value)
    except ValueError as error:
        raise ValueError(message(rule, f"{describe(value)} ({error})")) from None
    if array.ndim == 0 and array.dtype.kind not in "iufcb":
        raise TypeError(message(rule, describe(value), "Load what it stands for into an array."))
    return array


def check_images(x: Any, name: str = "x") -> NDArray[Any]:
    """Returns `x` as an image array, or says why it is none.

    Args:
        x: Images `(N, H, W, C)` or `(N, H, W)`, or videos `(N, T, H, W, C)`, integers or floats;
            NaN and infinities are allowed. Never copied when it is an array already.
        name: What the caller calls it, for messages.

    Warns:
        UserWarning: The channels seem to come first, as in `(N, 3, 224, 224)`.

    Raises:
        TypeError: The elements are not real numbers.
        ValueError: The rank is not 3, 4 or 5, or one of the sizes after the first is zero.
    """
    images = as_array(x, name)
    if images.dtype.kind not in "iuf":
        rule = f"`{name}` must hold real numbers: unsigned or signed integers, or floats"
        fix = f'Convert it first, for example {name}.astype("float32").'
        received = describe(images)
        objects = islice(images.flat, 1000) if images.dtype.kind == "O" else ()
        shapes = sorted({np.shape(each) for each in objects})
        if shapes and len(shapes[-1]) >= 2:
            rule = f"The images in `{name}` must be one array, all of the same size"
            received = f"{received}, of images {' and '.join(map(str, shapes[:3]))}"
            fix = f"np.stack({name}) makes one array of them."
            if len(shapes) > 1:
                fix = f"Resize them to one size; then {fix}"
        raise TypeError(message(rule, received, fix))
    rule = (
        f"`{name}` must be a batch of images of shape (N, height, width, channels) or "
        "(N, height, width), or of videos of shape (N, frames, height, width, channels)"
    )
    if images.ndim not in (3, 4, 5):
        fix = f"For one image pass {name}[None]." if images.ndim == 2 else ""
        raise ValueError(message(rule, describe(images), fix))
    refuse_one_image(images, name, rule)
    if 0 in images.shape[1:]:
        raise ValueError(message(f"{rule}, none of them zero", describe(images)))
    warn_of_channels_first(images.shape, name)
    return images


def fix_for_clips(shape: tuple[int | None, ...], name: str) -> str:
    """Returns what to do about five axes, clips of frames or volumes of slices; else nothing."""
    if len(shape) != 5:
        return ""
    return (
        f"If these are clips, make rows of their frames: {name}.reshape(-1, *{name}.shape[2:]). "
        "Transforms, augment_dataset and AugmentedDataset take clips as they are, and have the "
        "same draw for all frames of one."
    )


def refuse_one_image(images: NDArray[Any], name: str, rule: str) -> None:
    """Raises for one image, channels last, where a batch is due: three axes that end like one."""
    if images.ndim != 3 or images.shape[-1] not in (1, 3, 4):
        return
    fix = (
        f"If this is one image with its channels last, pass {name}[None]; if these are gray "
        f"images so narrow, pass {name}[..., None]."
    )
    either = f"{rule}, and what has three axes must not end like one image"
    raise ValueError(message(either, describe(images), fix))


def warn_of_channels_first(shape: tuple[int | None, ...], name: str) -> None:
    """Warns of a batch of images whose channels seem to come first.

    Of small images no shape tells; Keras' own setting does, where its user has changed it. The
    channels of videos may come before the frames or behind them.
    """
    first = [axis for axis in range(1, len(shape) - 2) if shape[axis] in (1, 3, 4)]
    large = all(size is not None and size >= 16 for size in shape[-2:])
    if first and (large or (shape[-1] not in (1, 3, 4) and _keras_has_channels_first())):
        axes = "height, width, channels" if len(shape) == 4 else "frames, height, width, channels"
        what = "images" if len(shape) == 4 else "videos"
        rule = f"`{name}` must be a batch of {what} of shape (N, {axes})"
        fix = f"If its channels come first, pass moveaxis({name}, {first[-1]}, -1)."
        warn(message(rule, f"{what} of shape {shape}", fix))


def _keras_has_channels_first() -> bool:
    config = getattr(sys.modules.get("keras"), "config", None)
    return config is not None and config.image_data_format() == "channels_first"


def with_channels(images: NDArray[Any]) -> NDArray[Any]:
    """Returns `(N, H, W)` images as `(N, H, W, 1)`, a view; others as they are."""
    if images.ndim != 3:
        return images
    with_axis: Any = getattr(images, "with_channels", None)  # of what is read row by row
    return images[..., np.newaxis] if with_axis is None else with_axis()


def check_length(array: NDArray[Any], name: str, count: int) -> None:
    """Checks that `array` has one row for each of the `count` rows of `x`."""
    rule = f"`{name}` must have one row for each of the {count} rows of `x`"
    if array.ndim == 0:
        raise ValueError(message(rule, f"a scalar, {describe(array)}"))
    if len(array) != count:
        raise ValueError(
            message(
                rule,
                f"{len(array)} rows ({describe(array)})",
                f"Pass the `{name}` that belongs to this `x`, row by row.",
            )
        )


def fix_for_step(value: Any, otherwise: str) -> str:
    """Returns what to do where something else than a transform of kaug was given."""
    if type(value).__module__.split(".")[0] == "albumentations":
        return f"Wrap it: kaug.foreign.Albumentations({type(value).__name__}(...))."
    return otherwise

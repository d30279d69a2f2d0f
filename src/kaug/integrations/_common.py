"""What the integrations have in common: what they take, and what they say when it is missing."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from kaug._targets.names import looks_like, misnamed
from kaug._validation import describe, message, warn
from kaug.foreign import Albumentations, is_albumentations
from kaug.transforms import Transform


def import_extra(module: str, extra: str) -> Any:
    """Returns a module of another library, or says how to install it."""
    try:
        return import_module(module)
    except ImportError as error:
        rule = f"`kaug.integrations.{extra}` needs {module}"
        fix = f'Run: pip install "kaug[{extra}]"'
        raise ImportError(message(rule, str(error), fix)) from None


def check_by_row(transform: Any) -> Transform:
    """Returns `transform` when what it makes of a row needs that row alone.

    One of albumentations becomes a transform of kaug.

    Raises:
        TypeError: It is neither one of kaug's own transforms nor one of albumentations.
        ValueError: It mixes rows.
    """
    if is_albumentations(transform):
        transform = Albumentations(transform)
    if not isinstance(transform, Transform):
        rule = (
            "The transform must be one of `kaug.transforms`, "
            "because others cannot make a row by its number"
        )
        raise TypeError(message(rule, describe(transform)))
    if transform._mixes:
        rule = (
            "The transform must not mix pictures, because the partner of a row may be any row of "
            "the whole dataset, of which a worker has a part"
        )
        fix = "Mix in the training loop, or use kaug.AugmentedDataset, which has all rows."
        raise ValueError(message(rule, repr(transform), fix))
    return transform


def check_others(
    others: Mapping[str, Any], transform: Transform, size: tuple[int | None, int | None]
) -> None:
    """Raises, or warns, when something beside the images would have to move with them.

    Args:
        others: Arrays of one row an image, lists of arrays, or whatever there is, by name.
        transform: What happens to the images.
        size: Height and width of the images; None for both if they differ.
    """
    if all(leaf.photometric for leaf in transform._leaves()):
        return
    rule = "Images alone are moved, and all else stays as it is"
    fix = (
        "To move it, map a function over the dataset that calls the transform itself: transform("
        '{"images": …, "bounding_boxes": …}, seed=…, index=…).'
    )
    for look in misnamed(others, size, "row", depth=1):
        raise ValueError(message(rule, f"{look.why}, {look.name} by its name", fix))
    for name, value in others.items():
        if isinstance(value, np.ndarray):
            found = looks_like(value.shape, size, value.dtype.kind)
            if found:
                warn(message(rule, f"{name!r}, {describe(value)}, {found.why}", fix))

"""What the integrations have in common: what they take, and what they say when it is missing."""

from importlib import import_module
from typing import Any

from kaug._validation import describe, message
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

    Raises:
        TypeError: It is not one of kaug's own transforms.
        ValueError: It mixes rows.
    """
    if not isinstance(transform, Transform):
        rule = (
            "The transform must be one of `kaug.transforms`, "
            "because others can not make a row by its number"
        )
        raise TypeError(message(rule, describe(transform)))
    if transform.mixes:
        rule = (
            "The transform must not mix pictures, because the partner of a row may be any row of "
            "the whole dataset, of which a worker has a part"
        )
        fix = "Mix in the training loop, or use kaug.AugmentedDataset, which has all rows."
        raise ValueError(message(rule, repr(transform), fix))
    return transform

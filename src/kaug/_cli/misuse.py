"""What a command raises for options that do not go together, and which those are."""

import argparse
from collections.abc import Mapping
from typing import Any

# Of how pictures in files are read, by the names that `kaug.sources` has for them.
_READING = ("channels", "dtype", "on_error")


class MisuseError(Exception):
    """Options that do not go together; the message says which, and what to do."""


def reading_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Returns the options of how pictures in files are read, those that were given."""
    given = ((name, getattr(arguments, name, None)) for name in _READING)
    return {name: value for name, value in given if value is not None}


def given_as(options: Mapping[str, Any]) -> str:
    """Returns the first of some options as it is written."""
    return f"--{next(iter(options)).replace('_', '-')}"

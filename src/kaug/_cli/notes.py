"""What a command says beside its results."""

import argparse
import sys


def note(arguments: argparse.Namespace, text: str) -> None:
    """Says something on stderr that the user should know."""
    print(f"kaug {arguments.command}: note: {text}", file=sys.stderr)

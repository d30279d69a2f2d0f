"""The command line: `kaug`, or `python -m kaug`.

Each command is a module of its own, which is loaded when it is asked for: `kaug --help` loads
neither NumPy nor Matplotlib, and no command but `bench --keras` and `compare` loads Keras.
"""

import argparse
import contextlib
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from kaug._cli.misuse import MisuseError
from kaug._cli.parser import make_parser

FAILED, MISUSED = 1, 2
INTERRUPTED, UNREAD = 130, 141  # as shells count signals: SIGINT, and SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; results go to stdout, all else to stderr.

    Args:
        argv: The arguments; None takes those of the process.

    Returns:
        The exit code: 0 when all went well, 1 when a file, a policy or a value would not do, 2 for
        options that do not go together, 130 after Ctrl-C, 141 when nobody reads the output any
        more.

    Raises:
        SystemExit: After `--help` and `--version` (0), and for arguments that are none (2).
    """
    try:
        try:
            parser = make_parser()
            arguments = parser.parse_args(argv)
            if arguments.command is None:
                parser.error("the following arguments are required: COMMAND")
            return _carried_out(arguments)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # what reads it may have gone, which is to be known now
    except BrokenPipeError:  # such as `head`, which has read enough
        _give_up_output()
        return UNREAD
    except OSError as error:  # a full disk
        _give_up_output()
        print(f"kaug: error: {_text_of(error)}", file=sys.stderr)
        return FAILED


def _carried_out(arguments: argparse.Namespace) -> int:
    """Carries out a command; returns its exit code."""
    name = f"kaug {arguments.command}"
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda text, *_, **__: print(f"{name}: {text}", file=sys.stderr)
            import_module(f"kaug._cli.{arguments.command}").run(arguments)
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except MisuseError as error:
        print(f"{name}: error: {error}", file=sys.stderr)
        return MISUSED
    except Exception as error:
        # What the user can do something about, or else a defect of kaug, with its traceback.
        if (text := _text_of(error)) is None:
            raise
        print(f"{name}: error: {text}", file=sys.stderr)
        _give_up_output()  # should it be what failed
        return FAILED
    return 0


def _give_up_output() -> None:
    """Has what can be written nowhere, which Python would try again when it ends, forgotten."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _text_of(error: Exception) -> str | None:
    """Returns what is told of an error, or None for a defect of kaug."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror is not None:
        text = error.strerror
        if error.filename is not None:
            text += f": {error.filename!r}"
            if isinstance(error, FileNotFoundError):
                text += f". Paths are relative to the current folder, {str(Path.cwd())!r}."
        return text
    if "Received: " in text or isinstance(error, (OSError, MemoryError)):
        return text
    package = (getattr(error, "name", None) or "kaug").partition(".")[0]
    if isinstance(error, ImportError) and package != "kaug":
        return f"{package} must be installed for it. Received: {text}. pip install {package}"
    return None

"""The command line: `kaug`, or `python -m kaug`.

Each command is a module of its own, which is loaded when it is asked for: `kaug --help` loads
neither NumPy nor Matplotlib, and no command but `bench --keras` loads Keras.
"""

import io
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from kaug._cli.parser import make_parser

FAILED, INTERRUPTED, PIPE_CLOSED = 1, 130, 141  # the last two as shells count signals


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; results go to stdout, all else to stderr.

    Args:
        argv: The arguments; None takes those of the process.

    Returns:
        The exit code: 0 when all went well, 1 when a file, a policy or a value would not do, 130
        after Ctrl-C.

    Raises:
        SystemExit: After `--help` and `--version` (0), and for arguments that are none (2).
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # not every name of a file can be encoded
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = make_parser().parse_args(argv)
    name = f"kaug {arguments.command}"
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _as_note(name)
            import_module(f"kaug._cli.{arguments.command}").run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the results, `head` for one, has enough. Python would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except Exception as error:  # of any kind: a defect of kaug goes on, with its traceback
        if not _is_expected(error):
            raise
        print(f"{name}: error: {_text_of(error)}", file=sys.stderr)
        return FAILED
    return 0


def _is_expected(error: Exception) -> bool:
    """Tells what the user can do something about from a defect of kaug, which needs a traceback."""
    return isinstance(error, (OSError, MemoryError)) or "Received: " in str(error)


def _text_of(error: Exception) -> str:
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    where = "" if error.filename is None else f": {str(error.filename)!r}"
    return f"{error.strerror}{where}"


def _as_note(name: str) -> Any:
    def show(text: Warning | str, *_: Any, **__: Any) -> None:
        print(f"{name}: note: {text}", file=sys.stderr)

    return show

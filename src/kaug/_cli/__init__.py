"""The command line: `kaug`, or `python -m kaug`.

Each command is a module of its own, which is loaded when it is asked for: `kaug --help` loads
neither NumPy nor Matplotlib, and no command but `bench --keras` and `compare` loads Keras.
"""

import contextlib
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module

from kaug._cli.parser import make_parser

FAILED, INTERRUPTED = 1, 130  # the latter as shells count signals


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
    arguments = make_parser().parse_args(argv)
    name = f"kaug {arguments.command}"
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda text, *_, **__: print(f"{name}: {text}", file=sys.stderr)
            import_module(f"kaug._cli.{arguments.command}").run(arguments)
            sys.stdout.flush()  # what reads it may have gone, which is to be known now
    except BrokenPipeError:
        # Such as `head`, which has read enough. Python writes the rest when it ends.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        # What the user can do something about, or else a defect of kaug, with its traceback.
        if not isinstance(error, (OSError, MemoryError)) and "Received: " not in str(error):
            raise
        print(f"{name}: error: {_text_of(error)}", file=sys.stderr)
        return FAILED
    return 0


def _text_of(error: Exception) -> str:
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return error.strerror if error.filename is None else f"{error.strerror}: {error.filename!r}"

"""What goes on around compiling: a line that says why nothing seems to happen."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_PATIENCE = 1.0  # seconds
_PAUSE = 1.0  # seconds without compiling, after which another wait begins
_LINE = (
    "kaug: compiling kernels for this machine, {often}. "
    "`kaug warmup` does it ahead, KAUG_QUIET=1 hides this line."
)

#: How often kernels are compiled; where none can be kept, `caching` puts something else here.
often = "which takes some seconds, once"

count = 0  # kernels compiled so far
_silent = 0  # calls in progress that asked for silence
_announced = False
_depth = 0
_waited = 0.0  # seconds of the present wait
_ended = float("-inf")


@contextmanager
def compiling() -> Iterator[None]:
    """Says, once in a process, that kernels are compiled, as soon as that has taken a second.

    Cyclic garbage waits until a kernel is ready: there are many objects, and hardly any garbage.
    The compiler's lock is held inside, so only one thread is.
    """
    global count, _depth, _waited, _ended
    begin = time.monotonic()
    if begin - _ended > _PAUSE:
        _waited = 0.0
    timer = None
    collects = gc.isenabled()
    gc.disable()
    if _depth == 0 and not _announced:
        timer = threading.Timer(max(_PATIENCE - _waited, 0.0), _announce)
        timer.daemon = True
        timer.start()
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if collects:
            gc.enable()
        if timer is not None:
            timer.cancel()
        if _depth == 0:
            count += 1
            _ended = time.monotonic()
            _waited += _ended - begin


@contextmanager
def silence(wanted: bool) -> Iterator[None]:
    """Keeps the line back while something runs that was asked to say nothing."""
    global _silent
    _silent += wanted
    try:
        yield
    finally:
        _silent -= wanted


def _announce() -> None:
    global _announced
    if _announced or _silent or os.environ.get("KAUG_QUIET", "0") not in ("", "0"):
        return
    _announced = True
    print(_LINE.format(often=often), file=sys.stderr, flush=True)


def _forget_depth() -> None:
    """A forked child compiles nothing, whatever its parent was doing."""
    global _depth
    _depth = 0


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_forget_depth)

"""The one thread pool.

Compiled kernels release the GIL, so plain threads are enough to use every core, and unlike a
compiled parallel loop they may be entered from several Python threads at once, which is what a
Keras data set with workers does.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import pairwise
from types import FrameType
from typing import Any

from numpy.typing import NDArray

from kaug._processors import available_processors

# Pieces per thread: enough that a thread which was held up does not hold up the others.
_PIECES_PER_THREAD = 4

_lock = threading.Lock()
_local = threading.local()
_pool: ThreadPoolExecutor | None = None
_pool_size = 0


class ForkSafeLock:
    """A lock that is free in a forked child, whatever thread of the parent held it."""

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Holds it for what is inside."""
        with self._lock:
            yield


def num_threads() -> int:
    """Number of threads `run` uses.

    Returns:
        The environment variable `KAUG_NUM_THREADS` if it is set, else the number of processors
        this process may use.

    Raises:
        ValueError: `KAUG_NUM_THREADS` is not a positive integer.
    """
    text = os.environ.get("KAUG_NUM_THREADS")
    if text is None:
        return available_processors()
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError(
            "The environment variable KAUG_NUM_THREADS must be a positive integer. "
            f"Received: KAUG_NUM_THREADS={text!r}. "
            "Set it to the number of threads wanted, such as KAUG_NUM_THREADS=4, or unset it to "
            "use every available processor."
        )
    return int(text)


def run(
    task: Callable[[int, int], object], count: int, *, grain: int = 1, most: int | None = None
) -> None:
    """Calls `task(start, stop)` on contiguous pieces that together cover `range(count)`.

    The pieces run on the pool and in the calling thread, which would otherwise only wait. They run
    in the calling thread alone with one thread, with a single piece, and within a piece of another
    run. How `range(count)` is cut depends on the number of threads, so a task's results must not
    depend on the cut.

    Args:
        task: Called with `0 <= start < stop <= count`, from several threads at once.
        count: Number of items; with 0, `task` is not called.
        grain: Fewest items that are worth handing to another thread.
        most: Most items of a piece, where they take long and not all alike; None for no limit.

    Raises:
        BaseException: Whatever a piece raised; the exception of the first such piece in order.
            All pieces have ended by then.
    """
    threads = num_threads()
    pieces = min(count // max(grain, 1), threads * _PIECES_PER_THREAD)
    if most is not None:
        pieces = max(pieces, -(-count // most))
    if threads == 1 or pieces < 2 or getattr(_local, "in_piece", False):
        if count > 0:
            task(0, count)
        return
    edges = [count * piece // pieces for piece in range(pieces + 1)]
    spans = iter(enumerate(pairwise(edges)))
    failed: dict[int, BaseException] = {}
    caller = sys._getframe(1)  # not this one, which would hold itself

    def work() -> None:
        _local.in_piece = True
        _local.asked = sys._getframe(), caller
        try:
            for number, (start, stop) in spans:  # each piece goes to whoever comes first
                try:
                    task(start, stop)
                except BaseException as error:
                    failed[number] = error
        finally:
            _local.in_piece = False
            _local.asked = None

    helpers = _submit(work, min(pieces, threads) - 1, threads)
    work()  # the calling thread takes its share
    wait(helpers)
    if failed:
        raise failed[min(failed)]


def caller_of(frame: FrameType) -> FrameType | None:
    """Returns who called a frame; where a thread of the pool begins, who asked for its piece."""
    asked = getattr(_local, "asked", None)
    return asked[1] if asked and frame is asked[0] else frame.f_back


def grain_of(rows: NDArray[Any], piece_bytes: int = 2**17) -> int:
    """Returns how many of the rows of an array are worth handing to another thread.

    Args:
        rows: What the threads write, `(M, …)`.
        piece_bytes: How much of it repays the handing over; less where a byte takes longer.
    """
    return rows_of(rows.shape[1:], rows.itemsize, piece_bytes)


def rows_of(shape: tuple[int, ...], itemsize: int, piece_bytes: int) -> int:
    """Returns how many rows of a shape, at least one, take no more than so many bytes."""
    return max(1, piece_bytes // max(1, itemsize * math.prod(shape)))


def _submit(work: Callable[[], object], count: int, threads: int) -> list[Future[object]]:
    """Submits all under the lock, so that no one shuts the pool down in between."""
    global _pool, _pool_size
    with _lock:
        if _pool is None or _pool_size != threads:
            if _pool is not None:
                _pool.shutdown(wait=False)
            _pool = ThreadPoolExecutor(threads, "kaug")
            _pool_size = threads
        return [_pool.submit(work) for _ in range(count)]


def _reset_after_fork() -> None:
    """Forgets the parent's pool, whose threads do not exist in the child, and its lock's state."""
    global _lock, _local, _pool, _pool_size
    _lock = threading.Lock()
    _local = threading.local()
    _pool = None
    _pool_size = 0


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_reset_after_fork)

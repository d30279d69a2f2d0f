"""The batch that comes next, made while the network is busy with the one before."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None


class Ahead:
    """Batches by number, of which the next one is begun where they are taken in their order."""

    def __init__(self) -> None:
        self._last = -1  # the number that was taken last
        self._begun: tuple[Any, Future[Any]] | None = None

    def __reduce__(self) -> tuple[type[Ahead], tuple[()]]:
        return Ahead, ()

    def take(self, number: int, count: int, epoch: int, make: Callable[[int, int], Any]) -> Any:
        """Returns what `make` makes of a number and an epoch, and begins with the next number.

        Args:
            number: Of the batch.
            count: How many batches there are.
            epoch: Of them.
            make: Called in another thread for the next one, if this number follows the last.
        """
        with _lock:
            begun, self._begun = self._begun, None
            in_order, self._last = number == self._last + 1, number
        # In a forked child nobody would ever finish what the parent began.
        found = begun is not None and begun[0] == (number, epoch, os.getpid())
        # What waits for its turn still is made here: images may be those of another such dataset,
        # so that the thread would wait for itself.
        ready = begun is not None and found and not begun[1].cancel()
        batch = begun[1].result() if begun is not None and ready else make(number, epoch)
        if in_order and number + 1 < count:
            with _lock:
                if self._begun is None:
                    what = (number + 1, epoch, os.getpid())
                    self._begun = (what, _submit(make, number + 1, epoch))
        return batch


def _submit(make: Callable[[int, int], Any], number: int, epoch: int) -> Future[Any]:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(1, "kaug-ahead")
    return _pool.submit(make, number, epoch)


def _reset_after_fork() -> None:
    """Forgets the parent's thread, which does not exist in the child, and its lock's state."""
    global _lock, _pool
    _lock, _pool = threading.Lock(), None


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_reset_after_fork)

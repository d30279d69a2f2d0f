"""A Keras progress bar that only shows for jobs long enough to wait for; lines in a log file."""

import os
import sys
import time
from typing import Any, Literal

Verbose = Literal["auto", 0, 1]
_PATIENCE = 2.0  # seconds
_LINE_EVERY = 10.0  # seconds, where lines stay, as in a log file


class Progress:
    """Counts rows and draws a Keras progress bar; where none can be drawn, it prints lines.

    Args:
        total: Number of rows of the whole job.
        verbose: 0 never, 1 always, `"auto"` once the job has taken more than two seconds.
    """

    def __init__(self, total: int, verbose: Verbose) -> None:
        self._total = total
        self._verbose = verbose
        # The bar looks best from the start, but a short job must not import Keras for it.
        self._bar = self._make_bar() if verbose == 1 or "keras" in sys.modules else None
        self._start = time.monotonic()

    def _make_bar(self) -> Any:
        if not _is_interactive():
            return _Lines(self._total, self)
        from keras.utils import Progbar

        progress = self

        class Bar(Progbar):
            """Keras' bar with images a second, beside the time left.

            What is overridden is Keras' own business. Should it be called otherwise one day, the
            bar shows the time for each image, and all else as before.
            """

            def _estimate_step_duration(self, current: int, now: float) -> float:
                del now
                return progress.seconds() / current if current else 0.0

            def _format_time(self, time_per_unit: float, unit_name: str) -> str:
                rate = 1 / time_per_unit if time_per_unit else 0.0
                return (
                    f" {rate:,.0f} {unit_name}s/s" if rate >= 10 else f" {rate:.2g} {unit_name}s/s"
                )

        return Bar(self._total, unit_name="image")

    def update(self, done: int) -> None:
        """Tells that `done` rows of the total are finished."""
        if not self._is_due():
            return
        if self._bar is None:
            begin = time.monotonic()
            self._bar = self._make_bar()
            self._start += time.monotonic() - begin  # importing Keras makes no images
        self._bar.update(done)

    def seconds(self) -> float:
        """Returns how long the job has taken so far."""
        return time.monotonic() - self._start

    def _is_due(self) -> bool:
        if self._verbose == "auto":
            return self.seconds() > _PATIENCE
        return self._verbose == 1


class _Lines:
    """Prints a line now and then, without the signs that move a cursor."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total, self._progress = total, progress
        self._last = 0.0

    def update(self, current: int) -> None:
        """Prints how far it is, if it is time."""
        seconds = self._progress.seconds()
        if current < self._total and seconds - self._last < _LINE_EVERY:
            return
        self._last = seconds
        rate = current / seconds if seconds else 0.0
        left = (self._total - current) / rate if rate else 0.0
        end = f"{left:.0f}s left" if current < self._total else f"{seconds:.0f}s"
        print(f"{current}/{self._total} {rate:,.0f} images/s {end}", flush=True)


def _is_interactive() -> bool:
    """Tells a terminal or a notebook from a file or a pipe."""
    is_terminal = getattr(sys.stdout, "isatty", bool)()
    return is_terminal or "ipykernel" in sys.modules or "PYCHARM_HOSTED" in os.environ

"""A Keras progress bar that only shows for jobs long enough to wait for."""

import sys
import time
from typing import Any, Literal

Verbose = Literal["auto", 0, 1]
_PATIENCE = 2.0  # seconds


class Progress:
    """Counts rows and draws a Keras progress bar.

    Args:
        total: Number of rows of the whole job.
        verbose: 0 never, 1 always, `"auto"` once the job has taken more than two seconds.
    """

    def __init__(self, total: int, verbose: Verbose) -> None:
        self._total = total
        self._verbose = verbose
        self._start = time.monotonic()
        # The bar measures its rate from here, but a short job must not import Keras for it.
        self._bar = self._make_bar() if verbose == 1 or "keras" in sys.modules else None

    def _make_bar(self) -> Any:
        from keras.utils import Progbar

        return Progbar(self._total, unit_name="image")

    def update(self, done: int) -> None:
        """Tells that `done` rows of the total are finished."""
        if self._is_due():
            self._bar = self._bar or self._make_bar()
            self._bar.update(done)

    def _is_due(self) -> bool:
        if self._verbose == "auto":
            return time.monotonic() - self._start > _PATIENCE
        return self._verbose == 1

"""Where a dataset is: its epoch, and which batches of it were given.

Both lie in memory that forked and spawned workers share, so that whoever sets the epoch sets it for
workers that live on, and batches that they make count as given.
"""

from multiprocessing.context import get_spawning_popen
from multiprocessing.sharedctypes import RawArray
from typing import Any

import numpy as np

_EPOCH_BYTES = 8


class Passes:
    """The epoch of a dataset, and what was given of it.

    Args:
        count: How many batches an epoch has.
        epoch: The current one.
    """

    def __init__(self, count: int, epoch: int = 0) -> None:
        self._begin_with(count, epoch)

    def _begin_with(self, count: int, epoch: int) -> None:
        self._map(RawArray("B", _EPOCH_BYTES + 1 + count))
        self.epoch = epoch

    def _map(self, memory: Any) -> None:
        self._memory = memory
        values = np.frombuffer(memory, np.uint8)
        self._epoch = values[:_EPOCH_BYTES].view(np.int64)
        self._counted = values[_EPOCH_BYTES : _EPOCH_BYTES + 1]
        self._given = values[_EPOCH_BYTES + 1 :]

    @property
    def epoch(self) -> int:
        """The current epoch; setting it begins its pass."""
        return int(self._epoch[0])

    @epoch.setter
    def epoch(self, value: int) -> None:
        self._epoch[0] = value
        self.begin()

    @property
    def counted(self) -> bool:
        """Whether a pass was counted, and nothing was asked for since, by any of the workers."""
        return bool(self._counted[0])

    @counted.setter
    def counted(self, value: bool) -> None:
        self._counted[0] = value

    @property
    def complete(self) -> bool:
        """Whether every batch of the epoch was given."""
        return bool(self._given.all()) and len(self._given) > 0

    def begin(self) -> None:
        """Forgets what was given."""
        self._given[:] = 0

    def give(self, number: int) -> None:
        """Notes that a batch is given."""
        self._given[number] = 1

    def __getstate__(self) -> dict[str, Any]:
        """Returns the memory for a process that is being started, which shares it; else numbers."""
        if get_spawning_popen() is None:
            return {"count": len(self._given), "epoch": self.epoch}
        return {"memory": self._memory}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "memory" in state:
            self._map(state["memory"])
        else:
            self._begin_with(**state)

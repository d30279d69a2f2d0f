"""Which rows an epoch has, in which order, and by which numbers they are drawn."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from kaug._draw.keys import Key, check_rows, permutation
from kaug._sampling import check_sampling, choice_of, choosing_key, classes_to_balance, times_before
from kaug._types import Rows
from kaug._validation import check_integer, message

# Epochs are the children 0..2³²-1 of a seed's key, and 2⁶² names what is sampled.
_SHUFFLING_STREAM = 2**62 + 1


class RowsOfEpochs:
    """The rows of every epoch, as many as the dataset has, a function of the seed and the epoch.

    The numbers are those of the draws. A row that comes for the first time has its own number
    `0..N-1`, and `N` more each time that it comes again in the same epoch.

    Args:
        sampling: As for `AugmentedDataset`.
        count: How many rows the dataset has, N.
        seed: Of all draws.
        shuffle: Whether every epoch has an order of its own, or the rows come in that of `x`.
        labels: Class labels, for `"balanced"`.
    """

    def __init__(self, sampling: Any, count: int, seed: int, *, shuffle: bool, labels: Any) -> None:
        self._sampling = check_sampling(sampling, count)
        self._count, self._seed, self._shuffle = count, seed, shuffle
        self._classes = classes_to_balance(self._sampling, labels)

    @property
    def name(self) -> str:
        """What rows are sampled by."""
        return self._sampling if isinstance(self._sampling, str) else "weights"

    def part(self, epoch: int, start: int, stop: int) -> tuple[Rows, Rows]:
        """Returns a part of an epoch: the source row of each place, and its number."""
        if self.name != "cycle":
            numbers = _sampled(self, epoch)[start:stop]
            return numbers % self._count, numbers
        stop = min(stop, self._count)
        shuffled = self._shuffle
        rows = self._order(epoch)[start:stop] if shuffled else np.arange(start, stop)
        return rows, rows

    def checked_number(self, number: Any, epoch: int) -> int:
        """Returns the number of a row that an epoch has, or says why it is none."""
        count = self._count
        if self.name == "cycle":
            return check_integer(number, "number", maximum=count - 1)
        chosen = check_integer(number, "number")
        before, row = divmod(chosen, count)
        times = int(np.count_nonzero(_sampled(self, epoch) % count == row))
        if before >= times:
            rule = (
                "`number` must be that of a row which the epoch has: the row in `x`, and "
                f"{count} more for each time that it came before"
            )
            received = f"number={chosen}, while epoch {epoch} has row {row} {times} times"
            raise ValueError(message(rule, received))
        return chosen

    def _order(self, epoch: int) -> Rows:
        return _order(self._seed, epoch, self._count)

    def _sample(self, epoch: int) -> Rows:
        """Returns the numbers of an epoch in their order.

        Its rows are the next N that `augment_dataset(…, append=False)` would choose.
        """
        count = self._count
        key = choosing_key(self._seed)
        choice = choice_of(self._sampling, count, key, classes=self._classes, append=False)
        rows = choice(np.arange(epoch * count, (epoch + 1) * count))
        rows = rows[self._order(epoch)] if self._shuffle else np.sort(rows)
        return check_rows(rows + count * times_before(rows))


@lru_cache(maxsize=4)
def _sampled(rows: RowsOfEpochs, epoch: int) -> Rows:
    """Returns the numbers of an epoch; kept, since every batch takes its part of them."""
    numbers = rows._sample(epoch)
    numbers.flags.writeable = False
    return numbers


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, count: int) -> Rows:
    """Returns the rows in the order of an epoch; kept, since every batch takes its part of it."""
    order = permutation(Key.from_seed(seed).child(_SHUFFLING_STREAM).child(epoch), count)
    order.flags.writeable = False
    return order

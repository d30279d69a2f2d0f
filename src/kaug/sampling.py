"""Which source row each augmented row is made from.

All three plans have the prefix property: the first `m` entries do not depend on how many follow.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._random import Draws, Key, permutation
from kaug.targets import class_numbers

SAMPLING = ("random", "cycle", "balanced")


def source_rows(
    sampling: str,
    count: int,
    numbers: NDArray[np.int64],
    key: Key,
    *,
    y: Any = None,
    append: bool = True,
) -> NDArray[np.int64]:
    """Returns the source row of each of the augmented rows `numbers`, int64 `(M,)`.

    Args:
        sampling: `"random"` draws with replacement; `"cycle"` goes through all rows in a shuffled
            order, again and again; `"balanced"` adds to the class that has fewest rows so far.
        count: Number of source rows.
        numbers: Which augmented rows, int64 `(M,)` from 0 on; none when `count` is 0.
        key: Names the random stream.
        y: Labels, for `"balanced"`.
        append: Whether the source rows are part of the result that is to be balanced.
    """
    if sampling == "random":
        return Draws(key, numbers).integers(count)
    n = int(numbers.max()) + 1 if len(numbers) else 0
    if sampling == "cycle":
        return _cycle(np.arange(count), n, key)[numbers]
    return _balanced(class_numbers(y), n, key, append=append)[numbers]


def _cycle(rows: NDArray[np.int64], n: int, key: Key) -> NDArray[np.int64]:
    rounds = -(-n // len(rows)) if n else 0
    orders = [rows[permutation(key.child(turn), len(rows))] for turn in range(rounds)]
    return np.concatenate([rows[:0], *orders])[:n]


def _balanced(classes: NDArray[np.int64], n: int, key: Key, *, append: bool) -> NDArray[np.int64]:
    """Adds each row to the class that is smallest at that moment; ties go to the first class."""
    present, sizes = np.unique(classes, return_counts=True)
    added = _fill_to_level(sizes if append else np.zeros_like(sizes), n)
    levels, rows = [], []
    for number, size, more in zip(present, sizes, added, strict=True):
        members = np.flatnonzero(classes == number)
        rows.append(_cycle(members, int(more), key.child(int(number))))
        levels.append(np.arange(more) + (size if append else 0))
    # Stable: within a level, classes keep their order.
    order = np.argsort(np.concatenate([*levels, np.empty(0, np.int64)]), kind="stable")
    return np.concatenate([*rows, np.empty(0, np.int64)])[order].astype(np.int64)


def _fill_to_level(sizes: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Returns how many to add to each size so that `n` are added and the results are level."""
    added = np.zeros(len(sizes), np.int64)
    if not n:
        return added
    ascending = np.sort(sizes)
    # Adding to the k smallest until they reach the next size costs this much.
    costs = ascending * np.arange(1, len(sizes) + 1) - np.cumsum(ascending)
    filled = int(np.searchsorted(costs, n, side="right"))
    level, rest = divmod(n + int(ascending[:filled].sum()), filled)
    added = np.maximum(level - sizes, 0)
    lowest = np.flatnonzero(sizes <= level)[:rest]
    added[lowest] += 1
    return added

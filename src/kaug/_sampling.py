"""Which source row each augmented row is made from.

Whatever the plan, an entry depends on its number alone, so any of them can be made without the
others, and the first `m` do not depend on how many follow.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from kaug._draw.draws import Draws
from kaug._draw.keys import Key, permutation
from kaug._targets.structures import class_numbers
from kaug._types import Rows

RowChoice = Callable[[Rows], Rows]

SAMPLING = ("random", "cycle", "balanced")


def choice_of(
    sampling: str, count: int, key: Key, *, y: Any = None, append: bool = True
) -> RowChoice:
    """Returns a function from numbers of augmented rows to the source row of each.

    It takes and returns int64 `(M,)`, and holds up to a few times 8 bytes for each source row,
    however many rows are made from them. Numbers that follow each other are best asked for in their
    order.

    Args:
        sampling: `"random"` draws with replacement; `"cycle"` goes through all rows in a shuffled
            order, again and again; `"balanced"` adds to the class that has fewest rows so far.
        count: Number of source rows; without any, no row can be asked for.
        key: Names the random stream.
        y: Labels, for `"balanced"`.
        append: Whether the source rows are part of the result that is to be balanced.
    """
    if sampling == "random":
        return lambda numbers: Draws(key, numbers).integers(count)
    if sampling == "cycle":
        return _Cycle(None, count, key)
    classes = class_numbers(y, 'Pass sampling="random" or "cycle" for labels that are no classes.')
    return _Balanced(classes, key, append=append)


class _Cycle:
    """Goes through rows in an order, then in another one, and so on.

    Args:
        members: The rows; None takes `0..count-1`.
        count: How many they are.
        key: Names the random stream.
    """

    def __init__(self, members: Rows | None, count: int, key: Key) -> None:
        self._members, self._count, self._key = members, count, key
        self._turn, self._order = -1, np.empty(0, np.int64)

    def __call__(self, numbers: Rows) -> Rows:
        turns, places = np.divmod(numbers, self._count)
        result = np.empty_like(numbers)
        for turn, part in _groups(turns):
            result[part] = self._order_of(turn)[places[part]]
        return result if self._members is None else self._members[result]

    def _order_of(self, turn: int) -> Rows:
        """Returns the order of one turn; the last one is kept, since the next rows need it too."""
        if turn != self._turn:
            self._order = np.empty(0, np.int64)  # not two of them at a time
            self._order = permutation(self._key.child(turn), self._count)
            self._turn = turn
        return self._order


class _Balanced:
    """Adds each row to the class that is smallest at that moment; ties go to the first class.

    Args:
        classes: The class of each source row.
        key: Names the random stream.
        append: Whether the source rows count.
    """

    def __init__(self, classes: Rows, key: Key, *, append: bool) -> None:
        self._present, counts = np.unique(classes, return_counts=True)
        self._members = np.argsort(classes, kind="stable")  # those of one class after the other
        self._ends = np.cumsum(counts)
        self._sizes = counts if append else np.zeros_like(counts)
        self._key = key
        self._cycles: dict[int, _Cycle] = {}

    def __call__(self, numbers: Rows) -> Rows:
        places, occurrences = self._places(numbers)
        result = np.empty_like(numbers)
        for place, part in _groups(places):
            result[part] = self._cycle(place)(occurrences[part])
        return result

    def _places(self, numbers: Rows) -> tuple[Rows, Rows]:
        """Returns the place of each row's class among the classes, and how many it got before.

        At each level from the smallest size on, every class that is not above it gets one row.
        """
        by_size = np.argsort(self._sizes)
        ascending = self._sizes[by_size]
        # Adding to the k smallest until they reach the next size takes this many rows.
        costs = ascending * np.arange(1, len(ascending) + 1) - np.cumsum(ascending)
        filled = np.searchsorted(costs, numbers, side="right")
        levels, rests = np.divmod(numbers - costs[filled - 1], filled)
        levels += ascending[filled - 1]
        places = np.empty_like(numbers)
        for width, part in _groups(filled):
            places[part] = np.sort(by_size[:width])[rests[part]]
        return places, levels - self._sizes[places]

    def _cycle(self, place: int) -> _Cycle:
        if place not in self._cycles:
            end = int(self._ends[place])
            begin = int(self._ends[place - 1]) if place else 0
            key = self._key.child(int(self._present[place]))
            self._cycles[place] = _Cycle(self._members[begin:end], end - begin, key)
        return self._cycles[place]


def _groups(values: Rows) -> Iterator[tuple[int, Rows]]:
    """Yields each of the values, ascending, with the places where it stands."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    begins = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
    for part in np.split(order, begins[1:]) if len(order) else ():
        yield int(values[part[0]]), part

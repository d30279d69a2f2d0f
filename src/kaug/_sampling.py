"""Which source row each augmented row is made from.

Whatever the plan, an entry depends on its number alone, so any of them can be made without the
others, and the first `m` do not depend on how many follow.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from kaug._draw.draws import Draws
from kaug._draw.keys import Key, check_rows, permutation
from kaug._targets.structures import check_finite, class_numbers
from kaug._types import Array, Floats, Rows
from kaug._validation import as_array, check_choice, check_length, describe, message

RowChoice = Callable[[Rows], Rows]

SAMPLING = ("random", "cycle", "balanced")
# Epochs are the children 0..2³²-1 of a seed's key; this one is none of them.
_CHOOSING_STREAM = 2**62


def choosing_key(seed: int) -> Key:
    """Returns the key of what chooses rows."""
    return Key.from_seed(seed).child(_CHOOSING_STREAM)


def check_sampling(sampling: Any, count: int) -> str | Floats:
    """Returns the name of a plan, or the weights `(N,)` of the rows, which add up to 1.

    Raises:
        TypeError: Weights are not real numbers.
        ValueError: It is no name of a plan, or there are not `count` finite weights of 0 or more
            with one above 0.
    """
    if sampling is None or isinstance(sampling, str):
        return check_choice(sampling, "sampling", SAMPLING)
    weights = as_array(sampling, "sampling")
    rule = "`sampling` must be the name of a plan, or a weight of 0 or more for each row of `x`"
    if weights.dtype.kind not in "iufb" or weights.ndim != 1:
        raise TypeError(message(rule, describe(weights), f"The names are {', '.join(SAMPLING)}."))
    check_length(weights, "sampling", count)
    check_finite(weights, "sampling", "To leave out a row, give it the weight 0.")
    least, most = (weights.min(), weights.max()) if count else (0, 0)
    if least < 0 or most <= 0:
        raise ValueError(message(f"{rule}, not all 0", f"weights of {least}..{most}"))
    shares = weights.astype(np.float64) / float(most)  # or large ones could not be added up
    return np.asarray(shares / shares.sum())


def classes_to_balance(sampling: str | Floats, labels: Any) -> Rows | None:
    """Returns the class of each row, where rows are chosen by it."""
    if isinstance(sampling, str) and sampling == "balanced":
        fix = 'Pass sampling="random" or "cycle" for labels that are no classes.'
        return class_numbers(labels, fix)
    return None


def choice_of(
    sampling: str | Floats,
    count: int,
    key: Key,
    *,
    classes: Rows | None = None,
    append: bool = True,
) -> RowChoice:
    """Returns a function from numbers of augmented rows to the source row of each.

    It takes and returns int64 `(M,)`, and holds up to a few times 8 bytes for each source row,
    however many rows are made from them. Numbers that follow each other are best asked for in their
    order.

    Args:
        sampling: `"random"` draws with replacement; `"cycle"` goes through all rows in a shuffled
            order, again and again; `"balanced"` adds to the class that has fewest rows so far;
            weights `(N,)` draw rows with replacement, each as likely as its share of their sum.
        count: Number of source rows; without any, no row can be asked for.
        key: Names the random stream.
        classes: Numbers of the classes, for `"balanced"`; see `classes_to_balance`.
        append: Whether the source rows are part of the result that is to be balanced.
    """
    if not isinstance(sampling, str):
        return _Weighted(sampling, key)
    if sampling == "random":
        return lambda numbers: Draws(key, numbers).integers(count)
    if classes is None:
        return _Cycle(None, count, key)
    return _Balanced(classes, key, append=append)


class _Weighted:
    """Draws rows with replacement, each as likely as its share of the weights.

    Args:
        weights: One for each row, 0 or more, not all 0.
        key: Names the random stream.
    """

    def __init__(self, weights: Array, key: Key) -> None:
        edges = np.cumsum(weights)
        self._edges, self._key = edges / edges[-1], key

    def __call__(self, numbers: Rows) -> Rows:
        high, low = self._key.words(check_rows(numbers), 0).astype(np.uint64)
        # All bits that a float in [0, 1) has: shares of many rows are small.
        places = (high << np.uint64(21) | low >> np.uint64(11)) * 2.0**-53
        # To the right of an edge, so that a row without weight has no place.
        return np.asarray(np.searchsorted(self._edges, places, side="right"), np.int64)


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


def times_before(rows: Rows) -> Rows:
    """Returns for each place how often its row came before."""
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    begins = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
    times = np.empty_like(rows)
    times[order] = np.arange(len(rows)) - np.repeat(begins, np.diff(begins, append=len(rows)))
    return times

"""Splits of rows that have several labels each, so that every label keeps its share.

By iterative stratification (Sechidis, Tsoumakas and Vlahavas, "On the stratification of multi-label
data", ECML PKDD 2011, doi:10.1007/978-3-642-23808-6_10): the label that the fewest of the rows left
have comes first, since later nothing could be done for it, and each of its rows goes to the side
that still lacks most of it. Where that leaves a label further than a row from its share, rows are
swapped afterwards.
"""

import numpy as np
from numpy.typing import NDArray

from kaug._draw.keys import Key, permutation
from kaug._sampling import times_before
from kaug._types import Array, Floats, Rows

Flags = NDArray[np.bool_]

_CANDIDATES = 256  # sets of labels that are tried on each side for the next swap
_ROUNDING = 1e-6  # what is nearer to a number of rows is that number


def choose_multi_label(labels: Array, total: int, key: Key) -> Flags:
    """Returns which rows are for validation, bool `(N,)`.

    Args:
        labels: Rows of 0 and 1, `(N, K)`.
        total: How many rows go to validation, 1..N-1.
        key: Names the random stream.
    """
    flags = labels != 0
    order = permutation(key, len(flags))
    # Those that have none of the labels keep their share as well.
    flags = np.column_stack([flags, ~flags.any(axis=1)])[order]
    sets, kind = _sets_of(flags)
    chosen = _assigned(flags, total)
    held = _swapped(sets, kind, chosen)
    result = np.empty(len(flags), np.bool_)
    # Rows with the same labels are as good as each other: the first ones of a random order.
    result[order] = times_before(kind) < held[kind]
    return result


def _sets_of(flags: Flags) -> tuple[Flags, Rows]:
    """Returns the different rows, and which of them each row is."""
    packed = np.packbits(flags, axis=1)
    _, first, kind = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    return flags[first], kind.reshape(-1)


def _assigned(flags: Flags, total: int) -> Flags:
    """Returns which rows go to validation, the rarest label first."""
    count = len(flags)
    numbers = flags.astype(np.int64)
    left = numbers.sum(axis=0)  # rows of each label that are on neither side
    wanted = left * total / count  # how many of them validation lacks
    open_rows, chosen = np.ones(count, np.bool_), np.zeros(count, np.bool_)
    places, rest = total, count
    while rest:
        label = int(np.where(left > 0, left, count + 1).argmin())
        for row in np.flatnonzero(flags[:, label] & open_rows):
            lacks = 2 * wanted[label] - left[label] or 2 * places - rest
            chosen[row] = places > 0 and (lacks > 0 or places == rest)
            open_rows[row] = False
            left -= numbers[row]
            rest -= 1
            if chosen[row]:
                wanted -= numbers[row]
                places -= 1
    return chosen


def _swapped(sets: Flags, kind: Rows, chosen: Flags) -> Rows:
    """Returns how many rows of each set of labels validation holds after swaps with the other side.

    Each swap makes the sum of squares of what labels have too many or too few smaller. The last one
    is that which brings all labels within a row of their shares, or after which none is a gain.
    """
    sizes = np.bincount(kind, minlength=len(sets))
    held = np.bincount(kind[chosen], minlength=len(sets))
    values = sets.astype(np.float64)
    lengths = values.sum(axis=1)
    off = (held - sizes * chosen.mean()) @ values
    while np.abs(off).max() > 1 - _ROUNDING:
        slopes = 2 * values @ off
        leaving = _least(lengths - slopes, held > 0)
        coming = _least(lengths + slopes, held < sizes)
        change = (lengths - slopes)[leaving, np.newaxis] + (lengths + slopes)[coming]
        change -= 2 * values[leaving] @ values[coming].T
        one, other = np.unravel_index(change.argmin(), change.shape)
        if change[one, other] > -_ROUNDING:
            break
        one, other = leaving[one], coming[other]
        held[one] -= 1
        held[other] += 1
        off += values[other] - values[one]
    return np.asarray(held)


def _least(costs: Floats, allowed: Flags) -> Rows:
    """Returns the numbers of the least costs among those allowed."""
    numbers = np.flatnonzero(allowed)
    return numbers[np.argsort(costs[numbers], kind="stable")[:_CANDIDATES]]

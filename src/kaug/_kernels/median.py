"""Medians of squares of pixels.

A network of comparators, each of which puts two samples in order, finds them without asking any
sample anything: the same instructions do it for a vector of neighbouring pixels at once. It is
Batcher's merge sort, odd and even by turns (1968, doi:10.1145/1468075.1468121): the columns of a
square are sorted first, once for all squares that share them, then merged; of all comparators
those are left on which the one in the middle depends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.extending import overload
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.edges import NEAREST, copy_beyond
from kaug._kernels.emitter import Emitter, Line, in_vectors

SIZES = (3, 5, 7)
# How many bytes of neighbouring pixels are worked on at once.
_LANE_BYTES = 64
# Bytes of sorted columns at once, so that they stay in the second-level cache.
_BAND = 1 << 17

_Array = NDArray[Any]
_Comparators = list[tuple[int, int]]


def _sorted(places: list[int], comparators: _Comparators) -> list[int]:
    """Returns places in the order of what they hold after some more comparators."""
    half = len(places) // 2
    if not half:
        return places
    first, second = (_sorted(part, comparators) for part in (places[:half], places[half:]))
    return _merged(first, second, comparators)


def _merged(first: list[int], second: list[int], comparators: _Comparators) -> list[int]:
    """Returns the places of two that are in order, merged by some more comparators."""
    if not first or not second:
        return first or second
    if len(first) == len(second) == 1:
        comparators.append((first[0], second[0]))
        return first + second
    even = _merged(first[::2], second[::2], comparators)
    odd = _merged(first[1::2], second[1::2], comparators)
    merged = even[:1]
    pairs = list(zip(odd, even[1:], strict=False))
    for pair in pairs:
        comparators.append(pair)
        merged += pair
    return merged + even[1 + len(pairs) :] + odd[len(pairs) :]


def _network(size: int) -> tuple[_Comparators, int]:
    """Returns what merges sorted columns as far as their median needs it, and where that is then.

    The sample of rank `r` in column `c` is at place `c * size + r`.
    """
    columns = [[column * size + rank for rank in range(size)] for column in range(size)]
    comparators: _Comparators = []
    while len(columns) > 1:
        pairs = zip(columns[::2], columns[1::2], strict=False)
        alone = columns[len(columns) // 2 * 2 :]
        columns = [_merged(*pair, comparators) for pair in pairs] + alone
    middle = columns[0][size * size // 2]
    needed, kept = {middle}, []
    for comparator in reversed(comparators):
        if not needed.isdisjoint(comparator):
            needed.update(comparator)
            kept.append(comparator)
    return kept[::-1], middle


def _in_order(emitter: Emitter, vectors: list[ir.Value], comparators: _Comparators) -> None:
    """Puts lanes of vectors in order; what nobody reads in the end, LLVM leaves out."""
    builder = emitter.builder
    for low, high in comparators:
        a, b = vectors[low], vectors[high]
        if isinstance(a.type.element, ir.IntType):
            below, above = builder.icmp_unsigned("<", a, b), builder.icmp_unsigned(">", a, b)
        else:
            below, above = builder.fcmp_ordered("<", a, b), builder.fcmp_ordered(">", a, b)
        vectors[low], vectors[high] = builder.select(below, a, b), builder.select(above, a, b)


def _column_sorter(size: int) -> Any:
    """Makes what sorts columns of `size` samples, as many as there are lanes.

    It takes the samples; where the first ones are, and how far below each other; where the least of
    them go, and how far from each other those of the next rank do.
    """
    comparators: _Comparators = []
    order = _sorted(list(range(size)), comparators)

    def plain(rows: _Array, k: int, down: int, ranks: _Array, pitch: int) -> None:
        for lane in range(_LANE_BYTES // rows.itemsize):
            column = np.empty(size, rows.dtype)
            for r in range(size):
                column[r] = rows[k + lane + r * down]
            column.sort()
            for r in range(size):
                ranks[k + lane + r * pitch] = column[r]

    @in_vectors(plain)
    def sort_columns(
        emitter: Emitter, rows: Line, k: Any, down: Any, ranks: Line, pitch: Any
    ) -> None:
        builder, lanes = emitter.builder, _LANE_BYTES // rows.width
        starts = [builder.add(k, emitter.times(down, r)) for r in range(size)]
        vectors = [emitter.load(rows, start, lanes) for start in starts]
        _in_order(emitter, vectors, comparators)
        for rank, place in enumerate(order):
            emitter.store(vectors[place], ranks, builder.add(k, emitter.times(pitch, rank)))

    return sort_columns


def _median_finder(size: int) -> Any:
    """Makes what finds medians of `size` sorted columns each, as many as there are lanes.

    It takes the samples by their ranks; how far these are from each other; where the first column
    is, and how far from each other the columns are; and where the medians go.
    """
    comparators, middle = _network(size)

    def plain(ranks: _Array, pitch: int, k: int, step: int, medians: _Array) -> None:
        square = np.empty(size * size, ranks.dtype)
        for lane in range(_LANE_BYTES // ranks.itemsize):
            for place in range(size * size):
                column, rank = place // size, place % size
                square[place] = ranks[rank * pitch + k + lane + column * step]
            square.sort()
            medians[k + lane] = square[size * size // 2]

    @in_vectors(plain)
    def find_medians(
        emitter: Emitter, ranks: Line, pitch: Any, k: Any, step: Any, medians: Line
    ) -> None:
        builder, lanes = emitter.builder, _LANE_BYTES // ranks.width
        vectors = []
        for place in range(size * size):
            column, rank = divmod(place, size)
            start = builder.add(emitter.times(pitch, rank), emitter.times(step, column))
            vectors.append(emitter.load(ranks, builder.add(k, start), lanes))
        _in_order(emitter, vectors, comparators)
        emitter.store(vectors[middle], medians, k)

    return find_medians


def _by_size(make: Callable[[int], Any]) -> Callable[..., Any]:
    """Makes a function of kernels of what makes it for a size.

    That is the length of its first argument, a tuple, and so known when it is compiled.
    """

    def chosen(square: Any, *others: Any) -> Any: ...

    made = {size: make(size) for size in SIZES}

    def choose(square: Any, *_: Any) -> Any:
        of_size = made[len(square)]
        return lambda _square, a, b, c, d, e: of_size(a, b, c, d, e)

    overload(chosen, strict=False)(choose)
    chosen.__name__, chosen.__doc__ = make.__name__, make.__doc__
    return chosen


_sort_columns, _find_medians = _by_size(_column_sorter), _by_size(_median_finder)


def median(images: _Array, size: int, out: _Array) -> None:
    """Writes the median of the square around each pixel into `out`, channel by channel.

    Beyond its edges a picture goes on with its outermost pixels, `a a a a | a b c d | d d d d`.

    Args:
        images: `(M, H, W, C)`, C-contiguous, unsigned integers or floats without NaN.
        size: Side of the squares, one of `SIZES`.
        out: Like `images`.
    """
    _write_medians(images, (0,) * size, out)


@jit
def _write_medians(images: _Array, square: tuple[int, ...], out: _Array) -> None:
    count, height, width, channels = images.shape
    size, lanes = len(square), _LANE_BYTES // images.itemsize
    radius = size // 2
    row, long = width * channels, (width + 2 * radius) * channels
    band = max(1, min(height, _BAND // (long * size * images.itemsize)))
    pitch = long * band + lanes + 2 * radius * channels  # vectors may reach beyond the end
    rows = np.zeros(pitch + 2 * radius * long, images.dtype)
    ranks, medians = np.zeros(pitch * size, images.dtype), np.empty(pitch, images.dtype)
    for i in range(count):
        target = out[i].reshape(-1)
        for first in range(0, height, band):
            stop = min(first + band, height)
            copy_beyond(images[i], first - radius, stop + radius, radius, NEAREST, rows)
            used = (stop - first) * long
            for k in range(0, used, lanes):
                _sort_columns(square, rows, k, long, ranks, pitch)
            for k in range(0, used, lanes):
                _find_medians(square, ranks, pitch, k, channels, medians)
            for r in range(stop - first):
                start, place = np.uint64(r * long), np.uint64((first + r) * row)
                for k in range(np.uint64(row)):
                    target[place + k] = medians[start + k]

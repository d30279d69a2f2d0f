"""Vectors written by hand, where LLVM makes none of a loop by itself.

It does not vectorise loads from computed addresses, nor keep a vector of sums in registers through
a loop, nor turn a copy into the block copies and shuffles that a processor has. So that is spelled
out here. Every lane does exactly what the plain text does for a single sample, and nothing is
contracted: no bit shows which of them computed it.

All arrays are flat and C-contiguous, and all places in them count elements.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numpy.typing import NDArray

from kaug._kernels.emitter import Emitter, Line, in_vectors
from kaug._kernels.samples import by_dtype, rounded

# How many pixels are reversed at once.
PIXELS = 16
# How many bytes of sums are made at once.
LANE_BYTES = 128

_Array = NDArray[Any]


# Copies.


def _copy(source: _Array, offset: int, target: _Array, position: int, count: int) -> None:
    for k in range(count):
        target[position + k] = source[offset + k]


@in_vectors(_copy)
def copy_elements(
    emitter: Emitter, source: Line, offset: Any, target: Line, position: Any, count: Any
) -> None:
    """Copies `source[offset:offset + count]` to `target[position:]`."""
    start = emitter.pointer(source, offset, source.element)
    end = emitter.pointer(target, position, target.element)
    cgutils.raw_memcpy(emitter.builder, end, start, count, source.width)


def _reverse(channels: int) -> Any:
    """Makes what copies `PIXELS` pixels, from `offset` on, in reverse order."""

    def plain(source: _Array, offset: int, target: _Array, position: int) -> None:
        for k in range(PIXELS):
            for channel in range(channels):
                pixel = offset + (PIXELS - 1 - k) * channels
                target[position + k * channels + channel] = source[pixel + channel]

    @in_vectors(plain)
    def reverse(emitter: Emitter, source: Line, offset: Any, target: Line, position: Any) -> None:
        lanes = np.arange(PIXELS * channels).reshape(PIXELS, channels)[::-1].ravel()
        pixels = emitter.load(source, offset, len(lanes))
        emitter.store(emitter.choose(lanes.tolist(), pixels), target, position)

    return reverse


reverse_one_channel = _reverse(1)
reverse_three_channels = _reverse(3)


# The bilinear blend of neighbours.


def _blend(pixels: int, channels: int) -> Any:
    """Makes what blends all `channels` of some `pixels`.

    With `v` and `w` the weights of the lower and of the right neighbours, a sample is
    `(1 - v) * ((1 - w) * a + w * b) + v * ((1 - w) * c + w * d)`, in the precision of the weights.
    Unlike `a + w * (b - a)` it is exact at both ends, and stays within [0, 1] if the pixels do.

    It takes the source; where in it the upper left neighbour of every output pixel is; the channel
    to start at; how many elements away the right and the lower neighbours are; the weights; the
    first output pixel `k`; the target, and where in it the samples go.
    """

    def plain(
        source: _Array, offsets: _Array, channel: int, right: int, below: int,
        lower: _Array, rightward: _Array, k: int, target: _Array, position: int,
    ) -> None:  # fmt: skip
        kind = lower.dtype.type
        for pixel in range(pixels):
            v, w = lower[k + pixel], rightward[k + pixel]
            for c in range(channels):
                a = int(offsets[k + pixel]) + channel + c
                b, c, d = a + right, a + below, a + below + right
                upper = (kind(1) - w) * kind(source[a]) + w * kind(source[b])
                under = (kind(1) - w) * kind(source[c]) + w * kind(source[d])
                total = (kind(1) - v) * upper + v * under
                target[position] = rounded(target, total)
                position += 1

    @in_vectors(plain)
    def blend(
        emitter: Emitter, source: Line, offsets: Line, channel: Any, right: Any, below: Any,
        lower: Line, rightward: Line, k: Any, target: Line, position: Any,
    ) -> None:  # fmt: skip
        builder = emitter.builder
        left = []
        for pixel in range(pixels):
            offset = emitter.load_one(offsets, emitter.add(k, pixel))
            upper = builder.add(builder.zext(offset, k.type), channel)
            left.append((upper, builder.add(upper, below)))
        weights = [emitter.load(line, k, pixels) for line in (lower, rightward)]
        if pixels > 1:
            rows = [
                [emitter.load(source, start, 2) for start in row] for row in zip(*left, strict=True)
            ]
            sides = [range(side, 2 * pixels, 2) for side in (0, 1)]
            neighbours = [
                emitter.choose(side, row) for row in map(emitter.join, rows) for side in sides
            ]
        elif channels > 1:
            # A fourth lane is loaded, whatever comes next. Only behind the lower right neighbour
            # the image may end: that one is loaded from one element earlier on.
            (upper, under), lanes = left[0], channels + 1
            starts = [upper, emitter.add(upper, 3), under, emitter.add(under, 2)]
            neighbours = [emitter.load(source, start, lanes) for start in starts]
            neighbours[3] = emitter.choose([1, 2, 3, 3], neighbours[3])
            weights = [emitter.choose([0] * lanes, weight) for weight in weights]
        else:
            starts = [place for start in left[0] for place in (start, builder.add(start, right))]
            neighbours = [emitter.load(source, start, 1) for start in starts]
        whole = isinstance(source.element, ir.IntType)
        if whole:
            neighbours = [builder.uitofp(neighbour, weights[0].type) for neighbour in neighbours]
        full = emitter.constant(weights[0].type, 1.0)
        down, across = ([builder.fsub(full, weight), weight] for weight in weights)
        rows = [emitter.mix(neighbours[side : side + 2], across) for side in (0, 2)]
        total = emitter.mix(rows, down)
        if whole:
            kind = ir.VectorType(target.element, total.type.count)
            total = builder.trunc(emitter.round(total), kind)
        emitter.store(total, target, position)

    return blend


# One channel; neighbours may coincide: `right` or `below` may be 0.
blend_sample = _blend(1, 1)
# In an image of at least 2 × 2 pixels. May write a fourth sample, so it is to be called in
# ascending order and not for a target's last pixel.
blend_three_channels = _blend(1, 3)
# In an image of at least 2 × 2 pixels.
blend_eight_pixels = _blend(8, 1)


# Neighbours on a line of floats, mixed by weights of their own.


def _mix(pixels: int, channels: int) -> Any:
    """Makes what mixes the neighbours of several pixels, in eight lanes.

    It takes the line; where on it the left neighbour of each pixel starts; the weights, eight for
    the left neighbours of a group of pixels, then eight for the right ones, and so on; the number
    of the group; the result, and where in it the group goes. Of three channels it may write two
    samples more, and reads one more.
    """
    lanes = 8 // pixels

    def plain(
        line: _Array, starts: _Array, shares: _Array, group: int, out: _Array, place: int
    ) -> None:
        for pixel in range(pixels):
            for channel in range(channels):
                here = starts[pixels * group + pixel] + channel
                share = 16 * group + lanes * pixel + channel
                total = shares[share] * line[here] + shares[share + 8] * line[here + channels]
                out[place + channels * pixel + channel] = rounded(out, total)

    @in_vectors(plain)
    def mix(
        emitter: Emitter, line: Line, starts: Line, shares: Line, group: Any, out: Line, place: Any
    ) -> None:
        builder, first = emitter.builder, emitter.times(group, pixels)
        left = [emitter.load_one(starts, emitter.add(first, pixel)) for pixel in range(pixels)]
        if channels == 1:
            pairs = emitter.join([emitter.load(line, start, 2) for start in left])
            sides = [emitter.choose(range(side, 16, 2), pairs) for side in (0, 1)]
        else:
            sides = [
                emitter.join(
                    [emitter.load(line, emitter.add(start, step), lanes) for start in left]
                )
                for step in (0, channels)
            ]
        share = emitter.times(group, 16)
        weights = [emitter.load(shares, emitter.add(share, half), 8) for half in (0, 8)]
        mixed = emitter.mix(sides, weights)
        kept = [lane for lane in range(8) if lane % lanes < channels]
        kept += [kept[-1]] * (8 - len(kept))
        if isinstance(out.element, ir.IntType):
            # The lowest byte of every lane. Shuffling those costs less than a truncation.
            mixed = emitter.round(mixed)
            halves = [emitter.choose(range(half, half + 4), mixed) for half in (0, 4)]
            halves = [builder.bitcast(half, ir.VectorType(out.element, 16)) for half in halves]
            mixed = emitter.choose([4 * lane for lane in kept], *halves)
        else:
            mixed = emitter.choose(kept, mixed)
        emitter.store(mixed, out, place)

    return mix


mix_two_pixels = _mix(2, 3)
mix_eight_pixels = _mix(8, 1)


def _total(
    line: _Array, start: int, weights: _Array, first: int, taps: int, out: _Array, place: int
) -> None:
    for channel in range(3):
        total = weights[first] * line[start + channel]
        for t in range(1, taps):
            total += weights[first + t] * line[start + channel + 3 * t]
        out[place + channel] = rounded(out, total)


@in_vectors(_total)
def sum_three_channels(
    emitter: Emitter,
    line: Line,
    start: Any,
    weights: Line,
    first: Any,
    taps: Any,
    out: Line,
    place: Any,
) -> None:
    """Sums `taps` pixels of three floats, each times its weight, into one pixel.

    It reads one sample more and may write a fourth one, so it is to be called in ascending order
    and not for a target's last pixel.
    """
    builder = emitter.builder

    def times(index: ir.Value) -> ir.Value:
        share = emitter.load(weights, builder.add(first, index), 1)
        sample = builder.add(start, emitter.times(index, 3))
        return builder.fmul(emitter.choose([0] * 4, share), emitter.load(line, sample, 4))

    zero, one = (ir.Constant(start.type, number) for number in (0, 1))
    total = cgutils.alloca_once_value(builder, times(zero))
    with cgutils.for_range(builder, taps, start=one) as loop:
        builder.store(builder.fadd(builder.load(total), times(loop.index)), total)
    result = builder.load(total)
    if isinstance(out.element, ir.IntType):
        whole = builder.bitcast(emitter.round(result), ir.VectorType(out.element, 16))
        result = emitter.choose([0, 4, 8, 8], whole)
    emitter.store(result, out, place)


# Weighted sums of pairs.


@by_dtype
def _product(dtype: np.dtype[Any]) -> Any:
    """`_product(sums, pair, weight)`, weights of integers being fractions of 16 bits."""
    if dtype.kind == "f":
        return lambda _sums, pair, weight: pair * weight
    return lambda _sums, pair, weight: np.uint32(pair) * np.uint32(weight) >> np.uint32(16)


def _sum(
    source: _Array,
    centre: int,
    step: int,
    weights: _Array,
    radius: int,
    target: _Array,
    position: int,
) -> None:
    kind, own, here = target.dtype.type, np.uint64(position), np.uint64(centre)
    lanes = np.uint64(LANE_BYTES // target.itemsize)
    for lane in range(lanes):
        pair = kind(source[here + lane] + source[here + lane])
        target[own + lane] = kind(_product(source, pair, weights[0]))
    for j in range(1, radius + 1):
        before, after = np.uint64(centre - j * step), np.uint64(centre + j * step)
        for lane in range(lanes):
            pair = kind(source[before + lane] + source[after + lane])
            product = kind(_product(source, pair, weights[j]))
            target[own + lane] = kind(target[own + lane] + product)


@in_vectors(_sum)
def sum_pairs(
    emitter: Emitter,
    source: Line,
    centre: Any,
    step: Any,
    weights: Line,
    radius: Any,
    target: Line,
    position: Any,
) -> None:
    """Sums pairs, `step`, `2 * step` … from a centre, for `LANE_BYTES` of neighbouring centres.

    Those go from `target[position]` on. Of integers of 16 bits, weights are such fractions, and
    products are cut off. The sum stays in registers over all pairs.
    """
    builder, lanes = emitter.builder, LANE_BYTES // source.width
    whole = isinstance(source.element, ir.IntType)
    add = builder.add if whole else builder.fadd

    def times(pair: ir.Value, index: ir.Value) -> ir.Value:
        weight = emitter.choose([0] * lanes, emitter.load(weights, index, 1))
        if not whole:
            return builder.fmul(pair, weight)
        wide = ir.VectorType(ir.IntType(32), lanes)
        product = builder.mul(builder.zext(pair, wide), builder.zext(weight, wide))
        return builder.trunc(builder.lshr(product, emitter.constant(wide, 16)), pair.type)

    here = emitter.load(source, centre, lanes)
    zero, one = (ir.Constant(centre.type, number) for number in (0, 1))
    total = cgutils.alloca_once_value(builder, times(add(here, here), zero))
    with cgutils.for_range(builder, builder.add(radius, one), start=one) as loop:
        offset = builder.mul(loop.index, step)
        places = builder.sub(centre, offset), builder.add(centre, offset)
        pair = add(*(emitter.load(source, place, lanes) for place in places))
        builder.store(add(builder.load(total), times(pair, loop.index)), total)
    emitter.store(builder.load(total), target, position)

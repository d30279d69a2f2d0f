"""Neighbours on a line of samples, mixed by weights of their own, as LLVM vector code.

`blend` says why it is spelled out. There are two shapes: two pixels of three channels, and eight of
one. Both take `(line, starts, shares, group, out, place)`: the line, floats; where on it the left
neighbour of each pixel starts; the weights, eight for the left neighbours of a group of pixels,
then eight for the right ones, and so on; the number of the group; the flat result, and where in it
the group goes. Of three channels, two samples more are written, and one more is read.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _mix(pixels: int) -> Any:
    """Makes the function that blends the neighbours of several pixels, as LLVM vector code.

    `blend` says why. All there is to a group of `pixels` is done in eight lanes: 8 / pixels
    samples for each, so that of three channels a fourth sample is read and left out again.
    """
    lanes = 8 // pixels

    # Numba passes arguments to a typer by position but insists on knowing their number.
    def typer(
        context: Any, line: Any, starts: Any, shares: Any, group: Any, out: Any, place: Any
    ) -> Any:
        del context, group, place
        return types.void(line, starts, shares, types.uint64, out, types.uint64), generate

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        line, starts, shares, out = (
            context.make_array(signature.args[i])(context, builder, values[i]).data
            for i in (0, 1, 2, 4)
        )
        group, place = values[3], values[5]

        def load(array: Any, index: Any, count: int) -> Any:
            kind = ir.VectorType(array.type.pointee, count).as_pointer()
            return builder.load(builder.bitcast(builder.gep(array, [index]), kind), align=1)

        def add(index: Any, step: int) -> Any:
            return builder.add(index, ir.Constant(index.type, step))

        def times(index: Any, factor: int) -> Any:
            return builder.mul(index, ir.Constant(index.type, factor))

        def choose(first: Any, second: Any, chosen: Any) -> Any:
            kind = ir.VectorType(ir.IntType(32), len(chosen))
            return builder.shuffle_vector(first, second, ir.Constant(kind, list(chosen)))

        def joined(vectors: list[Any]) -> Any:
            while len(vectors) > 1:
                both = range(2 * vectors[0].type.count)
                vectors = [choose(*pair, both) for pair in _in_pairs(vectors)]
            return vectors[0]

        first = times(group, pixels)
        offsets = [builder.load(builder.gep(starts, [add(first, i)])) for i in range(pixels)]
        if lanes == 1:
            pairs = joined([load(line, offset, 2) for offset in offsets])
            sides = [choose(pairs, pairs, range(side, 16, 2)) for side in (0, 1)]
        else:
            sides = [
                joined([load(line, add(offset, step), lanes) for offset in offsets])
                for step in (0, lanes - 1)
            ]
        weights = [load(shares, add(times(group, 16), half), 8) for half in (0, 8)]
        mixed = builder.fadd(builder.fmul(weights[0], sides[0]), builder.fmul(weights[1], sides[1]))
        kept = [lane for lane in range(8) if lanes == 1 or lane % lanes < lanes - 1]
        kept += [kept[-1]] * (8 - len(kept))
        if isinstance(signature.args[4].dtype, types.Integer):
            mixed = builder.fadd(mixed, ir.Constant(mixed.type, [0.5] * 8))
            mixed = builder.fptosi(mixed, ir.VectorType(ir.IntType(32), 8))
            # The lowest byte of every lane. Shuffling those costs less than a truncation.
            halves = [choose(mixed, mixed, range(half, half + 4)) for half in (0, 4)]
            halves = [builder.bitcast(half, ir.VectorType(ir.IntType(8), 16)) for half in halves]
            mixed = choose(halves[0], halves[1], [4 * lane for lane in kept])
        else:
            mixed = choose(mixed, mixed, kept)
        pointer = builder.bitcast(builder.gep(out, [place]), mixed.type.as_pointer())
        builder.store(mixed, pointer, align=1)
        return context.get_dummy_value()

    return intrinsic(typer)


def _in_pairs(items: list[Any]) -> list[tuple[Any, Any]]:
    """Returns the first and second item, the third and fourth, and so on."""
    return list(zip(items[::2], items[1::2], strict=True))


mix_two_pixels = _mix(2)
mix_eight_pixels = _mix(8)

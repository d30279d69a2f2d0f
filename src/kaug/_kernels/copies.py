"""Copies of rows of pixels, forwards and backwards, as LLVM code.

Numba turns neither a slice assignment nor a loop over a row into the block copies and shuffles a
processor has for them, which are several times faster.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_intrinsic: Any = intrinsic  # which has no types
# How many pixels `reverse_pixels` takes at once.
PIXELS = 16


def _copy_elements(
    context: Any, source: Any, offset: Any, target: Any, position: Any, count: Any
) -> Any:
    """Copies `count` elements of a flat array, from `offset` on, to a flat target's `position`."""
    del context, offset, position, count
    size = types.intp

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        start, end = _pointers(context, builder, signature, values)
        width = signature.args[0].dtype.bitwidth // 8
        cgutils.raw_memcpy(builder, end, start, values[4], width)
        return context.get_dummy_value()

    return types.void(source, size, target, size, size), generate


copy_elements: Any = intrinsic(_copy_elements)


def _reverse(channels: int) -> Any:
    def reverse_pixels(context: Any, source: Any, offset: Any, target: Any, position: Any) -> Any:
        """Copies `PIXELS` pixels of a flat array, from `offset` on, in reverse order."""
        del context, offset, position
        size = types.intp

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
            start, end = _pointers(context, builder, signature, values)
            count = PIXELS * channels
            vector = ir.VectorType(start.type.pointee, count)
            pixels = builder.load(builder.bitcast(start, vector.as_pointer()), align=1)
            lanes = [
                channels * pixel + channel
                for pixel in reversed(range(PIXELS))
                for channel in range(channels)
            ]
            mask = ir.Constant(ir.VectorType(ir.IntType(32), count), lanes)
            pixels = builder.shuffle_vector(pixels, pixels, mask)
            builder.store(pixels, builder.bitcast(end, vector.as_pointer()), align=1)
            return context.get_dummy_value()

        return types.void(source, size, target, size), generate

    return intrinsic(reverse_pixels)


reverse_one_channel = _reverse(1)
reverse_three_channels = _reverse(3)


def _pointers(
    context: Any, builder: ir.IRBuilder, signature: Any, values: Any
) -> tuple[ir.Value, ir.Value]:
    """Returns the addresses of `source[offset]` and `target[position]`."""
    (source, offset), (target, position) = (
        (context.make_array(signature.args[i])(context, builder, values[i]).data, values[i + 1])
        for i in (0, 2)
    )
    return builder.gep(source, [offset]), builder.gep(target, [position])

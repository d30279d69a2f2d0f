"""The bilinear blend as LLVM vector code.

LLVM does not vectorise loads from computed addresses by itself, so the two shapes that matter are
spelled out: eight neighbouring pixels of one channel, and one pixel of three channels. They are
portable LLVM vectors, not instructions of one processor. Every lane does exactly what
`blend_sample` does for a single sample, so no bit shows which of them computed it.

With `v` and `w` the weights of the lower and of the right neighbours, a sample is
`(1 - v) * ((1 - w) * a + w * b) + v * ((1 - w) * c + w * d)`, evaluated in the precision of the
weights and never contracted. Unlike `a + w * (b - a)` it is exact at both ends, and stays within
[0, 1] if the pixels do.

All three take `(source, offsets, channel, right, below, lower_weights, right_weights, k, target,
position)`: the flat source image, where in it the upper left neighbour of every output pixel is,
the channel to start at, how many elements away the right and the lower neighbours are, the
weights, the output pixel `k`, and where in the flat target its samples go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_INT32 = ir.IntType(32)


class _Emitter:
    """Emits the instructions all three shapes are made of."""

    def __init__(self, builder: ir.IRBuilder, is_integer: bool, arguments: list[ir.Value]) -> None:
        self.builder = builder
        self.is_integer = is_integer
        self.source, self.offsets, self.channel, self.right, self.below = arguments[:5]
        self.lower_weights, self.right_weights, self.k, self.target, self.position = arguments[5:]

    def load(self, start: ir.Value, index: ir.Value, lanes: int) -> ir.Value:
        """Loads `start[index:index + lanes]`, however it is aligned."""
        pointer = self.builder.gep(start, [index])
        vector = ir.VectorType(start.type.pointee, lanes)
        return self.builder.load(self.builder.bitcast(pointer, vector.as_pointer()), align=1)

    def offset(self, step: int = 0) -> ir.Value:
        """Where in the source the upper left neighbour of pixel `k + step` is."""
        pointer = self.builder.gep(self.offsets, [self.add(self.k, step)])
        offset = self.builder.zext(self.builder.load(pointer), self.k.type)
        return self.builder.add(offset, self.channel)

    def weights(self, lanes: int) -> tuple[ir.Value, ir.Value]:
        """The lower and right weights of pixels `k` to `k + lanes - 1`."""
        return (
            self.load(self.lower_weights, self.k, lanes),
            self.load(self.right_weights, self.k, lanes),
        )

    def add(self, index: ir.Value, step: int) -> ir.Value:
        return self.builder.add(index, ir.Constant(index.type, step))

    def shuffle(self, vector: ir.Value, lanes: Sequence[int]) -> ir.Value:
        return self.join(vector, vector, lanes)

    def join(self, first: ir.Value, second: ir.Value, lanes: Sequence[int]) -> ir.Value:
        mask = ir.Constant(ir.VectorType(_INT32, len(lanes)), list(lanes))
        return self.builder.shuffle_vector(first, second, mask)

    def blend(self, corners: Sequence[ir.Value], v: ir.Value, w: ir.Value) -> ir.Value:
        """Blends the upper left, upper right, lower left and lower right neighbours."""
        if self.is_integer:
            corners = [self.builder.uitofp(corner, w.type) for corner in corners]
        a, b, c, d = corners
        return self._mix(self._mix(a, b, w), self._mix(c, d, w), v)

    def _mix(self, first: ir.Value, second: ir.Value, weight: ir.Value) -> ir.Value:
        builder = self.builder
        rest = builder.fsub(_constant(weight.type, 1.0), weight)
        return builder.fadd(builder.fmul(rest, first), builder.fmul(weight, second))

    def store(self, samples: ir.Value) -> None:
        """Stores the samples from `position` on, integers rounded half up."""
        builder, element = self.builder, self.target.type.pointee
        lanes = samples.type.count
        if self.is_integer:
            samples = builder.fadd(samples, _constant(samples.type, 0.5))
            samples = builder.fptosi(samples, ir.VectorType(_INT32, lanes))
            samples = builder.trunc(samples, ir.VectorType(element, lanes))
        pointer = builder.gep(self.target, [self.position])
        builder.store(samples, builder.bitcast(pointer, samples.type.as_pointer()), align=1)


def _constant(kind: ir.VectorType, value: float) -> ir.Constant:
    return ir.Constant(kind, [value] * kind.count)


def _intrinsic(emit: Callable[[_Emitter], None]) -> Any:
    """Makes what emits a body into a function that compiled code can call."""

    # Numba passes arguments to a typer by position but insists on knowing their number.
    def typer(
        context: Any,
        source: Any,
        offsets: Any,
        channel: Any,
        right: Any,
        below: Any,
        lower: Any,
        rightward: Any,
        k: Any,
        target: Any,
        position: Any,
    ) -> Any:
        del context, channel, right, below, k, position
        size = types.intp
        parameters = (source, offsets, size, size, size, lower, rightward, size, target, size)
        return types.void(*parameters), generate

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        arguments = [
            context.make_array(kind)(context, builder, value).data
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(signature.args, values, strict=True)
        ]
        is_integer = isinstance(signature.args[0].dtype, types.Integer)
        emit(_Emitter(builder, is_integer, arguments))
        return context.get_dummy_value()

    return intrinsic(typer)


@_intrinsic
def blend_sample(emitter: _Emitter) -> None:
    """Blends one channel of pixel `k`; neighbours may coincide: `right` or `below` may be 0."""
    upper = emitter.offset()
    lower = emitter.builder.add(upper, emitter.below)
    corners = [
        emitter.load(emitter.source, index, 1)
        for row in (upper, lower)
        for index in (row, emitter.builder.add(row, emitter.right))
    ]
    emitter.store(emitter.blend(corners, *emitter.weights(1)))


@_intrinsic
def blend_three_channels(emitter: _Emitter) -> None:
    """Blends pixel `k` of three channels, in an image of at least 2 × 2 pixels.

    Writes a fourth sample, so call it in ascending order and not for a target's last pixel.
    """
    upper = emitter.offset()
    lower = emitter.builder.add(upper, emitter.below)
    # Four lanes are loaded for three, the fourth being whatever comes next. Only behind the lower
    # right neighbour the image may end: that one is loaded from one element earlier on.
    starts = [upper, emitter.add(upper, 3), lower, emitter.add(lower, 2)]
    corners = [emitter.load(emitter.source, start, 4) for start in starts]
    corners[3] = emitter.shuffle(corners[3], [1, 2, 3, 3])
    v, w = (emitter.shuffle(weight, [0] * 4) for weight in emitter.weights(1))
    emitter.store(emitter.blend(corners, v, w))


@_intrinsic
def blend_eight_pixels(emitter: _Emitter) -> None:
    """Blends pixels `k` to `k + 7` of one channel, in an image of at least 2 × 2 pixels."""
    upper = [emitter.offset(step) for step in range(8)]
    lower = [emitter.builder.add(offset, emitter.below) for offset in upper]
    corners = [*_load_pairs(emitter, upper), *_load_pairs(emitter, lower)]
    emitter.store(emitter.blend(corners, *emitter.weights(8)))


def _load_pairs(emitter: _Emitter, offsets: list[ir.Value]) -> tuple[ir.Value, ir.Value]:
    """The left and the right neighbours at eight offsets, each two loaded at once."""
    vectors = [emitter.load(emitter.source, offset, 2) for offset in offsets]
    while len(vectors) > 1:
        vectors = [
            emitter.join(first, second, range(2 * first.type.count))
            for first, second in zip(vectors[::2], vectors[1::2], strict=True)
        ]
    left, right = (emitter.shuffle(vectors[0], range(side, 16, 2)) for side in (0, 1))
    return left, right

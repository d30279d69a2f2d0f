"""What vectors written by hand are made of, and what serves where they cannot be built.

Such code is written twice: in plain Python, which Numba compiles, and as portable LLVM vectors, not
as instructions of one processor. Where a new Numba or llvmlite would have those written in another
way, the plain text serves, and kaug is slower but works.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

# Whether vectors can be built: None until it is asked for.
usable: bool | None = None

_INT32 = ir.IntType(32)


class Line(NamedTuple):
    """An array, as those see it who emit code: its start, the type and the bytes of an element."""

    start: ir.Value
    element: ir.Type
    width: int


class Emitter:
    """Emits what vectors are made of, whether pointers have types or not."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self.builder = builder

    def pointer(self, line: Line, index: ir.Value, kind: ir.Type) -> ir.Value:
        """Returns the address of `line[index]`, where a value of a type lies."""
        pointer = self.builder.gep(line.start, [index], source_etype=line.element)
        if pointer.type.is_opaque:
            return pointer
        return self.builder.bitcast(pointer, kind.as_pointer())

    def load(self, line: Line, index: ir.Value, lanes: int) -> ir.Value:
        """Loads `line[index:index + lanes]`, however it is aligned."""
        vector = ir.VectorType(line.element, lanes)
        return self.builder.load(self.pointer(line, index, vector), align=1, typ=vector)

    def load_one(self, line: Line, index: ir.Value) -> ir.Value:
        """Loads `line[index]`, which is no vector."""
        return self.builder.load(self.pointer(line, index, line.element), typ=line.element)

    def store(self, vector: ir.Value, line: Line, index: ir.Value) -> None:
        """Stores a vector from `line[index]` on, however that is aligned."""
        self.builder.store(vector, self.pointer(line, index, vector.type), align=1)

    def add(self, index: ir.Value, step: int) -> ir.Value:
        """Returns `index + step`."""
        return self.builder.add(index, ir.Constant(index.type, step))

    def times(self, index: ir.Value, factor: int) -> ir.Value:
        """Returns `index * factor`."""
        return self.builder.mul(index, ir.Constant(index.type, factor))

    def constant(self, kind: ir.VectorType, value: float) -> ir.Constant:
        """Returns a vector that has one value in all lanes."""
        return ir.Constant(kind, [value] * kind.count)

    def choose(self, lanes: Iterable[int], first: ir.Value, second: Any = None) -> ir.Value:
        """Returns lanes of a vector, or of two in a row."""
        chosen = list(lanes)
        mask = ir.Constant(ir.VectorType(_INT32, len(chosen)), chosen)
        return self.builder.shuffle_vector(first, first if second is None else second, mask)

    def join(self, vectors: Sequence[ir.Value]) -> ir.Value:
        """Returns 2, 4, 8 … vectors in a row."""
        while len(vectors) > 1:
            lanes = range(2 * vectors[0].type.count)
            pairs = zip(vectors[::2], vectors[1::2], strict=True)
            vectors = [self.choose(lanes, first, second) for first, second in pairs]
        return vectors[0]

    def mix(self, vectors: Sequence[ir.Value], weights: Sequence[ir.Value]) -> ir.Value:
        """Returns the sum of two vectors, each times its weights."""
        return self.builder.fadd(*map(self.builder.fmul, weights, vectors))

    def round(self, floats: ir.Value) -> ir.Value:
        """Returns floats as integers of 32 bits, rounded half up."""
        floats = self.builder.fadd(floats, self.constant(floats.type, 0.5))
        return self.builder.fptosi(floats, ir.VectorType(_INT32, floats.type.count))


def in_vectors(plain: Callable[..., None]) -> Callable[[Callable[..., None]], Any]:
    """Decorates what emits the vectors that do the same as a plain function.

    It gets an `Emitter` and the arguments of the plain one: a `Line` for each array and 64 bits
    for each number.
    """

    def decorate(emit: Callable[..., None]) -> Any:
        def typer(context: Any, *kinds: Any) -> Any:
            del context
            sizes = [kind if isinstance(kind, types.Array) else types.intp for kind in kinds]
            return types.void(*sizes), generate

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
            if not can_be_built():
                return context.compile_internal(builder, plain, signature, values)
            pairs = zip(signature.args, values, strict=True)
            emit(Emitter(builder), *(_seen(context, builder, *pair) for pair in pairs))
            return context.get_dummy_value()

        # Numba passes arguments to a typer by position but insists on knowing their names.
        names: Any = ("context", *inspect.signature(plain).parameters)
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [inspect.Parameter(name, kind) for name in names]
        typer.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by inspect
        typer.__name__, typer.__doc__ = emit.__name__, emit.__doc__
        return intrinsic(typer)

    return decorate


def _seen(context: Any, builder: ir.IRBuilder, kind: Any, value: Any) -> Any:
    """Returns an argument as those see it who emit code."""
    if not isinstance(kind, types.Array):
        return value
    start = context.make_array(kind)(context, builder, value).data
    return Line(start, context.get_data_type(kind.dtype), kind.dtype.bitwidth // 8)


def can_be_built() -> bool:
    """Tells whether vectors come out right; asked where a kernel is compiled that has some."""
    global usable
    if usable is None:
        usable = True  # for what is tried
        try:
            usable = _comes_out_right()
        except Exception:  # whatever another Numba raises
            usable = False
    return usable


def _comes_out_right() -> bool:
    source, target = np.arange(8, dtype=np.float32), np.zeros(8, np.uint8)
    numba.njit(lambda source, target: _reverse_eight(source, 0, target))(source, target)
    return bool((target == source[::-1]).all())


def _reverse(source: Any, start: int, target: Any) -> None:
    for k in range(8):
        target[k] = source[start + 7 - k]


@in_vectors(_reverse)
def _reverse_eight(emitter: Emitter, source: Line, start: Any, target: Line) -> None:
    vector = emitter.round(emitter.choose(range(7, -1, -1), emitter.load(source, start, 8)))
    vector = emitter.builder.trunc(vector, ir.VectorType(target.element, 8))
    emitter.store(vector, target, start)

"""What is emitted is what LLVM reads, and what cannot be built is found out."""

import llvmlite
import numba
import numpy as np
import pytest
from llvmlite import binding, ir

from kaug._kernels import emitter, vectors
from kaug._kernels.emitter import Emitter, Line, in_vectors


@pytest.mark.parametrize("opaque", [False, getattr(llvmlite, "opaque_pointers_enabled", True)])
@pytest.mark.parametrize("element", [ir.IntType(8), ir.FloatType()])
def test_pointers_may_have_types_or_be_opaque(element, opaque):
    pointer = ir.PointerType() if opaque else element.as_pointer()
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer, ir.IntType(64)]), "f")
    own = Emitter(ir.IRBuilder(function.append_basic_block()))
    line, index = Line(function.args[0], element, 1), function.args[1]
    vector = own.load(line, own.add(index, 3), 4)
    assert vector.type == ir.VectorType(element, 4)
    assert own.load_one(line, index).type == element
    own.store(own.join([vector, own.choose(range(3, -1, -1), vector)]), line, index)
    own.builder.ret_void()
    binding.parse_assembly(str(module)).verify()


def test_a_lane_is_chosen_joined_mixed_and_rounded():
    def plain(source, target):
        raise NotImplementedError

    @in_vectors(plain)
    def emit(own, source, target):
        zero = ir.Constant(ir.IntType(64), 0)
        first = own.load(source, zero, 4)
        second = own.load(source, own.times(own.add(zero, 2), 2), 4)
        half = own.constant(first.type, 0.5)
        mixed = own.mix([first, second], [half, half])
        lanes = own.join([mixed, own.choose([7, 0, 5, 2], first, second)])
        own.store(own.builder.sitofp(own.round(lanes), lanes.type), target, zero)

    source, target = np.array([1, 2, 3, 5, 2, 3, 5, 9], np.float32), np.zeros(8, np.float32)
    numba.njit(lambda source, target: emit(source, target))(source, target)
    assert target.tolist() == [2, 3, 4, 7, 9, 1, 3, 3]


def _raise(*_):
    raise AttributeError("'PointerType' object has no attribute 'pointee'")


@pytest.mark.parametrize("method", ["pointer", "load", "store", "choose", "round"])
def test_what_cannot_be_built_is_found_out(monkeypatch, method):
    monkeypatch.setattr(emitter, "usable", None)
    monkeypatch.setattr(Emitter, method, _raise)
    source, target = np.arange(20, dtype="uint8"), np.zeros(20, "uint8")
    own = numba.njit(lambda source, target: vectors.copy_elements(source, 1, target, 0, 9))
    own(source, target)
    assert emitter.usable is False
    assert target[:9].tolist() == list(range(1, 10))


def test_what_comes_out_wrong_is_found_out(monkeypatch):
    monkeypatch.setattr(emitter, "usable", None)
    monkeypatch.setattr(Emitter, "choose", lambda self, lanes, first, second=None: first)
    assert not emitter.can_be_built()


def test_what_can_be_built_is_found_out(monkeypatch):
    monkeypatch.setattr(emitter, "usable", None)
    assert emitter.can_be_built()

import numba
import numpy as np
import pytest

from kaug._kernels import parts


def _branches(x, k):
    """Too much for LLVM to put it into what calls it."""
    total = np.float32(0)
    for i in range(k):
        for j in range(len(x)):
            if x[j] > i:
                total += np.sqrt(x[j]) if i % 2 else np.exp(x[j])
            elif x[j] < -i:
                total -= np.sin(x[j]) if i % 3 else np.cos(x[j])
            elif i % 7 == 5:
                total += np.floor(x[j] / (i + 1))
    return total


class _Family:
    """Functions of which a kernel is made: a large one, called by a small one and by the kernel."""

    def __init__(self, compiled):
        large = compiled(_branches)

        def small(x):
            return large(x, 9) + np.float32(1)

        small = compiled(small)

        def whole(x):
            return small(x) + large(x, 5)

        self.large, self.small, self.whole = large, small, compiled(whole)


@pytest.fixture
def x():
    return np.linspace(-4, 4, 101, dtype=np.float32)


@pytest.fixture
def expected(x):
    return _Family(numba.njit(nogil=True)).whole(x)


def test_a_kernel_is_what_numba_makes_of_it_and_its_parts_are_no_machine_code(x, expected):
    own = _Family(parts.compiled)
    assert own.whole(x) == expected
    assert not own.large.overloads
    assert not own.small.overloads
    # Once, although with different numbers.
    (large,) = own.large._part.overloads.values()
    (small,) = own.small._part.overloads.values()
    assert (large.library.is_large, small.library.is_large) == (True, False)
    for part in (large, small):
        with pytest.raises(RuntimeError, match="no compiled object"):
            part.library._get_compiled_object()


def test_a_part_is_a_whole_as_well_where_python_calls_it(x):
    own = _Family(parts.compiled)
    own.whole(x)
    assert own.large(x, 9) == _Family(numba.njit).large(x, 9)


def test_what_only_reads_serves_what_may_be_written(x):
    own = _Family(parts.compiled)
    line = x.copy()
    line.flags.writeable = False
    large = own.large
    assert parts.compiled(lambda line, x: large(line, 3) - large(x, 3))(line, x) == 0
    assert len(large._part.overloads) == 1


def test_compiled_code_of_others_calls_parts(x, expected):
    own = _Family(parts.compiled)
    small, large = own.small, own.large
    assert numba.njit(lambda x: small(x) + large(x, 5))(x) == expected


@pytest.mark.parametrize("method", ["finalize", "_link", "_end"])
def test_a_numba_that_is_built_in_another_way_compiles_as_it_always_does(
    monkeypatch, x, expected, method
):
    def fail(*_):
        raise AttributeError("'JITCodeLibrary' object has no attribute '_reload_init'")

    monkeypatch.setattr(parts, "usable", True)
    monkeypatch.setattr(parts._Library, method, fail, raising=False)
    for kind in (parts._Whole, parts._Part):
        monkeypatch.setattr(kind, method, fail, raising=False)
    assert _Family(parts.compiled).whole(x) == expected
    assert parts.usable is False


def test_what_was_not_linked_is_found_out(monkeypatch, x, expected):
    monkeypatch.setattr(parts, "usable", True)
    link = parts._Library._link

    def forget(self, library):
        if not getattr(library, "is_large", False):
            link(self, library)

    monkeypatch.setattr(parts._Library, "_link", forget)
    assert _Family(parts.compiled).whole(x) == expected
    assert parts.usable is False


def test_an_error_of_a_kernel_stays_one(monkeypatch):
    monkeypatch.setattr(parts, "usable", True)
    with pytest.raises(numba.TypingError):
        parts.compiled(lambda x: x.what_is_not_there)(1)
    assert parts.usable is True


def test_without_the_classes_it_is_built_on_numba_is_used(monkeypatch, x, expected):
    monkeypatch.setattr(parts, "usable", False)
    own = _Family(parts.compiled)
    assert type(own.whole) is not parts.Kernel
    assert own.whole(x) == expected

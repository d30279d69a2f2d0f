"""Small images of every awkward kind, and fixtures all tests share."""

import itertools
import os
from collections import Counter

# Before anything imports TensorFlow: quiet, and no GPU start-up messages.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
# Whether kernels are kept from earlier runs or compiled must not show.
os.environ["KAUG_QUIET"] = "1"

import hypothesis
import keras
import numpy as np
import pytest

hypothesis.settings.register_profile("kaug", deadline=None, derandomize=True, max_examples=30)
hypothesis.settings.load_profile("kaug")


def pytest_configure(config):
    text = (
        "pairwise(**values): parametrizes a test so that every pair of values of two names occurs"
    )
    config.addinivalue_line("markers", text)
    config.addinivalue_line("markers", "compiled: lets programs be compiled; see `by_operation`")


def pytest_generate_tests(metafunc):
    for marker in metafunc.definition.iter_markers("pairwise"):
        cases = pairwise(*marker.kwargs.values())
        metafunc.parametrize(list(marker.kwargs), cases, ids=_name)


def _name(value):
    return getattr(value, "__name__", str(value))


def pairwise(*lists):
    """Returns few combinations of values in which every pair of values from two lists occurs.

    Pairs that need not occur again are met about as often as each other.
    """
    lists = [list(values) for values in lists]
    places = itertools.product(*(range(len(values)) for values in lists))
    pairs = {each: set(itertools.combinations(enumerate(each), 2)) for each in places}
    missing, met, chosen = set().union(*pairs.values()), Counter(), []

    def gain(places):
        return len(pairs[places] & missing), -sum(met[pair] for pair in pairs[places])

    while missing:
        best = max(pairs, key=gain)
        met.update(pairs[best])
        missing -= pairs.pop(best)
        chosen.append([values[place] for values, place in zip(lists, best, strict=True)])
    return chosen


@pytest.fixture
def images():
    """Returns a function that makes noise images `(count, *shape)`.

    Floats are in [0, 1], integers in 0..255, and those of 32 bits or more all over their range.
    """

    def make(count, *, shape=(5, 7, 3), dtype="uint8"):
        values = np.random.default_rng(0).integers(0, 256, (count, *shape))
        dtype = np.dtype(dtype)
        if dtype.kind == "f":
            return (values / 255).astype(dtype)
        wide = dtype.itemsize >= 4
        return values.astype(dtype) * dtype.type(np.iinfo(dtype).max // 255 if wide else 1)

    return make


@pytest.fixture(autouse=True)
def _numpy_state_untouched():
    """Fails any test during which NumPy's global generator was read or reseeded."""
    before = np.random.get_state()
    yield
    after = np.random.get_state()
    unchanged = all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    if not unchanged:
        np.random.set_state(before)
        pytest.fail("NumPy's global random state changed during this test")


@pytest.fixture
def by_operation(request):
    """Lets no program be compiled, which takes longer than all operations on a few small images.

    Where a whole file asks for it, tests that are marked as `compiled` are left out.
    """
    if request.node.get_closest_marker("compiled"):
        yield
        return
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.run_functions_eagerly(True)
        yield
        tf.config.run_functions_eagerly(False)
    else:  # JAX compiles each operation, which takes longer still
        yield

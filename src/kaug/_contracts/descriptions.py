"""Contracts about the description itself, and about what it draws."""

from __future__ import annotations

import dataclasses
import doctest
import pickle
import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from kaug import transforms
from kaug._contracts.tools import (
    attempt,
    constant,
    drawn,
    equal,
    pictures_for,
    require,
    run,
    same,
)
from kaug._validation import describe
from kaug.transforms import Transform

# Rows among which what is rare can be seen.
_MANY = 20_000


def is_frozen(transform: Any) -> None:
    """A transform must be a frozen dataclass: it is shared by threads and by batches.

    No field can be set, and no call changes one.
    """
    frozen = dataclasses.is_dataclass(transform) and _options(transform).frozen
    require(frozen, f"a class that is none, {type(transform).__name__}")
    before = dict(vars(transform))
    run(transform, pictures_for(transform).noise(3))
    after = vars(transform)
    changed = [name for name in {**before, **after} if before.get(name) is not after.get(name)]
    require(not changed, f"a call that changed {', '.join(changed)}")


def _options(dataclass: Any) -> Any:
    return type(dataclass).__dataclass_params__


def applies_what_it_draws(transform: Transform) -> None:
    """With the parameters of `draw`, `apply` must do what calling the transform does.

    For the same seed, epoch and row numbers.
    """
    images, rows = pictures_for(transform).noise(12), np.arange(12) + 5
    parameters = drawn(transform, rows, seed=3, epoch=1)
    result = attempt(lambda: transform.apply(images, parameters), describe(images))
    expected = run(transform, images, seed=3, epoch=1, index=rows)
    require(equal(result, expected), f"another result on {describe(images)}")


def depends_on_seed_epoch_and_row(transform: Transform) -> None:
    """What happens to a row must depend on the seed, the epoch and the row number.

    Unless nothing is drawn at all.
    """
    for count in (60, _MANY):
        parameters = drawn(transform, count)
        others = {
            "seed": drawn(transform, count, seed=2),
            "epoch": drawn(transform, count, epoch=1),
            "row number": drawn(transform, np.arange(count) + count),
        }
        alike = [name for name, other in others.items() if same(parameters, other)]
        if not alike:
            break
    differing = [other for name, other in others.items() if name not in alike]
    # What happens to a row in ten thousand may have happened to none.
    if constant(parameters) and not any(map(constant, differing)):
        return
    require(not alike, f"the same parameters for another {''.join(alike[:1])}")
    require(same(parameters, drawn(transform, count)), "other parameters for the same seed")


def leaves_random_states_alone(transform: Transform) -> None:
    """The global random states of NumPy and Python must be left alone, given a seed."""
    images = pictures_for(transform).noise(4)
    before = random.getstate(), np.random.get_state()
    run(transform, images)
    after = random.getstate(), np.random.get_state()
    received = f"a call that changed the state of {{}} on {describe(images)}"
    require(before[0] == after[0], received.format("`random`"))
    require(same(before[1], after[1]), received.format("`numpy.random`"))


def survives_saving(transform: Transform) -> None:
    """A transform must be the same after it was saved and loaded.

    As a configuration, as JSON, pickled, by Keras if it is loaded, and by its `repr`.
    """
    cls: Any = type(transform)
    ways: dict[str, Callable[[], Any]] = {
        "from_config(get_config())": lambda: cls.from_config(transform.get_config()),
        "from_json(to_json())": lambda: Transform.from_json(transform.to_json()),
        "pickle": lambda: pickle.loads(pickle.dumps(transform)),
    }
    saving: Any = getattr(sys.modules.get("keras"), "saving", None)
    if saving:
        ways["keras.saving"] = lambda: saving.deserialize_keras_object(
            saving.serialize_keras_object(transform)
        )
    if not any(callable(value) for leaf in transform._leaves() for value in vars(leaf).values()):
        ways["evaluating its repr"] = lambda: eval(repr(transform), _names(transform))
    for name, way in ways.items():
        loaded = attempt(way, name)
        require(loaded == transform, f"{loaded!r} from {name}")


def _names(transform: Transform) -> dict[str, Any]:
    """Returns the classes that the `repr` of a transform may name."""
    known = {cls.__name__: cls for cls in Transform.registry.values()}
    return known | {type(each).__name__: type(each) for each in (*transform._leaves(), transform)}


def has_an_example_that_runs(transform: Transform) -> None:
    """The example in the docstring must run; transforms of kaug must have one.

    It is run by `doctest`, with the names of the module at hand.
    """
    cls = type(transform)
    finder = doctest.DocTestFinder(recurse=False, exclude_empty=True)
    tests = finder.find(cls, cls.__name__, globs=dict(vars(sys.modules[cls.__module__])))
    ours = cls.__module__.startswith("kaug.") and cls.__name__ in transforms.__all__
    require(tests or not ours, f"no example in the docstring of {cls.__name__}")
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    for test in tests:
        report: list[str] = []
        require(not runner.run(test, out=report.append).failed, "".join(report))

"""One training after another: the same rows, first weights and steps, whatever the policy."""

from __future__ import annotations

import gc
import json
import logging
import os
import random
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kaug._files import check_path, open_regular
from kaug._generators import numpy_state_kept
from kaug._targets.structures import map_arrays
from kaug._validation import describe, message
from kaug.online import AugmentedDataset
from kaug.splits import train_validation_split

LARGEST_SEED = 2**32 - 1  # that Keras takes for its own generators
_LOOKED_AT = 16  # images, about
_BEGINNING = "policy"  # what every line of a log begins with


class Rows:
    """Images and labels, and how they are split anew for every seed."""

    def __init__(
        self, x: Any, y: Any, groups: Any, *, validation_split: float, stratify: bool
    ) -> None:
        self._x, self._y, self._groups = x, y, groups
        self.validation_split, self.stratify = validation_split, stratify

    def split(self, seed: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Returns the training and the validation rows."""
        return train_validation_split(
            self._x,
            self._y,
            validation_split=self.validation_split,
            stratify=self.stratify,
            groups=self._groups,
            seed=seed,
        )

    def digest(self) -> int:
        """Returns a number that other labels, groups or images hardly have.

        Of the images some are looked at: all of them may be too many to read.
        """
        count = len(self._x)
        few = range(0, count, max(1, count // _LOOKED_AT))
        sums: list[Any] = [count, [_sum(np.asarray(self._x[row])) for row in few]]

        def add(leaf: Any, _: str) -> Any:
            sums.append(_sum(leaf) if isinstance(leaf, np.ndarray) else repr(leaf))
            return leaf

        map_arrays(add, self._y)
        if self._groups is not None:
            sums.append(_sum(np.asarray(self._groups)))
        return zlib.crc32(repr(sums).encode())


def _sum(array: Any) -> tuple[Any, ...]:
    values = array.tolist() if array.dtype.hasobject else None
    held = np.ascontiguousarray(array).tobytes() if values is None else repr(values).encode()
    return array.shape, str(array.dtype), zlib.crc32(held)


class Trainings:
    """Trains and validates a model with any of several policies, for any repeat."""

    def __init__(
        self,
        rows: Rows,
        build_model: Callable[[], Any],
        policies: Mapping[str, Any],
        plain: Any,
        *,
        epochs: int,
        batch_size: int,
        monitor: str | None,
        seed: int,
    ) -> None:
        if not callable(build_model) or isinstance(build_model, keras.Model):
            rule = "`build_model` must be a function that returns a compiled model"
            fix = "Pass the function itself: every training needs a new model."
            raise TypeError(message(rule, f"build_model={describe(build_model)}", fix))
        self.rows, self.policies = rows, policies
        self._build, self._plain = build_model, plain
        self._epochs, self._batch_size, self._seed = epochs, batch_size, seed
        for name in policies:  # what is wrong with the last one is told before the first is trained
            training, validation = self._datasets(name, 0)
            _check_alike(name, training[0], validation[0])
        with _seeded(seed), _quiet():
            model = self._model()
            self._starts = {0: _state(model)}
            metrics = _measured(model, *validation[0])
        self.monitor = _checked_monitor(monitor, list(metrics))
        #: What a log must agree with.
        self.setting = {
            "epochs": epochs,
            "batch_size": batch_size,
            "validation_split": rows.validation_split,
            "validation_policy": _written(plain),
            "seed": seed,
            "monitor": self.monitor,
            "stratify": rows.stratify,
            "rows": rows.digest(),
            "parameters": model.count_params(),
            "optimizer": _written(getattr(model, "optimizer", None)),
            "loss": _written(getattr(model, "loss", None)),
        }

    def _datasets(self, name: str, repeat: int) -> tuple[AugmentedDataset, AugmentedDataset]:
        seed, policy = self._seed + repeat, self.policies[name]
        (x, y), (x_held_out, y_held_out) = self.rows.split(seed)
        options: dict[str, Any] = {"batch_size": self._batch_size, "seed": seed}
        return (
            AugmentedDataset(x, y, policy, **options),
            AugmentedDataset(x_held_out, y_held_out, self._plain, shuffle=False, **options),
        )

    def _model(self) -> Any:
        model = self._build()
        if not getattr(model, "compiled", False):
            rule = "`build_model` must return a compiled Keras model"
            fix = "Call model.compile(optimizer, loss, metrics=[...]), and return the model."
            raise ValueError(message(rule, describe(model), fix))
        return model

    def _check_start(self, model: Any, repeat: int) -> None:
        """Raises when a model does not begin where the first of its repeat began."""
        state = _state(model)
        if self._starts.setdefault(repeat, state) != state:
            rule = "`build_model` must return a new model, with the same first weights each time"
            received = f"others than those before, in repeat {repeat}"
            fix = (
                "Make all layers, a pretrained network too, and the optimizer within "
                "`build_model`, and draw by what keras.utils.set_random_seed seeds."
            )
            raise ValueError(message(rule, received, fix))

    def score(self, name: str, repeat: int) -> float:
        """Returns the metric on the validation rows of a repeat, after training with a policy."""
        training, validation = self._datasets(name, repeat)
        with _seeded(self._seed + repeat), _quiet():
            model = self._model()
            self._check_start(model, repeat)
            model.fit(training, epochs=self._epochs, shuffle=False, verbose=0)
            score = _measured(model, validation)[self.monitor]
        del model
        gc.collect()  # a model is full of circles, and the next one needs its memory
        return score


class Log:
    """The scores there are; kept in a file, a line for each, if there is to be one."""

    def __init__(self, path: Any, trainings: Trainings) -> None:
        self._path = None if path is None else check_path(path, "log")
        self._setting = trainings.setting
        self._policies = {name: _written(policy) for name, policy in trainings.policies.items()}
        self.scores: dict[tuple[str, int], float] = {}
        if self._path is None:
            return
        if self._path.exists():
            self._read(self._path)
        self._path.open("a").close()  # a place that cannot be written to is told now

    def add(self, name: str, repeat: int, score: float) -> None:
        """Adds a score."""
        self.scores[name, repeat] = score
        if self._path is not None:
            line = {
                _BEGINNING: name,
                "repeat": repeat,
                "score": score,
                "is": self._policies[name],
                "setting": self._setting,
            }
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def _read(self, path: Path) -> None:
        with open_regular(path) as stream:
            *lines, rest = stream.read().split(b"\n")
        whole, cut_off = sum(len(line) + 1 for line in lines), _is_cut_off(rest)
        if rest and not cut_off:
            lines.append(rest)
        for number, text in enumerate(lines, 1):
            try:
                line = json.loads(text)
                name, repeat, score = line["policy"], int(line["repeat"]), float(line["score"])
                policy, setting = line["is"], dict(line["setting"])
            except (ValueError, TypeError, KeyError):
                rule = "`log` must be a file that a comparison wrote, or a new one"
                raise ValueError(message(rule, f"{path}, line {number}: {text[:60]!r}")) from None
            self._check(path, number, setting)
            if name in self._policies and policy != self._policies[name]:
                rule = "A name must stand for the same policy as in the log"
                received = f"{name!r} = {self._policies[name]}, and {policy} in {path}"
                raise ValueError(message(rule, received, "Give the new policy another name."))
            self.scores[name, repeat] = score
        if rest:
            with path.open("r+b") as file:
                if cut_off:  # it was being written when it all ended
                    file.truncate(whole)
                else:  # somebody took away the end of the line
                    file.seek(0, os.SEEK_END)
                    file.write(b"\n")

    def _check(self, path: Path, number: int, setting: dict[str, Any]) -> None:
        ours = self._setting
        other = [key for key in ours if setting.get(key) != ours[key]]
        if other:
            rule = "`log` must be of a comparison with the same rows, model and options"
            said = ", ".join(f"{key} {ours[key]} and {setting.get(key)}" for key in other)
            received = f"now and in {path}, line {number}: {said}"
            raise ValueError(message(rule, received, "Name another file."))


def _is_cut_off(text: bytes) -> bool:
    """Tells whether a line of a log was not written to its end."""
    beginning = json.dumps({_BEGINNING: ""}).encode()[:-2]
    if not text.startswith(beginning):
        return False
    try:
        json.loads(text)
    except ValueError:
        return True
    return False


def _written(value: Any) -> str:
    """Returns how an object is written, without what changes every time.

    That is places in memory, and names that Keras numbers.
    """
    if isinstance(value, (keras.Layer, keras.Loss, keras.Optimizer)):
        with suppress(NotImplementedError):  # a class of the user's without a config of its own
            value = (type(value).__name__, value.get_config())
    elif repr(value) == object.__repr__(value):
        value = (type(value).__name__, getattr(value, "__dict__", {}))
    return re.sub(r"'name': '[^']*',? ?| name=\w+| at 0x[0-9a-f]+", "", repr(value))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seeds Keras, NumPy and Python; the latter two are afterwards as they were."""
    state = random.getstate()
    with numpy_state_kept():
        keras.utils.set_random_seed(seed)
        try:
            yield
        finally:
            random.setstate(state)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps TensorFlow from warning that it compiles one model after another."""
    logger = logging.getLogger("tensorflow")

    def is_shown(record: logging.LogRecord) -> bool:
        return "triggered tf.function retracing" not in record.getMessage()

    logger.addFilter(is_shown)
    try:
        yield
    finally:
        logger.removeFilter(is_shown)


def _check_alike(name: str, training: Any, validation: Any) -> None:
    """Raises when what is trained on cannot be what is validated on."""
    ours, theirs = _shapes(training[:2]), _shapes(validation[:2])
    if ours != theirs:
        rule = "Images and labels must have the same shape in training and in validation"
        received = f"with {name!r} a row of {ours}, and a row of {theirs} in validation"
        fix = "Mixed labels are shares of classes: pass `y` one-hot, as to_categorical(y) gives it."
        if ours[0] != theirs[0]:
            fix = "Pass a `validation_policy` that makes images of that size."
        raise ValueError(message(rule, received, fix))


def _shapes(batch: Any) -> list[Any]:
    return [np.shape(each)[1:] for each in keras.tree.flatten(batch)]


def _state(model: Any) -> int:
    """Returns a number that a model with other weights, or a trained one, hardly has."""
    optimizer = getattr(model, "optimizer", None)
    variables = [*model.weights, *(optimizer.variables if optimizer is not None else ())]
    state = 0
    for variable in variables:
        values = np.ascontiguousarray(keras.ops.convert_to_numpy(variable))
        state = zlib.crc32(values.tobytes(), state)
    return state


def _measured(model: Any, *data: Any) -> dict[str, float]:
    """Returns what a model says of data, in the order of its metrics.

    Keras numbers metrics without a name: the third AUC of a process is `auc_2`. Here they have the
    names that they have in the first model of a process.
    """
    found = model.evaluate(*data, verbose=0, return_dict=True)
    plain = {}
    for metric in (each for group in model.metrics for each in getattr(group, "metrics", [group])):
        name = re.sub(r"_\d+$", "", metric.name)
        if name.replace("_", "") == type(metric).__name__.lower():
            plain[metric.name] = name
    measured: dict[str, float] = {}
    for key in dict.fromkeys(
        [*(key for key in model.get_metrics_result() if key in found), *found]
    ):
        own = next((name for name in plain if key == name or key.endswith(f"_{name}")), "")
        name = first = key.removesuffix(own) + plain.get(own, "")
        number = 0
        while name in measured:  # a model may have several of a kind
            number += 1
            name = f"{first}_{number}"
        measured[name] = float(found[key])
    return measured


def _checked_monitor(monitor: str | None, metrics: list[str]) -> str:
    others = [name for name in metrics if name.split("_")[-1] != "loss"]
    if monitor is None and others:
        return others[0]
    if monitor in metrics:
        return monitor
    rule = "`monitor` must be a metric that the model is compiled with"
    received = f"monitor={monitor!r}, of a model with {', '.join(metrics)}"
    raise ValueError(message(rule, received, "Compile it with metrics=['accuracy'], or name one."))

"""Which policy for one's own data: several trained with, and what the differences are worth."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from numpy.typing import ArrayLike

from kaug._progress import Verbose
from kaug._validation import (
    check_choice,
    check_flag,
    check_fraction,
    check_integer,
    check_number,
    describe,
    message,
)
from kaug.transforms import Compose, Identity, RandAugment, Transform

if TYPE_CHECKING:
    from kaug._trainings import Log, Trainings

Mode = Literal["max", "min"]
_CONFIDENCE = 0.95
_ROUNDING = 1e-6  # of the scores; what differs by less is the same
_LESS_IS_BETTER = re.compile(
    r"(^|_)(loss|error|mae|mse|rmse|mape|msle|crossentropy|divergence|hinge|poisson|logcosh)(_\d+)?$"
)
# RandAugment's two numbers, (operations, magnitude), as far as a handful of trainings can look.
_RANDAUGMENT = ((1, 5), (1, 10), (2, 5), (2, 10), (2, 15))


class Difference(NamedTuple):
    """How much better a policy did than the one it is compared with, and how sure that is.

    Attributes:
        mean: Mean over the repeats; above 0 the policy did better, whatever the metric.
        low: Lower end of the confidence interval.
        high: Upper end of the confidence interval.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class PolicyComparison:
    """What `kaug.compare_policies` found; `print` shows it as a table.

    Attributes:
        scores: By policy, the metric on the validation rows of every repeat. The first policy is
            the one that the others are compared with.
        monitor: The name of the metric.
        mode: `"max"` if more is better, `"min"` if less is.
        validation_split: The share of the rows that was held out in each repeat.
    """

    scores: Mapping[str, tuple[float, ...]]
    monitor: str
    mode: Mode
    validation_split: float

    @property
    def differences(self) -> dict[str, Difference]:
        """How much better each further policy did than the first, with confidence intervals.

        Repeats are paired: in each, all policies have the same rows, first weights and seed. Since
        the training rows of two repeats are mostly the same, the variance of the mean is not s²/J
        for J repeats but s² (1/J + m/n), m and n being the numbers of validation and of training
        rows (Nadeau and Bengio, "Inference for the Generalization Error", Machine Learning 52,
        2003, section 3, the corrected resampled t-test). All intervals of a comparison hold
        together with 95 % confidence: each of k is widened to 1 - 0.05/k, after Bonferroni. Of
        one repeat, or of several that agree to a millionth of the scores, nothing is known of the
        spread, and they are infinite. So they are where a score is no finite number, as after a
        training that diverged, and the mean is NaN.
        """
        _, *others = self.scores
        found = {}
        for name in others:
            gains = self.gains(name)
            half = self._half_width(name, gains, len(others))
            mean = _mean(gains)
            ends = (mean - half, mean + half) if math.isfinite(half) else (-math.inf, math.inf)
            found[name] = Difference(mean, *ends)
        return found

    def gains(self, name: str) -> list[float]:
        """Returns how much better a policy did than the first, in each repeat."""
        first, sign = next(iter(self.scores)), 1 if self.mode == "max" else -1
        pairs = zip(self.scores[name], self.scores[first], strict=True)
        return [sign * (one - base) for one, base in pairs]

    def _half_width(self, name: str, gains: list[float], intervals: int) -> float:
        if not all(map(math.isfinite, gains)):
            return math.inf
        # Scores are float32: gains that are the same differ by what was rounded off.
        largest = max(map(abs, (*self.scores[name], *next(iter(self.scores.values())))))
        if max(gains) - min(gains) <= _ROUNDING * largest:
            return math.inf
        from scipy.stats import t  # takes a second to load

        ratio = self.validation_split / (1 - self.validation_split)
        quantile = t.ppf(1 - (1 - _CONFIDENCE) / (2 * intervals), len(gains) - 1)
        return float(quantile * stdev(gains) * math.sqrt(1 / len(gains) + ratio))

    @property
    def helpful(self) -> list[str]:
        """The policies that did better than the first beyond chance, the best mean first."""
        return _better(self.differences)

    def __str__(self) -> str:
        """Returns the table, and under it what it says."""
        first, *_ = self.scores
        repeats = len(self.scores[first])
        rows = [("policy", self.monitor, f"better than {first} by", "95 % interval")]
        differences = self.differences
        for name, scores in self.scores.items():
            row = (name, f"{_mean(scores):.4f}")
            if name == first:
                rows.append((*row, "", ""))
            else:
                mean, low, high = differences[name]
                interval = f"{low:+.4f} to {high:+.4f}" if math.isfinite(low) else "unknown"
                rows.append((*row, f"{mean:+.4f}", interval))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        means = "One repeat" if repeats == 1 else f"Means of {repeats} repeats"
        lines.append(f"{means}; {self._said(differences)}")
        return "\n".join(lines)

    def _said(self, differences: Mapping[str, Difference]) -> str:
        first, *_ = self.scores
        helpful = _better(differences)
        worse = [name for name, each in differences.items() if each.high < 0]
        said = []
        if helpful:
            said.append(f"better than {first} beyond chance: {', '.join(helpful)}")
        if worse:
            said.append(f"worse: {', '.join(worse)}")
        broken = [name for name, scores in self.scores.items() if math.isnan(_mean(scores))]
        told = {*helpful, *worse, *broken}
        undecided = [name for name in differences if name not in told]
        if undecided:
            said.append(f"not told apart from {first}: {', '.join(undecided)}")
        if broken:
            said.append(f"no finite {self.monitor} in some repeat: {', '.join(broken)}")
        return "; ".join(said) + "."


def _better(differences: Mapping[str, Difference]) -> list[str]:
    better = {name: each.mean for name, each in differences.items() if each.low > 0}
    return sorted(better, key=better.__getitem__, reverse=True)


def compare_policies(
    x: ArrayLike,
    y: Any,
    build_model: Callable[[], Any],
    policies: Mapping[str, Any] | None = None,
    *,
    epochs: int,
    batch_size: int = 32,
    repeats: int = 5,
    minutes: float | None = None,
    validation_split: float = 0.25,
    stratify: bool = True,
    groups: ArrayLike | None = None,
    validation_policy: Transform | None = None,
    monitor: str | None = None,
    mode: Literal["auto", "max", "min"] = "auto",
    seed: int = 0,
    log: Any = None,
    verbose: Verbose = "auto",
) -> PolicyComparison:
    """Trains with each of several policies, and says which differences are more than chance.

    In each repeat the rows are split anew, so that nothing that is validated on was trained on, and
    every policy trains a new model on the same training rows, from the same first weights, for
    as many steps. What the model says of the validation rows after the last epoch counts. The test
    set is not needed: leave it out of `x`.

    A trained model differs from the next by chance alone, and the best of six such scores is above
    their mean whatever the policies do. So read the confidence intervals, not the ranks: a policy
    is better where its interval lies above 0. Five repeats show differences of two or three times
    the spread of the seeds; more repeats show smaller ones.

    Args:
        x: Images as `kaug.AugmentedDataset` takes them: arrays, or a source of files.
        y: Labels, as there. One-hot if any of the policies mixes images.
        build_model: A function that returns a new compiled model with at least one metric, the
            same each time but for what it draws.
        policies: What augments, by name. The others are compared with the first. None compares
            nothing at all (`validation_policy`) with RandAugment at five pairs of its two
            numbers, each after `validation_policy`.
        epochs: How often each model sees the training rows, at least 1.
        batch_size: Rows of a batch.
        repeats: How many models each policy trains, at least 1; at least 2 for any interval.
        minutes: Stop before the training that would not be finished in that time. What is returned
            has the repeats that all policies have ended. None trains all.
        validation_split: Share of the rows that is held out in each repeat, above 0 and below 1.
        stratify: Whether every class keeps its share on both sides, as `train_validation_split` has
            it; False for targets that are no classes.
        groups: Group of each row, `(N,)`; those of a group are never on both sides.
        validation_policy: What validation images go through, such as
            `Compose([Resize(256), CenterCrop(224)])`; None leaves them as they are.
        monitor: The metric that counts, by the name that `evaluate` gives it; None takes the
            first that the model was compiled with.
        mode: `"max"` if more of the metric is better, `"min"` if less is; `"auto"` is `"min"` for
            what is called a loss or an error, such as `"loss"`, `"mae"` or
            `"mean_squared_error"`, and `"max"` for all else.
        seed: 0..2³²-1. Repeat r splits, begins and augments with `seed + r`.
        log: A file to which every finished training adds a line. Those that it has already are not
            run again: so a comparison that was stopped goes on, and policies and repeats can be
            added. None keeps nothing.
        verbose: 0 prints nothing; `"auto"` and 1 print a line after each training.

    Returns:
        The scores, with `differences` and `helpful`; printed, a table. `kaug.plot_comparison`
        draws it.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range, the model is not compiled or has no such
            metric, or not the same first weights each time, training and validation batches are
            not of one shape, the log is of another comparison, or `minutes` are not enough for one
            repeat.

    Example:
        >>> import keras, numpy as np, kaug
        >>> from kaug.transforms import HorizontalFlip, Identity
        >>> def build_model():
        ...     model = keras.Sequential([keras.Input((4, 5)), keras.layers.Flatten(),
        ...                               keras.layers.Dense(2, activation="softmax")])
        ...     model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        ...     return model
        >>> x, y = np.zeros((40, 4, 5), "float32"), np.arange(40) % 2
        >>> policies = {"none": Identity(), "flip": HorizontalFlip()}
        >>> options = {"epochs": 1, "repeats": 2, "verbose": 0}
        >>> print(kaug.compare_policies(x, y, build_model, policies, **options))
        policy  accuracy  better than none by  95 % interval
        none    0.5000
        flip    0.5000    +0.0000              unknown
        Means of 2 repeats; not told apart from none: flip.
    """
    from kaug._trainings import LARGEST_SEED, Log, Rows, Trainings  # imports Keras

    repeats = check_integer(repeats, "repeats", minimum=1)
    seconds = math.inf if minutes is None else 60 * _checked_minutes(minutes)
    check_choice(mode, "mode", ("auto", "max", "min"))
    plain = Identity() if validation_policy is None else validation_policy
    trainings = Trainings(
        Rows(
            x,
            y,
            groups,
            validation_split=check_fraction(validation_split, "validation_split"),
            stratify=check_flag(stratify, "stratify"),
        ),
        build_model,
        _checked_policies(policies, plain),
        plain,
        epochs=check_integer(epochs, "epochs", minimum=1),
        batch_size=check_integer(batch_size, "batch_size", minimum=1),
        monitor=monitor,
        seed=check_integer(seed, "seed", maximum=LARGEST_SEED - repeats),
    )
    scores = _scores(trainings, Log(log, trainings), repeats, seconds, verbose)
    whole = min(map(len, scores.values()))
    if not whole:
        rule = "`minutes` must be enough for one training with each policy"
        fix = (
            "What was finished is in the log." if log is not None else "Pass `log`, to go on later."
        )
        raise ValueError(message(rule, f"minutes={minutes}", fix))
    shown = {name: tuple(each[:whole]) for name, each in scores.items()}
    if mode == "auto":
        mode = "min" if _LESS_IS_BETTER.search(trainings.monitor) else "max"
    return PolicyComparison(shown, trainings.monitor, mode, trainings.rows.validation_split)


def _scores(
    trainings: Trainings, log: Log, repeats: int, seconds: float, verbose: Verbose
) -> dict[str, list[float]]:
    """Trains what the log does not have, repeat by repeat, for as long as there is time."""
    jobs = [(name, repeat) for repeat in range(repeats) for name in trainings.policies]
    left = sum(job not in log.scores for job in jobs)
    scores: dict[str, list[float]] = {name: [] for name in trainings.policies}
    began, trained = time.monotonic(), 0
    for name, repeat in jobs:
        if (name, repeat) not in log.scores:
            spent = time.monotonic() - began
            if spent + spent / max(trained, 1) > seconds:
                break
            log.add(name, repeat, trainings.score(name, repeat))
            trained += 1
            left -= 1
            if verbose != 0:
                rest = (time.monotonic() - began) / trained * left
                said = (
                    f"{name}, repeat {repeat}: {trainings.monitor} {log.scores[name, repeat]:.4f}"
                )
                print(f"{said}, {_duration(rest)} left" if left else said, flush=True)
        scores[name].append(log.scores[name, repeat])
    return scores


def _mean(scores: Sequence[float]) -> float:
    """Returns the mean, or NaN where one of them is no finite number."""
    return fmean(scores) if all(map(math.isfinite, scores)) else math.nan


def _checked_minutes(minutes: Any) -> float:
    number = check_number(minutes, "minutes")
    if number <= 0:
        raise ValueError(message("`minutes` must be above 0", f"minutes={minutes}"))
    return number


def _checked_policies(policies: Any, plain: Any) -> dict[str, Any]:
    if policies is None:
        grid = {
            f"RandAugment({num_ops}, {magnitude})": Compose(
                [plain, RandAugment(num_ops=num_ops, magnitude=magnitude)]
            )
            for num_ops, magnitude in _RANDAUGMENT
        }
        return {"none": plain, **grid}
    rule = "`policies` must be a dict of at least two policies by name"
    if not isinstance(policies, Mapping) or not all(isinstance(name, str) for name in policies):
        raise TypeError(message(rule, describe(policies)))
    if len(policies) < 2:
        fix = "The first is what the others are compared with, such as Identity()."
        raise ValueError(message(rule, f"{len(policies)}", fix))
    return dict(policies)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"

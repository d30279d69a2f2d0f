"""A policy for each class."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kaug import _parallel
from kaug._draw.keys import Key
from kaug._several import Several
from kaug._targets.structures import class_labels
from kaug._types import Array, Batch, Rows
from kaug._validation import describe, fix_for_step, message, warn
from kaug.transforms import Transform
from kaug.transforms._bases.config import from_plain, registered_name, to_plain

CLASSES = "classes"  # of the rows of a source, beside its images
_PIECE_BYTES = 2**26  # of images that are made apart, before they are put where they belong
_NAMED = 5  # classes named in a message


@dataclass(frozen=True, repr=False)
class PerClass(Several):
    """A policy for each class, in place of a generator.

    `kaug.augment_dataset`, `kaug.augment_rows` and `kaug.AugmentedDataset` take it, since their
    rows have labels. Every row is what the policy of its class alone makes of it, with the same
    seed, epoch and row number. A row that is mixed goes through the policy of its own class, its
    partner as well, which may be of any class; labels of all rows come out soft then.

    Args:
        policies: Transforms of `kaug.transforms` by class: an integer or string as among the
            labels, or a number of a column where labels are one-hot.
        default: Transform of all other classes; None where all are named. `Identity()` leaves them
            as they are.

    Raises:
        TypeError: An argument has the wrong type. What labels and policies must be to each other is
            checked where they meet.
        ValueError: There is no policy.

    Example:
        >>> import numpy as np, kaug
        >>> from kaug.transforms import HorizontalFlip, Identity
        >>> x, y = np.arange(4).reshape(2, 1, 2), np.array(["cat", "six"])
        >>> policy = kaug.PerClass({"cat": HorizontalFlip(p=1)}, default=Identity())
        >>> x_new, y_new = kaug.augment_dataset(x, y, 2, policy, sampling="cycle", append=False)
        >>> {str(label): image.tolist() for image, label in zip(x_new, y_new)}["cat"]
        [[1, 0]]
    """

    policies: Mapping[int | str, Transform]
    default: Transform | None = None

    def __post_init__(self) -> None:
        policies: Any = self.policies
        rule = "`policies` must be a dict from classes to transforms of `kaug.transforms`"
        if not isinstance(policies, Mapping):
            raise TypeError(message(rule, describe(policies)))
        if not policies:
            raise ValueError(message(rule, "no policies"))
        for policy in (*policies.values(), *self._last()):
            if not isinstance(policy, Transform):
                nothing = "Leave rows as they are with Identity()." if policy is None else ""
                fix = fix_for_step(policy, nothing)
                raise TypeError(message(rule, f"{describe(policy)} among them", fix))
        checked = {_checked_class(label): policy for label, policy in policies.items()}
        object.__setattr__(self, "policies", checked)

    def __repr__(self) -> str:
        default = "" if self.default is None else f", default={self.default!r}"
        return f"{type(self).__name__}({dict(self.policies)!r}{default})"

    def to_json(self) -> str:
        """Returns the policies as JSON; what stands in its `config` is for `from_config`."""
        pairs = [[label, to_plain(policy)] for label, policy in self.policies.items()]
        config = {"policies": pairs, "default": to_plain(self.default)}
        return json.dumps({"class_name": registered_name(type(self)), "config": config})

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> PerClass:
        """Returns the policies that `to_json` described."""
        pairs = ((label, from_plain(policy)) for label, policy in config["policies"])
        return cls(dict(pairs), default=from_plain(config["default"]))

    # How it is carried out ----------------------------------------------------------------------

    def _each(self) -> tuple[Transform, ...]:
        return (*self.policies.values(), *self._last())

    def _last(self) -> tuple[Transform, ...]:
        return () if self.default is None else (self.default,)

    def _classes_for(self, labels: Any) -> dict[str, Array]:
        """Returns the class of each row for the source, when there is a policy for all of them.

        Raises:
            ValueError: Labels are no classes, none of them is named, or some have no policy.

        Warns:
            UserWarning: A class is named that no row has.
        """
        classes = class_labels(labels, purpose="A policy for each class")
        if len(classes):
            self._check_present(classes)
        return {CLASSES: classes}

    def _check_present(self, classes: Array) -> None:
        present = dict.fromkeys(np.unique(classes).tolist())
        absent = [label for label in self.policies if label not in present]
        rule = "PerClass must name classes that are among the labels"
        received = f"{_named(absent)}, while there are {_named(present)}"
        if len(absent) == len(self.policies):
            raise ValueError(message(rule, received, "Write them as the labels are."))
        others = [label for label in present if label not in self.policies]
        if others and self.default is None:
            rule = "PerClass without a `default` must name all classes"
            fix = "Pass default=Identity() to leave the rows of other classes as they are."
            raise ValueError(message(rule, f"no policy for {_named(others)}", fix))
        if absent:
            warn(message(rule, received))

    def _fill(
        self, out: Batch, source: Mapping[str, Any], rows: Rows, key: Key, numbers: Rows
    ) -> None:
        """Writes augmented rows into `out`, as `Transform._fill` does, class by class."""
        rest = {name: array for name, array in source.items() if name != CLASSES}
        chosen = self._chosen(np.asarray(source[CLASSES][rows]))
        step = _parallel.grain_of(out["images"], _PIECE_BYTES)
        for number, policy in enumerate(self._each()):
            places = np.flatnonzero(chosen == number)
            if len(places) == len(rows):
                policy._fill(out, rest, rows, key, numbers)
                return
            for start in range(0, len(places), step):
                part = places[start : start + step]
                made = {
                    name: np.empty((len(part), *array.shape[1:]), array.dtype)
                    for name, array in out.items()
                }
                policy._fill(made, rest, rows[part], key, numbers[part])
                for name, array in out.items():
                    array[part] = made[name]

    def _chosen(self, classes: Array) -> Rows:
        """Returns the number of the policy of each row."""
        present, places = np.unique(classes, return_inverse=True)
        numbers = {label: number for number, label in enumerate(self.policies)}
        found = [numbers.get(label, len(numbers)) for label in present.tolist()]
        return np.array(found, np.int64)[places]


#: What makes rows by their numbers.
Native = Transform | PerClass


def classes_for(generator: Any, labels: Any) -> dict[str, Array]:
    """Returns what a generator needs to know about the classes of rows, to be put into a source."""
    needed = getattr(generator, "_classes_for", None)
    return {} if needed is None else needed(labels)


def native_from_plain(plain: Mapping[str, Any]) -> Native:
    """Returns what `to_json` wrote, once that was read."""
    if plain["class_name"] == registered_name(PerClass):
        return PerClass.from_config(plain["config"])
    return Transform.from_json(json.dumps(plain))


def _checked_class(label: Any) -> int | str:
    if isinstance(label, np.generic):
        label = label.item()
    if not isinstance(label, (int, str)):
        rule = "A class must be an integer or a string"
        raise TypeError(message(rule, describe(label), "Other classes go through `default`."))
    return label


def _named(labels: Any) -> str:
    names = [repr(label) for label in labels]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"the class{'es' * (len(names) > 1)} {', '.join(names[:_NAMED])}{more}"

import pickle
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from kaug._validation import check_flag, check_number
from kaug.transforms import Compose, GaussianNoise, MixUp, Posterize, Rotation, Transform
from kaug.transforms._bases.fields import Integers, Number, Range, choice, integer, or_none

AROUND = Range(minimum=-1, maximum=1)
FACTOR = Range(minimum=0, above=-1, maximum=3, number="around 1", fix="Divide.")
FROM_0 = Range(maximum=2, number="from 0")
EXACTLY = Range(above=0, below=1, number="exactly")
PAIR = Range(minimum=1, maximum=9, number=None)


@pytest.mark.parametrize(
    ("check", "given", "kept", "ends"),
    [
        (AROUND, 1, 1.0, (-1.0, 1.0)),
        (AROUND, [-1, 0.5], (-1.0, 0.5), (-1.0, 0.5)),
        (AROUND, np.float32(0.5), 0.5, (-0.5, 0.5)),
        (FACTOR, 1, 1.0, (0.0, 2.0)),
        (FACTOR, (0, 3), (0.0, 3.0), (0.0, 3.0)),
        (FROM_0, 2, (0.0, 2.0), (0.0, 2.0)),
        (FROM_0, (1, 1), (1.0, 1.0), (1.0, 1.0)),
        (EXACTLY, 0.25, 0.25, (0.25, 0.25)),
        (EXACTLY, (0.25, 0.5), (0.25, 0.5), (0.25, 0.5)),
        (PAIR, (1, 9), (1.0, 9.0), (1.0, 9.0)),
        (Integers(1, 8), np.int64(8), 8, (8, 8)),
        (Integers(1, 8), [1, 8], (1, 8), (1, 8)),
    ],
)
def test_numbers_and_pairs_come_in_one_form(check, given, kept, ends):
    result = check(given, "it")
    assert result == kept
    assert repr(result) == repr(kept)
    assert check.ends(result) == ends


@pytest.mark.parametrize(
    ("check", "given", "error", "text"),
    [
        (AROUND, -0.5, ValueError, r"negative: .* range around 0. .*it=-0.5. Pass \(-0.5, 0.5\)."),
        (
            AROUND,
            1.5,
            ValueError,
            r"`it` must lie in -1..1. Received: it=1.5, which reaches -1.5..1.5.",
        ),
        (AROUND, (1, 2, 3), ValueError, r"`it` must be a number or a pair \(low, high\)"),
        (AROUND, (1, 0), ValueError, r"low <= high. Received: it=\(1, 0\). Pass \(0, 1\)."),
        (AROUND, ("a", 0), TypeError, "`it` must be a finite number. Received: it='a'"),
        (FACTOR, 2.5, ValueError, "at least 0 and above -1 and at most 3.*-1.5..3.5. Divide."),
        (FROM_0, -1, ValueError, "it means the range from 0 to it. Received: it=-1.$"),
        (FROM_0, 3, ValueError, "`it` must be at most 2. Received: it=3, which reaches 0..3.$"),
        (EXACTLY, 1, ValueError, "between 0 and 1, excluding both. Received: it=1.$"),
        (EXACTLY, (0, 0.5), ValueError, r"Received: it=\(0, 0.5\), which reaches 0..0.5.$"),
        (PAIR, 3, ValueError, r"`it` must be a pair \(low, high\). Received: it=3"),
        (
            Integers(1, 8),
            9,
            ValueError,
            "`it` must be an integer, between 1 and 8. Received: it=9.",
        ),
        (Integers(1, 8), (0, 8), ValueError, "`it` must be an integer, between 1 and 8"),
        (Integers(1, 8), (8, 1), ValueError, r"low <= high.*Pass \(1, 8\)"),
        (Integers(1, 8), (1,), ValueError, r"`it` must be an integer or a pair \(low, high\)"),
        (Number(rule="small", below=2, fix="So."), 2, ValueError, "must be small. .*it=2.0. So."),
        (Number(rule="small"), None, TypeError, "`it` must be small. Received: it=None"),
        (choice("a", "b"), "c", ValueError, "`it` must be one of 'a', 'b'"),
        (integer(1, 3, "So."), 4, ValueError, "between 1 and 3. Received: it=4. So."),
        (or_none(integer(1, 3)), 0, ValueError, "between 1 and 3"),
    ],
)
def test_what_is_refused(check, given, error, text):
    with pytest.raises(error, match=text):
        check(given, "it")


def test_none_is_no_number():
    assert or_none(integer(1))(None, "it") is None
    assert Number(rule="small", below=2)(1, "it") == 1.0


class Plain(Transform):
    def transform_images(self, images, parameters):
        return images


@dataclass(frozen=True, repr=False)
class Base(Plain):
    _checks: ClassVar = {"a": check_number, "b": check_number}

    a: float = 0.0
    b: float = 0.0


@dataclass(frozen=True, repr=False)
class Left(Base):
    _checks: ClassVar = {"c": check_flag}

    c: bool = False


@dataclass(frozen=True, repr=False)
class Right(Base):
    _checks: ClassVar = {"a": check_flag}


@dataclass(frozen=True, repr=False)
class Both(Left, Right):
    pass


def test_checks_are_inherited_as_attributes_are():
    made = Both(1, 2, 1)
    assert repr(made) == "Both(a=True, b=2.0, c=True)"
    assert repr(Left(1, 2, 1)) == "Left(c=True, a=1.0, b=2.0)"
    assert pickle.loads(pickle.dumps(made)) == made
    with pytest.raises(TypeError, match="`a` must be True or False"):
        Both(a=2)


@dataclass(frozen=True, repr=False)
class Unchecked(Plain):
    p: float = 1.0


@dataclass(frozen=True, repr=False)
class Own(Rotation):
    seen: ClassVar[list] = []

    def __post_init__(self):
        self.seen.append(self.rotation)


def test_classes_of_ones_own_are_left_alone():
    assert repr(Unchecked(1)) == "Unchecked(p=1)"
    Own((30, 20))
    assert Own.seen == [(30, 20)]


def test_what_is_checked_can_be_written_down():
    policy = Compose([MixUp(num_classes=np.int64(3)), GaussianNoise(np.float32(0.5)), Posterize(2)])
    assert Transform.from_json(policy.to_json()) == policy
    assert repr(policy.transforms[:2]) == "(MixUp(num_classes=3), GaussianNoise(stddev=(0.0, 0.5)))"


@dataclass(frozen=True, repr=False)
class Ranged(Plain):
    _checks: ClassVar = {"a": FACTOR, "b": Integers(1, 8), "c": check_number}

    a: float = 0.5
    b: int | tuple[int, int] = (2, 4)
    c: float = 0.0


def test_ranges_are_drawn_and_bound_what_is_drawn():
    drawn = Ranged().draw(np.arange(1000), seed=0)
    assert list(drawn) == ["applied", "a", "b"]
    assert 0.5 <= drawn["a"].min() < 0.51
    assert 1.49 < drawn["a"].max() < 1.5
    assert sorted(set(drawn["b"].tolist())) == [2, 3, 4]
    with pytest.raises(ValueError, match="`a` of Ranged must be at least 0 and above -1 and at"):
        Ranged().apply(np.zeros((1000, 2, 3, 1)), {**drawn, "a": drawn["a"] + 2.6})
    with pytest.raises(ValueError, match="`b` of Ranged must be at least 1 and at most 8"):
        Ranged().apply(np.zeros((1000, 2, 3, 1)), {**drawn, "b": drawn["b"] + 5})

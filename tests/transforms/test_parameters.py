"""What `apply` is given, and what a transform of one's own draws, checked at the door."""

import re
from dataclasses import dataclass

import numpy as np
import pytest

from kaug.transforms import (
    Brightness,
    CoarseDropout,
    ColorJitter,
    Compose,
    CutMix,
    Identity,
    OneOf,
    Perspective,
    RandAugment,
    RandomResizedCrop,
    Rotation,
    Solarize,
    Transform,
)

ROWS = np.arange(6)
POLICY = Compose([Rotation(9), OneOf([CutMix(), Solarize()])])


def changed(transform, **arrays):
    """Returns drawn parameters, functions of arrays put in place of them."""
    drawn = transform.draw(ROWS, seed=0)
    return {**drawn, **{name: change(drawn[name]) for name, change in arrays.items()}}


def with_partners(choice):
    """Returns the parameters of `POLICY`'s second child with partners that are none."""
    cutmix, solarize = choice["transforms"]
    return {**choice, "transforms": ({**cutmix, "partner": ROWS}, solarize)}


@pytest.mark.parametrize(
    ("transform", "parameters", "error", "text"),
    [
        (Brightness(), None, TypeError, "`parameters` must be a dict with the keys 'applied', 'br"),
        (Brightness(), {}, ValueError, "Received: a dict without 'applied', 'brightness'. Pass wh"),
        (
            Rotation(9),
            Brightness().draw(ROWS, seed=0),
            ValueError,
            "a dict without 'rotation' and with 'brightness'. Pass what `draw` returns",
        ),
        (
            Brightness(),
            changed(Brightness(), brightness=lambda array: array[:1]),
            ValueError,
            "6 images and `brightness` of shape (1,), where (6,) is due",
        ),
        (
            Brightness(),
            changed(Brightness(), brightness=lambda array: array > 1),
            TypeError,
            "must be an array of float64. Received: an array of shape (6,) and dtype bool",
        ),
        (
            Brightness(),
            changed(Brightness(), applied=lambda array: array.astype(int)),
            TypeError,
            "`applied` must be an array of bool",
        ),
        (
            Brightness(),
            changed(Brightness(), brightness=lambda array: [[1], [2, 3]]),
            TypeError,
            "Received: [[1], [2, 3]] (type list)",
        ),
        (
            Brightness(),
            changed(Brightness(), brightness=lambda array: np.where(ROWS == 4, -np.inf, array)),
            ValueError,
            "`brightness` must hold finite numbers. Received: -inf in row 4",
        ),
        (
            Brightness(),
            changed(Brightness(), brightness=lambda array: array - 3 * (ROWS == 5)),
            ValueError,
            "`brightness` of Brightness must be at least 0",
        ),
        (
            RandomResizedCrop(),
            changed(RandomResizedCrop(), area=lambda array: array * 0),
            ValueError,
            "`area` of RandomResizedCrop must be at least 1e-06 and at most 1. Received: 0 in",
        ),
        (
            CoarseDropout(2),
            changed(CoarseDropout(2), holes=lambda array: array + (ROWS == 1)),
            ValueError,
            "`holes` of CoarseDropout must be at least 1 and at most 2. Received: 3 in row 1",
        ),
        (
            Perspective(),
            changed(Perspective(), corners=lambda array: array * -1),
            ValueError,
            "`corners` of Perspective must be at least 0.333333 and at most 1. Received: -0",
        ),
        (
            ColorJitter(),
            changed(ColorJitter(), order=lambda array: array * 0 + 1),
            ValueError,
            "`order` of ColorJitter must hold 0, 1, 2 and 3 once each. Received: [1, 1, 1, 1] in r",
        ),
        (
            RandAugment(),
            changed(
                RandAugment(), operation=lambda array: array * 0 + 10, strength=lambda a: a * 0 + 9
            ),
            ValueError,
            "`strength` of RandAugment must be at least 0 and at most 8. Received: 9 in row 0",
        ),
        (
            POLICY,
            changed(POLICY, transforms=lambda parts: parts[:1]),
            TypeError,
            "`transforms` must be a tuple of 2, one for each transform",
        ),
        (
            POLICY,
            changed(POLICY, partners=lambda parts: {**parts, "chosen": parts["chosen"][:, :1]}),
            ValueError,
            "`partners['chosen']` of shape (6, 1), where (6, 2) is due",
        ),
        (
            POLICY,
            changed(POLICY, transforms=lambda parts: (parts[0], with_partners(parts[1]))),
            ValueError,
            "`partner` of CutMix must be at least 0 and below 1. Received: 1 in row 1",
        ),
    ],
)
def test_parameters_that_were_not_drawn(transform, parameters, error, text):
    images = np.zeros((6, 9, 13, 3), "uint8")
    with pytest.raises(error, match=re.escape(text)):
        transform.apply(images, parameters)


def test_parameters_that_will_do():
    """Other widths, orders in memory and kinds of sequences are the same numbers."""
    images = np.random.default_rng(0).integers(0, 256, (6, 9, 13, 3)).astype("uint8")
    drawn = CutMix().draw(ROWS, seed=0)
    expected = CutMix().apply(images, drawn)
    for form in (list, lambda array: np.repeat(array, 2)[::2]):
        changed = {name: form(drawn[name]) for name in drawn if name != "partners"}
        changed["partners"] = drawn["partners"]
        np.testing.assert_array_equal(CutMix().apply(images, changed), expected)
    given = {"applied": drawn["applied"], "rotation": np.full(6, 90, "int8")}
    turned = Rotation(9).apply(images[:, :9, :9], given)  # more than `rotation` draws
    np.testing.assert_array_equal(turned, np.rot90(images[:, :9, :9], axes=(1, 2)))
    assert Rotation(9).apply(images[:0], Rotation(9).draw([])).shape == (0, 9, 13, 3)


@dataclass(frozen=True, repr=False)
class Own(Transform):
    """Returns as parameters what the test says."""

    def draw_parameters(self, draws):
        return self.drawn(len(draws))

    def transform_images(self, images, parameters):
        return images


@pytest.mark.parametrize(
    ("drawn", "error", "text"),
    [
        (lambda count: None, TypeError, "must return a dict of arrays, with a row for each row"),
        (lambda count: {"a": 0.5}, TypeError, "Received: a=0.5 (type float) from Own. Make an arr"),
        (lambda count: {"a": [0.5] * count}, TypeError, "a=[0.5, 0.5, 0.5] (type list) from Own"),
        (
            lambda count: {"a": np.zeros(count + 1)},
            ValueError,
            "`a`, an array of shape (4,) and dtype float64, for 3 rows, from Own",
        ),
        (
            lambda count: {"a": ({"b": np.zeros(1)},)},
            ValueError,
            "`a[0]['b']`, an array of shape (1,)",
        ),
        (lambda count: {"a": np.full(count, np.nan)}, ValueError, "`a` of `Own` must hold finite"),
        (
            lambda count: {"applied": np.ones(count, bool)},
            ValueError,
            "must not return 'applied', which `draw` adds by itself",
        ),
    ],
)
@pytest.mark.parametrize("within", [False, True])
def test_draws_of_ones_own(drawn, error, text, within, monkeypatch):
    monkeypatch.setattr(Own, "drawn", staticmethod(drawn), raising=False)
    transform = Compose([Identity(), Own()]) if within else Own()
    with pytest.raises(error, match=re.escape(text)):
        transform(np.zeros((3, 5, 7, 1)), seed=0)


def test_what_is_inherited_keeps_its_bounds():
    class Brighter(Brightness):
        def draw_parameters(self, draws):
            return {"brightness": np.full(len(draws), -1.0)}

    with pytest.raises(ValueError, match="`brightness` of Brighter must be at least 0"):
        Brighter()(np.zeros((3, 5, 7, 1), "uint8"), seed=0)

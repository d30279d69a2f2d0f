"""Each contract catches a transform that breaks it, and says so; sound transforms pass."""

import random
import re
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from kaug.testing import CONTRACTS, ContractError, check_transform
from kaug.transforms import (
    Affine,
    Compose,
    CutMix,
    HorizontalFlip,
    Identity,
    MixUp,
    Normalize,
    OneOf,
    Rotate90,
    Rotation,
    Transform,
    Zoom,
)


@dataclass(frozen=True, repr=False)
class Fade(Transform):
    """A sound transform, from which the broken ones are made."""

    photometric = True
    p: float = 1.0

    def draw_parameters(self, draws):
        return {"factor": draws.uniform(0.5, 1)}

    def transform_images(self, images, parameters):
        factor = parameters["factor"].reshape(-1, 1, 1, 1)
        return (images * factor).astype(images.dtype)


class Counting(Fade):
    def transform_images(self, images, parameters):
        object.__setattr__(self, "calls", getattr(self, "calls", 0) + 1)
        return super().transform_images(images, parameters)


class NoDataclass(Transform):
    def transform_images(self, images, parameters):
        return images


@dataclass(repr=False)
class Thawed(Transform):
    def transform_images(self, images, parameters):
        return images


class Promoting(Fade):
    def transform_images(self, images, parameters):
        return images * parameters["factor"].reshape(-1, 1, 1, 1)


class Cropping(Fade):
    def transform_images(self, images, parameters):
        return images[:, 1:]


class OnlyColor(Fade):
    """Fails for one channel without saying that it is not meant for it."""

    def transform_images(self, images, parameters):
        return images * np.ones(3, images.dtype)


class Refusing(Fade):
    def transform_images(self, images, parameters):
        raise ValueError("`images` must not be those")


class NotDrawing(Fade):
    def draw_parameters(self, draws):
        raise KeyError("factor")


class WritingToItsCall(Fade):
    def __call__(self, images, **options):
        images[:] = 0
        return images.copy()


class NotEmpty(Fade):
    def __call__(self, images, **options):
        assert len(images), "no images"
        return super().__call__(images, **options)


class Brightening(Fade):
    def transform_images(self, images, parameters):
        return (images * 1.3).astype(images.dtype)


class WritingInPlace(Fade):
    def transform_images(self, images, parameters):
        images //= images.dtype.type(2)
        return images


class WritingToParameters(Fade):
    def transform_images(self, images, parameters):
        parameters["factor"] *= 0.5
        return super().transform_images(images, parameters)


class ReturningItsInput(Fade):
    def __call__(self, images, **options):
        return images


class UsingTheBatch(Fade):
    def transform_images(self, images, parameters):
        return (images - images.mean(axis=0) / 2).clip(0).astype(images.dtype)


class OwnGenerator(Fade):
    def transform_images(self, images, parameters):
        factor = np.random.default_rng().uniform(0, 1, (len(images), 1, 1, 1))
        return (images * factor).astype(images.dtype)


class UsingTheOrder(Fade):
    def transform_images(self, images, parameters):
        factor = np.linspace(0.5, 1, len(images)).reshape(-1, 1, 1, 1)
        return (images * factor).astype(images.dtype)


class ApplyingSomethingElse(Fade):
    def apply(self, images, parameters):
        return images.copy()


class ApplyingAnything(Fade):
    def apply(self, images, parameters):
        factor = np.resize((parameters or {"factor": 1.0}).get("factor", 1.0), len(images))
        return self.transform_images(images, {"factor": factor})


class FixedDraws(Fade):
    def draw_parameters(self, draws):
        return {"factor": 0.5 + (draws.rows % 7) / 14}


class SameForAllRows(Fade):
    def draw_parameters(self, draws):
        return {"factor": np.full(len(draws), (draws.key.high % 100) / 100)}


class UsingRandom(Fade):
    def transform_images(self, images, parameters):
        random.random()
        return super().transform_images(images, parameters)


class UsingNumPysGenerator(Fade):
    def transform_images(self, images, parameters):
        np.random.uniform()
        return super().transform_images(images, parameters)


@dataclass(frozen=True, repr=False)
class IgnoringP(Transform):
    p: float = 1.0

    def _steps(self, parameters, within=None):
        applied = np.ones_like(parameters["applied"])
        return super()._steps({**parameters, "applied": applied}, within)

    def transform_images(self, images, parameters):
        return images // images.dtype.type(2)


@dataclass(frozen=True, repr=False)
class ForgettingTheConfiguration(Fade):
    strength: float = 0.5

    def get_config(self):
        return {}


@dataclass(frozen=True, repr=False)
class UnreadableRepr(Fade):
    def __repr__(self):
        return "<Fade>"


class NotSoPhotometric(Fade):
    def transform_images(self, images, parameters):
        return images[:, :, ::-1]


@dataclass(frozen=True, repr=False)
class LazyMasks(Transform):
    """A flip that moves images alone."""

    def transform_images(self, images, parameters):
        return images[:, :, ::-1]

    def transform_masks(self, masks, parameters):
        return masks

    def transform_points(self, points, parameters, size):
        return points


class ThroughFloats(LazyMasks):
    def transform_images(self, images, parameters):
        with np.errstate(invalid="ignore"):
            return images.astype("float32").astype(images.dtype)


class LazyPoints(LazyMasks):
    def transform_masks(self, masks, parameters):
        return masks[:, :, ::-1]


class LazyMaps(LazyPoints):
    def transform_maps(self, maps, parameters):
        return maps

    def transform_points(self, points, parameters, size):
        return points * [-1, 1] + [size[1] - 1, 0]


class WrongExample(Fade):
    """Gets an example in the test, lest it is run as one of this module's."""


BROKEN = [
    (Counting(), "is_frozen", "a call that changed calls"),
    (NoDataclass(), "is_frozen", "a class that is none, NoDataclass"),
    (Thawed(), "is_frozen", "a class that is none, Thawed"),
    (Promoting(), "keeps_dtype_and_shape", "TypeError.*float64 from Promoting.*, given uint8"),
    (Cropping(), "keeps_dtype_and_shape", r"shape \(\d+, 45, 61, 3\)"),
    (
        OnlyColor(),
        "keeps_dtype_and_shape",
        r"\(3, 9, 7, 1\) is due.*from an array of shape \(3, 9, 7\)",
    ),
    (Refusing(), "takes_images", "refusal of all images.*must not be those"),
    (NotEmpty(), "takes_small_batches", "AssertionError.*no images.*shape.*0, 45"),
    (Brightening(), "stays_in_range", r"0.*\.\.1.3 made of.*float32"),
    (ThroughFloats(), "keeps_extremes", "made of 4294967295 in uint32, by ThroughFloats"),
    (WritingInPlace(), "leaves_inputs_alone", "`transform_images` that changed an array"),
    (WritingToItsCall(), "leaves_inputs_alone", "a call that changed an array"),
    (NotDrawing(), "takes_images", "KeyError.*drawing for 4 rows"),
    (WritingToParameters(), "leaves_inputs_alone", "changed its parameters"),
    (ReturningItsInput(), "returns_its_own_memory", "a view made of"),
    (UsingTheBatch(), "makes_rows_by_themselves", r"rows \[0\] of an array"),
    (OwnGenerator(), "makes_rows_by_themselves", "rows"),
    (UsingTheOrder(), "makes_rows_by_themselves", "rows"),
    (ApplyingSomethingElse(), "applies_what_it_draws", "another result on an array"),
    (
        ApplyingAnything(),
        "refuses_what_was_not_drawn",
        "an answer, an array of shape .* for None",
    ),
    (FixedDraws(), "depends_on_seed_epoch_and_row", "for another seed"),
    (SameForAllRows(), "depends_on_seed_epoch_and_row", "for another row number"),
    (UsingRandom(), "leaves_random_states_alone", "`random`"),
    (UsingNumPysGenerator(), "leaves_random_states_alone", "`numpy.random`"),
    (IgnoringP(), "does_nothing_at_p_0", "other images made of"),
    (ForgettingTheConfiguration(strength=0.25), "survives_saving", "from_config"),
    (UnreadableRepr(), "survives_saving", "SyntaxError.*evaluating its repr"),
    (NotSoPhotometric(), "takes_targets_along", "masks and images that part in rows"),
    (LazyMasks(), "takes_targets_along", "masks and images that part in rows"),
    (LazyPoints(), "takes_targets_along", "masks and keypoints that part in rows"),
    (LazyMaps(), "takes_targets_along", "masks and maps that part in rows"),
    (Compose([Rotation(5), LazyPoints()]), "takes_targets_along", "masks and keypoints"),
    (WrongExample(), "has_an_example_that_runs", "Expected:\n *3\nGot:\n *2"),
]


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize(
    ("transform", "contract", "text"), BROKEN, ids=[type(case[0]).__name__ for case in BROKEN]
)
def test_a_broken_contract_is_named(transform, contract, text, monkeypatch):
    monkeypatch.setattr(WrongExample, "__doc__", ">>> 1 + 1\n3\n")
    state = np.random.get_state()
    with pytest.raises(ContractError, match=f"(?s){text}") as caught:
        check_transform(transform)
    np.random.set_state(state)
    assert caught.value.contract == contract
    assert re.search(r", by .*(<|\w)", str(caught.value))


def test_every_contract_is_tried():
    assert {contract.__name__ for contract in CONTRACTS} == {case[1] for case in BROKEN}


@pytest.mark.parametrize(
    "transform",
    [
        Fade(),
        Fade(p=0.3),
        Identity(),
        Affine(rotation=(0, 0)),
        Rotate90(1),
        Zoom((0.4, 2), fill_mode="constant", fill_value=0.9),
        Compose([Rotation(30), Fade(), HorizontalFlip()]),
        Compose([Rotation(30), Normalize()]),
        Compose([HorizontalFlip(), MixUp()]),
        OneOf([Compose([Rotation(90), CutMix()]), Fade()]),
        *(HorizontalFlip(p) for p in (0.01, 0.999, 0.001, 1e-5)),
        Rotation(0, p=1 / 128),
    ],
    ids=repr,
)
def test_sound_transforms_pass(transform):
    check_transform(transform)


def test_saving_is_checked_without_keras(monkeypatch):
    (survives_saving,) = (each for each in CONTRACTS if each.__name__ == "survives_saving")
    monkeypatch.delitem(sys.modules, "keras")
    survives_saving(Rotation(10))
    assert "keras" not in sys.modules


@dataclass(frozen=True, repr=False)
class ColorOnly(Fade):
    def transform_images(self, images, parameters):
        if images.shape[-1] != 3 or images.dtype != np.uint8:
            raise ValueError(f"`images` must have 3 channels of bytes. Received: {images.shape}.")
        return super().transform_images(images, parameters)


@dataclass(frozen=True, repr=False)
class Window(Transform):
    """Cuts out a window of a size, at a place that is drawn."""

    height: int = 100
    width: int = 120
    lost: bool = False

    def draw_parameters(self, draws):
        return {"top": draws.uniform(), "left": draws.uniform()}

    def output_shape(self, shape):
        return (self.height, self.width, *shape[2:])

    def _starts(self, parameters, size):
        if size[0] < self.height or size[1] < self.width:
            raise ValueError(f"The images must be at least as large as the window, not {size}.")
        top = np.floor(parameters["top"] * (size[0] - self.height + 1)).astype(int)
        return top, np.floor(parameters["left"] * (size[1] - self.width + 1)).astype(int)

    def transform_images(self, images, parameters):
        out = np.empty((len(images), *self.output_shape(images.shape[1:])), images.dtype)
        places = zip(*self._starts(parameters, images.shape[1:3]), strict=True)
        for row, (top, left) in enumerate(places):
            out[row] = images[row, top : top + self.height, left : left + self.width]
        return out

    transform_masks = transform_images

    def transform_points(self, points, parameters, size):
        top, left = self._starts(parameters, size)
        start = np.stack([left, top], axis=-1)[:, np.newaxis]
        return points - (0 if self.lost else start)


def test_refusals_are_no_fault():
    check_transform(ColorOnly())


@dataclass(frozen=True, repr=False)
class FloatsByAccident(Fade):
    def transform_images(self, images, parameters):
        changed = images.copy()
        changed *= 0.5  # NumPy says which dtypes it cannot cast to which
        return changed


def test_what_numpy_cannot_cast_is_one():
    with pytest.raises(ContractError, match="Cannot cast"):
        check_transform(FloatsByAccident())


def test_other_sizes_are_no_fault():
    check_transform(Window())
    check_transform(Compose([Rotation(20), Window(20, 31), HorizontalFlip(), MixUp()]))
    with pytest.raises(ContractError, match="masks and keypoints that part"):
        check_transform(Window(lost=True))


@dataclass(frozen=True, repr=False)
class MasksOnly(HorizontalFlip):
    def _check_carries(self, what):
        if what != "segmentation masks":
            raise ValueError("masks only")


@dataclass(frozen=True, repr=False)
class PointsOnly(LazyMasks):
    def _check_carries(self, what):
        if what == "segmentation masks":
            raise ValueError("points only")


def test_kinds_of_targets_that_are_refused_are_left_out():
    check_transform(MasksOnly())
    with pytest.raises(ContractError, match="keypoints and images that part"):
        check_transform(PointsOnly())


def test_only_transforms_are_checked():
    with pytest.raises(TypeError, match=r"`transform` must be an instance.*Rotation'>"):
        check_transform(Rotation)

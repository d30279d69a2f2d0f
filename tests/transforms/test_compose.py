from dataclasses import dataclass

import numpy as np
import pytest

from kaug.transforms import (
    Compose,
    HorizontalFlip,
    Identity,
    Lambda,
    OneOf,
    Rotate90,
    Rotation,
    SomeOf,
    Sometimes,
    Transform,
    Translation,
    VerticalFlip,
)

ADD = [Lambda(lambda images, step=step: images + step) for step in (1, 10, 100)]


def levels(policy, count=400, seed=0):
    """Returns what is left of black images: the sum of the steps that were applied."""
    return policy(np.zeros((count, 1, 1, 1), "int64"), seed=seed).ravel()


def test_order():
    double = Lambda(lambda images: images * 2)
    assert levels(Compose([ADD[0], double, ADD[1]]), 1)[0] == 12
    assert levels(Compose([ADD[0], ADD[1], double]), 1)[0] == 22
    assert levels(Compose([]), 1)[0] == 0


@dataclass(frozen=True, repr=False)
class Gray(Transform):
    """Leaves the first of the channels."""

    photometric = True

    def transform_images(self, images, parameters):
        return images[..., :1].copy()

    def output_shape(self, shape):
        return (*shape[:-1], 1)


def test_channels_may_go_after_a_warp():
    images = np.random.default_rng(0).integers(0, 256, (5, 33, 47, 3), dtype=np.uint8)
    turned = Rotation((20, 20))(images, seed=0)
    gray = Compose([Rotation((20, 20)), Gray()])(images, seed=0)
    np.testing.assert_array_equal(gray, turned[..., :1])
    again = Compose([Rotation((20, 20)), Gray(), Rotation((0, 0))])(images, seed=0)
    np.testing.assert_array_equal(again, turned[..., :1])


def test_compose_p_is_for_all_at_once():
    values = levels(Compose([ADD[0], ADD[1]], p=0.3))
    assert set(values) == {0, 11}
    assert abs((values == 11).mean() - 0.3) < 0.08


def test_one_of_takes_one_for_each_row():
    values = levels(OneOf(ADD))
    assert set(values) == {1, 10, 100}
    assert min(np.unique(values, return_counts=True)[1]) > 90


def test_one_of_weights():
    values = levels(OneOf(ADD, weights=[1, 0, 3]), 2000)
    assert set(values) == {1, 100}
    assert abs((values == 100).mean() - 0.75) < 0.04


@pytest.mark.parametrize(
    ("n", "sums"),
    [(0, {0}), (2, {11, 101, 110}), (3, {111}), ((0, 1), {0, 1, 10, 100})],
)
def test_some_of(n, sums):
    values = levels(SomeOf(ADD, n=n))
    assert set(values) == sums
    assert np.unique(values, return_counts=True)[1].min() > 400 / len(sums) / 2.5


def test_sometimes():
    values = levels(Sometimes([ADD[0], ADD[1]], p=0.5))
    assert set(values) == {0, 11}
    assert abs((values == 11).mean() - 0.5) < 0.08


def test_a_nested_policy_keeps_its_own_p():
    values = levels(Compose([Compose([ADD[0]], p=0.3), ADD[1]]), 2000)
    assert set(values) == {10, 11}
    assert abs((values == 11).mean() - 0.3) < 0.04


def test_nested_choices_are_drawn_apart():
    inner = OneOf(ADD[:2])
    values = levels(Compose([inner, inner]))
    # Each of 2, 11, 11, 20 as likely: the two policies are equal but their places are not.
    counts = dict(zip(*np.unique(values, return_counts=True), strict=True))
    assert set(counts) == {2, 11, 20}
    assert 140 < counts[11] < 260


@pytest.mark.parametrize(
    "wrap",
    [
        lambda steps: Compose(steps),
        lambda steps: Compose([Compose(steps[:1]), Compose(steps[1:])]),
        lambda steps: Compose([steps[0], Identity(), SomeOf(steps[1:], n=len(steps) - 1)]),
        lambda steps: Sometimes(steps, p=1),
        lambda steps: OneOf([Compose(steps)]),
    ],
)
def test_nested_geometry_is_one_resampling(wrap, images):
    batch = images(4, shape=(9, 12, 3), dtype="float64")
    policy = wrap([Rotation((20, 20)), HorizontalFlip(1), HorizontalFlip(1), Rotation((-20, -20))])
    np.testing.assert_allclose(policy(batch), batch, atol=1e-12)


def test_nested_geometry_fuses_across_a_policy_that_is_no_warp(images):
    batch = images(4, shape=(9, 12, 3), dtype="float64")
    negate = Lambda(lambda images: -images)
    policy = Compose([Rotation((20, 20)), Compose([Rotation((-20, -20)), negate])])
    np.testing.assert_allclose(policy(batch), -batch, atol=1e-12)


def test_different_fillings_are_two_resamplings(images):
    batch = images(2, shape=(9, 12, 1), dtype="float64")
    first = Translation((0.5, 0.5), 0.0, fill_mode="constant", fill_value=7)
    second = Translation((-0.5, -0.5), 0.0, fill_mode="nearest")
    result = Compose([first, second])(batch)
    np.testing.assert_array_equal(result, second(first(batch)))
    assert not np.array_equal(result, batch)


@pytest.mark.parametrize("first", [True, False])
def test_a_step_that_changes_the_size(images, first):
    @dataclass(frozen=True, repr=False)
    class Crop(Transform):
        def output_shape(self, shape):
            return (shape[0] - 1, shape[1] - 2, *shape[2:])

        def draw_parameters(self, draws):
            return {}

        def transform_images(self, images, parameters):
            return images[:, 1:, 2:]

    batch = images(3, shape=(6, 9, 3))
    steps = [Crop(), HorizontalFlip(1)] if first else [HorizontalFlip(1), Crop()]
    result = Compose(steps)(batch)
    expected = batch[:, 1:, 2:][:, :, ::-1] if first else batch[:, 1:, -3::-1]
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(
        Compose(steps).apply(batch, Compose(steps).draw([0, 1, 2])), result
    )


def test_flips_and_quarters_join_any_filling():
    policy = Compose([Rotate90(), Rotation(10, fill_mode="wrap"), VerticalFlip()])
    assert policy._resampling().fill_mode == "wrap"
    mixed = Compose([Rotation(10, fill_mode="wrap"), Rotation(10, fill_mode="reflect")])
    assert mixed._resampling() is None


def test_children_of_a_run_act_on_their_rows_only():
    image = np.arange(15, dtype="uint8").reshape(1, 3, 5)
    batch = np.repeat(image, 200, 0)
    policy = OneOf([HorizontalFlip(1), VerticalFlip(1), Identity()])
    parameters = policy.draw(np.arange(200), seed=0)
    result = policy.apply(batch, parameters)
    expected = [image[0, :, ::-1], image[0, ::-1], image[0]]
    for row, choice in enumerate(parameters["chosen"].argmax(axis=1)):
        np.testing.assert_array_equal(result[row], expected[choice])


@dataclass(frozen=True, repr=False)
class AddTwo(Transform):
    """Adds two numbers that are one parameter."""

    photometric = True
    p: float = 0.5

    def draw_parameters(self, draws):
        return {"numbers": (draws.uniform(1, 2), draws.uniform(10, 20))}

    def transform_images(self, images, parameters):
        return images + np.add(*parameters["numbers"])[:, None, None, None]


@pytest.mark.parametrize("policy", [AddTwo(), OneOf([AddTwo(1), Identity()])], ids=repr)
def test_parameters_that_are_tuples_are_those_of_their_rows(policy):
    parameters = policy.draw(np.arange(60), seed=0)
    (step,) = (each for each in policy._steps(parameters) if isinstance(each.transform, AddTwo))
    expected = np.where(step.rows, np.add(*step.parameters["numbers"]), 0)
    assert 0 < step.rows.sum() < 60
    np.testing.assert_array_equal(policy(np.zeros((60, 1, 1, 1)), seed=0).ravel(), expected)


def test_p_of_a_lambda_is_per_row():
    values = levels(Lambda(lambda images: images + 1, p=0.25), 2000)
    assert abs(values.mean() - 0.25) < 0.04


def test_lambda_can_not_write_into_the_input(images):
    def darken(batch):
        batch[:] = 0
        return batch

    batch = images(2)
    before = batch.copy()
    assert not Lambda(darken)(batch).any()
    np.testing.assert_array_equal(batch, before)


BAD = [
    (lambda: Compose(HorizontalFlip()), TypeError, "sequence of transforms.*Put it into a list"),
    (lambda: Compose([lambda b: b]), TypeError, "Wrap a function in Lambda"),
    (lambda: Compose([HorizontalFlip()], p=2), ValueError, "`p` must lie in 0..1"),
    (lambda: OneOf([]), ValueError, "must not be empty"),
    (lambda: OneOf([Identity()], weights=[1, 2]), ValueError, "`weights` must be a number"),
    (lambda: OneOf([Identity()], weights=[-1]), ValueError, "`weights` must be a number"),
    (lambda: OneOf([Identity()], weights=[0]), ValueError, "not all 0"),
    (lambda: SomeOf([Identity()], n=2), ValueError, "`n` must be an integer, between 0 and 1"),
    (lambda: SomeOf([Identity()], n=(1, 0)), ValueError, "low <= high"),
    (lambda: SomeOf([Identity()], n=0.5), TypeError, "`n` must be an integer"),
    (lambda: SomeOf([Identity()], n=(0, 1, 1)), ValueError, r"a pair \(low, high\)"),
    (lambda: Lambda(3), TypeError, "`function` must be something that can be called"),
    (lambda: Lambda(lambda b: b[:1])(np.zeros((2, 3, 5))), ValueError, "must keep the shape"),
    (lambda: Lambda(lambda b: b + 0.5)(np.zeros((2, 3, 5), "u1")), TypeError, "keep the dtype"),
]


@pytest.mark.parametrize(("make", "error", "text"), BAD)
def test_bad_policies(make, error, text):
    with pytest.raises(error, match=text):
        make()


def nested(depth, leaf):
    for _ in range(depth):
        leaf = Compose([leaf])
    return leaf


def test_how_deep_policies_may_be():
    deepest = nested(50, Identity())
    assert deepest == eval(repr(deepest)) == Compose.from_json(deepest.to_json())
    assert hash(deepest) == hash(nested(50, Identity()))
    with pytest.raises(ValueError, match=r"may be nested 50 deep\. Received: more\. Put"):
        Compose([deepest])
    config = deepest.get_config()
    for _ in range(5000):
        config = {"transforms": [{"class_name": "kaug>Compose", "config": config}]}
    with pytest.raises(ValueError, match="Transforms may be nested 50 deep"):
        Compose.from_config(config)
    with pytest.raises(ValueError, match="what cannot be read"):
        Compose.from_json("[" * 900 + "]" * 900)


@pytest.mark.parametrize("config", [None, 5, "p", [], {1: 2}])
def test_what_is_no_configuration(config):
    with pytest.raises(TypeError, match="must be a dict from names to values, as get_config"):
        Compose.from_config(config)

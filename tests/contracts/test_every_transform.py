"""What every transform must keep, whatever it does: rows that depend on nothing but themselves."""

import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, dataclass

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kaug.transforms
from kaug.transforms import (
    Affine,
    Compose,
    HorizontalFlip,
    Identity,
    Lambda,
    OneOf,
    Rotate90,
    Rotation,
    Shear,
    SomeOf,
    Sometimes,
    Transform,
    Translation,
    VerticalFlip,
    Zoom,
)


@keras.saving.register_keras_serializable("tests")
def invert(images):
    return images.max(axis=(1, 2, 3), keepdims=True) - images


@dataclass(frozen=True, repr=False)
class Darken(Transform):
    """A user's own transform."""

    strength: float = 0.5

    def draw_parameters(self, draws):
        return {"factor": draws.uniform(1 - self.strength, 1)}

    def transform_images(self, images, parameters):
        factor = parameters["factor"].reshape(-1, 1, 1, 1)
        return (images * factor).astype(images.dtype)


LEAVES = [
    Affine(rotation=20, height_shift=0.1, width_shift=0.2, shear=5, zoom=0.2, keep_aspect=False),
    Rotation(),
    Translation(fill_mode="wrap"),
    Shear(interpolation="nearest"),
    Zoom(fill_mode="constant", fill_value=1),
    HorizontalFlip(),
    VerticalFlip(),
    Rotate90(),
    Identity(),
    Lambda(invert, p=0.5),
    Darken(),
]
TRANSFORMS = [
    *LEAVES,
    Compose([Rotation(30), HorizontalFlip(), Zoom(0.2), Translation(0.2, 0.1)]),
    Compose([Rotation(30), Darken(), OneOf([VerticalFlip(), Shear(30)]), Lambda(invert, p=0.3)]),
    OneOf([Rotation(90), Darken(0.9), Identity()], weights=[2, 1, 1], p=0.8),
    SomeOf([Rotation(40), HorizontalFlip(), Darken()], n=(1, 3)),
    Sometimes(Rotation(45, fill_mode="reflect"), p=0.7),
]
IDS = [f"{i}-{type(t).__name__}" for i, t in enumerate(TRANSFORMS)]
every_transform = pytest.mark.parametrize("transform", TRANSFORMS, ids=IDS)


def test_every_transform_is_here():
    public = {
        value
        for value in vars(kaug.transforms).values()
        if isinstance(value, type) and issubclass(value, Transform) and value is not Transform
    }
    assert public <= {type(transform) for transform in TRANSFORMS}


@every_transform
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "uint16", "float16"])
@pytest.mark.parametrize("shape", [(5, 7, 1), (6, 4, 3), (1, 1, 5), (5, 7)])
def test_shape_dtype_and_input_are_kept(transform, images, shape, dtype):
    batch = images(3, shape=shape, dtype=dtype)
    before = batch.copy()
    result = transform(batch, seed=1)
    assert result.shape == batch.shape
    assert result.dtype == batch.dtype
    assert not np.shares_memory(result, batch)
    np.testing.assert_array_equal(batch, before)


@every_transform
@pytest.mark.parametrize("count", [0, 1])
def test_empty_and_single_batches(transform, images, count):
    assert transform(images(count), seed=0).shape == (count, 5, 7, 3)


@every_transform
def test_rows_depend_on_themselves_alone(transform, images, monkeypatch):
    batch = images(50, shape=(23, 31, 3))
    whole = transform(batch, seed=9, epoch=2)
    rows = np.arange(50)
    for size in (1, 7):
        parts = [
            transform(batch[i : i + size], seed=9, epoch=2, index=rows[i : i + size])
            for i in range(0, 50, size)
        ]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    order = np.random.default_rng(0).permutation(50)
    shuffled = transform(batch[order], seed=9, epoch=2, index=order)
    np.testing.assert_array_equal(shuffled, whole[order])
    for threads in ("1", "3"):
        monkeypatch.setenv("KAUG_NUM_THREADS", threads)
        np.testing.assert_array_equal(transform(batch, seed=9, epoch=2), whole)


@every_transform
def test_draw_then_apply_is_the_call(transform, images):
    batch = images(20)
    parameters = transform.draw(np.arange(20) + 5, seed=3, epoch=1)
    result = transform.apply(batch, parameters)
    expected = transform(batch, seed=3, epoch=1, index=np.arange(20) + 5)
    np.testing.assert_array_equal(result, expected)
    assert not np.shares_memory(result, batch)


@every_transform
def test_eight_threads_at_once(transform, images):
    batch = images(40, shape=(23, 31, 3))
    expected = transform(batch, seed=1)
    with ThreadPoolExecutor(8) as pool:
        for result in pool.map(lambda _: transform(batch, seed=1), range(16)):
            np.testing.assert_array_equal(result, expected)


def _child(transform, batch):
    return transform(batch, seed=1)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning")
def test_forked_child(images):
    transform, batch = TRANSFORMS[11], images(200, shape=(23, 31, 3))
    expected = transform(batch, seed=1)  # the parent's pool is running when it forks
    with multiprocessing.get_context("fork").Pool(1) as pool:
        result = pool.apply_async(_child, (transform, batch)).get(timeout=60)
    np.testing.assert_array_equal(result, expected)


def test_spawned_child(images, tmp_path):
    import subprocess
    import sys

    transform, batch = TRANSFORMS[11], images(200, shape=(23, 31, 3))
    np.save(tmp_path / "batch.npy", batch)
    code = (
        "import sys, numpy as np; from kaug.transforms import *; "
        f"np.save('result.npy', {transform!r}(np.load('batch.npy'), seed=1)); "
        "assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "result.npy"), transform(batch, seed=1))


@every_transform
def test_seed_epoch_and_row_matter(transform, images):
    if isinstance(transform, Identity):
        pytest.skip("Identity has nothing to draw")
    batch = np.repeat(images(1, shape=(9, 9, 3)), 60, axis=0)
    result = transform(batch, seed=1)
    assert not np.array_equal(result, transform(batch, seed=2))
    assert not np.array_equal(result, transform(batch, seed=1, epoch=1))
    assert not np.array_equal(result, transform(batch, seed=1, index=np.arange(60) + 60))


@every_transform
def test_frozen(transform):
    with pytest.raises(FrozenInstanceError):
        transform.p = 0.1


def assert_round_trips(transform):
    assert type(transform).from_config(transform.get_config()) == transform
    assert Transform.from_json(transform.to_json()) == transform
    assert eval(repr(transform), {**vars(kaug.transforms), "Darken": Darken}) == transform
    assert pickle.loads(pickle.dumps(transform)) == transform
    config = keras.saving.serialize_keras_object(transform)
    assert keras.saving.deserialize_keras_object(config) == transform


@every_transform
def test_round_trips(transform):
    if "Lambda" not in repr(transform):
        assert_round_trips(transform)
        return
    # A function has no repr that evaluates, but it has the name it is registered under.
    assert Transform.from_json(transform.to_json()) == transform
    assert pickle.loads(pickle.dumps(transform)) == transform


numbers = st.floats(0, 0.9)
pairs = st.tuples(st.floats(-0.9, 0), st.floats(0, 0.9))
ranges = numbers | pairs
fill = {
    "fill_mode": st.sampled_from(["nearest", "reflect", "wrap", "constant"]),
    "fill_value": st.integers(0, 255),
    "interpolation": st.sampled_from(["nearest", "bilinear"]),
    "p": st.floats(0, 1),
}
leaves = st.one_of(
    st.builds(Rotation, ranges, **fill),
    st.builds(Translation, ranges, ranges, **fill),
    st.builds(Shear, ranges, **fill),
    st.builds(Zoom, numbers, keep_aspect=st.booleans(), **fill),
    st.builds(Affine, rotation=ranges, shear=ranges, zoom=numbers, height_shift=ranges, **fill),
    st.builds(HorizontalFlip, st.floats(0, 1)),
    st.builds(VerticalFlip),
    st.builds(Rotate90),
    st.builds(Identity),
    st.builds(Darken, numbers),
)


def policies(children):
    some = st.lists(children, min_size=1, max_size=3)
    return st.one_of(
        st.builds(Compose, some, p=st.floats(0, 1)),
        st.builds(OneOf, some),
        some.flatmap(lambda items: st.builds(SomeOf, st.just(items), st.integers(0, len(items)))),
        st.builds(Sometimes, children, st.floats(0, 1)),
    )


@given(st.recursive(leaves, policies, max_leaves=6))
def test_any_policy_round_trips_and_runs(policy):
    assert_round_trips(policy)
    batch = np.arange(4 * 5 * 7 * 3, dtype="uint8").reshape(4, 5, 7, 3)
    whole = policy(batch, seed=1)
    assert whole.shape == batch.shape
    np.testing.assert_array_equal(policy(batch[2:], seed=1, index=[2, 3]), whole[2:])


def test_names_are_those_of_keras():
    assert '"class_name": "kaug>Rotation"' in Rotation().to_json()
    assert keras.saving.serialize_keras_object(Rotation())["registered_name"] == "kaug>Rotation"


def test_a_class_may_be_defined_again():
    def define():
        @dataclass(frozen=True, repr=False)
        class Again(Darken):
            pass

        return Again

    first, second = define(), define()
    assert type(Transform.from_json(first().to_json())) is second
    config = keras.saving.serialize_keras_object(second(0.25))
    assert keras.saving.deserialize_keras_object(config) == second(0.25)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda t, x: t(x, epoch=-1), ValueError, "`epoch` must be an integer, between 0"),
        (lambda t, x: t(x, epoch=1.5), TypeError, "`epoch` must be an integer"),
        (lambda t, x: t(x, seed=1.5), TypeError, "`seed` must be an integer"),
        (lambda t, x: t(x, seed=-1), ValueError, "`seed` must be an integer"),
        (lambda t, x: t(x, index=[0, 1]), ValueError, "one row number for each of the 3 images"),
        (lambda t, x: t(x, index=[-1, 0, 1]), ValueError, r"Row numbers must lie in 0..2\*\*47-1"),
        (lambda t, x: t(x, index=[0.0, 1, 2]), TypeError, "array of integers"),
        (lambda t, x: t(x[0, 0]), ValueError, "batch of images"),
        (lambda t, x: t(x.astype(complex)), TypeError, "real numbers"),
        (lambda t, x: t(x, 1), TypeError, "positional"),
        (lambda t, x: t.apply(x, t.draw([0])), ValueError, "for as many rows as there are images"),
        (lambda t, x: Transform.from_json("[]"), ValueError, "JSON of a transform"),
        (
            lambda t, x: Transform.from_json('{"class_name": "os.system", "config": {}}'),
            ValueError,
            "name a transform that is known.*os.system",
        ),
        (
            lambda t, x: Lambda(lambda b: b).to_json(),
            TypeError,
            "must be registered by name.*register_keras_serializable",
        ),
        (lambda t, x: t.from_config({"rotate": 3}), TypeError, "rotate"),
    ],
)
def test_bad_input(call, error, text, images):
    with pytest.raises(error, match=text):
        call(Rotation(10), images(3))

"""What every transform must keep, whatever it does: the contracts of `kaug.testing`, and more."""

import json
import multiprocessing
import re
import warnings
from dataclasses import dataclass

import albumentations
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import BYTES, EVERYTHING, IDS, POLICIES, Darken, dtypes_of, invert

from kaug._contracts.hostile import extreme, impossible, outcome_of
from kaug._contracts.tools import constant, rows_of
from kaug.testing import CONTRACTS, check_transform
from kaug.transforms import (
    Affine,
    CenterCrop,
    Compose,
    CopyPaste,
    HorizontalFlip,
    Identity,
    Lambda,
    OneOf,
    Resize,
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

every_transform = pytest.mark.parametrize("transform", EVERYTHING, ids=IDS)
# The examples of kaug are run by pytest where they stand, and the tests of the documentation see
# that there is one of each.
MATRIX = [each for each in CONTRACTS if each.__name__ != "has_an_example_that_runs"]


@every_transform
@pytest.mark.parametrize("contract", MATRIX, ids=[each.__name__ for each in MATRIX])
def test_contract(transform, contract):
    contract(transform)


def test_all_contracts():
    check_transform(Rotation(30))


@every_transform
def test_any_number_of_threads(transform, images, monkeypatch):
    # Carried out in several pieces.
    batch = images(200, shape=(45, 61, 3), dtype=dtypes_of(transform)[0])
    whole = transform(batch, seed=9, epoch=2)
    for threads in ("1", "3"):
        monkeypatch.setenv("KAUG_NUM_THREADS", threads)
        np.testing.assert_array_equal(transform(batch, seed=9, epoch=2), whole)


@pytest.mark.parametrize("transform", BYTES)
def test_bytes(transform, images):
    """What the contracts demand, and try on floats, holds for the kernels of bytes."""
    batch = images(60, shape=(45, 61, 3))
    result = transform(batch, seed=9, epoch=2)
    assert not np.shares_memory(result, batch)
    for rows in ([59], [20, 3, 41]):
        some = rows_of(transform, batch, np.array(rows), seed=9, epoch=2)
        np.testing.assert_array_equal(some, result[rows])
    parameters = transform.draw(np.arange(60), seed=9, epoch=2)
    np.testing.assert_array_equal(transform.apply(batch, parameters), result)
    changed = transform.transform_images(batch, parameters)
    assert not np.shares_memory(changed, batch)
    np.testing.assert_array_equal(batch, images(60, shape=(45, 61, 3)))


def _child(transform, batch):
    return transform(batch, seed=1)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning")
def test_forked_child(images):
    transform, batch = POLICIES[0], images(200, shape=(23, 31, 3))
    expected = transform(batch, seed=1)  # the parent's pool is running when it forks
    with multiprocessing.get_context("fork").Pool(1) as pool:
        result = pool.apply_async(_child, (transform, batch)).get(timeout=60)
    np.testing.assert_array_equal(result, expected)


def test_spawned_child(images, tmp_path):
    import subprocess
    import sys

    transform, batch = POLICIES[0], images(200, shape=(23, 31, 3))
    np.save(tmp_path / "batch.npy", batch)
    code = (
        "import sys, numpy as np; from kaug.transforms import *; "
        f"np.save('result.npy', {transform!r}(np.load('batch.npy'), seed=1)); "
        "assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "result.npy"), transform(batch, seed=1))


@every_transform
def test_what_is_drawn_is_to_be_seen(transform, images):
    if constant(transform.draw(np.arange(60), seed=1)) or isinstance(transform, CopyPaste):
        pytest.skip("nothing is drawn, or nothing seen without masks")
    batch = np.repeat(images(2, shape=(33, 31, 3)) // 2, 30, axis=0)
    result = transform(batch, seed=1)
    assert not np.array_equal(result, transform(batch, seed=2))
    assert not np.array_equal(result, transform(batch, seed=1, epoch=1))
    assert not np.array_equal(result, transform(batch, seed=1, index=np.arange(60) + 60))


def _apply_what_nobody_drew(transform, pipe):
    """Sends what is tried before it is tried, and behind it what went wrong."""
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "A quarter turn")
    for dtype in dtypes_of(transform):
        images = np.ones((5, 17, 13, 3), dtype)
        parameters = transform.draw(np.arange(5), seed=1)
        for surely, cases in ((True, impossible(parameters)), (False, extreme(parameters))):
            for what, wrong in cases:
                if not surely and "factor" in what:
                    continue  # of a transform that is not ours, and has no bounds
                pipe.send(f"{dtype}, {what}")
                outcome = outcome_of(transform, images, wrong)
                refused = re.match("(Type|Value)Error: .*Received: ", outcome, re.DOTALL)
                if not refused and (surely or not outcome.startswith("an answer")):
                    pipe.send((dtype, what, outcome))
    pipe.send("the end")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning")
@every_transform
def test_parameters_that_nobody_drew(transform):
    for dtype in dtypes_of(transform):  # compiled here, not in every child
        transform(np.ones((5, 17, 13, 3), dtype), seed=1)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_apply_what_nobody_drew, args=(transform, theirs))
    child.start()
    theirs.close()
    tried, wrong = "nothing", []
    while tried != "the end":
        if not ours.poll(60):
            child.kill()
            pytest.fail(f"no end to {tried}")
        try:
            told = ours.recv()
        except EOFError:
            child.join()
            pytest.fail(f"the process died ({child.exitcode}) of {tried}")
        if isinstance(told, str):
            tried = told
        else:
            wrong.append(told)
    child.join()
    assert not wrong


def _numbers_of(transform, parameters):
    """Yields every array of numbers with the transform that drew it, and its name."""
    children = getattr(transform, "_children", ())
    for child, own in zip(children, parameters.get("transforms", ()), strict=True):
        yield from _numbers_of(child, own)
    for name, array in parameters.items():
        if name not in ("transforms", "partners") and array.dtype.kind in "if":
            yield transform, name


@every_transform
def test_every_number_has_bounds(transform):
    for drawer, name in _numbers_of(transform, transform.draw(np.arange(3), seed=1)):
        assert isinstance(drawer, Darken) or name in drawer._bounds()


numbers = st.floats(0, 0.9)
pairs = st.tuples(st.floats(-0.9, 0), st.floats(0, 0.9))
ranges = numbers | pairs
common = {"interpolation": st.sampled_from(["nearest", "bilinear"]), "p": st.floats(0, 1)}
fills = [
    {"fill_mode": st.sampled_from(["nearest", "reflect", "wrap"]), **common},
    {"fill_mode": st.just("constant"), "fill_value": st.integers(0, 255), **common},
]
leaves = st.one_of(
    *(
        leaf
        for fill in fills
        for leaf in (
            st.builds(Rotation, ranges, **fill),
            st.builds(Translation, ranges, ranges, **fill),
            st.builds(Shear, ranges, **fill),
            st.builds(Zoom, numbers, keep_aspect=st.booleans(), **fill),
            st.builds(
                Affine, rotation=ranges, shear=ranges, zoom=numbers, height_shift=ranges, **fill
            ),
        )
    ),
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


@settings(max_examples=15)
@given(st.recursive(leaves, policies, max_leaves=6))
def test_any_policy(policy):
    check_transform(policy)


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


def test_what_the_registry_names_can_be_used():
    needed = {
        "transforms": (Rotation(),),
        "function": invert,
        "transform": albumentations.HorizontalFlip(),
    }
    for name, cls in Transform.registry.items():
        if cls.__module__.startswith("kaug."):
            fields = cls.__dataclass_fields__
            made = cls(**{key: value for key, value in needed.items() if key in fields})
            assert repr(made).startswith(name.removeprefix("kaug>"))
            assert Transform.from_json(made.to_json()) == made
            assert made(np.ones((2, 9, 13, 3)), seed=0).shape == (2, 9, 13, 3)
    for name in ("Slots", "AffineTransform", "Photometric", "GeometrySlot", "_Policy"):
        with pytest.raises(ValueError, match="must name a transform that is known"):
            Transform.from_json(described(f"kaug>{name}"))


def described(name, **config):
    return json.dumps({"class_name": name, "config": config})


def test_json_may_be_the_bytes_of_a_file():
    policy = Compose([Rotation(10), Darken()])
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert Transform.from_json(policy.to_json().encode(encoding)) == policy


@pytest.mark.parametrize(
    ("text", "error", "complaint"),
    [
        ("", ValueError, "cannot be read (Expecting value: line 1 column 1 (char 0))"),
        ('{"class_name": "kaug>Zoom",\n "config": {', ValueError, "line 2 column 13"),
        ("[" * 100_000, ValueError, "cannot be read (maximum recursion depth exceeded"),
        (b"\xff\xfe\x00", ValueError, "cannot be read ('utf-16-le' codec can't decode"),
        ({"class_name": "kaug>Zoom", "config": {}}, TypeError, "For a dict, use json.dumps first."),
        (None, TypeError, "JSON must be a string, or bytes as read from a file. Received: None"),
        ("[]", ValueError, "The JSON of a transform is an object with `class_name` and `config`"),
        ('"kaug>Zoom"', ValueError, "The JSON of a transform is an object"),
        ("{}", ValueError, "described by `class_name` and `config`, an object with its arguments"),
        ('{"class_name": "kaug>Zoom"}', ValueError, "Received: {'class_name': 'kaug>Zoom'}"),
        ('{"class_name": "kaug>Zoom", "config": [1]}', ValueError, "'config': [1]}"),
        (described("kaug>Rotatoin"), ValueError, "Did you mean 'kaug>Rotation'?"),
        (described("Zoom"), ValueError, "class_name='Zoom'. Did you mean 'kaug>Zoom'?"),
        (described("theirs>Vignette"), ValueError, "Import the module of a transform of your own"),
        (described(["kaug>Zoom"]), ValueError, "class_name=['kaug>Zoom']"),
        (described("kaug>Zoom", zooom=1), TypeError, "Zoom(zooom=1) (got an unexpected keyword"),
        (described("kaug>Zoom", zooom=1), TypeError, "'zooom'). Did you mean 'zoom'?"),
        (described("kaug>Zoom", qqq=1), TypeError, "The arguments of Zoom are: zoom, p, fill_mode"),
        (described("kaug>Compose"), TypeError, "Compose() (missing a required argument: 'transf"),
        (described("kaug>Compose", transforms=[1]), TypeError, "must be a sequence of transforms"),
        (described("kaug>Compose", transforms=[{}]), ValueError, "Received: {} (type dict)"),
        (described("kaug>Zoom", zoom="big"), TypeError, "Received: zoom='big'"),
        (described("kaug>Zoom", zoom=float("nan")), ValueError, "Received: zoom=nan"),
        (described("kaug>Lambda", function={"registered_name": "f"}), ValueError, "keras.saving"),
        (described("kaug>Lambda", function={"registered_name": []}), ValueError, "keras.saving"),
    ],
)
def test_descriptions_that_will_not_do(text, error, complaint):
    with pytest.raises(error, match=re.escape(complaint)) as caught:
        Transform.from_json(text)
    assert type(caught.value) is error
    assert "Received: " in str(caught.value)


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


@pytest.mark.parametrize("transform", [each for each in EVERYTHING if not each._mixes])
@pytest.mark.filterwarnings("ignore:A quarter turn of images that are not square")
def test_images_of_any_size_come_out_as_each_would_alone(transform):
    rng = np.random.default_rng(0)
    images = [rng.random((*rng.integers(20, 40, 2), 3)) for _ in range(24)]
    policy = Compose([transform, Resize(24), CenterCrop(20)])
    made = policy(images, seed=3)
    for row, image in enumerate(images):
        alone = policy(image[np.newaxis], seed=3, index=[row])[0]
        np.testing.assert_array_equal(made[row], alone)

"""What users call on Keras' generator and its iterators is there, and does the same."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tensorflow.keras.preprocessing.image import ImageDataGenerator as KerasGenerator

from kaug._generators import numpy_state_kept
from kaug.image_data_generator import ImageDataGenerator

GEOMETRY = {"rotation_range": 30, "zoom_range": 0.2, "horizontal_flip": True}

# Keras' own workings, which nothing outside of its module can make use of here.
MISSING = {
    "_api_export_path",
    "_api_export_symbol_id",
    "_check_params",
    "_filepaths",
    "_filter_classes",
    "_filter_valid_filepaths",
    "_flow_index",
    "_sample_weight",
    "_set_index_array",
    "get_classes",
    "set_processing_attrs",
}
# There, but other by intention: no lock is the same, and an order is known before it is asked for.
OTHER = {"image_data_generator", "index_array", "index_generator", "lock", "allowed_class_modes"}


@pytest.fixture
def folder(tmp_path):
    for number in range(7):
        (tmp_path / "ab"[number % 2]).mkdir(exist_ok=True)
        levels = np.random.default_rng(number).integers(0, 256, (6, 9, 3), "uint8")
        Image.fromarray(levels).save(tmp_path / "ab"[number % 2] / f"{number}.png")
    return str(tmp_path)


def from_array(generator, folder, **options):
    x = np.random.default_rng(0).random((7, 6, 9, 3), "float32")
    return generator.flow((x, [np.arange(7)]), np.arange(7) % 2, **options)


def from_directory(generator, folder, **options):
    return generator.flow_from_directory(folder, target_size=(6, 9), **options)


def from_dataframe(generator, folder, **options):
    names = [f"{'ab'[number % 2]}/{number}.png" for number in range(7)]
    table = pd.DataFrame({"filename": names, "class": list("abababa"), "w": np.arange(7)})
    return generator.flow_from_dataframe(
        table, folder, target_size=(6, 9), weight_col="w", **options
    )


FLOWS = [from_array, from_directory, from_dataframe]


@pytest.mark.parametrize("flow", [lambda generator, _: generator, *FLOWS])
def test_every_name_of_keras_is_there_with_its_value(folder, flow):
    options = {"validation_split": 0.3, "rescale": 0.5}
    ours, theirs = (
        flow(cls(**options), folder) if flow not in FLOWS else flow(cls(**options), folder, seed=1)
        for cls in (ImageDataGenerator, KerasGenerator)
    )
    names = {name for name in dir(theirs) if not name.startswith("__")}
    assert names - set(dir(ours)) <= MISSING
    for name in names - MISSING - OTHER:
        value = getattr(theirs, name)
        if not callable(value) and not name.startswith("_abc"):
            np.testing.assert_equal(getattr(ours, name), value, name)


@pytest.mark.filterwarnings("ignore:Every class should have images")
@pytest.mark.parametrize("flow", FLOWS[1:])
@pytest.mark.parametrize("subset", ["training", "validation"])
def test_subsets_say_which_part_they_are(folder, flow, subset):
    ours, theirs = (
        flow(cls(validation_split=0.3), folder, subset=subset)
        for cls in (ImageDataGenerator, KerasGenerator)
    )
    for name in ("split", "subset", "samples", "n", "filenames", "filepaths", "class_indices"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert len(ours) == len(theirs)


@pytest.mark.parametrize("flow", FLOWS)
def test_rows_and_batches_may_be_asked_for_apart(folder, flow):
    ours, alone = (flow(ImageDataGenerator(**GEOMETRY), folder, seed=3, batch_size=3) for _ in "12")
    with numpy_state_kept():
        theirs = flow(KerasGenerator(**GEOMETRY), folder, seed=3, batch_size=3)
        for _ in range(7):
            with ours.lock:  # as subclasses of Keras' iterators do
                rows = next(ours.index_generator)
            np.testing.assert_array_equal(rows, next(theirs.index_generator))
            assert ours.batch_index == theirs.batch_index
            assert ours.total_batches_seen == theirs.total_batches_seen
    for _ in range(2):
        ours.reset()
        rows = next(ours.index_generator)
    fresh = flow(ImageDataGenerator(**GEOMETRY), folder, seed=3, batch_size=3)
    for _ in range(7):
        rows = next(fresh.index_generator)
        batch = fresh._get_batches_of_transformed_samples(rows)
        pickled = [pickle.dumps(part) for part in (batch, alone.next())]
        assert pickled[0] == pickled[1]


@pytest.mark.parametrize("flow", FLOWS)
def test_a_batch_size_beyond_the_rows_and_resets(folder, flow):
    ours = flow(ImageDataGenerator(**GEOMETRY, keras_compat=True), folder, seed=3, batch_size=50)
    with numpy_state_kept():
        theirs = flow(KerasGenerator(**GEOMETRY), folder, seed=3, batch_size=50)
        for step in range(4):
            np.testing.assert_allclose(images_of(ours.next()), images_of(next(theirs)), atol=0.02)
            np.testing.assert_array_equal(ours.index_array, theirs.index_array)
            if step == 1:
                ours.reset()
                theirs.reset()


def images_of(batch):
    images = batch[0]
    return images[0] if isinstance(images, list) else images


@pytest.mark.parametrize("flow", FLOWS)
def test_copies_go_on_by_themselves(folder, flow):
    batches = flow(ImageDataGenerator(**GEOMETRY), folder, seed=3, batch_size=3)
    batches.next()
    twins = copy.deepcopy(batches), copy.copy(batches), pickle.loads(pickle.dumps(batches))
    expected = [batches.next() for _ in range(4)]
    for twin in twins:
        for batch in expected:
            np.testing.assert_array_equal(images_of(twin.next()), images_of(batch))


@pytest.mark.parametrize("flow", FLOWS)
def test_attributes_that_decide_may_be_changed(folder, flow):
    batches = flow(ImageDataGenerator(), folder, seed=3)
    batches.next()
    batches.shuffle, batches.batch_size = False, 2
    batches.reset()
    np.testing.assert_array_equal(batches.index_array, np.arange(7))
    assert len(batches) == 4
    assert len(images_of(batches.next())) == 2
    for name in ("save_to_dir", "save_prefix", "save_format"):  # decided once
        with pytest.raises(AttributeError):
            setattr(batches, name, "")


def test_where_augmented_images_are_saved(folder, tmp_path):
    options = {"save_to_dir": str(tmp_path), "save_prefix": "a", "save_format": "jpg"}
    for flow in FLOWS:
        batches = flow(ImageDataGenerator(), folder, **options)
        assert {name: getattr(batches, name) for name in options} == options
        plain = flow(ImageDataGenerator(), folder, save_to_dir="")  # as in Keras
        assert plain.save_to_dir is None


def test_statistics_may_be_set_by_hand():
    generator = ImageDataGenerator(featurewise_center=True)
    generator.mean = np.array([1.0, 2.0, 3.0], "float32")  # as for VGG's pictures
    x = np.full((2, 4, 5, 3), [1, 2, 4], "float32")
    np.testing.assert_array_equal(generator.flow(x).next(), np.full((2, 4, 5, 3), [0, 0, 1]))

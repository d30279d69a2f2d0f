"""Ray Data: what workers make is what one process makes, bit for bit."""

import doctest
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from kaug.integrations.ray import _augment_batch, augment
from kaug.transforms import (
    Affine,
    Brightness,
    Compose,
    HorizontalFlip,
    MixUp,
    RandomResizedCrop,
    Transform,
)

try:
    import ray
    import ray.data
except ImportError:
    ray = None

needs_ray = pytest.mark.skipif(ray is None, reason='needs Ray Data: pip install "kaug[ray]"')
# Ray's own: sockets and files it leaves open, and advice on its options.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray.*"),
    pytest.mark.filterwarnings("ignore::UserWarning:ray.*"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

POLICY = Compose(
    [Affine(rotation=30, width_shift=0.1, zoom=0.2), HorizontalFlip(), Brightness(0.2)]
)


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """Ray with two workers, small, and gone afterwards."""
    if ray is None:
        yield
        return
    ray.init(
        num_cpus=2,
        object_store_memory=200_000_000,
        include_dashboard=False,
        logging_level="ERROR",
        log_to_driver=False,
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    # Workers cannot import this file everywhere; its classes go to them as they are.
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    ray.shutdown()


def rows_of(dataset, index="row"):
    """Returns the rows of a dataset in the order of their numbers."""
    return sorted(dataset.take_all(), key=lambda row: row[index])


def dataset_of(images, blocks=5, numbers=None):
    numbers = range(len(images)) if numbers is None else numbers
    items = [
        {"image": image, "row": int(row), "label": int(row) % 3}
        for image, row in zip(images, numbers, strict=True)
    ]
    return ray.data.from_items(items, override_num_blocks=blocks)


def noise(count, shape=(9, 11, 3), dtype="uint8"):
    values = np.random.default_rng(0).integers(0, 256, (count, *shape))
    return values.astype(dtype)


FLIP = HorizontalFlip(1)


def block_of(*images, **others):
    """Returns a block as Ray hands it over where pictures differ in size."""
    column = np.empty(len(images), object)
    column[:] = [np.asarray(image) for image in images]
    return {"image": column, "row": np.arange(len(images)), **others}


def augmented_block(block, transform=FLIP):
    return _augment_batch(block, transform, 0, 0, ("image", "row"))


GRAY, COLOR = np.zeros((1, 20, 32), "uint8"), np.zeros((20, 32, 3), "uint8")


@pytest.mark.parametrize("images", [(GRAY, COLOR), (COLOR, GRAY), (GRAY, GRAY), (GRAY,)])
def test_gray_pictures_with_the_channel_first_are_refused(images):
    with pytest.raises(ValueError, match=r'shape \(1, 20, 32\).*color ones.*mode="RGB"'):
        augmented_block(block_of(*images))
    if len({image.shape for image in images}) == 1:
        with pytest.raises(ValueError, match=r"shape \(1, 20, 32\)"):
            augmented_block({"image": np.stack(images), "row": np.arange(len(images))})


@pytest.mark.parametrize("images", [(GRAY[0], COLOR), (COLOR[:1], COLOR), (np.zeros((1, 9, 7)),)])
def test_other_pictures_of_one_row_or_none_are_taken(images):
    made = augmented_block(block_of(*images))["image"]
    assert [np.shape(image) for image in made] == [image.shape for image in images]


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("bboxes", np.zeros((2, 3, 4))),
        ("keypoints", np.zeros((2, 5, 2))),
        ("segmentation_masks", np.zeros((2, 20, 32))),
        ("boxes", block_of(np.zeros((1, 4)), np.zeros((3, 4)))["image"]),
    ],
)
def test_columns_that_would_have_to_move_are_refused(name, column):
    with pytest.raises(ValueError, match=rf"Images alone are moved.*row\['{name}'\].*transform\("):
        augmented_block(block_of(COLOR, COLOR, **{name: column}))
    made = augmented_block(block_of(COLOR, COLOR, **{name: column}), Brightness())
    assert made[name] is column


def test_columns_that_look_so_are_pointed_out():
    with pytest.warns(UserWarning, match="Images alone are moved.*'depth'.*as high and wide"):
        augmented_block(block_of(COLOR, COLOR, depth=np.zeros((2, 20, 32))))
    augmented_block(block_of(COLOR, COLOR, label=np.arange(2), points=np.arange(2)))


@needs_ray
@pytest.mark.parametrize(("blocks", "workers"), [(1, 1), (7, 1), (7, 2), (60, 2)])
def test_neither_blocks_nor_workers_nor_order_change_a_row(blocks, workers):
    images = noise(60)
    dataset = dataset_of(images, blocks).random_shuffle(seed=blocks)
    limit = ray.data.ExecutionResources(cpu=workers)
    dataset.context.execution_options.resource_limits = limit
    augmented = augment(dataset, POLICY, seed=3, epoch=2, index_column="row")
    rows = rows_of(augmented.random_shuffle(seed=0))
    assert [row["row"] for row in rows] == list(range(60))
    assert [row["label"] for row in rows] == [i % 3 for i in range(60)]
    expected = POLICY(images, seed=3, epoch=2, index=np.arange(60))
    assert np.array_equal(np.stack([row["image"] for row in rows]), expected)
    assert rows[0]["image"].dtype == np.uint8


@needs_ray
@pytest.mark.parametrize("batch_size", [7, 25, 1000])
def test_small_blocks_are_joined(batch_size):
    images = noise(60)
    dataset = dataset_of(images, 30)
    augmented = augment(dataset, POLICY, seed=3, index_column="row", batch_size=batch_size)
    augmented = augmented.materialize()
    assert augmented.num_blocks() <= -(-60 // batch_size) + 1
    made = np.stack([row["image"] for row in rows_of(augmented)])
    assert np.array_equal(made, POLICY(images, seed=3))


@needs_ray
@pytest.mark.parametrize(("shape", "dtype"), [((5, 7), "uint8"), ((5, 7, 1), "float32")])
def test_rank_and_dtype_stay(shape, dtype):
    images, numbers = noise(6, shape), [2**47 - 1, 7, 0, 3, 5, 4]
    images = images if dtype == "uint8" else (images / 255).astype(dtype)
    dataset = dataset_of(images, 2, numbers)
    rows = {
        r["row"]: r["image"] for r in rows_of(augment(dataset, POLICY, seed=0, index_column="row"))
    }
    for image, number in zip(images, numbers, strict=True):
        expected = POLICY(image[None], seed=0, index=[number])[0]
        assert rows[number].dtype == dtype
        assert np.array_equal(rows[number], expected)


@needs_ray
@pytest.mark.parametrize(("blocks", "batch_size"), [(5, None), (20, 17), (40, 100)])
def test_images_of_different_sizes(blocks, batch_size):
    images = [image[: 3 + i % 4, : 5 + i % 3] for i, image in enumerate(noise(40))]
    options = {"index_column": "row", "batch_size": batch_size}
    augmented = augment(dataset_of(images, blocks), POLICY, seed=1, **options)
    rows = rows_of(augmented)
    assert len(rows) == 40
    for i, row in enumerate(rows):
        assert np.array_equal(row["image"], POLICY(images[i][None], seed=1, index=[i])[0])


@needs_ray
def test_crops_of_one_size_train_a_network(tmp_path):
    """From Parquet, with images that differ in size, to Keras through batches of TensorFlow."""
    images = [image[: 6 + i % 4] for i, image in enumerate(noise(24))]
    dataset_of(images).write_parquet(str(tmp_path))
    dataset = ray.data.read_parquet(str(tmp_path))
    crop = RandomResizedCrop(height=6, width=8)
    augmented = augment(dataset, crop, seed=0, index_column="row")
    (batch,) = augmented.iter_batches(batch_size=24)
    assert batch["image"].shape == (24, 6, 8, 3)
    for i, image in zip(batch["row"], batch["image"], strict=True):
        assert np.array_equal(image, crop(images[i][None], seed=0, index=[i])[0])
    model = keras.Sequential(
        [keras.Input((6, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    batches = augmented.to_tf("image", "label", batch_size=8)
    history = model.fit(batches, steps_per_epoch=3, shuffle=False, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@needs_ray
def test_images_in_a_folder(tmp_path):
    images = [image[: 6 + i % 3] for i, image in enumerate(noise(6))]
    for i, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{i}.png")

    def number(row):
        return {"image": row["image"], "row": int(Path(row["path"]).stem)}

    dataset = ray.data.read_images(str(tmp_path), include_paths=True).map(number)
    rows = rows_of(augment(dataset, POLICY, seed=4, index_column="row"))
    assert len(rows) == 6
    for i, row in enumerate(rows):
        assert np.array_equal(row["image"], POLICY(images[i][None], seed=4, index=[i])[0])


@dataclass(frozen=True, repr=False)
class Deadly(Transform):
    """Inverts, and the first worker that meets the row 250 dies like one out of memory."""

    folder: str = ""

    def transform_images(self, images, parameters):
        mark = Path(self.folder) / "died"
        if (images[:, 0, 0, 0] == 250).any() and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return 255 - images


@needs_ray
def test_a_worker_that_is_killed_leaves_no_trace(tmp_path):
    images = np.broadcast_to(np.arange(256, dtype="uint8")[:, None, None, None], (256, 4, 5, 1))
    policy = Compose([Deadly(str(tmp_path)), POLICY])
    rows = rows_of(augment(dataset_of(images, 16), policy, seed=0, index_column="row"))
    assert (tmp_path / "died").exists()
    assert [row["row"] for row in rows] == list(range(256))
    expected = policy(images, seed=0)  # by now it kills nobody
    assert np.array_equal(np.stack([row["image"] for row in rows]), expected)


@needs_ray
def test_masks_move_with_the_pictures_in_a_function_of_ones_own():
    images = noise(12, (8, 9, 3))
    masks = images[..., 0] > 128
    items = [{"image": images[i], "mask": masks[i], "row": i} for i in range(12)]

    def with_masks(batch):
        made = POLICY(
            {"images": batch["image"], "segmentation_masks": batch["mask"]},
            seed=0,
            index=batch["row"],
        )
        return {**batch, "image": made["images"], "mask": made["segmentation_masks"]}

    rows = rows_of(ray.data.from_items(items).map_batches(with_masks))
    expected = POLICY({"images": images, "segmentation_masks": masks}, seed=0)
    for name, key in (("images", "image"), ("segmentation_masks", "mask")):
        assert np.array_equal(expected[name], np.stack([row[key] for row in rows]))


@needs_ray
def test_wrong_arguments_are_said_before_anything_runs():
    dataset = dataset_of(noise(3))
    good = {"seed": 0, "index_column": "row"}
    with pytest.raises(TypeError, match=r"must be a ray.data.Dataset\. Received: \[\]"):
        augment([], POLICY, **good)
    with pytest.raises(TypeError, match="must be one of `kaug"):
        augment(dataset, lambda images: images, **good)
    with pytest.raises(ValueError, match=r"must not mix pictures.*Received: Compose"):
        augment(dataset, Compose([POLICY, MixUp(num_classes=3)]), **good)
    with pytest.raises(ValueError, match="must have the column 'number'"):
        augment(dataset, POLICY, seed=0, index_column="number")
    with pytest.raises(ValueError, match="must have the column 'picture'"):
        augment(dataset, POLICY, **good, image_column="picture")
    with pytest.raises(ValueError, match="`seed` must be an integer"):
        augment(dataset, POLICY, seed=-1, index_column="row")
    with pytest.raises(ValueError, match="`epoch` must be an integer"):
        augment(dataset, POLICY, **good, epoch=-1)
    with pytest.raises(ValueError, match="`batch_size` must be an integer"):
        augment(dataset, POLICY, **good, batch_size=0)
    with pytest.raises(TypeError, match="`batch_size` must be an integer"):
        augment(dataset, POLICY, **good, batch_size=2.5)


@needs_ray
def test_the_example_runs():
    text = augment.__doc__.replace("  # doctest: +SKIP", "")
    test = doctest.DocTestParser().get_doctest(text, {"np": np}, "augment", None, None)
    assert len(test.examples) == 7
    assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


@pytest.fixture
def _threads(monkeypatch):
    monkeypatch.setenv("KAUG_NUM_THREADS", "1")


def block(images, numbers, policy=POLICY):
    batch = {"image": images, "row": np.asarray(numbers), "other": np.asarray(numbers)}
    return _augment_batch(batch, policy, 0, 0, ("image", "row"))


def ragged(images):
    result = np.empty(len(images), object)
    for i, image in enumerate(images):
        result[i] = image
    return result


# As Ray gives nested lists.
NESTED = ragged([ragged([np.array([1, 2]), np.array([3, 4])])] * 2)


@pytest.mark.usefixtures("_threads")
def test_a_block_is_not_written_to_and_keeps_its_order():
    images = noise(5)
    images.flags.writeable = False
    made = block(images, [4, 0, 3, 1, 2])
    assert np.array_equal(made["image"], POLICY(images, seed=0, index=[4, 0, 3, 1, 2]))
    assert np.array_equal(made["other"], [4, 0, 3, 1, 2])


@pytest.mark.usefixtures("_threads")
def test_a_block_of_many_sizes_ranks_and_dtypes():
    images = [*noise(2), *noise(2, (9, 11)), *noise(2, dtype="uint16"), *noise(2, (4, 5, 3))]
    images = [images[i] for i in (7, 0, 2, 4, 6, 1, 3, 5)]
    made = block(ragged(images), range(8))["image"]
    assert made.dtype == object
    for i, image in enumerate(images):
        assert made[i].dtype == image.dtype
        assert np.array_equal(made[i], POLICY(image[None], seed=0, index=[i])[0])


@pytest.mark.usefixtures("_threads")
def test_blocks_without_rows():
    assert block(noise(0), np.empty(0, int))["image"].shape == (0, 9, 11, 3)
    assert len(block(ragged([]), np.empty(0, int))["image"]) == 0


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("images", [np.array([b"PNG", b"PNG"]), ragged([b"PNG", b"PNG!"]), NESTED])
def test_what_is_no_image_is_refused(images):
    with pytest.raises(TypeError, match="The column 'image' must hold images"):
        block(images, [0, 1])


@pytest.mark.usefixtures("_threads")
def test_row_numbers_must_be_integers():
    with pytest.raises(TypeError, match="Row numbers must be"):
        block(noise(2), [0.0, 1.0])
    with pytest.raises(ValueError, match="must have the column 'row'"):
        _augment_batch({"image": noise(2)}, POLICY, 0, 0, ("image", "row"))

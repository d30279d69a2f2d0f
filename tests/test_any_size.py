"""Images of any size: read one by one, and augmented as each would be alone."""

import pickle
import time
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

import kaug
from kaug.transforms import (
    AugMix,
    CenterCrop,
    ColorJitter,
    Compose,
    CutMix,
    Erasing,
    HorizontalFlip,
    Letterbox,
    MixUp,
    Perspective,
    RandAugment,
    RandomCrop,
    RandomResizedCrop,
    Resize,
    Rotation,
    Transform,
)

POLICIES = [
    Resize(height=9, width=14),
    Compose([RandomResizedCrop(height=17, width=11), HorizontalFlip(), Rotation(30)]),
    Compose([Rotation(30, fill_mode="reflect"), Letterbox(15), Erasing()]),
    Compose([ColorJitter(), Resize(24), Perspective(), RandomCrop(20, 24)]),
    Compose([Resize(16), RandAugment(), CenterCrop(16)]),
]
MIXING = [
    Compose([RandomResizedCrop(height=12, width=15), MixUp(num_classes=4), ColorJitter()]),
    Compose([ColorJitter(), Resize(20), CenterCrop(18), CutMix(num_classes=4)]),
]


def of_any_size(count, channels=3, dtype="uint8"):
    rng = np.random.default_rng(count)
    last = (channels,) if channels else ()
    images = []
    for _ in range(count):
        height, width = rng.integers(18, 60, 2)
        smooth = np.add.outer(np.arange(height), 2 * np.arange(width))[(...,) + (None,) * len(last)]
        noise = rng.integers(0, 60, (height, width, *last))
        image = smooth % 190 + noise
        images.append((image / 255 if np.dtype(dtype).kind == "f" else image).astype(dtype))
    return images


class Sequence:
    """Gives one image at a time, and counts them."""

    def __init__(self, images):
        self.images, self.read = images, []

    def __len__(self):
        return len(self.images)

    def __getitem__(self, row):
        assert type(row) is int
        self.read.append(row)
        return self.images[row]


PARTS = [
    RandomCrop(11, 13),
    Compose([Rotation(30), RandomCrop(11, 13)]),
    RandomResizedCrop((0.1, 0.3), height=24, width=32),  # larger than it was
    RandomResizedCrop((0.3, 0.9), height=5, width=7),
    Compose([Rotation(30), RandomResizedCrop((0.3, 0.9), height=5, width=7)]),
]


@pytest.mark.parametrize("policy", PARTS)
def test_of_what_is_read_in_part_no_pixel_is_missing(policy, tmp_path):
    images, paths = of_any_size(20), []
    for number, image in enumerate(images):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(image).save(paths[-1])
    result = policy(kaug.sources.files(paths), seed=3)
    for row, image in enumerate(images):
        np.testing.assert_array_equal(
            result[row], policy(image[np.newaxis], seed=3, index=[row])[0]
        )


@pytest.mark.pairwise(
    policy=POLICIES, channels=[None, 1, 3], dtype=["uint8", "uint16", "float32"], held=[True, False]
)
def test_a_row_is_what_it_would_be_alone(policy, channels, dtype, held):
    if dtype == "uint16" or channels == 1:
        policy = policy if not isinstance(policy, Compose) else Compose(policy.transforms)
    images = of_any_size(9, channels, dtype)
    source = images if held else Sequence(images)
    result = policy(source, seed=3, epoch=2)
    assert result.dtype == dtype
    for row, image in enumerate(images):
        batch = image[np.newaxis] if channels else image[np.newaxis, ..., np.newaxis]
        alone = policy(batch, seed=3, epoch=2, index=[row])
        np.testing.assert_array_equal(result[row], alone[0] if channels else alone[0, ..., 0])


@pytest.mark.parametrize("policy", POLICIES + MIXING, ids=repr)
def test_every_entrance_makes_the_same_rows(policy, tmp_path):
    images, y = of_any_size(23), np.arange(23) % 4
    dataset = kaug.AugmentedDataset(images, y, policy, batch_size=5, seed=7, shuffle=False)
    made = [np.concatenate(parts) for parts in zip(*dataset, strict=True)]
    expected = policy({"images": images, "labels": y}, seed=7)
    np.testing.assert_array_equal(made[0], expected["images"])
    np.testing.assert_array_equal(made[1], expected["labels"])
    np.testing.assert_array_equal(dataset.row(11, epoch=0)[0], expected["images"][11])

    x, labels, index = kaug.augment_dataset(
        images, y, 31, policy, seed=7, append=False, return_index=True
    )
    for other in (
        kaug.augment_dataset(images, y, 31, policy, seed=7, append=False, out=tmp_path / "store"),
        kaug.augment_dataset(Sequence(images), y, 31, policy, seed=7, append=False),
    ):
        np.testing.assert_array_equal(other[0], x)
        np.testing.assert_array_equal(other[1], labels)
    some = kaug.augment_rows(images, y, [30, 4], policy, seed=7, append=False)
    np.testing.assert_array_equal(some[0], x[[30, 4]])
    if not policy._mixes:
        np.testing.assert_array_equal(labels, y[index])
    batch = next(iter(dataset.to_tf_dataset()))
    assert batch[0].shape == (5, *x.shape[1:])


def test_threads_do_not_matter(monkeypatch):
    images = of_any_size(40)
    results = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("KAUG_NUM_THREADS", threads)
        results.append(MIXING[0](images, seed=1))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_only_the_rows_of_a_batch_are_read():
    source = Sequence(of_any_size(50))
    dataset = kaug.AugmentedDataset(source, np.arange(50), POLICIES[1], batch_size=4, seed=0)
    assert source.read == [0]  # which says of what dtype they are, and with how many channels
    _, labels = dataset[3]
    assert sorted(source.read[1:]) == sorted(labels.tolist())
    (x_train, _), (x_val, y_val) = kaug.train_validation_split(source, np.arange(50) % 3, seed=1)
    assert len(x_train) + len(x_val) == 50
    assert len(source.read) == 6
    assert len(kaug.AugmentedDataset(x_val, y_val, POLICIES[0], batch_size=4)[0][0]) == 4


def test_a_split_of_a_list_holds_the_same_arrays():
    images = of_any_size(12)
    (x_train, _), (x_val, _) = kaug.train_validation_split(images, None, stratify=False, seed=1)
    assert {map(id, x_train)} | {map(id, x_val)} != set()
    assert {id(each) for each in (*x_train, *x_val)} == {id(each) for each in images}


def test_images_of_pillow_and_arrays_of_objects():
    images = of_any_size(6)
    expected = POLICIES[1](images, seed=0)
    pictures = [Image.fromarray(image) for image in images]
    objects = np.empty(6, object)
    objects[:] = images
    for source in (pictures, tuple(images), objects, pickle.loads(pickle.dumps(pictures))):
        np.testing.assert_array_equal(POLICIES[1](source, seed=0), expected)
    with pytest.raises(ValueError, match=r"Pillow image of mode P\. Use \.convert\(.RGB.\)"):
        POLICIES[1]([pictures[0], pictures[1].convert("P")], seed=0)


def test_images_of_pillow_that_are_still_in_files(tmp_path, monkeypatch):
    monkeypatch.setenv("KAUG_NUM_THREADS", "8")
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (500 + row, 600, 3), "uint8") for row in range(3)]
    for row, array in enumerate(arrays):
        Image.fromarray(array).save(tmp_path / f"{row}.png")
    options = {"seed": 0, "append": False}
    expected, _ = kaug.augment_dataset(arrays, None, 24, POLICIES[0], **options)
    for _ in range(3):  # the same one by several threads
        pictures = [Image.open(tmp_path / f"{row}.png") for row in range(3)]
        made, _ = kaug.augment_dataset(pictures, None, 24, POLICIES[0], **options)
        np.testing.assert_array_equal(made, expected)


def test_inputs_are_not_written_to():
    images = of_any_size(5)
    copies = [image.copy() for image in images]
    for image in images:
        image.flags.writeable = False
    Compose([ColorJitter(), Resize(20), AugMix(), CenterCrop(20)])(images, seed=0)
    for image, copied in zip(images, copies, strict=True):
        np.testing.assert_array_equal(image, copied)


@pytest.mark.parametrize("use", ["call", "dataset", "offline", "rows"])
@pytest.mark.parametrize("policy", [Rotation(10), Compose([ColorJitter(), Resize(20)])])
def test_the_size_must_be_given(use, policy):
    images, y = of_any_size(5), np.arange(5)
    calls = {
        "call": lambda: policy(images),
        "dataset": lambda: kaug.AugmentedDataset(images, y, policy),
        "offline": lambda: kaug.augment_dataset(images, y, 3, policy, append=False),
        "rows": lambda: kaug.augment_rows(images, y, [3], policy, seed=1),
    }
    with pytest.raises(ValueError, match=r"must give all of them one size.*Put Resize"):
        calls[use]()


def test_a_size_that_users_calculate():
    @dataclass(frozen=True, repr=False)
    class Halved(Transform):
        def output_shape(self, shape):
            return (shape[0] // 2, shape[1] // 2, *shape[2:])

        def transform_images(self, images, parameters):
            return images[:, ::2, ::2][:, : images.shape[1] // 2, : images.shape[2] // 2]

    images = of_any_size(5)
    with pytest.raises(ValueError, match="must give all of them one size"):
        Halved()(images)
    result = Compose([Halved(), Resize(height=8, width=8)])(images, seed=0)
    halves = [image[::2, ::2][: len(image) // 2, : image.shape[1] // 2] for image in images]
    np.testing.assert_array_equal(result, Resize(height=8, width=8)(halves))


@pytest.mark.parametrize(
    ("x", "error", "text"),
    [
        ([np.zeros((5, 7, 3)), np.zeros((5, 8, 1))], ValueError, "one dtype, and as many channels"),
        ([np.zeros((5, 7), "u1"), np.zeros((5, 8))], ValueError, r"x\[1\], .*first .*uint8"),
        ([np.zeros((5, 7, 3)), np.zeros((0, 8, 3))], ValueError, r"`x\[1\]` must be an image"),
        ([np.zeros((5, 7)), np.zeros((5, 8), bool)], TypeError, r"`x\[1\]` must be an image"),
        (Sequence([(np.zeros((5, 7)), 3)]), TypeError, "gives images alone, and labels as `y`"),
        (Sequence([]), ValueError, "at least one image"),
    ],
)
def test_bad_images(x, error, text):
    with pytest.raises(error, match=text):
        kaug.AugmentedDataset(x, None, Resize(height=4, width=4), batch_size=2, seed=0)[0]


def test_originals_of_any_size_cannot_be_appended_to():
    with pytest.raises(ValueError, match=r"images must have one size.*append=False"):
        kaug.augment_dataset(of_any_size(4), None, 3, POLICIES[0])


def test_mixing_needs_one_size():
    with pytest.raises(ValueError, match=r"one size before they are mixed.*Put Resize"):
        Compose([MixUp(), Resize(height=8, width=8)])(of_any_size(4), seed=0)


def test_a_crop_names_the_image_that_is_too_small():
    images = of_any_size(4)
    with pytest.raises(ValueError, match=r"needs images that are at least as large"):
        RandomCrop(40)(images, seed=0)


def test_plots():
    images = of_any_size(7)
    figure = kaug.plot_images(images, range(7))
    shown = [ax.get_images()[0].get_array().shape for ax in figure.axes]
    assert shown == [image.shape for image in images]
    assert len(kaug.plot_augmentations(images[0], POLICIES[1], n=5).axes) == 5


def test_the_next_batch_is_made_meanwhile():
    source = Sequence(of_any_size(20))
    dataset = kaug.AugmentedDataset(source, np.arange(20), POLICIES[0], batch_size=4, shuffle=False)
    source.read.clear()
    first = dataset[0]
    deadline = time.monotonic() + 30
    while len(source.read) < 8 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sorted(source.read) == list(range(8))
    np.testing.assert_array_equal(dataset[1][1], np.arange(4, 8))
    np.testing.assert_array_equal(dataset[0][0], first[0])
    copy = pickle.loads(pickle.dumps(dataset))
    for own, other in zip(dataset, copy, strict=True):
        np.testing.assert_array_equal(own[0], other[0])


def test_batches_out_of_order_are_not_made_ahead():
    source = Sequence(of_any_size(40))
    dataset = kaug.AugmentedDataset(source, np.arange(40), POLICIES[0], batch_size=4, shuffle=False)
    source.read.clear()
    for number in (3, 1, 7, 5):
        dataset[number]
    time.sleep(0.2)
    assert len(source.read) == 16


def test_an_error_of_the_next_batch_comes_with_it():
    images = of_any_size(12)
    images[6] = images[6][..., :1]
    dataset = kaug.AugmentedDataset(images, None, POLICIES[0], batch_size=4, shuffle=False, seed=0)
    dataset[0]
    for _ in range(2):
        with pytest.raises(ValueError, match=r"x\[6\]"):
            dataset[1]
    assert len(dataset[2]) == 4


def test_another_epoch_is_not_what_was_begun():
    dataset = kaug.AugmentedDataset(of_any_size(12), None, POLICIES[1], batch_size=4, seed=0)
    expected = [dataset[i] for i in range(3)]
    dataset.epoch = 1
    other = dataset[1]
    dataset.epoch = 0
    dataset[0]
    dataset.epoch = 1
    np.testing.assert_array_equal(dataset[1], other)
    dataset.epoch = 0
    for number, batch in enumerate(expected):
        np.testing.assert_array_equal(dataset[number], batch)


# What is not what it seems ------------------------------------------------------------------------


@pytest.mark.parametrize("sides", [(6, 6), (6, 7)])
@pytest.mark.parametrize("mode", ["P", "CMYK", "LA", "YCbCr"])
def test_pillow_images_of_other_modes_are_refused_whatever_their_sizes(sides, mode):
    pictures = [Image.new(mode, (side, 9)) for side in sides]
    with pytest.raises(ValueError, match=f"a Pillow image of mode {mode}. Use .convert"):
        Resize(height=4, width=4)(pictures)
    pictures = [each.convert("RGB") for each in pictures]
    assert Resize(height=4, width=4)(pictures).shape == (2, 4, 4, 3)


def test_masked_values_are_refused_in_each_image_and_mask():
    images = of_any_size(3, channels=1)
    masked = [*images[:2], np.ma.masked_less(images[2], 50)]
    with pytest.raises(ValueError, match=r"`images\[2\]` must have no masked values"):
        Resize(height=4, width=4)(masked)
    with pytest.raises(ValueError, match=r"`segmentation_masks\[2\]` must have no masked values"):
        Resize(height=4, width=4)({"images": images, "segmentation_masks": Sequence(masked)})


@pytest.mark.parametrize("count", [1, 9])
def test_pictures_in_files_with_channels_of_their_own_must_agree(tmp_path, count):
    pictures = [Image.new("RGB", (9, 8))] * 4 + [Image.new("L", (8, 9), 7)] * count
    paths = [tmp_path / f"{i}.png" for i in range(len(pictures))]
    for picture, path in zip(pictures, paths, strict=True):
        picture.save(path)
    resize = Resize(height=4, width=4)
    files = kaug.sources.files(paths, channels=None)
    with pytest.raises(ValueError, match="must have one dtype, and as many channels"):
        resize(files)
    assert resize(files[:4]).shape == (4, 4, 4, 3)
    assert resize(files[4:]).shape == (count, 4, 4, 1)


class Pairs:
    """Images of two batches each."""

    def __init__(self, dataset):
        self._dataset = dataset

    def __len__(self):
        return len(self._dataset) // 2

    def __getitem__(self, row):
        return np.concatenate([self._dataset[2 * row + k][0] for k in range(2)])


def test_images_of_a_dataset_may_be_those_of_another():
    inner = kaug.AugmentedDataset(
        of_any_size(8), None, Resize(height=9, width=9), batch_size=1, shuffle=False, seed=0
    )
    outer = kaug.AugmentedDataset(
        Pairs(inner), None, Resize(height=5, width=5), batch_size=1, shuffle=False, seed=0
    )
    assert [len(batch) for batch in outer] == [1, 1, 1, 1]

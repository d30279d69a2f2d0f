"""What notebooks show: text and pictures, made late, harmless and of any object."""

import base64
import io
import random
import re

import numpy as np
import pytest
from PIL import Image

import kaug
from kaug._show import html as _html
from kaug._show.preview import pictures, pretty
from kaug.transforms import (
    Compose,
    CutMix,
    Erasing,
    HorizontalFlip,
    Identity,
    Lambda,
    MixUp,
    OneOf,
    RandomResizedCrop,
    Rotation,
    SomeOf,
    Sometimes,
    Transform,
)

NEED_TRANSFORMS = {Compose, OneOf, SomeOf, Sometimes}
NAMES = sorted(set(kaug.transforms.__all__) - {"Draws", "Transform"})


def example(name):
    cls = getattr(kaug.transforms, name)
    if cls in NEED_TRANSFORMS:
        return cls([Rotation(30), HorizontalFlip()])
    return cls(np.negative) if cls is Lambda else cls()


def shown(text):
    found = re.findall(r'base64,([^"]*)"', text)
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")) for data in found
    ]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "Lambda"])
def test_every_transform_shows_pictures(name):
    states = random.getstate(), np.random.get_state()[1].tolist()
    transform = example(name)
    text = transform._repr_html_()
    assert text == transform._repr_html_()
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states
    assert len(shown(text)) == 8
    assert len(text) < 60_000
    assert f"{name}(" in text


def test_pictures_are_what_the_transform_makes():
    first, *others = shown(HorizontalFlip()._repr_html_())
    assert first.shape == (60, 80, 3)
    flipped = HorizontalFlip().draw(np.arange(7), seed=0)["applied"]
    for picture, flip in zip(others, flipped, strict=True):
        np.testing.assert_array_equal(picture, first[:, ::-1] if flip else first)


def test_the_picture_has_a_left_and_a_right_and_both_kinds():
    colored, gray = pictures(3), pictures(1)
    assert colored.shape == (7, 60, 80, 3)
    assert gray.shape == (7, 60, 80, 1)
    assert 0 <= colored.min() < colored.max() <= 1
    assert not np.array_equal(colored[0], colored[0, :, ::-1])
    assert not np.array_equal(*pictures(3, varied=True)[:2])


def test_colors_are_the_notebooks_own():
    text = Rotation()._repr_html_()
    assert "color:inherit" in text
    assert not re.search(r"(?<!-)color:(?!inherit)|background:(?!none)", text)


@pytest.mark.parametrize(
    ("transform", "size"),
    [(RandomResizedCrop(height=20, width=31), (20, 31)), (CutMix(num_classes=3), (60, 80))],
)
def test_sizes(transform, size):
    assert [picture.shape[:2] for picture in shown(transform._repr_html_())[1:]] == [size] * 7


def test_what_is_made_for_bytes_is_shown():
    assert len(shown(Lambda(lambda images: 255 - images)._repr_html_())) == 8
    assert len(shown(Erasing(fill_value=128, p=1)._repr_html_())) == 8


def fails(images):
    raise RuntimeError("<b>no</b>")


def test_a_function_that_fails_leaves_the_text():
    text = Lambda(fails)._repr_html_()
    assert not shown(text)
    assert "Lambda(function=&lt;function fails" in text
    assert "RuntimeError: &lt;b&gt;no&lt;/b&gt;" in text


def test_a_function_disturbs_no_random_state():
    states = random.getstate(), np.random.get_state()[1].tolist()
    text = Lambda(lambda images: np.random.random(images.shape).astype(images.dtype))._repr_html_()
    random_state = np.random.get_state()[1].tolist()
    assert len(shown(text)) == 8
    assert (random.getstate(), random_state) == states


def test_a_picture_too_large_is_not_made():
    assert "No pictures: ValueError" in RandomResizedCrop(height=9000, width=9000)._repr_html_()


def test_pretty_evaluates_back():
    assert pretty(Rotation(20)) == "Rotation(rotation=20.0)"
    inner = OneOf([Rotation(20, fill_mode="reflect"), MixUp(num_classes=10), Identity()], p=0.5)
    policy = Compose([inner, HorizontalFlip(), Sometimes(Rotation(30))])
    text = pretty(policy)
    assert text.splitlines()[:3] == ["Compose(", "    transforms=(", "        OneOf("]
    assert max(map(len, text.splitlines())) <= 80
    assert eval(text, dict(vars(kaug.transforms))) == policy


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([3, 1], "uint8"), ["3", "1"]),
        (np.array([[3], [1]]), ["3", "1"]),
        (np.array(["cat", "dog"]), ["cat", "dog"]),
        (np.array([[0, 1, 0], [1, 0, 0]], "uint8"), ["1", "0"]),
        (np.array([[0, 1, 0], [1, 0, 0]], bool), ["1", "0"]),
        (np.array([[0.25, 0.75], [0, 1]]), ["1 0.75, 0 0.25", "1"]),
        (np.array([[3.5, 0.2], [0, 1]]), ["", ""]),
        ({"labels": np.array([7, 8]), "keypoints": None}, ["7", "8"]),
        ((np.array([7, 8]), np.array([7, 8])), ["", ""]),
        (None, ["", ""]),
    ],
)
def test_captions(labels, expected):
    assert _html.captions(labels, 2) == expected


def test_captions_by_name():
    assert _html.captions(np.array([1.0, 0.0]), 2, ["cat", "dog"]) == ["dog", "cat"]


@pytest.mark.parametrize(
    ("images", "expected", "remark"),
    [
        (np.array([[[0, 1]]], "float32"), [0, 255], ""),
        (np.array([[[0, 200]]], "uint8"), [0, 200], ""),
        (np.array([[[0.0, 200.0]]]), [0, 200], ""),
        (np.array([[[-3.0, 2.0]]]), [0, 255], " Black is -3, white 2."),
        (np.array([[[np.nan, 1]]]), [0, 255], ""),
        (np.zeros((1, 1, 2, 5), "uint8"), [0] * 6, " Of 5 channels the first 3."),
    ],
)
def test_values(images, expected, remark):
    (picture,), said = _html.byte_images(list(images))
    assert (picture.ravel().tolist(), said) == (expected, remark)


def test_any_pictures_take_little_room():
    noise = np.random.default_rng(0).integers(0, 256, (10, 150, 130, 3), dtype="uint8")
    made = _html.Pictures(list(noise), [""] * 10, "")
    text = _html.card("", lambda: made)
    assert len(shown(text)) == 10
    assert len(text) < 60_000


def test_pictures_that_stay_too_much_are_as_small_as_can_be():
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 75, 3), dtype="uint8")
    made = shown(_html.card("", lambda: _html.Pictures(list(noise), [""] * 40, "")))
    assert [picture.shape for picture in made] == [(38, 48, 3)] * 40


def dataset(generator=None, **options):
    x = np.random.default_rng(0).integers(0, 256, (20, 9, 7, 1), dtype="uint8")
    return kaug.AugmentedDataset(x, np.arange(20), generator or Rotation(20), seed=3, **options)


class TestAugmentedDataset:
    def test_repr(self):
        text = repr(dataset(batch_size=8))
        assert text == (
            "<kaug.AugmentedDataset: x (20, 9, 7, 1) uint8, y (20,) int64, batches 3 of 8 rows, "
            "shuffle True, seed 3, epoch 0, generator Rotation(rotation=20.0)>"
        )
        assert re.search(r", generator <function fails at 0x\w+>>$", repr(dataset(fails)))

    def test_what_another_library_says_of_itself_is_cut_short(self):
        class Wordy:
            def __repr__(self):
                return "Wordy(\n" + "    0,\n" * 50 + ")"

            def __call__(self, images):
                return images

        _, said = repr(dataset(Wordy())).split("generator ")
        assert said == "Wordy( " + "0, " * 23 + "0...>"

    def test_labels_of_every_structure(self):
        x, rows = np.zeros((4, 5, 7), "uint8"), np.arange(4)
        y = {"labels": rows, "sizes": (rows * 0.5, None)}
        text = repr(kaug.AugmentedDataset(x, y, Rotation(20), seed=0))
        assert ", y {'labels': (4,) int64, 'sizes': ((4,) float64, None)}, " in text

    def test_shows_its_first_batch_and_stays_as_it_is(self):
        data = dataset(batch_size=8)
        data.epoch = 5
        before = {name: value for name, value in vars(data).items() if name != "_annotations"}
        text = data._repr_html_()
        assert all(vars(data)[name] is value for name, value in before.items())
        images, labels = data[0]
        for picture, image in zip(shown(text), images, strict=True):
            np.testing.assert_array_equal(picture[..., :1], image)
        for label in labels:
            assert f"<br>{label}</span>" in text

    def test_functions(self):
        assert len(shown(dataset(lambda images: images[:, ::-1])._repr_html_())) == 10
        text = dataset(fails)._repr_html_()
        assert not shown(text)
        assert "RuntimeError" in text

    def test_mixed_labels(self):
        assert re.search(
            r"\d+ 0\.\d\d, \d+ 0\.\d\d</span>", dataset(MixUp(1.0, num_classes=20))._repr_html_()
        )


@pytest.mark.parametrize("append", [True, False])
def test_stored_dataset(append, tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (6, 9, 7), dtype="uint8")
    path = tmp_path / "made"
    kaug.augment_dataset(x, np.arange(6), 8, Rotation(20), seed=0, append=append, out=path)
    stored = kaug.open_dataset(path)
    assert "n 8, sampling random, seed 0>" in repr(stored)
    made = shown(stored._repr_html_())
    assert len(made) == (10 if append else 8)
    expected = stored.x[int(stored.index[6])] if append else stored.x[0]
    np.testing.assert_array_equal(made[0][..., 0], expected)


def test_stored_dataset_without_labels(tmp_path):
    x = np.zeros((3, 5, 7), "uint8")
    kaug.augment_dataset(x, None, 2, Rotation(20), seed=0, append=False, out=tmp_path / "made")
    text = kaug.open_dataset(tmp_path / "made")._repr_html_()
    assert re.findall(r"<br>([^<]*)</span>", text) == ["row 0", "row 1"]
    assert "y " not in text


def test_stored_dataset_without_rows(tmp_path):
    x = np.zeros((0, 5, 7), "uint8")
    kaug.augment_dataset(x, np.arange(0), 0, Rotation(20), seed=0, out=tmp_path / "made")
    text = kaug.open_dataset(tmp_path / "made")._repr_html_()
    assert not shown(text)
    assert "The first rows." in text


def test_stored_dataset_of_a_transform_that_is_not_known(tmp_path, monkeypatch):
    x = np.zeros((3, 5, 7), "uint8")
    kaug.augment_dataset(x, np.arange(3), 2, Rotation(20), seed=0, out=tmp_path / "made")
    monkeypatch.delitem(Transform.registry, "kaug>Rotation")
    text = kaug.open_dataset(tmp_path / "made")._repr_html_()
    assert re.search(r"transform +kaug&gt;Rotation, which is not known", text)
    assert len(shown(text)) == 4


def test_iterator_writes_nothing_and_moves_nothing(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (20, 9, 7, 1), dtype="uint8")
    generator = kaug.ImageDataGenerator(rotation_range=10, horizontal_flip=True)
    assert repr(generator) == "ImageDataGenerator(rotation_range=10.0, horizontal_flip=True)"
    batches = generator.flow(x, np.arange(20), seed=1, batch_size=4, save_to_dir=tmp_path)
    assert "batches 5 of 4 rows, shuffle True, seed 1, generator ImageData" in repr(batches)
    text = batches._repr_html_()
    assert len(shown(text)) == 4
    assert not list(tmp_path.iterdir())
    assert (batches.batch_index, batches.total_batches_seen) == (0, 0)


def test_iterator_of_images_with_channels_first():
    x = np.random.default_rng(0).integers(0, 256, (3, 1, 9, 7), dtype="uint8")
    generator = kaug.ImageDataGenerator(data_format="channels_first")
    made = shown(generator.flow(x, shuffle=False)._repr_html_())
    for picture, image in zip(made, x, strict=True):
        np.testing.assert_array_equal(picture[..., 0], image[0])


def test_iterator_of_files(tmp_path):
    saved = tmp_path / "saved"
    saved.mkdir()
    for name in ("cat", "horse"):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        Image.fromarray(np.full((9, 7), len(name), "uint8")).save(folder / "0.png")
        (folder / "1.png").write_text("no picture")
    options = {"target_size": (9, 7), "color_mode": "grayscale", "shuffle": False}
    batches = kaug.ImageDataGenerator().flow_from_directory(
        tmp_path / "data", **options, on_error="skip", save_to_dir=saved
    )
    assert repr(batches).startswith(
        "<DirectoryIterator: files 4, image (9, 7, 1), classes 2, class_mode 'categorical', "
    )
    text = batches._repr_html_()
    assert re.findall(r"<br>(\w+)</span>", text) == ["cat", "horse"]
    assert [picture.max() for picture in shown(text)] == [3, 5]
    assert not list(saved.iterdir())
    # Whoever only looked was not told, so whoever trains is.
    with pytest.warns(UserWarning, match=r"1\.png.*left out"):
        batches.next()


def test_layer():
    layer = kaug.layers.RandomTransform(Rotation(10), seed=4, name="turn")
    assert repr(layer) == "<RandomTransform name=turn, transform=Rotation(), seed=4>"
    assert len(shown(layer._repr_html_())) == 8


def test_users_own_transform():
    from dataclasses import dataclass

    @dataclass(frozen=True, repr=False)
    class GrayOnly(Transform):
        def transform_images(self, images, parameters):
            if images.shape[-1] != 1:
                raise ValueError("one channel")
            return images

    assert len(shown(GrayOnly()._repr_html_())) == 8

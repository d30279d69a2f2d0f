"""`kaug preview` shows of a row what training gets for it, to the last bit."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kaug
from kaug._cli import main
from kaug._cli.policy import read_policy
from kaug._cli.preview import read_picture
from kaug._cli.rows import chosen
from kaug.transforms import Resize

CROP = "Compose([RandomResizedCrop(height=24, width=32), HorizontalFlip(), ColorJitter()])"
MIXED = "Compose([RandomResizedCrop(height=24, width=32), MixUp(), CutMix()])"


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """Returns a function that runs a preview and returns what it draws, and the titles."""
    monkeypatch.chdir(tmp_path)
    kept = []

    def plot(*given):
        kept.append(given)
        return kaug.plot_images(*given)

    monkeypatch.setattr("kaug._cli.preview.plot_images", plot)

    def call(*argv):
        assert main(["preview", *map(str, argv), "--out", "made.png"]) == 0
        assert Path("made.png").exists()
        return kept.pop()

    return call


@pytest.fixture
def photos(tmp_path):
    """Makes a folder of JPEGs so large that a crop decodes them at a smaller scale."""
    rng = np.random.default_rng(0)
    for number in range(7):
        # By bytes "cat" comes before "cat big", but "cat big/0" before "cat/0".
        folder = tmp_path / "photos" / ("cat", "cat big", "dog")[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        coarse = rng.integers(0, 256, (8, 10 + number, 3), "uint8")
        Image.fromarray(coarse).resize((300 + 20 * number, 240)).save(folder / f"{number}.jpg")
    return tmp_path / "photos"


@pytest.mark.parametrize("policy", [CROP, MIXED, "Compose([Letterbox(32), Mosaic()])"])
@pytest.mark.parametrize("epoch", [0, 3])
def test_a_row_of_a_folder_is_what_training_gets(photos, shown, policy, epoch):
    batch, titles = shown(
        "photos", "--policy", policy, "--seed", 7, "--epoch", epoch, "--row", "4,0,5"
    )
    x, labels = kaug.sources.folder(photos)
    dataset = kaug.AugmentedDataset(x, None, read_policy(policy), batch_size=3, seed=7)
    for row, image, title in zip((4, 0, 5), batch["images"], titles, strict=True):
        np.testing.assert_array_equal(image, dataset.row(row, epoch=epoch))
        assert title == f"row {row}: {x.class_names[labels[row]]}"


def test_as_they_stand_in_the_batches_of_fit(photos, shown):
    options = ["--policy", CROP, "--seed", 7, "--epoch", 1, "--dtype", "float32", "--channels", 1]
    batch, _ = shown("photos", *options, "--row", "0,1,2,3,4,5,6")
    x, _ = kaug.sources.folder(photos, dtype="float32", channels=1)
    dataset = kaug.AugmentedDataset(x, np.arange(7), read_policy(CROP), batch_size=3, seed=7)
    dataset.epoch = 1
    for images, rows in dataset:
        for image, row in zip(images, rows, strict=True):
            np.testing.assert_array_equal(batch["images"][row], image)


@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("policy", [CROP, "Compose([Letterbox(32), Mosaic()])"])
def test_objects_are_what_training_gets(tmp_path, photos, shown, masks, policy):
    files = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.jpg"))
    images, annotations = [], []
    for number, name in enumerate(files):
        with Image.open(photos / name) as file:
            width, height = file.size
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        for left in (20, 90)[: number % 3]:
            corners = [left, 30, left + 60, 30, left + 60, 150, left, 150]
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": number,
                    "category_id": 1,
                    "bbox": [left, 30, 60, 120],
                    "segmentation": [corners],
                }
            )
    categories = [{"id": 1, "name": "dog"}]
    whole = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "dogs.json").write_text(json.dumps(whole))
    argv = ["photos", "--coco", "dogs.json", *(["--masks"] if masks else [])]
    batch, titles = shown(*argv, "--policy", policy, "--seed", 3, "--epoch", 2, "--row", "5,4,0")
    assert titles == ["row 5", "row 4", "row 0"]
    assert batch["images"].class_names == ("dog",)
    x, y = kaug.sources.coco(tmp_path / "dogs.json", photos, masks=masks)
    dataset = kaug.AugmentedDataset(x, y, read_policy(policy), batch_size=3, seed=3)
    for place, row in enumerate((5, 4, 0)):
        image, targets = dataset.row(row, epoch=2)
        np.testing.assert_array_equal(batch["images"][place], image)
        for name in ("boxes", "labels"):
            found = np.asarray(batch["bounding_boxes"][name][place])
            wanted = np.asarray(targets["bounding_boxes"][name])
            there = np.asarray(targets["bounding_boxes"]["labels"]) >= 0
            np.testing.assert_array_equal(found[: len(wanted)][there], wanted[there])
        assert ("segmentation_masks" in batch) == masks
        if masks:
            found = batch["segmentation_masks"][place]
            np.testing.assert_array_equal(found, targets["segmentation_masks"])


def test_pictures_of_any_size_are_each_made_alone(photos, shown):
    batch, _ = shown(
        "photos", "--policy", "Rotation(20)", "--seed", 7, "--epoch", 1, "--row", "6,2"
    )
    x, _ = kaug.sources.folder(photos)
    for row, image in zip((6, 2), batch["images"], strict=True):
        wanted = read_policy("Rotation(20)")(x[row][np.newaxis], seed=7, epoch=1, index=[row])
        np.testing.assert_array_equal(image, wanted[0])


@pytest.mark.parametrize("policy", ["HorizontalFlip()", MIXED])
def test_a_size_comes_first(photos, shown, policy):
    options = ["--policy", policy, "--seed", 7, "--size", "30x40", "--row", "6,2"]
    batch, _ = shown("photos", *options)
    small = Resize(height=30, width=40)
    plain = [small(image[np.newaxis])[0] for image in kaug.sources.folder(photos)[0]]
    dataset = kaug.AugmentedDataset(np.stack(plain), None, read_policy(policy), seed=7)
    for row, image in zip((6, 2), batch["images"], strict=True):
        np.testing.assert_array_equal(image, dataset.row(row, epoch=0))


def test_large_results_are_shrunk_for_the_figure_alone(photos, shown, monkeypatch):
    monkeypatch.setattr("kaug._cli.preview._LONGEST", 60)
    batch, _ = shown("photos", "--policy", "HorizontalFlip(p=1)", "--row", "0", "--seed", 0)
    x, _ = kaug.sources.folder(photos)
    wanted = Resize(height=48, width=60)(x[0][np.newaxis, :, ::-1])[0]
    np.testing.assert_array_equal(batch["images"][0], wanted)


def test_one_picture_is_augmented_as_the_rows_that_are_named(photos, shown):
    path, policy = photos / "dog" / "2.jpg", read_policy("Rotation(20)")
    argv = [path, "--policy", "Rotation(20)", "--seed", 7]
    x = read_picture(path)[np.newaxis]
    images, titles = shown(*argv, "--row", "3,1", "--epoch", 2)
    assert titles == ["row 3", "row 1"]
    dataset = kaug.AugmentedDataset(np.repeat(x, 5, axis=0), None, policy, seed=7)
    for row, image in zip((3, 1), images, strict=True):
        np.testing.assert_array_equal(image, dataset.row(row, epoch=2))
    images, _ = shown(*argv, "--row", "3,1")
    np.testing.assert_array_equal(images, kaug.augment_rows(x, None, [3, 1], policy, seed=7)[0])
    images, titles = shown(*argv, "-n", 4)
    assert titles is None
    wanted = kaug.augment_dataset(x, None, 4, policy, seed=7, append=False)[0]
    np.testing.assert_array_equal(images, wanted)
    images, _ = shown(*argv, "-n", 4, "--epoch", 1)
    np.testing.assert_array_equal(images, policy(x.repeat(4, axis=0), seed=7, epoch=1))


def test_a_row_shows_what_plot_augmentations_does(photos, tmp_path, shown):
    path = photos / "dog" / "2.jpg"
    shown(path, "--policy", "Rotation(20)", "--seed", 7, "-n", 4)
    kaug.plot_augmentations(read_picture(path), read_policy("Rotation(20)"), n=4, seed=7).savefig(
        tmp_path / "wanted.png"
    )
    with Image.open("made.png") as made, Image.open("wanted.png") as wanted:
        np.testing.assert_array_equal(np.asarray(made), np.asarray(wanted))


def test_pictures_without_class_folders_are_rows_in_the_order_of_their_names(tmp_path, shown):
    (tmp_path / "flat").mkdir()
    for number in range(3):
        Image.new("RGB", (6, 5), (number, 0, 0)).save(tmp_path / "flat" / f"{number}.png")
    batch, titles = shown("flat", "--policy", "Identity()")
    assert [int(image[0, 0, 0]) for image in batch["images"]] == [0, 1, 2]
    assert titles == ["row 0", "row 1", "row 2"]


def test_pictures_that_cannot_be_used_are_left_out_if_that_is_asked_for(photos, shown, capsys):
    (photos / "cat" / "0.jpg").write_bytes(b"no picture")
    argv = ["photos", "--policy", "Identity()", "--row", "0", "--seed", "0"]
    assert main(["preview", *argv]) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        batch, _ = shown(*argv, "--on-error", "skip")
    assert "1 of 7 are left out." in capsys.readouterr().err
    np.testing.assert_array_equal(batch["images"][0], kaug.sources.files([photos / "cat/3.jpg"])[0])


@pytest.mark.parametrize(
    ("count", "n", "rows"),
    [(5, 16, range(5)), (5, 2, (0, 2)), (100, 4, (0, 25, 50, 75)), (7, 4, range(4)), (1, 1, (0,))],
)
def test_rows_are_from_all_over(count, n, rows):
    assert chosen(count, n, None).tolist() == list(rows)

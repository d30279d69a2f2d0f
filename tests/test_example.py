"""The examples, run as a user would run them, on few garments and with next to no training."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import kaug

EXAMPLES = Path(__file__).parent.parent / "examples"
RUNS = {
    protocol: [
        "fashion_mnist.py",
        *("--protocol", protocol, "--epochs", "1", "--steps-per-epoch", "1"),
        *("--rows", "300", "--output", protocol),
    ]
    for protocol in ("tutorial", "clean")
}
RUNS["online"] = ["fashion_mnist_online.py", "--epochs", "1", "--steps", "1"]
RUNS["few"] = ["few_pictures.py", "--pictures", "100", "--steps", "2", "--seeds", "1"]
RUNS["photos"] = ["folder_of_photos.py", "given", "--epochs", "1"]
RUNS["migration"] = ["migrate_from_keras.py", "--rows", "500", "--batch-size", "50"]
for name in ("detection", "segmentation", "pose"):
    RUNS[name] = [f"{name}.py", "--epochs", "1", "--count", "12", "--held-out", "12"]
# Runs scripts with their arguments on the first garments of each kind, in one process.
ON_FEW = """
import functools, json, runpy, sys
import kaug
load = kaug.load_fashion_mnist
@functools.cache
def load_few(**options):
    return [(x[:n], y[:n]) for (x, y), n in zip(load(**options), (1200, 100), strict=True)]
kaug.load_fashion_mnist = load_few
folder, runs = sys.argv[1:]
for name, *arguments in json.loads(runs):
    sys.argv = [f"{folder}/{name}", *arguments]
    runpy.run_path(sys.argv[0], run_name="__main__")
    print("THE END")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("examples")
    rng = np.random.default_rng(0)
    for number in range(20):
        path = place / "given" / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (40 + number, 60 - number, 3), dtype="uint8")
        Image.fromarray(pixels).save(path)
    return place


@pytest.fixture(scope="module")
def printed(folder):
    """Returns what each of the runs has printed."""
    try:
        kaug.load_fashion_mnist()
    except OSError:
        pytest.skip("Fashion-MNIST is not on this machine")
    command = [sys.executable, "-c", ON_FEW, str(EXAMPLES), json.dumps(list(RUNS.values()))]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return dict(zip(RUNS, done.stdout.split("THE END\n")[:-1], strict=True))


@pytest.mark.parametrize(("protocol", "rows"), [("tutorial", 1_500), ("clean", 1_200)])
def test_the_tutorial(folder, printed, protocol, rows):
    assert f"({rows}, 28, 28, 1)" in printed[protocol]
    assert "5,185,482" in printed[protocol]
    assert "Training was cut short" in printed[protocol]
    results = json.loads((folder / protocol / "results.json").read_text())
    assert results["parameters"] == 5_185_482
    assert results["arguments"]["protocol"] == protocol
    assert set(results["history"]) == {"loss", "acc", "val_loss", "val_acc"}
    assert 0 < results["test"]["acc"] < 1
    for name in ("augmented.png", "history.png"):
        assert (folder / protocol / name).read_bytes().startswith(b"\x89PNG")


def test_augmentation_that_helps(folder, printed):
    last = re.search(r"^test loss (\S+), test accuracy (\S+)$", printed["online"], re.M)
    loss, accuracy = last.groups()
    assert 0 < float(loss) < 10
    assert 0 < float(accuracy) < 1
    assert (folder / "history.png").read_bytes().startswith(b"\x89PNG")
    model = keras.saving.load_model(folder / "fashion_cnn.keras")
    assert model.count_params() == 5_185_482


def test_few_pictures(printed):
    for name in ("none", "augmented"):
        accuracy = re.search(rf"^{name}: (\S+) \((\S+) to (\S+)\)$", printed["few"], re.M)
        assert 0 < float(accuracy[2]) <= float(accuracy[1]) <= float(accuracy[3]) < 1


def test_a_folder_of_photographs(folder, printed):
    assert "20 photographs of a, b" in printed["photos"]
    assert re.search(r"^\d+ images a second, decoded and augmented$", printed["photos"], re.M)
    assert (folder / "preview.png").read_bytes().startswith(b"\x89PNG")
    assert keras.saving.load_model(folder / "photos.keras").output_shape == (None, 2)


def test_the_migration_from_keras(printed):
    assert "500 images in batches of 50" in printed["migration"]
    assert "the same labels: True" in printed["migration"]
    difference = re.search(r"largest difference of a pixel: (\S+)", printed["migration"])
    assert float(difference[1]) < 1e-4


NUMBER = r"(\d+\.\d+)"


@pytest.mark.parametrize(
    ("name", "lines", "model", "shape"),
    [
        (
            "detection",
            [rf"^{how} augmentation: loss {NUMBER}, AP50 {NUMBER}$" for how in ("without", "with")],
            "detector.keras",
            {"classes": (None, 32, 32, 3), "sides": (None, 32, 32, 4)},
        ),
        (
            "segmentation",
            [rf"^{how} augmentation: loss {NUMBER}, IoU {NUMBER} " for how in ("without", "with")],
            "unet.keras",
            {"segmentation_masks": (None, 96, 96, 3)},
        ),
        (
            "pose",
            [
                rf"^{how}: {NUMBER} pixels off, hands {NUMBER}$"
                for how in ("no augmentation", "mirrored without .*", "mirrored with flip .*")
            ],
            "pose.keras",
            {"keypoints": (None, 7, 576)},
        ),
    ],
)
def test_what_travels(folder, printed, name, lines, model, shape):
    for line in lines:
        assert re.search(line, printed[name], re.M), printed[name]
    for picture in (f"{name}.png", f"{name}_policy.png"):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")
    loaded = keras.saving.load_model(folder / model, compile=False)
    assert {key: each.shape for key, each in loaded.output.items()} == shape


def module(name):
    """Returns an example, not run."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example


def test_average_precision():
    """Two of three are found, one of them twice, and something where there is nothing."""
    detection = module("detection")
    boxes = np.float32([[0, 0, 10, 10], [20, 20, 30, 30], [0, 40, 10, 50]])
    true = {"boxes": [boxes], "labels": [np.zeros(3, int)]}
    found = {
        "boxes": np.float32([[[0, 0, 10, 9], [60, 60, 70, 70], [20, 20, 30, 31], [0, 1, 10, 10]]]),
        "labels": np.zeros((1, 4), int),
        "scores": np.float32([[0.9, 0.8, 0.7, 0.6]]),
    }
    # A third of the boxes at a precision of 1, a third at 2 of 3, a third never.
    assert detection.average_precision(found, true, 0) == pytest.approx(1 / 3 + 2 / 9)


def test_cells_of_boxes():
    """The middle of a box is the warmest cell, which knows its sides."""
    detection = module("detection")
    images = np.zeros((1, 128, 128, 3), "uint8")
    boxes = {"boxes": [np.float32([[40, 60, 72, 76]])], "labels": [np.array([2])]}
    whole = kaug.transforms.Letterbox(128)
    cells = detection.Cells(kaug.AugmentedDataset(images, {"bounding_boxes": boxes}, whole))
    _, targets = cells[0]
    classes, sides = targets["classes"], targets["sides"]
    assert not classes[..., :2].any()
    row, column = 16, 13  # whose middle is at (54, 66); (56, 68) lies between four cells
    assert classes[0, row, column, 2] == 1
    assert sides[0, row, column].tolist() == [14, 6, 18, 10, 1]


def test_points_of_heat_maps():
    pose = module("pose")
    true = np.float32([[[30.5, 60.2], [3, 90]]])
    away = ((true[:, :, np.newaxis] - pose.GRID) ** 2).sum(axis=-1)
    assert np.abs(pose.to_points(-away / (2 * pose.SPREAD**2)) - true).max() < 0.5


def test_intersection_over_union():
    segmentation = module("segmentation")
    true, found = np.array([[0, 0, 1, 1, 2]]), np.array([[0, 1, 1, 1, 0]])
    parts = segmentation.intersection_over_union(true, found)
    assert parts == pytest.approx([1 / 3, 2 / 3, 0])

"""The examples, run as a user would run them, on few garments and with next to no training."""

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
RUNS["photos"] = ["folder_of_photos.py", "given", "--epochs", "1"]
RUNS["migration"] = ["migrate_from_keras.py", "--rows", "500", "--batch-size", "50"]
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

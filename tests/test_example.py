"""The examples, run as a user would run them, on fewer garments and with next to no training."""

import json
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import kaug

EXAMPLES = Path(__file__).parent.parent / "examples"
# Runs a script with its arguments on the first garments of each kind.
ON_FEW = """
import runpy, sys
import kaug
load = kaug.load_fashion_mnist
def load_few(**options):
    return [(x[:n], y[:n]) for (x, y), n in zip(load(**options), (6000, 500), strict=True)]
kaug.load_fashion_mnist = load_few
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(autouse=True)
def garments():
    try:
        kaug.load_fashion_mnist()
    except OSError:
        pytest.skip("Fashion-MNIST is not on this machine")


def run(name, arguments, folder):
    command = [sys.executable, "-c", ON_FEW, str(EXAMPLES / name), *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(("protocol", "rows"), [("tutorial", 7_000), ("clean", 5_500)])
def test_the_tutorial(tmp_path, protocol, rows):
    arguments = ["--protocol", protocol, "--epochs", "1", "--steps-per-epoch", "3"]
    arguments += ["--rows", "1000", "--output", str(tmp_path)]
    printed = run("fashion_mnist.py", arguments, tmp_path)
    assert f"({rows}, 28, 28, 1)" in printed
    assert "5,185,482" in printed
    assert "Training was cut short" in printed
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["parameters"] == 5_185_482
    assert results["arguments"]["protocol"] == protocol
    assert set(results["history"]) == {"loss", "acc", "val_loss", "val_acc"}
    assert 0 < results["test"]["acc"] < 1
    for name in ("augmented.png", "history.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_augmentation_that_helps(tmp_path):
    printed = run("fashion_mnist_online.py", ["--epochs", "1", "--steps", "2"], tmp_path)
    loss, accuracy = re.search(r"^test loss (\S+), test accuracy (\S+)$", printed, re.M).groups()
    assert 0 < float(loss) < 10
    assert 0 < float(accuracy) < 1
    assert (tmp_path / "history.png").read_bytes().startswith(b"\x89PNG")
    model = keras.saving.load_model(tmp_path / "fashion_cnn.keras")
    assert model.count_params() == 5_185_482

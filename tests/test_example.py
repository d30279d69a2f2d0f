"""The example, run as a user would run it, with next to no training."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import kaug

EXAMPLE = Path(__file__).parent.parent / "examples" / "fashion_mnist.py"


@pytest.mark.parametrize(("protocol", "rows"), [("tutorial", 61_000), ("clean", 46_000)])
def test_example(tmp_path, protocol, rows):
    try:
        kaug.load_fashion_mnist()
    except OSError:
        pytest.skip("Fashion-MNIST is not on this machine")
    arguments = ["--protocol", protocol, "--epochs", "1", "--steps-per-epoch", "3"]
    arguments += ["--rows", "1000", "--output", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), *arguments], check=True, capture_output=True, text=True
    )
    assert f"({rows}, 28, 28, 1)" in done.stdout
    assert "5,185,482" in done.stdout
    assert "Training was cut short" in done.stdout
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["parameters"] == 5_185_482
    assert results["arguments"]["protocol"] == protocol
    assert set(results["history"]) == {"loss", "acc", "val_loss", "val_acc"}
    assert 0 < results["test"]["acc"] < 1
    for name in ("augmented.png", "history.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")

"""The migration example, run as a user would run it, on a few images."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import kaug

EXAMPLE = Path(__file__).parent.parent / "examples" / "migrate_from_keras.py"


def test_migration_example():
    try:
        kaug.load_fashion_mnist()
    except OSError:
        pytest.skip("Fashion-MNIST is not on this machine")
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), "--rows", "500", "--batch-size", "50"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "500 images in batches of 50" in done.stdout
    assert "the same labels: True" in done.stdout
    difference = re.search(r"largest difference of a pixel: (\S+)", done.stdout)
    assert float(difference[1]) < 1e-4

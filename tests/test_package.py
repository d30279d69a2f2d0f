"""The package as a whole: exports, import cost, signatures."""

import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import kaug
from kaug._cli import installed

ROOT = Path(__file__).parents[1]
FOR_WORK_ON_KAUG = {"tests", "docs", "lint", "coverage", "mutants", "release", "dev"}

LIBRARIES = {"tensorflow", "keras", "matplotlib"}
# What is done one after the other, and what none of it may have imported.
STEPS = {
    "import kaug": LIBRARIES | {"numba", "scipy", "numpy"},
    "kaug.integrations.ray.augment, kaug.integrations.grain.augment": LIBRARIES | {"ray", "grain"},
    "try: kaug.load_fashion_mnist(data_dir='no/such/folder')\nexcept FileNotFoundError: pass": (
        LIBRARIES
    ),
    "repr(kaug.transforms.Rotation())": LIBRARIES | {"PIL", "kaug._show.preview"},
    "import numpy as np\n"
    "from kaug.transforms import Rotation\n"
    "kaug.augment_dataset(np.zeros((2, 5, 7), 'u1'), None, 3, Rotation(), seed=0, verbose=0)": (
        LIBRARIES
    ),
    "Rotation()._repr_html_()": LIBRARIES,
    "kaug.plot_images([[[0, 1], [1, 0]]])\n"
    "kaug.plot_history({'loss': [2, 1]}, metrics='loss')\n"
    "kaug.plot_confusion_matrix([0, 1], [0, 1])": {"tensorflow", "keras", "matplotlib.pyplot"},
}


@pytest.fixture(scope="module")
def imported():
    """Returns the modules that are there after each of the steps, in a process of its own."""
    code = "import sys\n" + "".join(f"{step}\nprint(*sys.modules)\n" for step in STEPS)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return dict(zip(STEPS, map(str.split, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_imported_that_is_not_needed(step, imported):
    assert "kaug" in imported[step]
    assert not STEPS[step] & set(imported[step])


def test_every_export_exists_and_is_documented():
    assert sorted(kaug.__all__) == kaug.__all__
    for name in kaug.__all__:
        assert getattr(kaug, name).__doc__
    assert set(kaug.__all__) <= set(dir(kaug))


def test_unknown_names():
    with pytest.raises(AttributeError, match="module 'kaug' has no attribute 'augment'"):
        kaug.augment  # noqa: B018


@pytest.mark.parametrize(
    ("function", "positional"),
    [
        ("augment_dataset", ["x", "y", "n", "generator"]),
        ("augment_rows", ["x", "y", "rows", "generator"]),
        ("open_dataset", ["path"]),
        ("train_validation_split", ["x", "y"]),
        ("build_fashion_cnn", []),
        ("build_vgg19", []),
        ("load_fashion_mnist", []),
        ("plot_images", ["images", "labels"]),
        ("plot_augmentations", ["image", "generator"]),
        ("plot_history", ["history"]),
        ("plot_confusion_matrix", ["y_true", "y_pred"]),
        ("compare_policies", ["x", "y", "build_model", "policies"]),
        ("plot_comparison", ["comparison"]),
    ],
)
def test_data_first_options_by_keyword(function, positional):
    parameters = inspect.signature(getattr(kaug, function)).parameters.values()
    by_position = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert by_position == positional


def test_the_page_of_installing_has_every_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = (ROOT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \| .+ \| \d+ \|$", page, re.M)
    extras = {name: names(needed) for name, needed in project["optional-dependencies"].items()}
    assert {name: sorted(brings.lower().split(", ")) for name, brings in rows} == {
        name: needed for name, needed in extras.items() if name not in FOR_WORK_ON_KAUG
    }
    for name in extras:
        assert f"`{name}`" in page
    # What JAX and PyTorch are installed with by hand, and what `kaug doctor` looks for.
    by_hand = re.search(r"^\$ pip install jax (.+)$", page, re.M)[1].replace('"', "").split()
    assert names(by_hand) == sorted({*names(project["dependencies"])} - {"tensorflow"})
    assert {*names(project["dependencies"])} <= {*installed.NEEDED}
    for distribution, extra in installed.OPTIONAL.items():
        assert distribution in extras[extra]
    assert {*installed.OPTIONAL.values()} == {name for name, _ in rows}


def names(requirements):
    """Returns the names of what is required, without versions and extras."""
    return sorted(re.match(r"[\w-]+", each)[0] for each in requirements)

"""The package as a whole: exports, import cost, signatures."""

import inspect
import subprocess
import sys

import pytest

import kaug


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


def test_import_is_cheap():
    loaded = run("import kaug, sys; print(*sys.modules)").split()
    heavy = {"tensorflow", "keras", "matplotlib", "numba", "scipy", "numpy"}
    assert not heavy & set(loaded)


def test_native_augmentation_needs_no_keras():
    loaded = run(
        "import sys, numpy as np, kaug; from kaug.transforms import Rotation; "
        "kaug.augment_dataset(np.zeros((2, 5, 7), 'u1'), None, 3, Rotation(), seed=0); "
        "print(*sys.modules)"
    ).split()
    assert not {"tensorflow", "keras", "matplotlib"} & set(loaded)


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
    ],
)
def test_data_first_options_by_keyword(function, positional):
    parameters = inspect.signature(getattr(kaug, function)).parameters.values()
    by_position = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert by_position == positional

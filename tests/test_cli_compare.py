"""`kaug compare`: what is trained, what is printed, and what is refused."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kaug
from kaug._cli import main
from kaug.transforms import CenterCrop, Compose, HorizontalFlip, Identity, Resize

NETWORK = """
import keras
shape, loss = {shape}, "{loss}_crossentropy"
def build_model():
    layers = keras.layers
    inputs = keras.Input(shape)
    outputs = layers.Dense(2, activation="softmax")(layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", loss, metrics=["accuracy"], run_eagerly=True)
    return model
number = 3
"""
OPTIONS = ["--epochs", "1", "--repeats", "2", "--seed", "4", "--model", "network.py:build_model"]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (40, 5, 7, 3), dtype="uint8")
    np.savez("in.npz", x=x, y=np.arange(40) % 2, alone=x)
    np.savez("empty.npz", x=x[:0], y=np.arange(0))
    for row, image in enumerate(x):
        folder = tmp_path / "photos" / "ab"[row % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[:, : 5 + row % 3]).save(folder / f"{row:02}.png")
    write_network()
    return tmp_path


def write_network(shape=(5, 7, 3), loss="sparse_categorical"):
    Path("network.py").write_text(NETWORK.format(shape=shape, loss=loss), encoding="utf-8")


def by_hand(x, y, policies, **options):
    build = runpy.run_path("network.py")["build_model"]
    options = {"epochs": 1, "repeats": 2, "seed": 4, "verbose": 0} | options
    return kaug.compare_policies(x, y, build, policies, **options)


def test_it_prints_what_the_function_returns(capsys):
    policies = ["--policies", "Identity", "HorizontalFlip"]
    assert main(["compare", "in.npz", *OPTIONS, *policies, "-o", "out.png"]) == 0
    captured = capsys.readouterr()
    with np.load("in.npz") as file:
        x, y = (file["x"] / 255).astype("float32"), file["y"]
    same = by_hand(x, y, {"Identity": Identity(), "HorizontalFlip": HorizontalFlip()})
    assert captured.out == f"{same}\nmade with --seed 4\nout.png\n"
    assert captured.err.count("repeat 1: accuracy") == 2
    with Image.open("out.png") as figure:
        assert figure.size[0] > 100


def test_a_folder_of_pictures_of_any_size(capsys):
    write_network((4, 6, 3))
    policies = ["--policies", "Identity", "HorizontalFlip", "--size", "4x6"]
    assert main(["compare", "photos", *OPTIONS, *policies]) == 0
    x, y = kaug.sources.folder("photos", dtype="float32")
    plain = Compose([Resize(6), CenterCrop(4, 6)])
    both = {"Identity": plain, "HorizontalFlip": Compose([plain, HorizontalFlip()])}
    same = by_hand(x, y, both, validation_policy=plain)
    assert capsys.readouterr().out.startswith(str(same))


def test_mixing_needs_one_hot_labels(capsys):
    mixing = ["--policies", "Identity", "CutMix(num_classes=2)"]
    assert main(["compare", "in.npz", *OPTIONS, *mixing]) == 1
    assert "one-hot" in capsys.readouterr().err
    write_network(loss="categorical")
    assert main(["compare", "in.npz", *OPTIONS, *mixing, "--one-hot"]) == 0


def test_the_network_by_default(capsys):
    np.savez("larger.npz", x=np.zeros((12, 8, 9), "float32"), y=np.arange(12) % 3)
    policies = ["--policies", "Identity", "HorizontalFlip"]
    assert main(["compare", "larger.npz", "--epochs", "1", "--repeats", "1", *policies]) == 0
    assert "accuracy" in capsys.readouterr().out


def test_it_goes_on_from_its_log(capsys):
    policies = ["--policies", "Identity", "HorizontalFlip", "--log", "log.jsonl"]
    assert main(["compare", "in.npz", *OPTIONS, *policies]) == 0
    first = capsys.readouterr()
    assert main(["compare", "in.npz", *OPTIONS, *policies]) == 0
    again = capsys.readouterr()
    assert again.out == first.out
    assert "repeat" not in again.err


def test_without_a_seed_it_goes_on_as_well(capsys):
    options = ["--epochs", "1", "--repeats", "1", "--model", "network.py:build_model"]
    options += ["--policies", "Identity", "HorizontalFlip", "--log", "log.jsonl"]
    assert main(["compare", "in.npz", *options]) == 0
    assert "made with --seed 0" in capsys.readouterr().out
    assert main(["compare", "in.npz", *options]) == 0
    assert "repeat" not in capsys.readouterr().err


def test_names_of_classes_are_numbered_and_columns_taken(capsys):
    with np.load("in.npz") as file:
        x, y = file["x"], file["y"]
    np.savez("names.npz", x=x, y=np.array(["ankle boot", "bag"])[y])
    np.savez("column.npz", x=x, y=y[:, np.newaxis])
    policies = ["--policies", "Identity", "HorizontalFlip"]
    tables = []
    for name in ("in.npz", "names.npz", "column.npz"):
        assert main(["compare", name, *OPTIONS, *policies]) == 0
        tables.append(capsys.readouterr().out)
    assert tables[0] == tables[1] == tables[2]


def test_labels_that_are_no_classes(capsys):
    with np.load("in.npz") as file:
        np.savez("numbers.npz", x=file["x"], y=file["x"].mean((1, 2, 3)))
    text = Path("network.py").read_text()
    text = text.replace('Dense(2, activation="softmax")', "Dense(1)")
    text = text.replace('loss, metrics=["accuracy"]', '"mse", metrics=["mae"]')
    Path("network.py").write_text(text)
    options = [*OPTIONS, "--policies", "Identity", "HorizontalFlip"]
    assert main(["compare", "numbers.npz", *options, "--no-stratify"]) == 0
    assert "mae" in capsys.readouterr().out


def test_a_network_may_import_what_lies_beside_it(capsys):
    Path("place").mkdir()
    Path("place/part_of_network.py").write_text("classes = 2")
    text = f"from part_of_network import classes\n{Path('network.py').read_text()}"
    Path("place/network.py").write_text(text.replace("Dense(2", "Dense(classes"))
    options = ["--epochs", "1", "--repeats", "1", "--policies", "Identity", "HorizontalFlip"]
    arguments = ["compare", "in.npz", *options, "--model", "place/network.py:build_model"]
    assert main(arguments) == 0
    assert "accuracy" in capsys.readouterr().out


@pytest.mark.parametrize("y", [np.arange(40) % 2 - 1, np.eye(2)[np.arange(40) % 2]])
@pytest.mark.parametrize("options", [[], ["--one-hot"]])
def test_labels_that_are_no_numbers_of_classes_are_refused(y, options, capsys):
    np.savez("other.npz", x=np.zeros((40, 8, 8)), y=y)
    assert main(["compare", "other.npz", "--epochs", "1", *options]) == 1
    assert "Labels must be class numbers from 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["photos"], "Pictures of a folder must be made one size"),
        (["in.npz", "--arrays", "alone"], "must have labels beside its images"),
        (["in.npz", "--model", "network.py"], "--model must name a function in a file"),
        (["in.npz", "--model", "none.py:build_model"], "--model must name a function in a file"),
        (["in.npz", "--model", "network.py:number"], "where there are build_model"),
        (["in.npz", "--policies", "Identity"], "at least two policies"),
        (["empty.npz"], "must have images"),
        (["in.npz", "--minutes", "-1"], "`minutes` must be above 0"),
        (["in.npz", "-o", "nowhere/out.png"], "nowhere"),
        (["in.npz", "-o", "out.pgn"], "Call it out.png"),
        (["in.npz", "--seed", str(2**33)], "`seed` must be an integer, between 0"),
    ],
)
def test_what_is_refused(arguments, said, capsys):
    assert main(["compare", *arguments, "--epochs", "1"]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["in.npz", "--channels", "1"], "--channels says how the pictures of a folder are read"),
        (["photos", "--size", "4x6", "--arrays", "x,y"], "--arrays names those of an .npz file"),
        (["in.npz", "--policies", "Identity", "Identity"], "must each be named once"),
        (["in.npz", "--repeats", "0"], "`repeats` must be an integer, at least 1"),
        (["in.npz", "--batch-size", "many"], "must be a whole number"),
        (["photos", "--size", "4"], "must be HxW in pixels"),
    ],
)
def test_wrong_use(arguments, said, capsys):
    try:
        code = main(["compare", *arguments, "--epochs", "1"])
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert said in capsys.readouterr().err

"""`kaug compare`: trains with each of several policies, and says what the differences are worth."""

import argparse
import runpy
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backend_bases import FigureCanvasBase

from kaug._cli.augment import check_source, read_arrays
from kaug._cli.misuse import MisuseError, reading_of
from kaug._cli.policy import read_policy
from kaug._files import check_parent, check_path
from kaug._validation import message, with_channels
from kaug.compare import compare_policies
from kaug.plots import plot_comparison
from kaug.transforms import CenterCrop, Compose, Identity, Resize, Transform


def run(arguments: argparse.Namespace) -> None:
    """Trains, and writes the table; how far it is goes to stderr."""
    out = None if arguments.out is None else _figure_path(arguments.out)
    x, y = _read(arguments)
    plain = _plain(arguments.size)
    policies = None
    if arguments.policies:
        policies = {text: Compose([plain, read_policy(text)]) for text in arguments.policies}
        if len(policies) < len(arguments.policies):
            rule = "--policies must each be named once"
            raise MisuseError(message(rule, " ".join(arguments.policies), "Leave out the others."))
    if arguments.one_hot:
        y = np.eye(_classes(y), dtype=np.float32)[y]
    with redirect_stdout(sys.stderr):
        comparison = compare_policies(
            x,
            y,
            _builder(arguments, x, y),
            policies,
            epochs=arguments.epochs,
            batch_size=arguments.batch_size,
            repeats=arguments.repeats,
            minutes=arguments.minutes,
            stratify=not arguments.no_stratify,
            validation_policy=plain,
            seed=arguments.seed,
            log=arguments.log,
        )
    print(comparison)
    print(f"made with --seed {arguments.seed}")
    if out is not None:
        plot_comparison(comparison).savefig(out)
        print(out)


def _figure_path(text: str) -> Path:
    """Returns where the figure goes, checked before hours are spent on what it shows."""
    path = check_path(text, "FILE")
    check_parent(path, "FILE")
    known = FigureCanvasBase.get_supported_filetypes()
    if path.suffix[1:].lower() not in known:
        rule = f"The name of the figure must end in one of {', '.join(sorted(known))}"
        raise ValueError(message(rule, repr(str(path)), f"Call it {path.stem}.png."))
    return path


def _read(arguments: argparse.Namespace) -> tuple[Any, Any]:
    source = check_path(arguments.source, "IN")
    check_source(arguments, source)
    if source.is_dir():
        from kaug.sources import folder  # loads Pillow, which arrays need not

        if arguments.size is None:
            rule = "Pictures of a folder must be made one size"
            raise ValueError(message(rule, str(source), "Pass --size, as in --size 64x64."))
        return folder(source, dtype="float32", **reading_of(arguments))
    arrays = read_arrays(source, arguments.arrays)
    if len(arrays) < 2:
        rule = f"{str(source)!r} must have labels beside its images"
        raise ValueError(message(rule, "images alone", "Name both: --arrays X,Y."))
    x, y = arrays[:2]
    if not len(x):
        raise ValueError(message(f"{str(source)!r} must have images", "none"))
    x = with_channels(x) if x.ndim == 3 else x  # as layers that convolve want it
    if y.dtype.kind in "US":  # names of classes: Keras takes numbers
        y = np.unique(y, return_inverse=True)[1]
    elif y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    return (x / np.float32(255) if x.dtype == np.uint8 else x), y


def _classes(y: Any) -> int:
    """Returns how many classes there are in labels that are class numbers."""
    if y.ndim != 1 or y.dtype.kind not in "iub" or not len(y) or y.min() < 0:
        rule = "Labels must be class numbers from 0, an array (N,)"
        fix = "Labels of another kind are for a network of your own: --model."
        raise ValueError(message(rule, f"an array {y.shape} of {y.dtype}", fix))
    return int(y.max()) + 1


def _plain(size: tuple[int, int] | None) -> Transform:
    if size is None:
        return Identity()
    height, width = size
    return Compose([Resize(max(size)), CenterCrop(height, width)])


def _builder(arguments: argparse.Namespace, x: Any, y: Any) -> Callable[[], Any]:
    if arguments.model is not None:
        return _function(arguments.model)
    from kaug.models import build_fashion_cnn  # loads Keras

    shape = x[0].shape if arguments.size is None else (*arguments.size, x[0].shape[-1])
    classes = y.shape[1] if arguments.one_hot else _classes(y)
    loss = "categorical_crossentropy" if arguments.one_hot else "sparse_categorical_crossentropy"

    def build() -> Any:
        model = build_fashion_cnn(input_shape=shape, num_classes=classes, compile=False)
        model.compile("adam", loss, metrics=["accuracy"])
        return model

    return build


def _function(text: str) -> Callable[[], Any]:
    """Returns the function that `FILE.py:NAME` names."""
    file, colon, name = text.rpartition(":")
    rule = "--model must name a function in a file, as in network.py:build_model"
    if not colon or not Path(file).is_file():
        raise ValueError(message(rule, repr(text)))
    sys.path.insert(0, str(Path(file).resolve().parent))  # as where Python runs the file
    found = runpy.run_path(file)
    if not callable(found.get(name)):
        functions = [each for each, value in found.items() if callable(value)]
        raise ValueError(message(rule, f"{text!r}, where there are {', '.join(functions)}"))
    function: Callable[[], Any] = found[name]
    return function

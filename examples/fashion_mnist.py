"""The Fashion-MNIST tutorial, step by step, with kaug.

Augments one image a hundred times, appends 30,000 augmented images to the 60,000, trains a
network of 5,185,482 parameters, draws its curves and tests it. Without options it is the tutorial
in full: 25 epochs, over an hour on two cores.

    python examples/fashion_mnist.py                       # the tutorial as written
    python examples/fashion_mnist.py --protocol clean      # the same with an honest validation set
    python examples/fashion_mnist.py --epochs 6 --steps-per-epoch 150    # minutes, not an hour

Writes augmented.png, history.png, log.csv and results.json into the output folder.
"""

import argparse
import json
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.keras.preprocessing.image import ImageDataGenerator

import kaug

BATCH_SIZE = 50
VALIDATION_SPLIT = 0.25
TUTORIAL = {"epochs": 25, "test_loss": 0.2249, "test_acc": 0.9190}

seconds: dict[str, float] = {}


def main() -> None:
    """Runs the tutorial."""
    args = parse_arguments()
    args.output.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(args.seed)

    with stage("load"):
        (x_train, y_train), (x_test, y_test) = kaug.load_fashion_mnist(data_dir=args.data_dir)

    generator = ImageDataGenerator(
        rotation_range=10,
        zoom_range=0.1,
        shear_range=0.5,
        width_shift_range=0.1,
        height_shift_range=0.1,
        horizontal_flip=True,
        vertical_flip=False,
    )
    with stage("grid"):
        figure = kaug.plot_augmentations(x_train[0], generator, n=100, seed=args.seed)
        figure.savefig(args.output / "augmented.png")

    with stage("augment"):
        data, fit_options = augmented_data(args, x_train, y_train, generator)

    model = kaug.build_fashion_cnn()
    model.summary()
    with stage("train"):
        curves = train(model, data, fit_options, args)
        kaug.plot_history(curves).savefig(args.output / "history.png")

    with stage("test"):
        test = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
    write_results(args, model, curves, test)


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--protocol",
        choices=("tutorial", "clean"),
        default="tutorial",
        help="tutorial: append, then validate on the last quarter, which is all augmented copies; "
        "clean: split first, then augment only the training part (default: %(default)s)",
    )
    parser.add_argument("--epochs", type=int, default=TUTORIAL["epochs"])
    parser.add_argument(
        "--steps-per-epoch", type=int, help="cut epochs short (default: all images)"
    )
    parser.add_argument("--rows", type=int, default=30_000, help="augmented images to append")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-dir", type=Path, help="folder with the four Fashion-MNIST files")
    parser.add_argument("--output", type=Path, default=Path("examples/output"))
    parser.add_argument(
        "--resume", action="store_true", help="go on after the last epoch an earlier run finished"
    )
    return parser.parse_args()


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Records how long a stage takes."""
    start = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - start, 2)


def augmented_data(
    args: argparse.Namespace, x: np.ndarray, y: np.ndarray, generator: Any
) -> tuple[tuple[np.ndarray, np.ndarray], dict[str, Any]]:
    """Returns the training data with augmented rows appended, and how `fit` validates."""
    if args.protocol == "tutorial":
        x, y = kaug.augment_dataset(x, y, args.rows, generator, seed=args.seed)
        print(x.shape)
        return (x, y), {"validation_split": VALIDATION_SPLIT}
    (x, y), validation = kaug.train_validation_split(
        x, y, validation_split=VALIDATION_SPLIT, seed=args.seed
    )
    x, y = kaug.augment_dataset(x, y, args.rows, generator, seed=args.seed)
    print(f"{x.shape} to train on, {validation[0].shape} to validate on")
    return (x, y), {"validation_data": validation}


def train(
    model: keras.Model,
    data: tuple[np.ndarray, np.ndarray],
    fit_options: dict[str, Any],
    args: argparse.Namespace,
) -> dict[str, list[float]]:
    """Trains, with a checkpoint after each epoch, and returns the curves of all epochs."""
    backup, log = args.output / "backup", args.output / "log.csv"
    if not args.resume:
        shutil.rmtree(backup, ignore_errors=True)
        log.unlink(missing_ok=True)
    model.fit(
        *data,
        epochs=args.epochs,
        steps_per_epoch=args.steps_per_epoch,
        batch_size=BATCH_SIZE,
        callbacks=[
            keras.callbacks.BackupAndRestore(backup),
            keras.callbacks.CSVLogger(log, append=args.resume),
        ],
        verbose=2,
        **fit_options,
    )
    table = np.atleast_1d(np.genfromtxt(log, delimiter=",", names=True))
    return {name: table[name].tolist() for name in table.dtype.names if name != "epoch"}


def write_results(
    args: argparse.Namespace,
    model: keras.Model,
    curves: dict[str, list[float]],
    test: dict[str, float],
) -> None:
    """Writes results.json and prints a short report."""
    cut_short = args.epochs < TUTORIAL["epochs"] or args.steps_per_epoch is not None
    results = {
        "arguments": {name: str(v) if isinstance(v, Path) else v for name, v in vars(args).items()},
        "cut_short": cut_short,
        "versions": {
            "kaug": kaug.__version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "parameters": model.count_params(),
        "seconds": seconds,
        "history": curves,
        "test": test,
    }
    path = args.output / "results.json"
    path.write_text(json.dumps(results, indent=2) + "\n")

    print(f"\nProtocol {args.protocol}, {args.epochs} epochs, {args.rows} augmented images")
    if cut_short:
        print(f"Training was cut short; the tutorial trains {TUTORIAL['epochs']} full epochs.")
    print("seconds:", ", ".join(f"{name} {value:g}" for name, value in seconds.items()))
    for name, values in curves.items():
        print(f"{name:>9} {values[0]:.4f} -> {values[-1]:.4f}")
    print(f"test loss {test['loss']:.4f}, test accuracy {test['acc']:.4f}")
    print(f"(the tutorial: {TUTORIAL['test_loss']:.4f}, {TUTORIAL['test_acc']:.4f})")
    print(f"Figures and results.json are in {args.output}/")


if __name__ == "__main__":
    main()

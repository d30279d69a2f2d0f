"""`kaug.ImageDataGenerator` and Keras' class of that name, side by side, epoch by epoch.

    python benchmarks/image_data_generator.py [--repeats 5]

An epoch of `flow` over 30,000 Fashion-MNIST images, of `flow_from_directory` over 5,000 of them as
PNG files, and over 500 photographs of 640×480 as JPEG files, resized to 224×224: the tutorial's
policy, one seed for both. Before the clock starts, their first batches must be the same pictures.
The files are made in a temporary folder. Writes results/image_data_generator.json and .md.
"""

import argparse
import contextlib
import io
import os
import statistics
import tempfile
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import _report
import numpy as np
from PIL import Image
from tensorflow.keras.preprocessing.image import ImageDataGenerator

import kaug

OPTIONS = {
    "rotation_range": 10,
    "zoom_range": 0.1,
    "shear_range": 0.5,
    "width_shift_range": 0.1,
    "height_shift_range": 0.1,
    "horizontal_flip": True,
}
CLASSES = {"Keras": ImageDataGenerator, "kaug": kaug.ImageDataGenerator}
PHOTO = (480, 640)
SEED = 0


def save_garments(folder, count):
    """Writes Fashion-MNIST images as PNG files, a folder per class."""
    (x, y), _ = kaug.load_fashion_mnist(dtype="uint8")
    for number in range(count):
        row = number % len(x)
        place = folder / str(y[row])
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(x[row, ..., 0]).save(place / f"{number:05}.png")


def save_photos(folder, count):
    """Writes smooth color pictures with some grain as JPEG files, in two folders."""
    rng = np.random.default_rng(SEED)
    for number in range(count):
        place = folder / ("even", "odd")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8))
        smooth = np.asarray(coarse.resize(PHOTO[::-1], Image.Resampling.BICUBIC), np.float32)
        grainy = smooth + rng.normal(0, 6, smooth.shape)
        picture = Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8))
        picture.save(place / f"{number:05}.jpg", quality=90)


def arrays(rows, batch_size):
    """Returns the iterators over arrays, by name."""
    (x, y), _ = kaug.load_fashion_mnist()
    make = {name: cls(**OPTIONS) for name, cls in CLASSES.items()}
    return {
        name: generator.flow(x[:rows], y[:rows], batch_size=batch_size, seed=SEED)
        for name, generator in make.items()
    }


def files(folder, **options):
    """Returns the iterators over files, by name."""
    make = {name: cls(**OPTIONS, rescale=1 / 255) for name, cls in CLASSES.items()}
    with contextlib.redirect_stdout(io.StringIO()):  # both tell how many files they found
        return {
            name: generator.flow_from_directory(str(folder), seed=SEED, **options)
            for name, generator in make.items()
        }


def epoch(batches, turn):
    """Takes all batches of an epoch and drops them."""
    del turn
    for _ in range(len(batches)):
        next(batches)


def check(iterators):
    """Makes sure that both give the same pictures and labels."""
    theirs, ours = (next(batches) for batches in iterators.values())
    for a, b in zip(theirs, ours, strict=True):
        worst = float(np.abs(a - b).max())
        if a.shape != b.shape or worst > 1e-4:
            raise SystemExit(f"Not the same pictures: {a.shape}, {b.shape}, off by {worst:.1e}.")


def measure(make, repeats):
    """Returns the seconds of every epoch of both, by name, and the number of images."""
    check(make())
    iterators = make()
    contestants = {name: partial(epoch, batches) for name, batches in iterators.items()}
    return _report.take_turns(contestants, repeats), iterators["kaug"].n


def table(seconds, images):
    """Returns the rows of one workload."""
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    return [
        (
            name,
            f"{images / medians[name]:,.0f}",
            f"{medians[name]:.3f}",
            f"{min(times):.3f}–{max(times):.3f}",
            f"{medians['Keras'] / medians[name]:.1f}",
        )
        for name, times in seconds.items()
    ]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", type=int, default=30_000, help="images of `flow`")
    parser.add_argument("--garments", type=int, default=5_000, help="PNG files")
    parser.add_argument("--photos", type=int, default=500, help="JPEG files")
    return parser.parse_args()


def main():
    args = parse_arguments()
    with tempfile.TemporaryDirectory() as temporary:
        garments, photos = Path(temporary, "garments"), Path(temporary, "photos")
        save_garments(garments, args.garments)
        save_photos(photos, args.photos)
        small = {"target_size": (28, 28), "color_mode": "grayscale", "class_mode": "sparse"}
        large = {"target_size": (224, 224), "class_mode": "binary"}
        workloads = {
            **{
                f"`flow`, {args.rows:,} × 28×28×1, batches of {size}": partial(
                    arrays, args.rows, size
                )
                for size in (32, 256)
            },
            f"`flow_from_directory`, {args.garments:,} PNG files of 28×28, batches of 32": partial(
                files, garments, **small
            ),
            f"`flow_from_directory`, {args.photos:,} JPEG files of 640×480 resized to 224×224, "
            "batches of 32": partial(files, photos, **large),
        }
        results, sections = {}, []
        header = ("", "images a second", "seconds an epoch (median)", "range", "times Keras' speed")
        for name, make in workloads.items():
            seconds, images = measure(make, args.repeats)
            results[name] = {"images": images, "seconds": seconds}
            sections.append((name, header, table(seconds, images)))
            # Again and again: a later one may fail.
            _report.write("image_data_generator", results, sections)


if __name__ == "__main__":
    main()

"""Training from a folder of photographs of different sizes, with fresh augmentations.

Without an argument it makes such a folder first, `photos`, of the photographs that scikit-image and
scikit-learn bring along (`pip install scikit-image scikit-learn`), cut and resized at random:

    python examples/folder_of_photos.py
    python examples/folder_of_photos.py my_photos --epochs 20
"""

import argparse
import time
from pathlib import Path

import keras
import numpy as np
from PIL import Image

import kaug
from kaug.transforms import (
    CenterCrop,
    ColorJitter,
    Compose,
    HorizontalFlip,
    RandomResizedCrop,
    Resize,
    Rotation,
)

SIZE = 96


def make_photos(folder: Path, count: int) -> None:
    """Writes `count` JPEGs of each class, from 150 to 500 pixels a side."""
    from skimage import data
    from sklearn.datasets import load_sample_image

    originals = {
        "cat": data.chelsea(),
        "coffee": data.coffee(),
        "flower": load_sample_image("flower.jpg"),
        "rocket": data.rocket(),
        "temple": load_sample_image("china.jpg"),
    }
    rng = np.random.default_rng(0)
    for name, pixels in originals.items():
        (folder / name).mkdir(parents=True)
        whole = Image.fromarray(pixels)
        for number in range(count):
            share = rng.uniform(0.6, 1, 2) * whole.size
            corner = rng.uniform(0, 1, 2) * (whole.size - share)
            part = whole.resize(
                rng.integers(150, 501, 2).tolist(), box=(*corner, *(corner + share))
            )
            part.save(folder / name / f"{number:04}.jpg", quality=90)


def build_model(classes: int) -> keras.Model:
    """Returns a small network that takes bytes."""
    layers = [keras.Input((SIZE, SIZE, 3)), keras.layers.Rescaling(1 / 255)]
    for filters in (16, 32, 64):
        layers += [
            keras.layers.Conv2D(filters, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
        ]
    layers += [
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(classes, activation="softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["acc"])
    return model


def main() -> None:
    """Trains, and says how many images a second came out of the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="one folder for each class")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--count", type=int, default=80, help="photographs of a class to make")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    keras.utils.set_random_seed(args.seed)

    folder = args.folder or Path("photos")
    if args.folder is None and not folder.exists():
        make_photos(folder, args.count)
    x, y = kaug.sources.folder(folder)
    training, validation = kaug.train_validation_split(x, y, validation_split=0.2, seed=args.seed)
    print(f"{len(x)} photographs of {', '.join(x.class_names)}")

    crop = RandomResizedCrop((0.3, 1.0), height=SIZE, width=SIZE)
    policy = Compose([crop, HorizontalFlip(), Rotation(10), ColorJitter()])
    plain = Compose([Resize(SIZE + 16), CenterCrop(SIZE)])
    fresh = kaug.AugmentedDataset(*training, policy, batch_size=32, seed=args.seed)
    held_out = kaug.AugmentedDataset(*validation, plain, batch_size=32, shuffle=False)

    fresh[0]  # the kernels are compiled once on a machine
    start = time.perf_counter()
    for batch in range(len(fresh)):
        fresh[batch]
    seconds = time.perf_counter() - start
    print(f"{len(training[0]) / seconds:.0f} images a second, decoded and augmented")

    fresh.epoch = 0
    model = build_model(len(x.class_names))
    history = model.fit(fresh, validation_data=held_out, epochs=args.epochs, shuffle=False)
    kaug.plot_augmentations(x[0], policy, n=25, seed=0).savefig("preview.png")
    kaug.plot_history(history).savefig("history.png")
    model.save("photos.keras")


if __name__ == "__main__":
    main()

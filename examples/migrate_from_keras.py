"""The tutorial's augmentation with one line changed: where `ImageDataGenerator` comes from.

Makes 30,000 augmented images of Fashion-MNIST with Keras' class and with kaug's, from the same
seed, and prints the largest difference of any pixel and both times.

    python examples/migrate_from_keras.py
    python examples/migrate_from_keras.py --rows 2000 --batch-size 32
"""

import argparse
import time
from pathlib import Path

import numpy as np
from tensorflow.keras.preprocessing import image as keras_image

import kaug


def main() -> None:
    """Runs both and compares."""
    args = parse_arguments()
    (x_train, y_train), _ = kaug.load_fashion_mnist(data_dir=args.data_dir)
    x_train, y_train = x_train[: args.rows], y_train[: args.rows]

    state = np.random.get_state()  # which Keras reseeds
    theirs, their_labels, their_seconds = augment(
        keras_image.ImageDataGenerator, x_train, y_train, args
    )
    np.random.set_state(state)
    augment(kaug.ImageDataGenerator, x_train[:64], y_train[:64], args)  # compiles the kernels
    ours, labels, seconds = augment(kaug.ImageDataGenerator, x_train, y_train, args)

    print(f"{len(ours)} images in batches of {args.batch_size}, seed {args.seed}")
    print(f"the same labels: {np.array_equal(labels, their_labels)}")
    print(f"largest difference of a pixel: {np.abs(ours - theirs).max():.1e}")
    print(f"Keras {their_seconds:.2f} s, kaug {seconds:.2f} s: {their_seconds / seconds:.0f} times")


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=30_000)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-dir", type=Path, help="folder with the four Fashion-MNIST files")
    return parser.parse_args()


def augment(
    generator_class: type, x: np.ndarray, y: np.ndarray, args: argparse.Namespace
) -> tuple[np.ndarray, np.ndarray, float]:
    """Returns one epoch of augmented images and labels, and the seconds it took."""
    generator = generator_class(
        rotation_range=10,
        zoom_range=0.1,
        shear_range=0.5,
        width_shift_range=0.1,
        height_shift_range=0.1,
        horizontal_flip=True,
        vertical_flip=False,
    )
    batches = generator.flow(x, y, batch_size=args.batch_size, shuffle=True, seed=args.seed)
    start = time.perf_counter()
    # The tutorial's `batches.next()` works with kaug's class; Keras 3 has only `next(batches)`.
    step = getattr(batches, "next", lambda: next(batches))
    images, labels = zip(*(step() for _ in range(len(batches))), strict=True)
    seconds = time.perf_counter() - start
    return np.concatenate(images), np.concatenate(labels), seconds


if __name__ == "__main__":
    main()

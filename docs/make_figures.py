"""Makes the figures of the documentation, with kaug itself.

Usage: python docs/make_figures.py

Writes `docs/_static/augmented.png`: the first training image of Fashion-MNIST, augmented 100 times
with the tutorial's generator.
"""

import io
from pathlib import Path

from PIL import Image
from tensorflow.keras.preprocessing.image import ImageDataGenerator

import kaug

STATIC = Path(__file__).parent / "_static"


def main() -> None:
    """Makes every figure."""
    (x_train, _), _ = kaug.load_fashion_mnist()
    generator = ImageDataGenerator(
        rotation_range=10,
        zoom_range=0.1,
        shear_range=0.5,
        width_shift_range=0.1,
        height_shift_range=0.1,
        horizontal_flip=True,
        vertical_flip=False,
    )
    figure = kaug.plot_augmentations(x_train[0], generator, n=100, seed=0)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=70)
    path = STATIC / "augmented.png"
    # The pictures are gray: 32 levels of it look the same on a page and make a small file.
    gray = Image.open(buffer).convert("L").quantize(32, dither=Image.Dither.NONE)
    gray.save(path, optimize=True)
    print(f"{path.name}: {gray.width} x {gray.height} pixels, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

"""A U-Net, trained on pictures and masks in files, that tells leaves and stones from the ground.

It makes the data first, `ground`: pictures of different sizes, and beside each a PNG whose values
are classes. Then it trains the same network twice, without and with augmentation, and says how well
each does on pictures it has not seen:

    python examples/segmentation.py
"""

import argparse
from pathlib import Path

import keras
import numpy as np
from PIL import Image, ImageDraw

import kaug
from kaug.transforms import (
    ColorJitter,
    Compose,
    HorizontalFlip,
    RandomResizedCrop,
    Resize,
    Rotation,
    VerticalFlip,
)

NAMES = ("ground", "leaf", "stone")
SIZE = 96
# The colors of each are drawn between these two.
COLORS = (((80, 60, 40), (150, 120, 90)), ((30, 80, 20), (150, 190, 90)), ((60,) * 3, (200,) * 3))
NOTHING = 255  # what masks hold where a picture is filled up, which the loss ignores


def outline(name: str, rng: np.random.Generator) -> np.ndarray:
    """Returns the corners of a leaf or a stone around (0, 0), no further away than 1."""
    turn = rng.uniform(0, 2 * np.pi)
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    if name == "leaf":  # pointed at both ends
        width = rng.uniform(0.3, 0.6)
        points = np.stack([np.cos(angles), width * np.sin(angles) * abs(np.sin(angles))], axis=1)
    else:
        waves = [rng.uniform(0, 0.12) * np.cos(k * angles + rng.uniform(0, 6)) for k in (2, 3, 5)]
        points = (0.7 + sum(waves))[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return points @ [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]


def noise(rng: np.random.Generator, width: int, height: int, spread: int) -> np.ndarray:
    """Returns clouds around 0, fine and coarse, `(H, W, 3)`."""
    clouds = 0.0
    for cells in (4, 16, 64):
        cloud = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), "uint8"))
        cloud = cloud.resize((width, height), Image.Resampling.BICUBIC)
        clouds = clouds + np.asarray(cloud, "float32") / 255 - 0.5
    return clouds * spread


def make_data(folder: Path, count: int, seed: int) -> None:
    """Writes `count` JPEGs, 100 to 260 pixels a side, and as many masks."""
    rng = np.random.default_rng(seed)
    for name in ("pictures", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        width, height = rng.integers(100, 261, 2).tolist()
        pixels = rng.uniform(*COLORS[0]) + noise(rng, width, height, 50)
        mask = np.zeros((height, width), "uint8")
        for _ in range(rng.integers(2, 9)):
            value = int(rng.integers(1, len(NAMES)))
            points = outline(NAMES[value], rng) * rng.uniform(0.12, 0.3) * min(width, height)
            points += rng.uniform(0, 1, 2) * (width, height)
            shape = Image.new("L", (width, height))
            ImageDraw.Draw(shape).polygon([tuple(point) for point in points], fill=1)
            color = rng.uniform(*COLORS[value]) + noise(rng, width, height, 30)
            inside = np.asarray(shape) == 1
            pixels[inside], mask[inside] = color[inside], value
        picture = Image.fromarray(pixels.clip(0, 255).astype("uint8"))
        picture.save(folder / "pictures" / f"{number:04}.jpg", quality=90)
        Image.fromarray(mask).save(folder / "masks" / f"{number:04}.png")


def read_data(folder: Path):
    """Returns the pictures and their masks, which are decoded when they are asked for."""
    pictures = sorted((folder / "pictures").glob("*.jpg"))
    masks = [folder / "masks" / f"{path.stem}.png" for path in pictures]
    return kaug.sources.files(pictures), kaug.sources.files(masks, channels=1)


def double(x, filters: int):
    """Adds two convolutions, normalized."""
    for _ in range(2):
        x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = keras.layers.Activation("relu")(keras.layers.BatchNormalization(momentum=0.9)(x))
    return x


def build_unet() -> keras.Model:
    """Returns a small U-Net (Ronneberger and others, 2015) that takes bytes."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x, skipped = keras.layers.Rescaling(1 / 127.5, -1)(inputs), []
    for filters in (12, 24, 48):
        x = double(x, filters)
        skipped.append(x)
        x = keras.layers.MaxPooling2D()(x)
    x = double(x, 96)
    for filters in (48, 24, 12):
        x = keras.layers.Concatenate()([keras.layers.UpSampling2D()(x), skipped.pop()])
        x = double(x, filters)
    classes = keras.layers.Conv2D(len(NAMES), 1, activation="softmax")(x)
    return keras.Model(inputs, {"segmentation_masks": classes})


def intersection_over_union(true: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Returns the IoU of each class, over the pixels of all pictures."""
    pairs = np.bincount(len(NAMES) * true.ravel() + found.ravel(), minlength=len(NAMES) ** 2)
    pairs = pairs.reshape(len(NAMES), len(NAMES))
    both = np.diag(pairs)
    return both / (pairs.sum(axis=0) + pairs.sum(axis=1) - both)


def main() -> None:
    """Trains twice, compares, and draws the masks that the second network finds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60, help="pictures to train on")
    parser.add_argument("--held-out", type=int, default=100, help="pictures to measure on")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    sets = {"training": (args.count, 1), "validation": (args.held_out, 2)}
    for name, (count, seed) in sets.items():
        if not Path("ground", name).exists():
            make_data(Path("ground", name), count, seed)
    x, masks = read_data(Path("ground/training"))
    y = {"segmentation_masks": masks, "mask_fill_value": NOTHING}
    held_out, held_out_masks = read_data(Path("ground/validation"))
    plain = Resize(height=SIZE, width=SIZE)
    whole = plain({"images": held_out, "segmentation_masks": held_out_masks})
    true = whole["segmentation_masks"][..., 0].astype("int64")

    policy = Compose(
        [
            RandomResizedCrop((0.3, 1.0), height=SIZE, width=SIZE),
            Rotation(45, fill_mode="constant"),
            HorizontalFlip(),
            VerticalFlip(),
            ColorJitter(0.3, 0.3, 0.3, 0.03),
        ]
    )
    preview = {"images": x, "segmentation_masks": masks}
    figure = kaug.plot_augmentations(preview, policy, row=0, n=8, seed=0)
    figure.savefig("segmentation_policy.png")
    for name, generator in {"without": plain, "with": policy}.items():
        keras.utils.set_random_seed(args.seed)
        dataset = kaug.AugmentedDataset(x, y, generator, batch_size=6, seed=args.seed)
        model = build_unet()
        rate = keras.optimizers.schedules.CosineDecay(3e-3, args.epochs * len(dataset))
        loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=NOTHING)
        model.compile(keras.optimizers.Adam(rate), loss)
        history = model.fit(dataset, epochs=args.epochs, shuffle=False, verbose=0)
        found = model.predict(whole["images"], verbose=0)["segmentation_masks"].argmax(axis=-1)
        parts = intersection_over_union(true, found)
        loss = history.history["loss"][-1]
        each = ", ".join(f"{title} {part:.3f}" for title, part in zip(NAMES, parts, strict=True))
        print(f"{name} augmentation: loss {loss:.3f}, IoU {parts.mean():.3f} ({each})", flush=True)

    figure = kaug.plot_images(whole["images"][:8], {"segmentation_masks": found[:8]}, columns=4)
    figure.savefig("segmentation.png")
    model.save("unet.keras")


if __name__ == "__main__":
    main()

"""A pose network, trained on pictures in files with keypoints in a JSON file of COCO's form.

It makes the data first, `persons`: a person in each picture, who looks at us or away from us. Which
hand is the left one, only that tells. Then it trains the same network three times, without
augmentation, with mirroring that does not know left from right, and with `keypoint_flip_pairs`:

    python examples/pose.py
"""

import argparse
import json
from pathlib import Path

import keras
import numpy as np
from keras import ops
from PIL import Image, ImageDraw

import kaug
from kaug.transforms import Affine, ColorJitter, Compose, HorizontalFlip, Letterbox

NAMES = ["head", "left_shoulder", "right_shoulder", "left_hand", "right_hand"]
NAMES += ["left_foot", "right_foot"]
PAIRS = [
    (number, NAMES.index(name.replace("left", "right")))
    for number, name in enumerate(NAMES)
    if "left" in name
]
SIZE, CELLS = 96, 24  # pixels of a picture, and cells of the network's heat maps, a side
SPREAD = 3  # pixels around a point where its heat map is to be warm
MIDDLES = (np.arange(CELLS, dtype="float32") + 0.5) * (SIZE / CELLS) - 0.5
GRID = np.stack(np.meshgrid(MIDDLES, MIDDLES), axis=-1).reshape(-1, 2)  # x and y of each cell
HIDDEN, SEEN = 1, 2  # COCO's visibilities; 0 is a point of which nothing is known


def turned(angle: float) -> np.ndarray:
    """Returns a step down, turned by an angle in degrees."""
    return np.array([np.sin(np.radians(angle)), np.cos(np.radians(angle))])


def draw_head(draw: ImageDraw.ImageDraw, at: np.ndarray, unit: float, front: bool, skin, rng):
    """Draws a head, with a face in front and hair behind."""
    draw.circle((*at,), 0.6 * unit, skin)
    (x, y), black = at, (0, 0, 0)
    if front:
        for side in (-1, 1):
            draw.circle((x + side * 0.25 * unit, y - 0.1 * unit), 0.12 * unit, black, (255,) * 3)
        draw.line((x - 0.2 * unit, y + 0.3 * unit, x + 0.2 * unit, y + 0.3 * unit), black, 2)
    else:
        ends = (*(at - 0.6 * unit), *(at + 0.6 * unit))
        draw.chord(ends, 160, 380, tuple(rng.integers(0, 80, 3).tolist()))


def make_person(rng: np.random.Generator) -> tuple[Image.Image, list[list[float]]]:
    """Returns a picture of a person, and x, y and visibility of each point."""
    width, height = rng.integers(140, 261, 2).tolist()
    clouds = Image.fromarray(rng.integers(0, 256, (8, 8, 3), "uint8"))
    clouds = clouds.resize((width, height), Image.Resampling.BICUBIC)
    picture = Image.blend(clouds, Image.new("RGB", clouds.size, "gray"), 0.6)
    draw = ImageDraw.Draw(picture)
    skin, shirt, trousers = (tuple(color) for color in rng.integers(0, 256, (3, 3)).tolist())
    unit = min(width, height) * rng.uniform(0.14, 0.2)  # half of what a person is wide
    head = np.array([rng.uniform(0.35, 0.65) * width, rng.uniform(0.15, 0.3) * height])
    front = bool(rng.integers(2))
    hip = head + 2.4 * unit * turned(rng.uniform(-10, 10))
    points, thick = {"head": [*head, SEEN]}, int(unit / 3)
    for name, side in {"left": 1 if front else -1, "right": -1 if front else 1}.items():
        shoulder = np.add(head, [side * 0.7 * unit, 0.8 * unit])
        bent = rng.uniform(-30, 150, 2)
        elbow = shoulder + unit * turned(side * bent[0])
        hand = elbow + unit * turned(side * bent[1])
        foot = hip + [side * 0.3 * unit, 0] + 2 * unit * turned(side * rng.uniform(-5, 45))
        draw.line([*hip, *foot], trousers, thick)
        draw.line([*shoulder, *elbow, *hand], shirt, thick, joint="curve")
        draw.circle((*hand,), thick * 0.7, skin)
        where = {"shoulder": shoulder, "hand": hand, "foot": foot}
        points |= {f"{name}_{part}": [*place, SEEN] for part, place in where.items()}
    shoulders = [points["left_shoulder"][:2], points["right_shoulder"][:2]]
    draw.polygon([*map(tuple, shoulders), tuple(hip)], shirt, shirt, thick)
    draw_head(draw, head, unit, front, skin, rng)
    for name in rng.choice(NAMES[3:], rng.integers(0, 2)):  # behind something
        x, y, _ = points[name]
        draw.rectangle((x - unit / 2, y - unit / 3, x + unit / 2, y + unit / 2), "gray")
        points[name][2] = HIDDEN
    inside = {
        name: point if 0 <= point[0] < width and 0 <= point[1] < height else [0, 0, 0]
        for name, point in points.items()
    }
    return picture, [inside[name] for name in NAMES]


def make_data(folder: Path, count: int, seed: int) -> None:
    """Writes `count` JPEGs, 140 to 260 pixels a side, and `points.json`."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    images, annotations = [], []
    for number in range(count):
        picture, points = make_person(rng)
        picture.save(folder / f"{number:04}.jpg", quality=90)
        size = dict(zip(("width", "height"), picture.size, strict=True))
        images.append({"id": number, "file_name": f"{number:04}.jpg", **size})
        what = {"id": number, "image_id": number, "category_id": 1, "bbox": [0, 0, *picture.size]}
        flat = np.ravel(points).astype(float).tolist()
        annotations.append({**what, "keypoints": flat, "num_keypoints": len(NAMES)})
    category = {"id": 1, "name": "person", "keypoints": NAMES, "skeleton": []}
    parts = {"images": images, "annotations": annotations, "categories": [category]}
    (folder / "points.json").write_text(json.dumps(parts))


def read_data(folder: Path):
    """Returns the pictures, and the points `(7, 3)` of the one person in each."""
    x, y = kaug.sources.coco(folder / "points.json", folder, keypoints=True)
    return x, [persons[0] for persons in y["keypoints"]]


def block(x, filters: int, strides: int = 1):
    """Adds a convolution, normalized."""
    x = keras.layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
    return keras.layers.Activation("relu")(keras.layers.BatchNormalization(momentum=0.9)(x))


def build_model() -> keras.Model:
    """Returns a small network with a heat map for each point, `(N, 7, 576)`."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = block(keras.layers.Rescaling(1 / 127.5, -1)(inputs), 16, 2)
    fine = block(block(x, 32, 2), 32)
    middle = block(block(fine, 64, 2), 64)
    coarse = block(block(block(middle, 96, 2), 96), 96)
    middle = block(keras.layers.Concatenate()([middle, keras.layers.UpSampling2D()(coarse)]), 64)
    fine = block(keras.layers.Concatenate()([fine, keras.layers.UpSampling2D()(middle)]), 32)
    maps = keras.layers.Reshape((CELLS * CELLS, len(NAMES)))(
        keras.layers.Conv2D(len(NAMES), 1)(fine)
    )
    return keras.Model(inputs, {"keypoints": keras.layers.Permute((2, 1))(maps)})


def heat_loss(true, logits):
    """Compares heat maps `(N, 7, 576)` with bumps around the points `(N, 7, 3)` that are known."""
    known = ops.cast(true[..., 2] > 0, "float32")
    away = ops.sum((true[..., None, :2] - GRID) ** 2, axis=-1)
    wanted = ops.softmax(-away / (2 * SPREAD**2), axis=-1)
    each = -ops.sum(wanted * ops.log_softmax(logits, axis=-1), axis=-1)
    return ops.sum(known * each) / ops.maximum(ops.sum(known), 1)


def to_points(logits: np.ndarray) -> np.ndarray:
    """Returns x and y of the warmest place of each heat map, `(N, 7, 2)`, in pixels."""
    heat = np.exp(2 * (logits - logits.max(axis=-1, keepdims=True)))
    return heat @ GRID / heat.sum(axis=-1, keepdims=True)


def main() -> None:
    """Trains three times, compares, and draws the points that the best network finds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="pictures to train on")
    parser.add_argument("--held-out", type=int, default=200, help="pictures to measure on")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    sets = {"training": (args.count, 1), "validation": (args.held_out, 2)}
    for name, (count, seed) in sets.items():
        if not Path("persons", name).exists():
            make_data(Path("persons", name), count, seed)
    x, points = read_data(Path("persons/training"))
    held_out, held_out_points = read_data(Path("persons/validation"))
    true = np.stack(held_out_points)
    whole = Letterbox(SIZE)
    letters = whole(held_out)
    sizes = [picture.shape[:2] for picture in held_out]

    moved = Affine(rotation=20, zoom=0.3, width_shift=0.1, height_shift=0.1, fill_mode="constant")
    policy = Compose([whole, moved, HorizontalFlip(), ColorJitter(0.3, 0.3, 0.3, 0.1)])
    named = {"keypoints": points, "keypoint_flip_pairs": PAIRS}
    arms = {
        "no augmentation": (whole, named),
        "mirrored without flip pairs": (policy, {"keypoints": points}),
        "mirrored with flip pairs": (policy, named),
    }
    for name, (generator, y) in arms.items():
        keras.utils.set_random_seed(args.seed)
        dataset = kaug.AugmentedDataset(x, y, generator, batch_size=16, seed=args.seed)
        model = build_model()
        rate = keras.optimizers.schedules.CosineDecay(3e-3, args.epochs * len(dataset))
        model.compile(keras.optimizers.Adam(rate), {"keypoints": heat_loss})
        model.fit(dataset, epochs=args.epochs, shuffle=False, verbose=0)
        found = to_points(model.predict(letters, verbose=0)["keypoints"])
        found = whole.invert_points(found, sizes)
        known = true[..., 2] > 0
        off = np.linalg.norm(found - true[..., :2], axis=-1)
        hands = known & ["hand" in each for each in NAMES]
        print(
            f"{name}: {off[known].mean():.1f} pixels off, hands {off[hands].mean():.1f}", flush=True
        )

    shown = {"keypoints": list(found[:8])}
    kaug.plot_images(held_out[:8], shown, columns=4).savefig("pose.png")
    images, targets = dataset[0]
    seen = {"images": images[:8], "keypoints": targets["keypoints"][:8]}
    kaug.plot_images(seen, columns=4).savefig("pose_policy.png")
    model.save("pose.keras")


if __name__ == "__main__":
    main()

"""A detector, trained on pictures in files with boxes in a JSON file of COCO's form.

It makes the data first, `shapes`: pictures of different sizes, with none to five discs, squares and
triangles before a cluttered background. Then it trains the same network twice, without and with
augmentation, and says how well each finds what is in pictures it has not seen:

    python examples/detection.py
"""

import argparse
import json
from pathlib import Path

import keras
import numpy as np
from keras import ops
from PIL import Image, ImageDraw

import kaug
from kaug.transforms import ColorJitter, Compose, HorizontalFlip, Letterbox, Mosaic, RandomIoUCrop

NAMES = ("disc", "square", "triangle")
SIZE, STRIDE = 128, 4  # pixels of a picture, and of it in a cell of what the network returns
CELLS = SIZE // STRIDE
CENTRES = (np.arange(CELLS, dtype="float32") + 0.5) * STRIDE


def make_background(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Returns clouds of random colors, with lines across them that are no objects."""
    clouds = [Image.fromarray(rng.integers(0, 256, (n, n, 3), "uint8")) for n in (3, 12, 50)]
    clouds = [cloud.resize((width, height), Image.Resampling.BICUBIC) for cloud in clouds]
    picture = Image.blend(Image.blend(clouds[0], clouds[1], 0.4), clouds[2], 0.2)
    draw = ImageDraw.Draw(picture)
    for _ in range(6):
        ends = rng.uniform(0, 1, (2, 2)) * (width, height)
        draw.line([*ends.ravel()], tuple(rng.integers(0, 256, 3)), int(rng.integers(1, 8)))
    return picture


def draw_object(picture: Image.Image, name: str, box: list[int], rng: np.random.Generator) -> None:
    """Draws a shape in any color and with an outline of another one, as large as its box."""
    left, top, right, bottom = box[0], box[1], box[2] - 1, box[3] - 1
    colors = [tuple(color) for color in rng.integers(0, 256, (2, 3)).tolist()]
    draw, how = ImageDraw.Draw(picture), {"fill": colors[0], "outline": colors[1], "width": 3}
    if name == "disc":
        draw.ellipse((left, top, right, bottom), **how)
    elif name == "square":
        draw.rectangle((left, top, right, bottom), **how)
    else:
        tip = int(rng.integers(left, right + 1))
        draw.polygon([(tip, top), (right, bottom), (left, bottom)], **how)


def make_data(folder: Path, count: int, seed: int) -> None:
    """Writes `count` JPEGs, 120 to 300 pixels a side, and `boxes.json`."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    images, annotations = [], []
    for number in range(count):
        width, height = rng.integers(120, 301, 2).tolist()
        picture, boxes = make_background(rng, width, height), []
        most = int(rng.integers(0, 6))
        for _ in range(10 * most):  # where one would cover another, there is none
            sides = rng.uniform(0.12, 0.4) * rng.uniform(0.8, 1.2, 2) * min(width, height)
            sides = sides.astype(int)
            left, top = rng.integers(0, (width - sides[0], height - sides[1])).tolist()
            box = [left, top, left + int(sides[0]), top + int(sides[1])]
            if len(boxes) == most or (boxes and overlaps(np.array([box]), np.array(boxes)).any()):
                continue
            label = int(rng.integers(len(NAMES)))
            draw_object(picture, NAMES[label], box, rng)
            boxes.append(box)
            where = {"image_id": number, "category_id": label + 1}
            xywh = [*box[:2], *sides.tolist()]
            annotations.append({"id": len(annotations), **where, "bbox": xywh})
        name = f"{number:04}.jpg"
        picture.save(folder / name, quality=90)
        images.append({"id": number, "file_name": name, "height": height, "width": width})
    categories = [{"id": label + 1, "name": name} for label, name in enumerate(NAMES)]
    parts = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "boxes.json").write_text(json.dumps(parts))


class Cells(keras.utils.PyDataset):
    """The batches of a dataset, with what the network is to return for their boxes.

    `"classes"` `(N, 32, 32, 3)` is 1 at the centre of each box and falls off around it. `"sides"`
    `(N, 32, 32, 5)` has how far the four sides of the box are, left, top, right and bottom in
    pixels, and 1 for the cells near a centre, whose distances count.
    """

    def __init__(self, dataset: kaug.AugmentedDataset) -> None:
        super().__init__()
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, number: int):
        images, targets = self.dataset[number]
        boxes, labels = (targets["bounding_boxes"][key] for key in ("boxes", "labels"))
        classes = np.zeros((len(images), CELLS, CELLS, len(NAMES)), "float32")
        sides = np.zeros((len(images), CELLS, CELLS, 5), "float32")
        for row, place in np.argwhere(labels >= 0):  # -1 is padding
            left, top, right, bottom = boxes[row, place]
            x, y = CENTRES[None], CENTRES[:, None]
            across = (x - (left + right) / 2) / max((right - left) / 6, 2)
            down = (y - (top + bottom) / 2) / max((bottom - top) / 6, 2)
            bump = np.exp(-(across**2 + down**2) / 2)
            bump /= bump.max()
            layer = classes[row, ..., labels[row, place]]
            np.maximum(layer, bump, out=layer)
            distances = np.broadcast_arrays(x - left, y - top, right - x, bottom - y, 1.0)
            sides[row, bump > 0.5] = np.stack(distances, axis=-1)[bump > 0.5]
        return images, {"classes": classes, "sides": sides}

    def on_epoch_end(self) -> None:
        """Goes on to the next epoch, which is drawn anew."""
        self.dataset.on_epoch_end()


def class_loss(true, predicted):
    """The focal loss of CenterNet (Zhou and others, "Objects as Points", 2019)."""
    predicted = ops.clip(predicted, 1e-4, 1 - 1e-4)
    centre = ops.cast(true > 0.99, "float32")
    hit = centre * (1 - predicted) ** 2 * ops.log(predicted)
    quiet = (1 - centre) * (1 - true) ** 4 * predicted**2 * ops.log(1 - predicted)
    return -ops.sum(hit + quiet) / (ops.sum(centre) + 1)


def side_loss(true, predicted):
    """One minus the intersection over union of the boxes, where there are some."""
    near, true = true[..., 4], ops.maximum(true[..., :4], 0.0)
    least = ops.minimum(true, predicted)
    inside = (least[..., 0] + least[..., 2]) * (least[..., 1] + least[..., 3])
    areas = [(s[..., 0] + s[..., 2]) * (s[..., 1] + s[..., 3]) for s in (true, predicted)]
    iou = inside / (areas[0] + areas[1] - inside + 1e-6)
    return ops.sum(near * (1 - iou)) / (ops.sum(near) + 1)


def block(x, filters: int, strides: int = 1):
    """Adds a convolution, normalized."""
    x = keras.layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
    return keras.layers.Activation("relu")(keras.layers.BatchNormalization(momentum=0.9)(x))


def build_model() -> keras.Model:
    """Returns a small network that sees a cell and what is around it at two scales."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = block(keras.layers.Rescaling(1 / 127.5, -1)(inputs), 16, 2)
    fine = block(block(x, 32, 2), 32)
    middle = block(block(fine, 64, 2), 64)
    coarse = block(block(middle, 96, 2), 96)
    middle = block(keras.layers.Concatenate()([middle, keras.layers.UpSampling2D()(coarse)]), 64)
    fine = block(keras.layers.Concatenate()([fine, keras.layers.UpSampling2D()(middle)]), 48)
    bias = keras.initializers.Constant(-3.0)  # at first there is next to nothing anywhere
    head = keras.layers.Conv2D(len(NAMES), 1, activation="sigmoid", bias_initializer=bias)
    sides = keras.layers.Conv2D(4, 1, activation="softplus", bias_initializer="ones")(fine)
    sides = keras.layers.Rescaling(8.0)(sides)  # in pixels
    return keras.Model(inputs, {"classes": head(fine), "sides": sides})


def detect(model: keras.Model, images: np.ndarray, most: int = 20) -> dict[str, np.ndarray]:
    """Returns the best `most` boxes of each picture, `(N, most, 4)`, their labels and scores."""
    found = model.predict(images, verbose=0)
    classes = found["classes"]
    around = ops.convert_to_numpy(ops.max_pool(classes, 3, 1, "same")).max(axis=-1, keepdims=True)
    peaks = classes * (classes == around)  # one object is of one class
    best = np.argsort(-peaks.reshape(len(images), -1), axis=1)[:, :most]
    rows = np.arange(len(images))[:, None]
    y, x, labels = np.unravel_index(best, classes.shape[1:])
    sides, middles = found["sides"][rows, y, x], np.stack([CENTRES[x], CENTRES[y]], axis=-1)
    boxes = np.concatenate([middles - sides[..., :2], middles + sides[..., 2:]], axis=-1)
    return {"boxes": boxes, "labels": labels, "scores": peaks[rows, y, x, labels]}


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns intersection over union, `(A, B)`, of boxes `(A, 4)` and `(B, 4)`."""
    boxes, others = boxes[:, None], others[None]
    ends = np.minimum(boxes[..., 2:], others[..., 2:]) - np.maximum(boxes[..., :2], others[..., :2])
    inside = ends.clip(0).prod(-1)
    areas = [(each[..., 2:] - each[..., :2]).prod(-1) for each in (boxes, others)]
    return inside / (areas[0] + areas[1] - inside)


def average_precision(found: dict[str, np.ndarray], true: dict, label: int) -> float:
    """Returns the area under precision by recall of a class; a hit is an IoU of 0.5 or more."""
    hits, scores, count = [], [], 0
    for row, boxes in enumerate(true["boxes"]):
        wanted = boxes[true["labels"][row] == label]
        count += len(wanted)
        mine = np.flatnonzero(found["labels"][row] == label)
        mine = mine[np.argsort(-found["scores"][row, mine])]
        iou = overlaps(found["boxes"][row, mine], wanted)
        for each in range(len(mine)):
            best = iou[each].argmax() if len(wanted) else None
            hits.append(best is not None and iou[each, best] >= 0.5)
            if hits[-1]:
                iou[:, best] = 0  # each box is found once
        scores += found["scores"][row, mine].tolist()
    hits = np.array(hits)[np.argsort(-np.array(scores), kind="stable")].cumsum()
    precision = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
    return float(np.sum(np.diff(hits / count, prepend=0) * precision))


def main() -> None:
    """Trains twice, compares, and draws what the better detector finds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="pictures to train on")
    parser.add_argument("--held-out", type=int, default=100, help="pictures to measure on")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    sets = {"training": (args.count, 1), "validation": (args.held_out, 2)}
    for name, (count, seed) in sets.items():
        if not Path("shapes", name).exists():
            make_data(Path("shapes", name), count, seed)
    x, y = kaug.sources.coco("shapes/training/boxes.json", "shapes/training")
    held_out, true = kaug.sources.coco("shapes/validation/boxes.json", "shapes/validation")
    whole = Letterbox(SIZE)
    letters = whole(held_out)
    sizes = [picture.shape[:2] for picture in held_out]

    jitter = ColorJitter(0.3, 0.3, 0.3, 0.05)
    policy = Compose([Mosaic(2 * SIZE, p=0.5), RandomIoUCrop(SIZE), HorizontalFlip(), jitter])
    y["min_visible_area"] = 0.3
    for name, generator in {"without": whole, "with": policy}.items():
        keras.utils.set_random_seed(args.seed)
        dataset = kaug.AugmentedDataset(x, y, generator, batch_size=16, seed=args.seed)
        model = build_model()
        steps = args.epochs * len(dataset)
        rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
        model.compile(keras.optimizers.Adam(rate), {"classes": class_loss, "sides": side_loss})
        history = model.fit(Cells(dataset), epochs=args.epochs, shuffle=False, verbose=0)
        found = detect(model, letters)
        found["boxes"] = whole.invert_boxes(found["boxes"], sizes, clip=True)
        parts = [average_precision(found, true["bounding_boxes"], c) for c in range(len(NAMES))]
        loss = history.history["loss"][-1]
        print(f"{name} augmentation: loss {loss:.2f}, AP50 {np.mean(parts):.3f}", flush=True)

    found["labels"] = np.where(found["scores"] > 0.3, found["labels"], -1)
    shown = {"bounding_boxes": {key: list(found[key][:8]) for key in ("boxes", "labels")}}
    figure = kaug.plot_images(held_out[:8], shown, columns=4, class_names=NAMES)
    figure.savefig("detection.png")
    images, targets = dataset[0]
    boxes = {key: array[:8] for key, array in targets["bounding_boxes"].items()}
    seen = {"images": images[:8], "bounding_boxes": boxes}
    kaug.plot_images(seen, columns=4, class_names=NAMES).savefig("detection_policy.png")
    model.save("detector.keras")


if __name__ == "__main__":
    main()

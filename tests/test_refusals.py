"""The page of what is refused says what the messages say."""

import json
import os
import re
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from PIL import Image

import kaug
from kaug._files import open_regular
from kaug.transforms import (
    BoxSafeCrop,
    Brightness,
    Compose,
    GaussianBlur,
    GaussianNoise,
    HorizontalFlip,
    Identity,
    Normalize,
    RandomCrop,
    Resize,
    Rotate90,
    Rotation,
    Transform,
    Translation,
)

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "what_kaug_refuses.md"
ROWS = [
    [cell.strip() for cell in line.strip("| ").split(" | ")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| what comes", "| ---"))
]
X = np.zeros((3, 9, 14, 3), "uint8")
FLOATS = np.random.default_rng(0).random((8, 9, 14, 3), np.float32)
NUMBERS = np.arange(3)
BLUR = GaussianBlur().draw(NUMBERS, seed=0)


class Listing(Transform):
    def draw_parameters(self, draws):
        return {"a": [0.5] * len(draws)}

    def transform_images(self, images, parameters):
        return images


class Scale(keras.layers.Layer):
    def call(self, images):
        return keras.ops.cast(images, "float32") / 255


def nested(depth):
    policy = Identity()
    for _ in range(depth):
        policy = Compose([policy])


def flipped(**targets):
    HorizontalFlip(p=1)({"images": X, **targets}, seed=0)


def boxes(*corners, **settings):
    labels = np.zeros((3, len(corners)), int)
    columns = {"boxes": np.tile(np.array(corners, "f4"), (3, 1, 1)), "labels": labels}
    flipped(bounding_boxes=columns, **settings)


def augmented(generator, x=X, y=None, n=8, **options):
    kaug.augment_dataset(x, y, n, generator, seed=0, **options)


def picture_file(use):
    """Calls `use` with a picture in a file, what puts another in its place, and what cuts it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.png")
        Image.fromarray(X[0]).save(path)
        use(
            kaug.sources.files([path]),
            lambda: Image.fromarray(X[0, 1:]).save(path),
            lambda: path.write_bytes(path.read_bytes()[:-30]) and None,
        )


def objects(box, height=9):
    """Reads a picture with a box, by a file of COCO's form."""
    what = {
        "images": [{"id": 1, "file_name": "a.png", "height": height, "width": 14}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": box}],
    }
    with tempfile.TemporaryDirectory() as folder:
        Image.fromarray(X[0]).save(Path(folder, "a.png"))
        Path(folder, "a.json").write_text(json.dumps(what))
        kaug.sources.coco(Path(folder, "a.json"), folder)


def text_file(line):
    """Reads a picture with a line of a text file of YOLO's form."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "images").mkdir()
        Path(folder, "labels").mkdir()
        Image.fromarray(X[0]).save(Path(folder, "images", "a.png"))
        Path(folder, "labels", "a.txt").write_text(line)
        Path(folder, "data.yaml").write_text("names: [cat]\ntrain: images")
        kaug.sources.yolo(Path(folder, "data.yaml"))


CASES = {
    "one image `(H, W, 3)` as a batch": lambda: Identity()(X[0]),
    "clips, `(N, T, H, W, C)`, cropped by boxes in the layer": lambda: kaug.layers.RandomTransform(
        BoxSafeCrop(), seed=0
    )(X[None], training=True),
    "videos of different shapes": lambda: Identity()([X, X[1:]]),
    "videos, and a generator of another library": lambda: augmented(lambda x: x, X[None]),
    "channels first, `(N, 3, H, W)`": lambda: Identity()(np.zeros((2, 3, 32, 48))),
    "complex numbers or objects": lambda: Identity()(X.astype(complex)),
    "an array with masked values": lambda: Identity()(np.ma.masked_less(X, 1)),
    "`Rotate90`, `D4`, and images that are not square": lambda: Rotate90(1)(X, seed=0),
    "images of any size, and no size in the transform": lambda: Identity()([X[0], X[0, 1:]]),
    "a crop of an image that is smaller": lambda: RandomCrop(12)([X[0], X[0, 1:]]),
    "gray images among color ones": lambda: Resize(height=4, width=5)([X[0], X[0, 1:, :, :1]]),
    "floats of 0..255": lambda: Brightness()(FLOATS * 255, seed=0),
    "floats a little outside of 0..1": lambda: Brightness()(FLOATS - 0.3, seed=0),
    "negative numbers in signed integers": lambda: Brightness()(X.astype("i2") - 1000, seed=0),
    "bytes in 32 or 64 bits": lambda: Brightness()(X.astype(int) + 200, seed=0),
    "a `fill_value` that the dtype does not have": lambda: Rotation(
        9, fill_mode="constant", fill_value=-1
    )(X, seed=0),
    "integers for `Normalize`": lambda: Normalize("per_image")(X, seed=0),
    "a shift in pixels": lambda: Translation(5, 5),
    "an angle of 10³⁰⁰": lambda: Rotation(1e300),
    "noise in levels": lambda: GaussianNoise(25),
    '"no" for a flag': lambda: augmented(Identity(), append="no"),
    "policies nested 60 deep": lambda: nested(60),
    "parameters of another transform": lambda: Rotation().apply(X, BLUR),
    "parameters of too few rows": lambda: GaussianBlur().apply(X[:2], BLUR),
    "NaN among them": lambda: GaussianBlur().apply(X, {**BLUR, "sigma": BLUR["sigma"] * np.nan}),
    "a number beyond its bounds": lambda: GaussianBlur().apply(
        X, {**BLUR, "sigma": BLUR["sigma"] - 50}
    ),
    "a list from your own `draw_parameters`": lambda: Listing()(X, seed=0),
    "boxes called `bboxes`": lambda: flipped(bboxes=np.zeros((3, 2, 4))),
    "points under any other name": lambda: flipped(spots=np.ones((3, 17, 2))),
    "COCO's boxes as corners": lambda: boxes([200, 150, 30, 40]),
    "fractions as pixels": lambda: boxes([0.1, 0.1, 0.5, 0.5]),
    "corners of an oriented box that cross over": lambda: boxes(
        [1, 1, 9, 1, 1, 5, 9, 5], bounding_box_format="corners"
    ),
    "angles that look like radians": lambda: boxes(
        *[[9, 9, 4, 2, 0.8]] * 9, bounding_box_format="center_xywh_angle"
    ),
    "`min_area` as a share": lambda: boxes([1, 1, 9, 9], min_area=0.3),
    "points with another number of each person": lambda: flipped(
        keypoints=[np.ones((2, 5, 3)), np.ones((1, 4, 3)), np.zeros((0, 5, 3))]
    ),
    "`flip_idx` as pairs": lambda: flipped(
        keypoints=np.ones((3, 5, 2)), keypoint_flip_pairs=[0, 2, 1, 4, 3]
    ),
    "a further field of boxes called `keypoints`": lambda: flipped(
        bounding_boxes={
            "boxes": np.ones((3, 1, 4)),
            "labels": np.ones((3, 1)),
            "keypoints": np.ones((3, 1, 5, 2)),
        }
    ),
    "NaN in weights": lambda: augmented(Identity(), sample_weight=np.full(3, np.nan)),
    "a mask of another size than its image": lambda: kaug.AugmentedDataset(
        [X[0], X[1, 1:]], {"segmentation_masks": [X[0, ..., 0]] * 2}, Resize(height=8, width=8)
    ),
    "a map of integers": lambda: flipped(maps={"classes": X[..., 0]}),
    "a map called `flow`": lambda: flipped(maps={"flow": X[..., :2] / 255}),
    "a `mask_fill_value` that the masks cannot hold": lambda: flipped(
        segmentation_masks=X[..., 0], mask_fill_value=-1
    ),
    "masks of boxes that are not as many": lambda: flipped(
        bounding_boxes={
            "boxes": [np.ones((2, 4))] * 3,
            "labels": [[1, 2]] * 3,
            "masks": [X[0, ..., :1]] * 3,
        }
    ),
    "predictions brought back through chance": lambda: HorizontalFlip().invert_points(
        np.ones((1, 1, 2)), (9, 14)
    ),
    "masks beside a function": lambda: augmented(
        lambda images: images, y={"segmentation_masks": X[..., 0]}
    ),
    "a layer that makes 0..1 of bytes": lambda: augmented(Scale(), (FLOATS * 255).astype("uint8")),
    "Keras' `brightness_range`, and floats of 0..1": lambda: augmented(
        ImageDataGenerator(brightness_range=(0.5, 1)), FLOATS
    ),
    "a layer made for 0..255, and floats of 0..1": lambda: augmented(
        keras.layers.RandomBrightness(0.2), FLOATS
    ),
    "a function that drops rows": lambda: augmented(lambda images: images[1:]),
    "missing labels that are counted": lambda: augmented(
        Identity(), y=np.array(["a", None, "b"], object), sampling="balanced"
    ),
    "a weight below 0 as `sampling`": lambda: kaug.AugmentedDataset(
        X, None, Identity(), sampling=[1, 1, -1]
    ),
    "a class without a policy": lambda: augmented(kaug.PerClass({0: Identity()}), y=NUMBERS),
    "a class that only a policy knows": lambda: augmented(
        kaug.PerClass({0: Identity(), 7: Identity()}, default=Identity()), y=NUMBERS
    ),
    "a schedule where there are no epochs": lambda: augmented(kaug.Schedule({0: Identity()})),
    "groups of rows with several labels": lambda: kaug.train_validation_split(
        X, np.array([[1, 1], [0, 1], [1, 0]]), groups=NUMBERS
    ),
    "groups of several kinds": lambda: kaug.train_validation_split(
        X, NUMBERS, stratify=False, groups=np.array(["a", 1, 2], object)
    ),
    "a slice of a dataset": lambda: kaug.AugmentedDataset(X, None, Identity(), seed=0)[0:1],
    "a pipe or a device as a file": lambda: open_regular(os.devnull),
    "a picture file that is cut off": lambda: picture_file(lambda x, _, half: half() or x[0]),
    "a picture file that is another now": lambda: picture_file(
        lambda x, other, _: x.sizes.sum() and (other() or x[0])
    ),
    "objects noted for another size": lambda: objects([1, 1, 5, 5], height=8),
    "pixels in a text file of YOLO's form": lambda: text_file("0 7 4 5 5"),
    "boxes of no width in a file": lambda: objects([1, 1, 0, 5]),
    "pictures in files as an array": lambda: picture_file(lambda x, *_: np.asarray(x)),
    "more than fits into memory": lambda: augmented(Identity(), n=2**40),
}


def test_every_line_is_tried():
    assert [row[0] for row in ROWS] == list(CASES)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_line(row):
    what, says, _ = row
    kind, rule = says.split(": ", 1)
    pattern = re.escape(rule).replace("…", ".*")
    if kind == "warning":
        with pytest.warns(UserWarning, match=pattern):
            CASES[what]()
        return
    with pytest.raises((ValueError, TypeError, OSError, MemoryError), match=pattern):
        CASES[what]()

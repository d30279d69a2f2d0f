"""`Mosaic` beside that of ultralytics, which most detectors are trained with, at given centers.

    python benchmarks/mosaic_beside_ultralytics.py [--mosaics 200]

Nothing is timed. Both put the same four images around the same point; half of the mosaics are of
images that need no resizing, so that their pixels can be compared. Needs kaug and ultralytics, and
writes results/mosaic_beside_ultralytics.json and .md.
"""

import argparse
import math
import os
import tempfile
from unittest import mock

os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.gettempdir())

import _report
import cv2
import numpy as np
from ultralytics.data import augment
from ultralytics.utils.instance import Instances

from kaug.transforms import Mosaic

SIDE, BOXES, GRAY = 64, 6, 114
SAME = 2e-3  # pixels: ultralytics has boxes of float32, in fractions of the image


class Four(list):
    """What ultralytics takes for its dataset."""

    cache = "ram"

    def get_image_and_label(self, number):
        """Returns an image, resized, with its boxes."""
        return self[number]


def images_of(rng, fitting):
    """Returns four images and their boxes; `fitting` ones have one side of `SIDE`."""
    images, boxes = [], []
    for _ in range(4):
        size = rng.integers(20, SIDE + 1 if fitting else 150, 2)
        if fitting:
            size[rng.integers(2)] = SIDE
        corner = rng.uniform(0, size[::-1] - 4, (BOXES, 2))
        end = np.minimum(corner + rng.uniform(2, 40, (BOXES, 2)), size[::-1])
        images.append(rng.integers(0, 256, (*size, 3), np.uint8))
        boxes.append(np.concatenate([corner, end], axis=1))
    return images, boxes


def by_ultralytics(images, boxes, center):
    """Returns the mosaic, and its boxes by their numbers; images are resized as it loads them."""
    four = Four()
    for place, (image, own) in enumerate(zip(images, boxes, strict=True)):
        height, width = image.shape[:2]
        scale = SIDE / max(height, width)
        after = [min(math.ceil(side * scale), SIDE) for side in (width, height)]
        resized = cv2.resize(image, after) if scale != 1 else image
        fractions = np.float32(own / [width, height, width, height])
        lines = np.zeros((0, 1000, 2), np.float32)
        four.append(
            {
                "img": resized,
                "cls": np.float32(np.arange(BOXES) + BOXES * place)[:, np.newaxis],
                "instances": Instances(fractions, lines, bbox_format="xyxy", normalized=True),
                "im_file": "",
                "ori_shape": (height, width),
                "resized_shape": resized.shape[:2],
            }
        )
    mosaic = augment.Mosaic(four, imgsz=SIDE)
    given = [place + 0.5 for place in center]  # cut to whole pixels
    with (
        mock.patch.object(augment.random, "uniform", side_effect=given),
        mock.patch.object(mosaic, "get_indexes", return_value=[1, 2, 3]),
    ):
        parameters = mosaic.get_params(four[0])
    result = mosaic.apply_instances(mosaic.apply_image(four[0], parameters), parameters)
    numbers = result["cls"][:, 0].astype(int)
    return result["img"], dict(zip(numbers, result["instances"].bboxes, strict=True))


def by_kaug(images, boxes, center):
    """Returns the mosaic, and its boxes by their numbers."""
    mosaic = Mosaic(2 * SIDE, fill_value=GRAY)
    parameters = mosaic.draw(np.arange(4), seed=0)
    parameters["partner"][:] = (np.arange(1, 4) + 0.5) / 4
    for name, place in zip(("height_shift", "width_shift"), center, strict=True):
        parameters[name][:] = place / SIDE - 1
    numbers = np.arange(4 * BOXES).reshape(4, BOXES)
    given = {"images": images, "bounding_boxes": {"boxes": boxes, "labels": list(numbers)}}
    result = mosaic.apply(given, parameters)
    objects = result["bounding_boxes"]
    found = zip(objects["labels"][0], objects["boxes"][0], strict=True)
    return result["images"][0], {int(number): box for number, box in found if number >= 0}


def compared(rng, count, fitting):
    """Returns what of the mosaics differs."""
    facts = {"pixels": 0, "pixels that differ": 0, "boxes": 0, "boxes that differ": 0}
    facts |= {"largest difference, pixels": 0.0, "kept by ultralytics alone": 0}
    facts |= {"largest side cut of these, pixels": 0.0, "kept by kaug alone": 0}
    for _ in range(count):
        images, boxes = images_of(rng, fitting)
        center = rng.integers(SIDE // 2, 3 * SIDE // 2, 2).tolist()
        mosaic, ours = by_kaug(images, boxes, center)
        canvas, theirs = by_ultralytics(images, boxes, center)
        if fitting:
            facts["pixels"] += mosaic[..., 0].size
            facts["pixels that differ"] += int((mosaic != canvas).any(axis=-1).sum())
        facts["boxes"] += len(ours.keys() | theirs.keys())
        facts["kept by kaug alone"] += len(ours.keys() - theirs.keys())
        for number in theirs.keys() - ours.keys():
            facts["kept by ultralytics alone"] += 1
            left, top, right, bottom = theirs[number]
            thin = max(facts["largest side cut of these, pixels"], min(right - left, bottom - top))
            facts["largest side cut of these, pixels"] = round(float(thin), 3)
        for number in ours.keys() & theirs.keys():
            apart = float(np.abs(ours[number] - theirs[number]).max())
            facts["boxes that differ"] += apart > SAME
            facts["largest difference, pixels"] = max(
                facts["largest difference, pixels"], round(apart, 3)
            )
    return facts


def main():
    """Compares and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mosaics", type=int, default=200)
    count = parser.parse_args().mosaics // 2
    rng = np.random.default_rng(0)
    results = {
        "images that fit": compared(rng, count, fitting=True),
        "images that are resized": compared(rng, count, fitting=False),
    }
    header = ("", *results)
    rows = [
        (name, *(f"{facts[name]:,}" for facts in results.values()))
        for name in results["images that fit"]
    ]
    title = f"{2 * count} mosaics of 2 × 2, {BOXES} boxes an image"
    _report.write("mosaic_beside_ultralytics", results, [(title, header, rows)])


if __name__ == "__main__":
    main()

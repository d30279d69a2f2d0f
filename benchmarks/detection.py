"""Images of 640 × 640 with 20 boxes and a mask each, beside albumentations.

    python benchmarks/detection.py [--rounds 5] [--images 64] [--only NAME]

Both libraries have two threads and take turns: kaug is given the batch, albumentations one image
after the other by a pool of threads. Writes results/detection.json and .md.
"""

import argparse
import os
import statistics
from multiprocessing.pool import ThreadPool

os.environ.setdefault("KAUG_NUM_THREADS", "2")

import _report
import albumentations as alb
import cv2
import numpy as np

from kaug import transforms as kt

SIZE, BOXES, THREADS = 640, 20, 2
FILL = {"fill_mode": "constant"}

# By name: kaug's policy, and what of albumentations does as much.
POLICIES = {
    "flips": (
        [kt.HorizontalFlip(), kt.VerticalFlip()],
        [alb.HorizontalFlip(p=0.5), alb.VerticalFlip(p=0.5)],
    ),
    "affine": (
        [kt.Affine(rotation=20, height_shift=0.1, width_shift=0.1, zoom=0.2, **FILL)],
        [alb.Affine(scale=(0.8, 1.2), translate_percent=(-0.1, 0.1), rotate=(-20, 20), p=1)],
    ),
    "crop and flip": (
        [kt.RandomResizedCrop((0.3, 1.0), height=SIZE), kt.HorizontalFlip()],
        [alb.RandomResizedCrop((SIZE, SIZE), scale=(0.3, 1.0)), alb.HorizontalFlip(p=0.5)],
    ),
    "crop that keeps boxes": (
        [kt.BoxSafeCrop(SIZE)],
        [alb.RandomSizedBBoxSafeCrop(SIZE, SIZE)],
    ),
    "letterbox": (
        [kt.Letterbox(416, 512)],
        [alb.LongestMaxSize(416), alb.PadIfNeeded(416, 512)],
    ),
    "crop, flip, rotation": (
        [kt.RandomCrop(512), kt.HorizontalFlip(), kt.Rotation(15, **FILL)],
        [alb.RandomCrop(512, 512), alb.HorizontalFlip(p=0.5), alb.Rotate((-15, 15), p=1)],
    ),
    "perspective": (
        [kt.Perspective(0.2, **FILL)],
        [alb.Perspective((0.05, 0.1), p=1)],
    ),
    "elastic": (
        [kt.ElasticDeformation(**FILL)],
        [alb.ElasticTransform(alpha=300, sigma=10, p=1)],
    ),
    "crop, flip, color": (
        [kt.RandomResizedCrop(height=SIZE), kt.HorizontalFlip(), kt.ColorJitter()],
        [
            alb.RandomResizedCrop((SIZE, SIZE)),
            alb.HorizontalFlip(p=0.5),
            alb.ColorJitter((0.8, 1.2), (0.8, 1.2), (0.8, 1.2), (-0.05, 0.05), p=1),
        ],
    ),
    "affine, holes, noise": (
        [kt.Affine(rotation=10, zoom=0.1, **FILL), kt.CoarseDropout(), kt.GaussianNoise(0.05)],
        [
            alb.Affine(scale=(0.9, 1.1), rotate=(-10, 10), p=1),
            alb.CoarseDropout(p=1),
            alb.GaussNoise((0.05, 0.05), p=1),
        ],
    ),
    "mosaic": (
        [kt.Mosaic()],
        [alb.Mosaic(target_size=(SIZE, SIZE), cell_shape=(SIZE // 2, SIZE // 2), p=1)],
    ),
}


def scenes(count):
    """Returns images, their boxes as kaug and as albumentations take them, and their masks."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (count, 40, 40, 3), np.uint8)
    images = np.stack([cv2.resize(each, (SIZE, SIZE)) for each in small])
    corners = rng.integers(0, SIZE - 100, (count, BOXES, 2))
    boxes = np.concatenate([corners, corners + rng.integers(20, 100, corners.shape)], axis=2)
    masks = rng.integers(0, 5, (count, SIZE, SIZE), np.uint8)
    return images, boxes.astype(np.float32), np.tile(np.arange(BOXES), (count, 1)), masks


def by_kaug(transforms, images, boxes, labels, masks):
    """Returns a function of the round."""
    policy = kt.Compose(transforms)
    batch = {
        "images": images,
        "bounding_boxes": {"boxes": boxes, "labels": labels},
        "segmentation_masks": masks,
    }
    return lambda turn: policy(batch, seed=0, epoch=turn)


def by_albumentations(transforms, images, boxes, labels, masks):
    """Returns a function of the round."""
    params = alb.BboxParams("pascal_voc", label_fields=["class_labels"])
    policy, pool = alb.Compose(transforms, bbox_params=params), ThreadPool(THREADS)
    mosaic, count = isinstance(transforms[0], alb.Mosaic), len(images)

    def targets_of(row):
        columns = {"image": images, "mask": masks, "bboxes": boxes, "class_labels": labels}
        return {name: column[row] for name, column in columns.items()}

    def one(row):
        targets = targets_of(row)
        if mosaic:
            others = ((row + step) % count for step in (1, 7, 11))
            targets["mosaic_metadata"] = [targets_of(other) for other in others]
        return policy(**targets)["image"]

    return lambda _turn: pool.map(one, range(count), chunksize=4)


def main():
    """Measures and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--only", help="part of the name of a policy; writes nothing")
    args = parser.parse_args()
    cv2.setNumThreads(0)  # the pool's threads are all there are
    given, results, rows = scenes(args.images), {}, []
    for name, (ours, theirs) in POLICIES.items():
        if args.only and args.only not in name:
            continue
        contestants = {
            "kaug": by_kaug(ours, *given),
            "albumentations": by_albumentations(theirs, *given),
        }
        seconds = results[name] = _report.take_turns(contestants, args.rounds)
        own, other = (statistics.median(each) for each in seconds.values())
        each = [f"{1000 * took / args.images:.2f}" for took in (own, other)]
        rows.append((name, *each, f"{other / own:.2f}"))
    header = ("", "kaug, ms an image", "albumentations", "times as fast")
    title = f"{SIZE} × {SIZE}, {BOXES} boxes and a mask an image, two threads"
    _report.write(None if args.only else "detection", results, [(title, header, rows)])


if __name__ == "__main__":
    main()

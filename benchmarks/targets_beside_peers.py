"""Boxes, keypoints and masks beside torchvision's and albumentations', given the same parameters.

    python benchmarks/targets_beside_peers.py [--scenes 60] [--only NAME]

Nothing is timed. Where a peer's targets differ from kaug's, they are compared with what kaug's
would be by other conventions; the one that explains most is named, with what it leaves. Then spots
of light move with the points in their middles, which tells who moves points as images. It needs
kaug, torch, torchvision and albumentations, and writes results/targets_beside_peers.json and .md.
"""

import argparse
import zlib
from itertools import product
from typing import NamedTuple

import _report
import albumentations as alb
import numpy as np
import torch
from _operations import OPERATIONS, OWN, SQUARE
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F  # noqa: N812 - as its users write it

BOXES, POINTS, SPOTS = 12, 12, 8
SAME = 2e-3  # pixels: albumentations has boxes of float32, in fractions of the image
NEAR = 1e-4  # of a pixel: places are computed in single precision
SIGMA, MARGIN = 2.0, 12  # of a spot of light, in pixels


class Targets(NamedTuple):
    """Boxes `(B, 4)` as xyxy, NaN where dropped; points `(P, 2)`; and a mask `(H, W)`."""

    boxes: np.ndarray
    points: np.ndarray
    mask: np.ndarray


def scene(rng, size):
    """Returns targets of an image: boxes from half a pixel a side on, two at its border."""
    height, width = size
    corner = rng.uniform(0, (width - 1, height - 1), (BOXES, 2))
    end = np.minimum(corner + rng.uniform(0.5, 40, (BOXES, 2)), (width, height))
    boxes = np.concatenate([corner, end], axis=1)
    boxes[0, :2], boxes[1, 2:] = 0, (width, height)
    points = rng.uniform(0, (width - 1, height - 1), (POINTS, 2))
    return Targets(boxes, points, rng.integers(1, 256, size, np.uint8))


def by_kaug(move, targets):
    """Returns the targets as kaug moves them."""
    boxes = {"boxes": targets.boxes[np.newaxis], "labels": np.arange(len(targets.boxes))[None]}
    batch = {
        "images": targets.mask[np.newaxis],
        "bounding_boxes": boxes,
        "keypoints": targets.points[np.newaxis],
        "segmentation_masks": targets.mask[np.newaxis],
    }
    moved = move(batch)
    boxes = moved["bounding_boxes"]
    kept = boxes["labels"][0, :, np.newaxis] >= 0
    boxes = np.where(kept, boxes["boxes"][0], np.nan)
    return Targets(boxes, moved["keypoints"][0], moved["segmentation_masks"][0])


def by_torchvision(move, targets):
    """Returns the targets as torchvision moves them, `SanitizeBoundingBoxes` at its defaults."""
    size = targets.mask.shape
    given = (
        tv_tensors.BoundingBoxes(np.float32(targets.boxes), format="XYXY", canvas_size=size),
        tv_tensors.KeyPoints(torch.tensor(targets.points), canvas_size=size),
        tv_tensors.Mask(torch.tensor(targets.mask)[None]),
    )
    boxes, points, mask = map(move, given)
    kept = F.sanitize_bounding_boxes(boxes)[1].numpy()
    boxes = np.where(kept[:, np.newaxis], boxes.numpy(), np.nan)
    return Targets(boxes, points.numpy(), mask[0].numpy())


def by_albumentations(steps, targets):
    """Returns the targets as albumentations moves them, `BboxParams` at its defaults."""
    policy = alb.Compose(
        steps,
        bbox_params=alb.BboxParams("pascal_voc", label_fields=["numbers"]),
        keypoint_params=alb.KeypointParams("xy", remove_invisible=False),
    )
    moved = policy(
        image=targets.mask,
        mask=targets.mask,
        bboxes=targets.boxes,
        numbers=np.arange(len(targets.boxes)),
        keypoints=targets.points,
    )
    boxes = np.full_like(targets.boxes, np.nan)
    boxes[np.asarray(moved["numbers"], int)] = moved["bboxes"]
    return Targets(boxes, moved["keypoints"], moved["mask"])


MOVED = {"torchvision": by_torchvision, "albumentations": by_albumentations}


# Other conventions: what kaug's targets would be by them.


def around_corners(least, past_border_goes=False):
    """Returns a convention: the box around all moved corners, if it is large enough.

    Args:
        least: What both its sides must be at least, in pixels.
        past_border_goes: Whether boxes go whose edges single precision puts beyond the border.
    """

    def boxes(move, targets):
        corners = targets.boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2) - 0.5
        moved = by_kaug(move, targets._replace(points=corners))
        quads = moved.points.reshape(-1, 4, 2) + 0.5
        limits = moved.mask.shape[::-1]
        low, high = (np.clip(each, 0, limits) for each in (quads.min(axis=1), quads.max(axis=1)))
        kept = (high - low >= least).all(axis=1, keepdims=True)
        if past_border_goes:
            factors = np.float32(np.divide(limits, targets.mask.shape[::-1]))
            ends = np.float32(targets.boxes[:, 2:]) * factors
            kept &= (ends <= limits).all(axis=1, keepdims=True)
        return np.where(kept, np.concatenate([low, high], axis=1), np.nan)

    return boxes


def from_the_corner(move, targets):
    """Points counted from the corner of the image, as edges of boxes are."""
    return by_kaug(move, targets._replace(points=targets.points - 0.5)).points + 0.5


def taken_at(offset, shift):
    """Returns a convention: the pixel in which a place of each pixel of the result lies.

    Args:
        offset: From the center of the pixel of the result to that place.
        shift: What is added before the place is rounded.
    """

    def mask(move, targets):
        height, width = targets.mask.shape
        corners = np.array([(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)])
        moved = by_kaug(move, targets._replace(points=corners))
        rows, columns = np.indices(moved.mask.shape) + offset
        place = np.stack([columns, rows, np.ones_like(rows)], axis=-1) @ homography(
            moved.points, corners
        )
        place = place[..., :2] / place[..., 2:] + shift + 0.5
        column, row = np.moveaxis(np.floor(place).astype(int), -1, 0)
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        found = targets.mask[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
        # Half way between two pixels either will do.
        unsure = (np.abs(place - np.rint(place)) < NEAR).any(axis=-1)
        return np.where(inside, found, 0), unsure

    return mask


def homography(before, after):
    """Returns the matrix `(3, 3)` that moves four points; rows are multiplied by it."""
    equations = []
    for (x, y), (u, v) in zip(before, after, strict=True):
        equations.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        equations.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    return np.append(np.linalg.solve(equations, after.ravel()), 1).reshape(3, 3).T


PLACES = {"boxes": 0, "points": 1, "masks": 2}  # in `Targets`
CONVENTIONS = {
    "boxes": {
        "around all corners; kept from 1 pixel a side on": around_corners(1 - 1e-6),
        "around all corners; kept while there is any area": around_corners(1e-6),
        "around all corners; kept from 1 pixel a side on, but not where rounding puts an edge "
        "beyond the border": around_corners(1 - 1e-6, past_border_goes=True),
    },
    "points": {"counts from the corner of the image": from_the_corner},
    "masks": {
        "keeps the outer half of the pixels at the border": taken_at(0, 0),
        "takes the pixel under the upper left corner": taken_at(-0.5, 0),
        "takes centers of pixels for corners": taken_at(-0.5, 0.5),
    },
}


def differing(kind, ours, theirs):
    """Returns which differ, by how much at most, and of how many boxes one alone is kept."""
    if kind == "masks":
        if ours.shape != theirs.shape:
            return np.ones(ours.shape, bool), np.nan, 0
        return ours != theirs, np.nan, 0
    alone = np.isnan(ours).any(axis=1) != np.isnan(theirs).any(axis=1)
    apart = np.nan_to_num(np.abs(ours - theirs).max(axis=1))
    return alone | (apart > SAME), apart.max(initial=0), alone.sum()


class Tally:
    """Counts, over the scenes of an operation, of one kind of targets and one peer."""

    def __init__(self, kind):
        self.kind = kind
        self.cases = self.differing = self.alone = 0
        self.largest = 0.0
        self.left = {}

    def add(self, operation, targets, ours, theirs):
        """Compares what was moved, and what would be by each convention."""
        place = PLACES[self.kind]
        off, largest, alone = differing(self.kind, ours[place], theirs[place])
        self.cases += off.size
        self.differing += int(off.sum())
        self.alone += int(alone)
        self.largest = max(self.largest, float(largest))
        moves = {"": operation.kaug} | operation.otherwise
        rules = {"": lambda move, targets: by_kaug(move, targets)[place]} | CONVENTIONS[self.kind]
        for (how, move), (rule, convention) in product(moves.items(), rules.items()):
            expected, unsure = convention(move, targets), False
            if isinstance(expected, tuple):
                expected, unsure = expected
            still = differing(self.kind, expected, theirs[place])[0] & ~np.asarray(unsure)
            self.left[how, rule] = self.left.get((how, rule), 0) + int(still.sum())

    def facts(self):
        """Returns what was found, for the table and the file."""
        # Of conventions that explain as much the one of fewer words, the operation's own first.
        by = min(self.left, key=lambda by: (self.left[by], sum(map(bool, by)), bool(by[1])))
        facts = {"cases": self.cases, "differing": self.differing}
        if self.kind == "boxes":
            facts["kept by one alone"] = self.alone
        if self.kind != "masks":
            facts["largest difference, pixels"] = round(self.largest, 2)
        why = "; ".join(filter(None, by)) if self.differing else ""
        return {
            **facts,
            "what the peer does": why,
            "left": self.left[by] if why else self.differing,
        }


def compare(name, make, scenes):
    """Returns the tallies of an operation, by kind of targets and peer."""
    tallies = {}
    for number in range(scenes):
        rng, size = drawn(name, number)
        operation, targets = make(rng, size), scene(rng, size)
        ours = by_kaug(operation.kaug, targets)
        for peer, moved in MOVED.items():
            if getattr(operation, peer) is None:
                continue
            theirs = moved(getattr(operation, peer), targets)
            for kind in CONVENTIONS:
                tally = tallies.setdefault((kind, peer), Tally(kind))
                tally.add(operation, targets, ours, theirs)
    return tallies


def drawn(name, number):
    """Returns the random numbers of a scene, and its size."""
    rng = np.random.default_rng((zlib.crc32(name.encode()), number))
    height, width = (int(side) for side in rng.integers(60, 140, 2))
    return rng, (height, height if name in SQUARE else width)


# Spots of light: who moves points as images.


def spots(rng, size):
    """Returns an image `(H, W, SPOTS)` with a round spot in each channel, and their middles."""
    points = rng.uniform(MARGIN, (size[1] - MARGIN, size[0] - MARGIN), (SPOTS, 2))
    rows, columns = np.indices(size)
    across, down = columns[..., np.newaxis] - points[:, 0], rows[..., np.newaxis] - points[:, 1]
    return np.exp(-(across**2 + down**2) / (2 * SIGMA**2)).astype(np.float32), points


def spots_by_kaug(move, image, points):
    """Returns the image and the points as kaug moves them."""
    moved = move({"images": image[np.newaxis], "keypoints": points[np.newaxis]})
    return moved["images"][0], moved["keypoints"][0]


def spots_by_torchvision(move, image, points):
    """Returns the image and the points as torchvision moves them."""
    channels_first = tv_tensors.Image(torch.tensor(image).permute(2, 0, 1))
    moved = move(channels_first, interpolation=v2.InterpolationMode.BILINEAR)
    keypoints = tv_tensors.KeyPoints(torch.tensor(points), canvas_size=image.shape[:2])
    return moved.permute(1, 2, 0).numpy(), move(keypoints).numpy()


def spots_by_albumentations(steps, image, points):
    """Returns the image and the points as albumentations moves them, NaN where one is lost."""
    params = alb.KeypointParams("xy", label_fields=["numbers"], remove_invisible=False)
    policy, numbers = alb.Compose(steps, keypoint_params=params, seed=0), np.arange(len(points))
    moved = policy(image=image, keypoints=points, numbers=numbers)
    there = np.full_like(points, np.nan)
    there[np.asarray(moved["numbers"], int)] = moved["keypoints"]
    return moved["image"], there


SPOTS_MOVED = {
    "kaug": spots_by_kaug,
    "torchvision": spots_by_torchvision,
    "albumentations": spots_by_albumentations,
}


def beside_spots(name, make, scenes):
    """Returns how far points come to lie from the middles of their spots, in pixels, by library."""
    distances = {}
    for number in range(scenes):
        rng, size = drawn(name, number)
        operation, (image, points) = make(rng, size), spots(rng, size)
        for library, moved in SPOTS_MOVED.items():
            if getattr(operation, library) is None:
                continue
            after, there = moved(getattr(operation, library), image, points)
            limits = np.array(after.shape[1::-1]) - MARGIN
            whole = ((there >= MARGIN) & (there <= limits)).all(axis=1)
            rows, columns = np.indices(after.shape[:2])[..., np.newaxis]
            sums = [(after * each).sum(axis=(0, 1), dtype=float) for each in (columns, rows, 1)]
            with np.errstate(invalid="ignore", divide="ignore"):
                middles = np.stack(sums[:2], axis=1) / sums[2][:, np.newaxis]
            apart = np.hypot(*(middles - there)[whole].T)
            distances.setdefault(library, []).extend(apart.tolist())
    return distances


def cell(value):
    """Returns what the table shows."""
    return {int: "{:,}", float: "{:.2f}", str: "{}"}[type(value)].format(value)


def main():
    """Compares and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--only", default="", help="part of a name; writes nothing")
    args = parser.parse_args()
    results, headers = {}, {"spots": ("operation", *SPOTS_MOVED)}
    rows = {kind: [] for kind in [*CONVENTIONS, "spots"]}
    for name, make in OPERATIONS.items():
        if args.only not in name:
            continue
        found = results[name] = {}
        if name not in OWN:
            for (kind, peer), tally in compare(name, make, args.scenes).items():
                facts = found.setdefault(kind, {})[peer] = tally.facts()
                rows[kind].append((name, peer, *map(cell, facts.values())))
                headers[kind] = ("operation", "peer", *facts)
        apart = beside_spots(name, make, args.scenes)
        found["spots"] = {
            library: {"mean": round(np.mean(each), 3), "largest": round(max(each), 3)}
            for library, each in apart.items()
        }
        each = [found["spots"].get(library) for library in SPOTS_MOVED]
        shown = [f"{one['mean']:.3f} ({one['largest']:.2f})" if one else "–" for one in each]
        rows["spots"].append((name, *shown))
    titles = {
        "boxes": "Boxes",
        "points": "Keypoints",
        "masks": "Masks, pixel by pixel",
        "spots": "Keypoints beside what they mark in the image: pixels apart, mean (largest)",
    }
    sections = [(titles[kind], headers[kind], rows[kind]) for kind in rows if rows[kind]]
    _report.write(None if args.only else "targets_beside_peers", results, sections)


if __name__ == "__main__":
    main()

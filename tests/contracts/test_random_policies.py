"""Painted detections through random policies: boxes, masks and fields find each other again.

Every box is painted into masks with a number of its own, which is also a field of the box. Masks
are followed by the nearest pixel, boxes by geometry, so that each is the oracle of the other.

`python tests/contracts/test_random_policies.py [POLICIES [PICTURES]]` says what it finds in all of
200 policies of 150 pictures; the tests look at a few.
"""

from __future__ import annotations

import random
import sys
import warnings
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest

from kaug.transforms import (
    D4,
    Affine,
    BoxSafeCrop,
    Brightness,
    CenterCrop,
    Compose,
    CutMix,
    ElasticDeformation,
    HorizontalFlip,
    Letterbox,
    MixUp,
    Mosaic,
    OneOf,
    Pad,
    PadAndCrop,
    Perspective,
    RandomCrop,
    RandomIoUCrop,
    RandomResizedCrop,
    Resize,
    Rotate90,
    Rotation,
    Shear,
    SomeOf,
    Sometimes,
    Transform,
    Translation,
    VerticalFlip,
    Zoom,
)

SIZES = [(53, 67), (64, 64), (48, 90)]
OBJECT = "an object without its box"
# The least side of boxes whose masks are looked at, in pixels.
TELLING = 5


@dataclass
class Policies:
    """Makes policies of one size of pictures after another.

    Args:
        seed: Of all that is drawn.
    """

    seed: int
    size: tuple[int, int] = (0, 0)
    square: bool = False
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def made(self, size: tuple[int, int]) -> Transform:
        """Returns a policy for pictures of a size."""
        self.size, self.square = size, size[0] == size[1]
        return Compose([self.step() for _ in range(self.chance.randint(1, 5))])

    def step(self) -> Transform:
        kinds = [self.geometry] * 4 + [self.sized] * 3 + [self.mixing, self.nested, self.nested]
        return self.chance.choice([*kinds, self.apart])()

    def geometry(self) -> Transform:
        filled = {"fill_mode": "constant"}
        kinds = [
            lambda: Affine(
                rotation=self.chance.choice([10, 45, 180]),
                height_shift=0.2,
                width_shift=0.2,
                shear=self.chance.choice([0, 20]),
                zoom=self.chance.choice([0.1, 0.5]),
                keep_aspect=self.chance.random() < 0.5,
                **filled,
            ),
            lambda: Rotation(self.chance.choice([5, 30, 180]), **filled),
            lambda: Translation(0.3, 0.3, **filled),
            lambda: Shear(25, **filled),
            lambda: Zoom(0.4, keep_aspect=False, **filled),
            HorizontalFlip,
            VerticalFlip,
            PadAndCrop,
            lambda: Perspective(self.chance.choice([0.2, 0.5]), **filled),
            lambda: ElasticDeformation(**filled),
        ]
        return self.chance.choice(kinds + [Rotate90, D4] * self.square)()

    def sized(self) -> Transform:
        height, width = self.size
        smaller = [self.chance.randint(side * 2 // 3, side) for side in self.size]
        other = [self.chance.randint(32, 80) for _ in range(2)]
        larger = [side + self.chance.randint(0, 20) for side in self.size]
        if self.square:
            smaller, other, larger = ([sides[0]] * 2 for sides in (smaller, other, larger))
        makers = [
            (lambda: RandomCrop(*smaller), smaller),
            (lambda: CenterCrop(*smaller), smaller),
            (lambda: Resize(height=other[0], width=other[1]), other),
            (lambda: Letterbox(*other), other),
            (lambda: Pad(*larger), larger),
            (lambda: RandomResizedCrop((0.2, 1), height=other[0], width=other[1]), other),
            (lambda: RandomResizedCrop((0.2, 1)), (height, width)),
            (lambda: BoxSafeCrop(*other, keep=self.chance.choice(["all", "one"])), other),
            (BoxSafeCrop, (height, width)),
            (lambda: RandomIoUCrop(*other), other),
        ]
        make, size = self.chance.choice(makers)
        self.size = (size[0], size[1])
        return make()

    def mixing(self) -> Transform:
        p = self.chance.choice([0.5, 1])
        kinds = [
            lambda: Mosaic(p=p),
            lambda: Mosaic(grid=3, p=p),
            lambda: CutMix(p=p),
            lambda: MixUp(p=p),
        ]
        return self.chance.choice(kinds)()

    def kept(self) -> Transform:
        """Returns a step that keeps the size, whatever is drawn."""
        return self.chance.choice([self.geometry] * 3 + [self.mixing, self.apart])()

    def nested(self) -> Transform:
        count = self.chance.randint(2, 4)
        inner = [self.kept() for _ in range(count)]
        kinds = [
            lambda: OneOf(inner),
            lambda: OneOf([Compose(inner[:2]), *inner[2:], HorizontalFlip(1)], p=0.7),
            lambda: Sometimes(inner),
            lambda: SomeOf(inner, 2),
            lambda: Compose([Sometimes(OneOf(inner)), inner[0]]),
        ]
        return self.chance.choice(kinds)()

    def apart(self) -> Transform:
        """Returns what keeps its neighbours from becoming one resampling."""
        return Brightness(0.1)


def painted(count: int, size: tuple[int, int], seed: int, least: int = 4):
    """Returns pictures with up to six boxes each, beside one another, and how many these are.

    Box number k is painted as k into the mask of the picture and into its own. Some reach beyond
    the edge, as annotations do.
    """
    rng = np.random.default_rng(seed)
    height, width = size
    boxes, numbers = np.zeros((count, 6, 4), "float32"), np.zeros((count, 6), "uint16")
    masks, layers = np.zeros((count, *size), "uint16"), np.zeros((count, *size, 6), "uint16")
    total = 0
    for row in range(count):
        edges = np.sort(rng.choice(width + 1, 2 * rng.integers(2, 7), replace=False))
        for b, (left, right) in enumerate(edges.reshape(-1, 2)):
            top, bottom = np.sort(rng.choice(height + 1, 2, replace=False))
            if min(right - left, bottom - top) < least:
                continue
            total += 1
            part = slice(top, bottom), slice(left, right)
            masks[row][part] = layers[row, ..., b][part] = numbers[row, b] = total
            beyond = rng.integers(1, 9, 4) * (rng.random(4) < 0.3)
            outside = np.array([left == 0, top == 0, right == width, bottom == height]) * beyond
            boxes[row, b] = (left, top, right, bottom) + outside * (-1, -1, 1, 1)
    batch = {"images": np.zeros((count, *size), "uint8"), "segmentation_masks": masks}
    labels = np.where(numbers, numbers.astype(int) % 7, -1)
    fields = {"labels": labels, "number": numbers, "masks": layers}
    return {**batch, "bounding_boxes": {"boxes": boxes, **fields}}, total


def thickness(mask: np.ndarray) -> int:
    """Returns the side of the largest square that fits into a mask."""
    side = 0
    while mask.any():
        mask, side = mask[1:, 1:] & mask[1:, :-1] & mask[:-1, 1:] & mask[:-1, :-1], side + 1
    return side


def looked_at(policy: Transform, batch: dict, total: int, seed: int, found: Counter, seen: list):
    """Takes a batch through a policy, counts what is right, and lists what is not in `seen`."""
    text = repr(policy)
    if "MixUp" in text:  # which refuses masks that pictures share
        batch = {name: value for name, value in batch.items() if name != "segmentation_masks"}
    made = policy(batch, seed=seed)
    after = made["bounding_boxes"]
    there, numbers = after["labels"] != -1, after["number"].astype(int)
    found["boxes kept"] += there.sum()
    if (after["labels"] != np.where(there, numbers % 7, -1)).any() or numbers[~there].any():
        seen.append(("a field or label left its box", 0, text))
    layers = after["masks"]
    wrong = (layers != 0) & (layers != numbers[:, np.newaxis, np.newaxis])
    if wrong.any():
        seen.append(("a mask left its box", wrong.sum(), text))
    # Smaller ones may fall between the pixels that masks are made of by several resamplings.
    sides = after["boxes"][..., 2:] - after["boxes"][..., :2]
    large = there & (sides.min(axis=-1) >= TELLING)
    for row, number in np.argwhere(large & ~layers.any((1, 2))):
        seen.append(("a box without a pixel in its own mask", (row, numbers[row, number]), text))
    if "segmentation_masks" in made:
        shared(made["segmentation_masks"], numbers, there, large, text, found, seen)


def shared(masks, numbers, there, large, text, found, seen):
    """Holds the boxes of each picture against the mask that they share."""
    size = (len(masks), max(numbers.max(), masks.max()) + 1)
    boxed, wanted, shown = (np.zeros(size, bool) for _ in range(3))
    rows = np.broadcast_to(np.arange(len(masks))[:, np.newaxis], numbers.shape)
    boxed[rows[there], numbers[there]] = True
    wanted[rows[large], numbers[large]] = True
    rows, y, x = np.nonzero(masks)
    shown[rows, masks[rows, y, x]] = True
    found["objects shown"] += shown.sum()
    for row, number in np.argwhere(wanted & ~shown):
        seen.append(("a box without its object", (row, number), text))
    if "RandomIoUCrop" in text:  # which takes boxes whose centre is outside, as documented
        return
    for row, number in np.argwhere(shown & ~boxed):
        thick = thickness(masks[row] == number)
        seen.append((OBJECT, (row, number, thick), text))


def look(seed: int, count: int):
    """Returns what there is to say of a policy: counts, and what is not right."""
    size = SIZES[seed % len(SIZES)]
    policy = Policies(seed).made(size)
    batch, total = painted(count, size, seed)
    found, seen = Counter({"boxes": total}), []
    looked_at(policy, batch, total, seed, found, seen)
    return found, seen


@pytest.mark.parametrize("seed", range(0, 24, 2))
@pytest.mark.filterwarnings("ignore:A quarter turn")
def test_boxes_and_objects_stay_together(seed):
    found, seen = look(seed, 40)
    assert found["boxes kept"] > 0
    # Strips of a few pixels may be left of what was resampled again and again.
    strips = [what for what, detail, _ in seen if what == OBJECT and detail[2] <= 3]
    assert [what for what, *_ in seen if what != OBJECT] == []
    assert len(strips) == len(seen)
    assert len(strips) <= 0.1 * found["objects shown"]


def main(policies: int = 200, count: int = 150) -> None:
    """Prints what is found in so many policies."""
    warnings.simplefilter("ignore")
    found, kinds = Counter(), Counter()
    for seed in range(policies):
        own, seen = look(seed, count)
        found += own
        for what, detail, text in seen:
            thick = f", {detail[2]} pixels thick" if what == OBJECT else ""
            kinds[what + thick] += 1
            if what != OBJECT or detail[2] > 3:
                sys.stdout.write(f"{seed}: {what} {detail} {text}\n")
    sys.stdout.write(f"{dict(found)}\n{dict(kinds)}\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

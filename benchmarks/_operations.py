"""What boxes, points and masks go through in three libraries: the same draws for all of them."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as alb
import cv2
import numpy as np
import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F  # noqa: N812 - as its users write it

from kaug import transforms as kt

BLACK = {"fill_mode": "constant"}
ONE = np.ones(1, bool)


@dataclass
class Operation:
    """One draw of an operation: kaug's function of a batch, and what the peers do for it."""

    kaug: Callable
    torchvision: Callable | None  # of a tensor, and how to interpolate
    albumentations: list | None
    # What kaug would be by another convention, by what that is called.
    otherwise: dict[str, Callable] = field(default_factory=dict)


def flat(move):
    """Returns a function of torchvision that has nothing to interpolate."""
    return lambda tensor, **_how: move(tensor)


def called(transform):
    """Returns kaug's transform as a function of a batch."""
    return lambda batch: transform(batch, seed=0)


def mirrored(rng, size, ours, torchvision, albumentations):
    """A mirror image."""
    return Operation(called(ours), flat(torchvision), [albumentations])


def turned(rng, size):
    """A rotation by any angle."""
    angle = rng.uniform(-180, 180)
    return Operation(
        called(kt.Rotation((angle, angle), **BLACK)),
        partial(F.rotate, angle=angle),
        [alb.Rotate((angle, angle), p=1)],
    )


def affine(rng, size, parts):
    """Some of: zoom, shear, rotation, translation by whole pixels; the others stay as they are."""
    height, width = size
    down, right = (int(rng.integers(-side // 3, side // 3 + 1)) for side in size)
    drawn = {"rotation": rng.uniform(-180, 180), "shear": rng.uniform(-30, 30)}
    drawn |= {"zoom": rng.uniform(0.6, 1.6), "down": down, "right": right}
    still = {"rotation": 0.0, "shear": 0.0, "zoom": 1.0, "down": 0, "right": 0}
    names = [name for part in parts for name in (("down", "right") if part == "shift" else (part,))]
    a = still | {name: drawn[name] for name in names}
    shifts = ((a["down"] / height,) * 2, (a["right"] / width,) * 2)
    zoom, shear = kt.Zoom((a["zoom"],) * 2, **BLACK), kt.Shear((a["shear"],) * 2, **BLACK)
    rotation, shift = kt.Rotation((a["rotation"],) * 2, **BLACK), kt.Translation(*shifts, **BLACK)
    ours = {"zoom": zoom, "shear": shear, "shift": shift}.get(parts[0])
    otherwise = {}
    if len(parts) > 1:
        ours = kt.Affine(
            rotation=rotation.rotation,
            height_shift=shifts[0],
            width_shift=shifts[1],
            shear=shear.shear,
            zoom=zoom.zoom,
            **BLACK,
        )
        other_order = kt.Compose([zoom, rotation, shear, shift])
        otherwise = {"shears after it has turned": called(other_order)}
    by_torchvision = partial(
        F.affine,
        angle=-a["rotation"],
        translate=[a["right"], a["down"]],
        scale=a["zoom"],
        shear=[a["shear"], 0],
    )
    by_albumentations = alb.Affine(
        rotate=(a["rotation"],) * 2,
        translate_px={"x": (a["right"],) * 2, "y": (a["down"],) * 2},
        scale=(a["zoom"],) * 2,
        shear={"x": (a["shear"],) * 2, "y": (0, 0)},
        p=1,
    )
    return Operation(called(ours), by_torchvision, [by_albumentations], otherwise)


def stretched(rng, size):
    """A zoom of each axis by its own factor, of which torchvision has none."""
    down, across = rng.uniform(0.6, 1.6, 2)
    zoom = kt.Zoom(keep_aspect=False, **BLACK)
    parameters = {
        "applied": ONE,
        "height_zoom": np.array([down]),
        "width_zoom": np.array([across]),
    }
    scale = {"x": (across, across), "y": (down, down)}
    return Operation(
        partial(zoom.apply, parameters=parameters), None, [alb.Affine(scale=scale, p=1)]
    )


def cropped(rng, size):
    """A crop at a given place."""
    height, width = (int(rng.integers(side // 2, side)) for side in size)
    top, left = (
        int(rng.integers(0, side - now + 1))
        for side, now in zip(size, (height, width), strict=True)
    )
    parameters = {
        "applied": ONE,
        "top": np.array([(top + 0.5) / (size[0] - height + 1)]),
        "left": np.array([(left + 0.5) / (size[1] - width + 1)]),
    }
    return Operation(
        partial(kt.RandomCrop(height, width).apply, parameters=parameters),
        flat(partial(F.crop, top=top, left=left, height=height, width=width)),
        [alb.Crop(left, top, left + width, top + height)],
    )


def cropped_in_the_middle(rng, size):
    """A crop of the middle."""
    after = tuple(int(rng.integers(side // 2, side)) for side in size)
    places = [round((side - now) / 2) for side, now in zip(size, after, strict=True)]
    at = {
        name: np.array([(place + 0.5) / (side - now + 1)])
        for name, place, side, now in zip(("top", "left"), places, size, after, strict=True)
    }
    even = partial(kt.RandomCrop(*after).apply, parameters={"applied": ONE, **at})
    return Operation(
        called(kt.CenterCrop(*after)),
        flat(partial(F.center_crop, output_size=list(after))),
        [alb.CenterCrop(*after)],
        {"rounds half a pixel to the even number": even},
    )


def resized(rng, size):
    """Another size."""
    height, width = (int(rng.integers(side // 2, 2 * side)) for side in size)
    return Operation(
        called(kt.Resize(height=height, width=width)),
        partial(F.resize, size=[height, width]),
        [alb.Resize(height, width)],
    )


def margins(size, after):
    """Returns what `F.pad` is to add: left, top, right, bottom."""
    top, left = ((now - side) // 2 for side, now in zip(size, after, strict=True))
    return [left, top, after[1] - size[1] - left, after[0] - size[0] - top]


def padded(rng, size):
    """A margin, as wide on all sides as can be."""
    after = tuple(int(side + rng.integers(0, side)) for side in size)
    return Operation(
        called(kt.Pad(*after)),
        flat(partial(F.pad, padding=margins(size, after))),
        [alb.PadIfNeeded(*after)],
    )


def letterboxed(rng, size):
    """A square that the whole image lies in."""
    side = int(rng.integers(max(size) // 2, 2 * max(size)))

    def by_torchvision(tensor, **how):
        tensor = F.resize(tensor, size=None, max_size=side, **how)
        return F.pad(tensor, margins(F.get_size(tensor), (side, side)))

    cut = [max(int(side * each / max(size)), 1) for each in size]
    in_steps = kt.Compose([kt.Resize(height=cut[0], width=cut[1]), kt.Pad(side)])

    def by_one_factor(batch):
        """kaug's, but for points: these by the factor that the sides are rounded from."""
        scale = side / max(size)
        after = [max(round(scale * each), 1) for each in size]
        shift = np.array(margins(after, (side, side))[:2]) + scale / 2 - 0.5
        return called(kt.Letterbox(side))(batch) | {"keypoints": batch["keypoints"] * scale + shift}

    return Operation(
        called(kt.Letterbox(side)),
        by_torchvision,
        [alb.LongestMaxSize(side), alb.PadIfNeeded(side, side)],
        {
            "cuts the shorter side, does not round it": called(in_steps),
            "scales points by the factor that sides are rounded from": by_one_factor,
        },
    )


class GivenPerspective(alb.Perspective):
    """albumentations' transform with a given matrix, which it uses as one of its own."""

    matrix: np.ndarray

    def get_params_dependent_on_data(self, params, data):  # noqa: ARG002 - albumentations' own
        height, width = params["shape"][:2]
        matrices = {"matrix": self.matrix, "matrix_bbox": self.matrix}
        return {**matrices, "max_height": height, "max_width": width}


def seen_from_aside(rng, size):
    """The homography that moves the corners of the image inwards."""
    signs = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
    corners = signs * (1 - rng.uniform(0, 0.5, (4, 2)))
    half = np.array(size[::-1]) / 2
    there, here = ((1 + each) * half for each in (signs, corners))
    given = GivenPerspective(p=1)
    given.matrix = cv2.getPerspectiveTransform(there.astype(np.float32), here.astype(np.float32))
    parameters = {"applied": ONE, "corners": corners[np.newaxis]}
    return Operation(
        partial(kt.Perspective(**BLACK).apply, parameters=parameters),
        partial(F.perspective, startpoints=there.tolist(), endpoints=here.tolist()),
        [given],
    )


class GivenD4(alb.D4):
    """albumentations' transform with a given element."""

    element: str

    def get_params(self):
        return {"group_element": self.element}


def symmetric(rng, size):
    """One of the eight symmetries of a square."""
    quarters, mirror = int(rng.integers(4)), bool(rng.integers(2))
    steps = [kt.Rotation((90.0 * quarters,) * 2), kt.HorizontalFlip(float(mirror))]
    given = GivenD4(p=1)
    given.element = (("e", "r90", "r180", "r270"), ("h", "hvt", "v", "t"))[mirror][quarters]

    def by_torchvision(tensor, **how):
        tensor = F.rotate(tensor, 90.0 * quarters, **how)
        return F.horizontal_flip(tensor) if mirror else tensor

    def apart(batch):
        """kaug's, but for points: turned from the corner of the image, mirrored from a center."""
        turned = called(steps[0])({**batch, "keypoints": batch["keypoints"] - 0.5})
        return called(steps[1])({**turned, "keypoints": turned["keypoints"] + 0.5})

    otherwise = {"turns points from the corner, mirrors them from centers of pixels": apart}
    parameters = {"applied": ONE, "quarters": np.array([quarters]), "mirrored": np.array([mirror])}
    ours = partial(kt.D4().apply, parameters=parameters)
    return Operation(ours, by_torchvision, [given], otherwise)


def elastic(rng, size):
    """Each library's own field, of about 1.5 pixels, smoothed by 12: none takes another's."""
    seed, shorter = int(rng.integers(2**31)), min(size)
    ours = kt.ElasticDeformation(1.5 / shorter, 12 / shorter, **BLACK)
    torch.manual_seed(seed)
    image = torch.zeros(1, *size)
    displacement = v2.ElasticTransform(220.0, 12.0).make_params([image])["displacement"]
    return Operation(
        lambda batch: ours(batch, seed=seed),
        partial(F.elastic, displacement=displacement),
        [alb.ElasticTransform(250, 12, p=1)],
    )


OPERATIONS = {
    "horizontal flip": partial(
        mirrored,
        ours=kt.HorizontalFlip(1),
        torchvision=F.horizontal_flip,
        albumentations=alb.HorizontalFlip(p=1),
    ),
    "vertical flip": partial(
        mirrored,
        ours=kt.VerticalFlip(1),
        torchvision=F.vertical_flip,
        albumentations=alb.VerticalFlip(p=1),
    ),
    "rotation": turned,
    "translation": partial(affine, parts=("shift",)),
    "shear": partial(affine, parts=("shear",)),
    "zoom": partial(affine, parts=("zoom",)),
    "zoom, axes apart": stretched,
    "affine": partial(affine, parts=("zoom", "shear", "rotation", "shift")),
    "crop": cropped,
    "center crop": cropped_in_the_middle,
    "resize": resized,
    "pad": padded,
    "letterbox": letterboxed,
    "perspective": seen_from_aside,
    "quarter turns and mirrors (D4)": symmetric,
    "elastic": elastic,
}

#: Those of squares, and those of which each library has its own.
SQUARE, OWN = ("quarter turns and mirrors (D4)",), ("elastic",)

"""Crops that look where the boxes are, so that pictures do not lose what they show.

What happens to a row is drawn without its boxes, as numbers that mean a crop only once it is known
where these are. That is when the crop is reached in its policy: boxes that other transforms have
moved count where they are then, and of a box what is still seen. Crops are resized, and become one
resampling with the geometry around them.
"""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kaug._apply.matrices import Matrices
from kaug._apply.parameters import UNIT, Bounds
from kaug._apply.resample import INTERPOLATIONS
from kaug._draw.draws import Draws
from kaug._kernels import read_only
from kaug._kernels.iou_crop import choose
from kaug._namespace import namespace
from kaug._tensors import iou_crop, ops
from kaug._types import Floats, Parameters, Size
from kaug._validation import check_probability, describe, message
from kaug.transforms._bases.crops import NOTHING, areas_that_hold, crops, whole
from kaug.transforms._bases.fields import Number, Range, choice, integer
from kaug.transforms._bases.sized import ResizedCrop, ToSize
from kaug.transforms.crop import RATIOS, SCALES

Flags = NDArray[np.bool_]

# By so many pixels more than a box is held, for rounding.
_MARGIN = 1e-6


@dataclass(frozen=True, repr=False)
class _BoxCrop(ToSize, ResizedCrop):
    """A crop that depends on where boxes are: `_aimed_boxes` says how."""

    _checks: ClassVar = {"interpolation": choice(*INTERPOLATIONS), "p": check_probability}

    interpolation: str = field(default="bilinear", kw_only=True)
    p: float = field(default=1.0, kw_only=True)

    @property
    def _aims(self) -> bool:
        return True

    @abstractmethod
    def _aimed_boxes(
        self, parameters: Parameters, corners: Floats, seen: Flags, size: Size
    ) -> Floats:
        """Returns what `boxes` does, for boxes of objects where these are seen."""

    def _kept(self, corners: Floats, seen: Flags, boxes: Floats) -> Flags:
        """Returns which boxes of objects stay, whatever is seen of them; here all."""
        del corners, boxes
        return seen

    def _aimed(
        self, parameters: Parameters, corners: Floats, seen: Flags, size: Size
    ) -> tuple[Matrices, Flags]:
        """Returns the warp of each row, and which boxes stay.

        Args:
            parameters: For M rows.
            corners: Boxes of objects `(M, B, 4)`, left, top, right and bottom in pixels.
            seen: Which of them are seen, `(M, B)`.
            size: Height and width of the pictures.
        """
        boxes = self._aimed_boxes(parameters, corners, seen, size)
        return self._cut(boxes, size), self._kept(corners, seen, boxes)

    def boxes(self, parameters: Parameters, size: Size) -> Floats:
        """Returns the crops of pictures without boxes, `(M, 4)`: top, left, height and width.

        They are in pixels, counted from the upper left corner of the picture, not from a pixel's
        centre.

        Args:
            parameters: For M rows.
            size: Height and width of the picture, of each an integer or one for each row.
        """
        count = len(parameters["applied"])
        none = np.zeros((count, 0, 4)), np.zeros((count, 0), np.bool_)
        return self._aimed_boxes(parameters, *none, size)


@dataclass(frozen=True, repr=False)
class BoxSafeCrop(_BoxCrop):
    """Crops a part that holds every box of the picture, or one of them, and resizes it.

    It is the crop of `RandomResizedCrop` with two conditions more: the area is drawn from that part
    of `scale`, and the ratio from that part of `ratio`, with which a crop can hold all boxes, and
    the place from all where it does. Where no area of `scale` is large enough, it is the least that
    is; the ratio gives way where a crop of it would not fit into the picture. A picture without
    boxes is cropped as by `RandomResizedCrop`, with the same draws.

    Held whole is what is seen of a box when the crop is reached. A box may still go where the
    result is so small that no pixel of the box is left.

    `keep="one"` holds one box only, any of them as likely; of the others goes what lies outside,
    and what is less than `min_visible_area`, as everywhere.

    albumentations' `RandomSizedBBoxSafeCrop` draws each edge evenly between the boxes and the end
    of the picture instead, whatever area and ratio come of it.

    Args:
        height: Of the result in pixels, 1..32,768; None keeps that of the picture.
        width: None is the height.
        scale: Area of the crop as a fraction of that of the picture, a pair (low, high) from a
            millionth to 1.
        ratio: Width of the crop over its height, in pixels, a pair (low, high) in 0.001..1000.
        keep: `"all"` boxes, or `"one"`.
        interpolation: `"bilinear"` or `"nearest"`.
        p: Probability that a row is cropped. With a `height`, others are resized as a whole.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A range is reversed or impossible, or an option is unknown.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import BoxSafeCrop
        >>> boxes = {"boxes": np.array([[[4.0, 2, 10, 6]]]), "labels": np.array([[1]])}
        >>> batch = {"images": np.zeros((1, 20, 30)), "bounding_boxes": boxes}
        >>> made = BoxSafeCrop(10, 15, scale=(0.25, 0.25), ratio=(1.5, 1.5))(batch, seed=3)
        >>> made["images"].shape, made["bounding_boxes"]["boxes"][0].round(2).tolist()
        ((1, 10, 15), [[2.12, 0.6, 8.12, 4.6]])
    """

    _checks: ClassVar = {
        "scale": Range(minimum=SCALES[0], maximum=SCALES[1], number=None),
        "ratio": Range(minimum=RATIOS[0], maximum=RATIOS[1], number=None),
        "keep": choice("all", "one"),
    }

    scale: tuple[float, float] = field(default=(0.08, 1.0), kw_only=True)
    ratio: tuple[float, float] = field(default=(3 / 4, 4 / 3), kw_only=True)
    keep: str = field(default="all", kw_only=True)

    def _bounds(self) -> Bounds:
        places = dict.fromkeys(("shape", "top", "left", "box"), UNIT)
        return {"area": dict(zip(("minimum", "maximum"), SCALES, strict=True)), **places}

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the crop of each row, for whatever boxes there are.

        That is its `area`, `shape` and place, `top` and `left`, as of `RandomResizedCrop`, and the
        `box` that is held where it is but one, 0..1 over those there are.
        """
        names = ("shape", "top", "left", "box")
        area = draws.uniform(*self.scale)
        return {"area": area, **{name: draws.uniform() for name in names}}

    def _aimed_boxes(
        self, parameters: Parameters, corners: Floats, seen: Flags, size: Size
    ) -> Floats:
        if self.keep == "one":
            seen = _one_of(seen, parameters["box"])
        held = _around(corners, seen, size)
        area = areas_that_hold(parameters["area"], self.scale, size, self.ratio, held)
        return crops({**parameters, "area": area}, size, self.ratio, held)


def _one_of(seen: Flags, share: Floats) -> Flags:
    """Returns one box of those that are seen in each row, if there is any."""
    xp: Any = namespace(seen)
    counted = xp.cumsum(xp.where(seen, 1, 0), axis=1)
    count = xp.sum(xp.where(seen, 1, 0), axis=1)
    number = xp.minimum(xp.floor(xp.multiply(share, count)), count - 1)
    one: Flags = seen & xp.equal(counted, number[:, np.newaxis] + 1)
    return one


def _around(corners: Floats, seen: Flags, size: Size) -> Floats:
    """Returns the smallest rectangle around boxes that are seen, `(M, 4)`; `NOTHING` around none.

    It is larger by a margin, in the picture.
    """
    xp: Any = namespace(corners)
    there = seen[..., np.newaxis]
    start = xp.min(xp.where(there, corners[..., :2], np.inf), axis=1, initial=np.inf)
    stop = xp.max(xp.where(there, corners[..., 2:], -np.inf), axis=1, initial=-np.inf)
    some = xp.any(seen, axis=1)
    image = whole(size, corners)
    end = xp.stack([image[:, 3], image[:, 2]], axis=-1)
    start, stop = xp.maximum(start - _MARGIN, 0.0), xp.minimum(stop + _MARGIN, end)
    around = xp.concatenate([start, stop], axis=1)
    nothing = NOTHING if xp is np else ops.convert_to_tensor(NOTHING, "float32")
    held: Floats = xp.where(some[:, np.newaxis], around, nothing)
    return held


@dataclass(frozen=True, repr=False)
class RandomIoUCrop(_BoxCrop):
    """Crops a patch that overlaps a box as much as is drawn, and resizes it.

    The crop of SSD: Liu and others, "SSD: Single shot multibox detector", ECCV 2016,
    doi:10.1007/978-3-319-46448-0_2, section 2.2, as torchvision's transform of this name has it.
    A least overlap is drawn; 1 or more means that the picture stays whole. Then up to `trials`
    patches are drawn, with sides that are each a fraction of the picture's and any place in it, and
    the first is taken whose width over its height is allowed and in which lies the centre of a box
    whose overlap with it, their intersection over their union (the Jaccard index), is large enough.
    If none is, another overlap is drawn; after 100 of them the picture stays whole.

    Boxes whose centre lies outside the crop go, however much of them is still seen; the others are
    cut off at its edges.

    Other than in torchvision, patches do not end on whole pixels, are resized, and are cut out of
    pictures without boxes too, any patch that is allowed; there these stay whole.

    Args:
        height: Of the result in pixels, 1..32,768; None keeps that of the picture.
        width: None is the height.
        min_scale: The least side of a patch as a fraction of the picture's, above 0, up to 1.
        max_scale: The greatest one, up to 1.
        min_aspect_ratio: The least width of a patch over its height, in pixels, in 0.001..1000.
        max_aspect_ratio: The greatest one.
        sampler_options: Least overlaps, of which one is drawn, each as likely: 0 or more.
        trials: Patches that are tried with one overlap, 1..1,000.
        interpolation: `"bilinear"` or `"nearest"`.
        p: Probability that a row is cropped. With a `height`, others are resized as a whole.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of its range, a least one above its greatest, or an option is
            unknown.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import RandomIoUCrop
        >>> boxes = {"boxes": np.array([[[4.0, 2, 10, 6], [16, 4, 30, 20]]]), "labels": [[1, 2]]}
        >>> batch = {"images": np.zeros((1, 20, 30)), "bounding_boxes": boxes}
        >>> made = RandomIoUCrop(10, 15, sampler_options=(0.5,))(batch, seed=0)["bounding_boxes"]
        >>> made["boxes"][0].round(1).tolist(), made["labels"].tolist()
        ([[0.0, 0.0, 0.0, 0.0], [5.3, 0.0, 15.0, 10.0]], [[-1, 2]])
    """

    _checks: ClassVar = {
        **dict.fromkeys(
            ("min_scale", "max_scale"),
            Number(rule="a number above 0, up to 1", above=0, maximum=1),
        ),
        **dict.fromkeys(
            ("min_aspect_ratio", "max_aspect_ratio"),
            Number(
                rule=f"a number in {RATIOS[0]:g}..{RATIOS[1]:g}",
                minimum=RATIOS[0],
                maximum=RATIOS[1],
            ),
        ),
        "sampler_options": lambda value, name: _checked_overlaps(value, name),
        "trials": integer(1, 1000),
    }

    min_scale: float = field(default=0.3, kw_only=True)
    max_scale: float = field(default=1.0, kw_only=True)
    min_aspect_ratio: float = field(default=0.5, kw_only=True)
    max_aspect_ratio: float = field(default=2.0, kw_only=True)
    sampler_options: tuple[float, ...] = field(
        default=(0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0), kw_only=True
    )
    trials: int = field(default=40, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for what in ("scale", "aspect_ratio"):
            low, high = getattr(self, f"min_{what}"), getattr(self, f"max_{what}")
            if low > high:
                rule = f"`min_{what}` must not be above `max_{what}`"
                raise ValueError(message(rule, f"min_{what}={low:g}, max_{what}={high:g}"))

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns two `words` of each row, `(M, 2)`: the key of its overlaps and patches."""
        return {"words": draws.words(2)}

    def _aimed_boxes(
        self, parameters: Parameters, corners: Floats, seen: Flags, size: Size
    ) -> Floats:
        limits = (self.min_scale, self.max_scale, self.min_aspect_ratio, self.max_aspect_ratio)
        if namespace(corners) is not np:
            options = self.sampler_options
            found: Floats = iou_crop.choose(
                parameters, corners, seen, size, options, limits, self.trials
            )
            return found
        words = parameters["words"].astype(np.int64)
        sizes = np.empty((len(words), 2))
        sizes[:, 0], sizes[:, 1] = size
        arrays = (words, corners, seen, sizes, np.array(self.sampler_options), np.array(limits))
        given: Any = [read_only(np.ascontiguousarray(each)) for each in arrays]
        given += [self.trials, out := np.empty((len(words), 4))]
        choose(*given)
        whole = np.concatenate([np.zeros_like(sizes), sizes], axis=1)
        return np.where(parameters["applied"][:, np.newaxis], out, whole)

    def _kept(self, corners: Floats, seen: Flags, boxes: Floats) -> Flags:
        """Returns which boxes of objects stay: those whose centre lies in the crop."""
        x, y = ((corners[..., i] + corners[..., i + 2]) / 2 for i in range(2))
        top, left, height, width = (boxes[:, i, np.newaxis] for i in range(4))
        across, down = (left < x) & (x < left + width), (top < y) & (y < top + height)
        return seen & across & down


def _checked_overlaps(value: Any, name: str) -> tuple[float, ...]:
    """Returns least overlaps as a tuple of floats."""
    rule = f"`{name}` must be a sequence of numbers of 0 or more, at least one"
    if not isinstance(value, (tuple, list)) or not value:
        raise TypeError(message(rule, f"{name}={describe(value)}"))
    check = Number(rule="numbers of 0 or more", minimum=0)
    return tuple(check(each, name) for each in value)

"""Objects in pictures, as the readers of all formats give them: checked, turned, row by row."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kaug._types import Array, Rows
from kaug._validation import check_choice, message, warn
from kaug.sources._decode import Decoder
from kaug.sources._masks import VOID, Masks, Outlined
from kaug.sources._opening import named
from kaug.sources._outlines import Outline
from kaug.sources._pictures import Pictures, choose
from kaug.sources._values import turn_points

_NAMED = 3  # how many boxes a message names
_BESIDE = 1.0  # pixels that a box may reach beyond its picture without a word
_FARTHEST = 2.0**24  # to which float32 holds every pixel
_SWAPPED = 5  # from this orientation on, height and width change places


class Found(NamedTuple):
    """An object as a reader found it.

    Attributes:
        row: The number of its picture.
        box: The corners xyxy.
        label: The number of its class.
        name: What messages call it.
        points: `(K, 3)`, keypoints (x, y, visibility), if these are asked for.
        outline: What it covers, if masks are asked for.
        crowd: Whether the box surrounds many, and is left out.
    """

    row: int
    box: Sequence[float]
    label: int
    name: str
    points: Array | None = None
    outline: Outline | None = None
    crowd: bool = False


@dataclass(frozen=True)
class Objects:
    """Objects of all pictures in one, attributes as of `Found`, in the order of their pictures."""

    row: Rows
    boxes: Array
    labels: Rows
    names: NDArray[np.object_]
    crowds: NDArray[np.bool_]
    points: Array | None = None
    outlines: NDArray[np.object_] | None = None

    @classmethod
    def of(cls, found: Sequence[Found], points: int = 0, *, masks: bool = False) -> "Objects":
        """Makes them of what was found, in any order.

        Args:
            found: All objects.
            points: How many keypoints each has.
            masks: Whether they have outlines.
        """
        found = sorted(found, key=lambda each: each.row)
        places = [each.points for each in found]
        outlines = np.empty(len(found), object)
        outlines[:] = [each.outline for each in found]
        return cls(
            row=np.array([each.row for each in found], np.int64),
            boxes=np.array([each.box for each in found], np.float64).reshape(-1, 4),
            labels=np.array([each.label for each in found], np.int64),
            names=np.array([each.name for each in found], object),
            crowds=np.array([each.crowd for each in found], bool),
            points=np.array(places, np.float64).reshape(-1, points, 3) if points else None,
            outlines=outlines if masks else None,
        )

    def only(self, chosen: Any) -> "Objects":
        """Returns the objects that a mask tells."""
        parts: dict[str, Any] = {}
        for field in fields(self):
            part = getattr(self, field.name)
            parts[field.name] = None if part is None else part[chosen]
        return Objects(**parts)

    def of_rows(self, rows: Rows, count: int) -> "Objects":
        """Returns the objects of some of `count` pictures, these numbered anew."""
        numbers = np.full(count, -1)
        numbers[rows] = np.arange(len(rows))
        row = numbers[self.row]
        return replace(self, row=row).only(row >= 0)

    def scaled(self, sizes: Rows) -> "Objects":
        """Returns objects in pixels that were in fractions of the width and the height.

        Args:
            sizes: Height and width of each picture.
        """
        lengths = sizes[self.row][:, ::-1].astype(np.float64)
        points, outlines = self.points, self.outlines
        if points is not None:
            # Fractions count from the border of the first pixel, keypoints from its centre.
            places = points[..., :2] * lengths[:, np.newaxis] - 0.5
            points = np.concatenate([places, points[..., 2:]], axis=-1)
        if outlines is not None:
            outlines = outlines.copy()
            outlines[:] = [each.scaled(by) for each, by in zip(outlines, lengths, strict=True)]
        boxes = self.boxes * np.tile(lengths, 2)
        return replace(self, boxes=boxes, points=points, outlines=outlines)


class Problems:
    """What is wrong with the objects of pictures, the first of each.

    Args:
        on_error: "raise", or "skip" to leave such pictures out.
        fix: What to do about it.
    """

    def __init__(self, on_error: str, fix: str) -> None:
        self.on_error = check_choice(on_error, "on_error", ("raise", "skip"))
        self._fix = fix
        self._found: dict[str, str] = {}

    def add(self, path: str, what: str) -> None:
        """Notes what is wrong in a picture."""
        self._found.setdefault(path, what)

    def add_all(self, bad: Any, objects: Objects, x: Pictures, what: str) -> None:
        """Notes objects of which something is wrong, with their boxes."""
        for number in np.flatnonzero(bad):
            row, name = objects.row[number], objects.names[number]
            self.add(x.paths[row], f"{name}: {what}, {objects.boxes[number].tolist()}")

    def rows_without(self, paths: Sequence[str]) -> Rows:
        """Returns the rows that are kept; raises, or warns, if these are not all."""
        kept = np.array([row for row, path in enumerate(paths) if path not in self._found], int)
        if len(kept) == len(paths):
            return kept
        rule = "The objects of a picture must be ones that can be used"
        if self.on_error == "raise":
            fix = f'{self._fix} Or pass on_error="skip" to leave out these pictures.'
            raise ValueError(message(rule, named(self._found), fix))
        if not len(kept):
            raise ValueError(message(rule, named(self._found), self._fix))
        left_out = f"{len(paths) - len(kept)} of {len(paths)} pictures are left out"
        warn(message(f"{rule}: {left_out}", named(self._found), self._fix))
        return kept


class Assembled(NamedTuple):
    """Pictures and their objects.

    Attributes:
        x: The pictures.
        y: Boxes, and masks and keypoints if these are asked for, in Keras' spelling.
        rows: Which of the files they are.
        turns: How what belongs to each is to be turned, 1 (not at all) to 8.
    """

    x: Pictures
    y: dict[str, Any]
    rows: Rows
    turns: Rows


def assemble(
    paths: tuple[str, ...],
    objects: Objects,
    sizes: Rows,
    class_names: tuple[str, ...],
    decoder: Decoder,
    problems: Problems,
    *,
    fractions: bool = False,
) -> Assembled:
    """Returns pictures and their objects.

    Args:
        paths: Of the files.
        objects: What is in them.
        sizes: Height and width of each as noted beside its objects, `(N, 2)`; 0 for unknown.
        class_names: What labels count.
        decoder: How files are decoded.
        problems: What is known to be wrong already.
        fractions: Whether boxes and keypoints are in fractions of the width and the height.
    """
    x, rows = choose(paths, decoder, problems.on_error, class_names)
    objects = objects.of_rows(rows, len(paths))
    if fractions:
        objects = objects.scaled(x.sizes)
    else:
        _check_unit(objects, x)
    _check_numbers(objects, x, problems)
    turns = _turns(x, sizes[rows], problems)
    kept = problems.rows_without(x.paths)
    objects, x, turns = objects.of_rows(kept, len(x)), x[kept], turns[kept]
    y: dict[str, Any] = {}
    if objects.outlines is not None:
        y["segmentation_masks"] = _masks(objects, x, turns)
    objects = _hide(_inside(_turned(objects.only(~objects.crowds), turns, x.sizes), x))
    ends = np.cumsum(np.bincount(objects.row, minlength=len(x)))[:-1]
    y["bounding_boxes"] = {
        "boxes": np.split(objects.boxes.astype(np.float32), ends),
        "labels": np.split(objects.labels, ends),
    }
    y["bounding_box_format"] = "xyxy"
    if objects.points is not None:
        y["keypoints"] = np.split(objects.points.astype(np.float32), ends)
    return Assembled(x, y, rows[kept], turns)


def _masks(objects: Objects, x: Pictures, turns: Rows) -> Masks:
    parts: list[list[tuple[int, Outline, bool]]] = [[] for _ in range(len(x))]
    outlines: Any = objects.outlines
    each = zip(objects.row, objects.labels, outlines, objects.crowds, strict=True)
    for row, label, outline, crowd in each:
        parts[row].append((int(label) + 1, outline, bool(crowd)))
    dtype = "uint8" if len(x.class_names or ()) < VOID else "uint16"
    sizes = [(int(height), int(width)) for height, width in x.sizes]
    rows = [
        Outlined(size, int(turn), tuple(part), dtype)
        for size, turn, part in zip(sizes, turns, parts, strict=True)
    ]
    return Masks(tuple(rows), dtype)


def _check_numbers(objects: Objects, x: Pictures, problems: Problems) -> None:
    boxes = objects.boxes
    there = (np.abs(boxes) < _FARTHEST).all(axis=1)  # not so for NaN either
    problems.add_all(~there, objects, x, "a box that is not finite, or far from its picture")
    backwards = there & (boxes[:, 2:] < boxes[:, :2]).any(axis=1)
    problems.add_all(backwards, objects, x, "a box that ends before it begins")
    if objects.points is not None:
        away = ~(np.abs(objects.points) < _FARTHEST).all(axis=(1, 2))
        problems.add_all(away, objects, x, "keypoints that are not finite, or far, of the box")


def _check_unit(objects: Objects, x: Pictures) -> None:
    boxes = objects.boxes
    if len(boxes) and (boxes[:, 2:] <= 1).all() and (boxes[:, 2:] % 1).any():
        received = f"{boxes[0].tolist()} as {objects.names[0]} in {x.paths[objects.row[0]]}"
        fix = "These look like fractions: multiply them by the width and the height."
        raise ValueError(message("Boxes must be counted in pixels", received, fix))


def _turns(x: Pictures, sizes: Rows, problems: Problems) -> Rows:
    """Returns how to turn the objects of each picture, 1 (not at all) to 8, as EXIF counts.

    Pictures are turned as their camera noted. Whether their objects were drawn on them turned or as
    they are stored, their size tells, where it is noted beside the objects.
    """
    turned, orientations = x.sizes, x._orientations
    known = (sizes > 0).all(axis=1)
    as_turned = (sizes == turned).all(axis=1)
    as_stored = (sizes == turned[:, ::-1]).all(axis=1) & (orientations >= _SWAPPED)
    for row in np.flatnonzero(known & ~as_turned & ~as_stored):
        has, noted = (f"{height} × {width}" for height, width in (turned[row], sizes[row]))
        problems.add(x.paths[row], f"{has} (height × width), but noted beside its objects {noted}")
    doubtful = known & as_turned & (orientations > 1) & (as_stored | (orientations < _SWAPPED))
    if doubtful.any():
        rule = "Objects should be drawn on photographs as they look, turned as their camera noted"
        first = x.paths[np.flatnonzero(doubtful)[0]]
        received = f"{int(doubtful.sum())} whose size does not tell; the first: {first!r}"
        warn(message(rule, received, "It is taken that they are. Look at some, or save them anew."))
    return np.where(known & as_stored & ~as_turned, orientations, 1)


def _turned(objects: Objects, turns: Rows, sizes: Rows) -> Objects:
    """Returns objects turned as their pictures are."""
    boxes = objects.boxes.copy()
    points = None if objects.points is None else objects.points.copy()
    for number in np.flatnonzero(turns[objects.row] > 1):
        row = objects.row[number]
        turn, size = int(turns[row]), (int(sizes[row, 0]), int(sizes[row, 1]))
        corners = turn_points(boxes[number].reshape(2, 2), turn, size, first=0.5)
        boxes[number] = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
        if points is not None:
            points[number, :, :2] = turn_points(points[number, :, :2], turn, size, first=0)
    return replace(objects, boxes=boxes, points=points)


def _hide(objects: Objects) -> Objects:
    """Returns objects whose hidden keypoints are at (0, 0)."""
    if objects.points is None:
        return objects
    return replace(objects, points=np.where(objects.points[..., 2:] > 0, objects.points, 0))


def _inside(objects: Objects, x: Pictures) -> Objects:
    """Returns the objects of which something is in their picture, and warns of others."""
    limits = x.sizes[objects.row][:, ::-1]
    first, last = np.split(objects.boxes.astype(np.float32), 2, axis=1)
    nothing: Any = ((last <= first) | (last <= 0) | (first >= limits)).any(axis=1)
    if nothing.any():
        rule = "A box must cover a part of its picture, or it is left out"
        warn(message(rule, _some(objects.only(nothing), x), "Repair them or take them out."))
    beyond: Any = ~nothing & ((first < -_BESIDE) | (last > limits + _BESIDE)).any(axis=1)
    if beyond.any():
        rule = "A box should lie in its picture; transforms cut off what reaches beyond"
        fix = "Check that they are in the format and the unit that they must be in."
        warn(message(rule, _some(objects.only(beyond), x), fix))
    return objects.only(~nothing)


def _some(objects: Objects, x: Pictures) -> str:
    """Names the first few objects, and says how many there are."""
    parts = []
    for number, row in enumerate(objects.row[:_NAMED]):
        box, (height, width) = objects.boxes[number].tolist(), x.sizes[row]
        parts.append(f"{objects.names[number]} in {x.paths[row]} ({height} × {width}), xyxy {box}")
    more = len(objects.row) - len(parts)
    return "; ".join(parts) + (f"; and {more} more" if more else "")

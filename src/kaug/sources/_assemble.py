"""Pictures and what is in them become what transforms take."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from kaug._types import Rows
from kaug._validation import message, warn
from kaug.sources._decode import Decoder
from kaug.sources._masks import VOID, Layered, Masks, Outlined
from kaug.sources._objects import Objects, Problems
from kaug.sources._outlines import Outline
from kaug.sources._pictures import Pictures, choose
from kaug.sources._values import turn_points

_NAMED = 3  # how many boxes a message names
_BESIDE = 1.0  # pixels that a box may reach beyond its picture without a word
_FARTHEST = 2.0**24  # to which float32 holds every pixel
_SWAPPED = 5  # from this orientation on, height and width change places


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
    layers: bool = False,
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
        layers: Whether masks are to have a layer for each box.
    """
    x, rows = choose(paths, decoder, problems.on_error, class_names)
    objects = objects.of_rows(rows, len(paths))
    turns = np.ones(len(x), np.int64)
    if fractions:
        objects = objects.scaled(x.sizes)
    else:
        _check_unit(objects, x)
        turns = _turns(x, sizes[rows], problems)
    _check_numbers(objects, x, problems)
    kept = problems.rows_without(x.paths)
    objects, x, turns = objects.of_rows(kept, len(x)), x[kept], turns[kept]
    y: dict[str, Any] = {}
    if objects.outlines is not None and not layers:
        y["segmentation_masks"] = _masks(objects, x, turns)
    objects = _hide(_inside(_turned(objects.only(~objects.crowds), turns, x.sizes), x))
    ends = np.cumsum(np.bincount(objects.row, minlength=len(x)))[:-1]
    y["bounding_boxes"] = {
        "boxes": np.split(objects.boxes.astype(np.float32), ends),
        "labels": np.split(objects.labels, ends),
    }
    if layers:
        y["bounding_boxes"]["masks"] = _layers(objects, x, turns)
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


def _layers(objects: Objects, x: Pictures, turns: Rows) -> Masks:
    parts: list[list[Outline]] = [[] for _ in range(len(x))]
    outlines: Any = objects.outlines
    for row, outline in zip(objects.row, outlines, strict=True):
        parts[row].append(outline)
    rows = [
        Layered((int(height), int(width)), int(turn), tuple(part))
        for (height, width), turn, part in zip(x.sizes, turns, parts, strict=True)
    ]
    return Masks(tuple(rows), "uint8")


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
    unseen = as_turned & (as_stored | (orientations < _SWAPPED))
    doubtful = (orientations > 1) & (~known | unseen)
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

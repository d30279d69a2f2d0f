"""`kaug.sources.yolo`: pictures and their objects in text files, as a data.yaml names them."""

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kaug._files import check_inside, check_path
from kaug._types import Array
from kaug._validation import check_flag, message, warn
from kaug.sources._assemble import assemble
from kaug.sources._data_yaml import DataYaml
from kaug.sources._decode import Decoder
from kaug.sources._folder import pictures_in, warn_of_suffixes
from kaug.sources._objects import Found, Objects, Problems
from kaug.sources._outlines import Outline, check_masks
from kaug.sources._pictures import Pictures
from kaug.sources._text import entries_of, lines_of

_BESIDE = 0.01  # as much of the size may a coordinate lie beyond the picture
_OWN = (".txt", ".cache", ".npy")  # what the tools of this format lay beside pictures
_BOX = 5  # columns
_LEAST = 7  # columns of a polygon


def yolo(
    data_yaml: str | os.PathLike[str],
    split: str = "train",
    *,
    masks: bool | str = False,
    keypoints: bool = False,
    channels: int | None = 3,
    dtype: str = "uint8",
    on_error: str = "raise",
) -> tuple[Pictures, dict[str, Any]]:
    """Makes a sequence of the pictures that a data.yaml names, with objects in text files.

    A split is a folder of pictures at any depth, sorted by their paths, byte by byte; or a text
    file of their paths, one a line, relative to its own folder; or a list of such. The text file of
    `a/images/b/0.jpg` is `a/labels/b/0.txt`, where only the last folder called `images` counts;
    without such a folder it lies beside the picture. A picture without one shows no objects. Lines
    are a class and a box (the centre, the width and the height), or a class and a polygon, of which
    the box is taken, in fractions of the width and the height of the picture as it looks, turned as
    its camera noted. Of lines that say the same, the first is taken. Needs `pip install
    "kaug[yolo]"`.

    Args:
        data_yaml: The file with `names` (or `nc`), the splits and perhaps `path`, the folder that
            they are relative to. `path` itself is relative to the folder of the file, or else to
            the current one.
        split: Which of its splits: "train", "val", "test".
        masks: Whether to draw masks of polygons, by pycocotools: `pip install "kaug[coco]"`. All
            lines must have one. True makes one of classes for each picture, `"objects"` one for
            each box.
        keypoints: Whether to read keypoints, of which the file says by `kpt_shape` how many each
            object has.
        channels: As for `kaug.sources.files`.
        dtype: As for `kaug.sources.files`.
        on_error: As for `kaug.sources.coco`.

    Returns:
        The pictures, `x`, and their boxes, masks and keypoints, `y`, as from `kaug.sources.coco`.
        Where the file has no visibility of keypoints, it is 1, and 0 of those below 0. Where it
        has `flip_idx`, `y` has `"keypoint_flip_pairs"` beside keypoints, so that left and right
        change places where pictures are mirrored.

    Warns:
        UserWarning: As from `kaug.sources.coco`; there are lines that say the same; or there is no
            text file at all.

    Raises:
        FileNotFoundError: A file is not there.
        ImportError: PyYAML is not installed, or pycocotools if `masks` are asked for.
        ValueError: The file is no data.yaml, a line cannot be used, or an option is none of its
            choices.

    Example:
        >>> import tempfile, pathlib, kaug
        >>> from PIL import Image
        >>> place = pathlib.Path(tempfile.mkdtemp())
        >>> for name in ("images", "labels"):
        ...     (place / name / "train").mkdir(parents=True)
        >>> Image.new("RGB", (8, 4)).save(place / "images" / "train" / "0.png")
        >>> _ = (place / "labels" / "train" / "0.txt").write_text("1 0.5 0.5 0.25 0.5")
        >>> _ = (place / "data.yaml").write_text("{names: [cat, dog], train: images/train}")
        >>> x, y = kaug.sources.yolo(place / "data.yaml")
        >>> x.class_names, y["bounding_boxes"]["labels"]
        (('cat', 'dog'), [array([1])])
        >>> y["bounding_boxes"]["boxes"][0]
        array([[3., 1., 5., 3.]], dtype=float32)
    """
    decoder = Decoder(channels, dtype)
    problems = Problems(on_error, "Repair the text file.")
    data = DataYaml(check_path(data_yaml, "data_yaml"))
    wanted = check_masks(masks)
    keypoints = check_flag(keypoints, "keypoints")
    rows = _Lines(len(data.names), data.points, masks=wanted, keypoints=keypoints)
    paths = tuple(path for place in data.places(split) for path in _pictures(place))
    if not paths:
        raise ValueError(message("A split must hold pictures", f"none in split={split!r}"))
    found = _read_all(paths, rows, problems)
    objects = Objects.of(found, data.points[0] if keypoints else 0, masks=wanted)
    sizes = np.zeros((len(paths), 2), np.int64)
    layers = masks == "objects"
    result = assemble(
        paths, objects, sizes, data.names, decoder, problems, fractions=True, layers=layers
    )
    if keypoints and data.flip_pairs is not None:
        result.y["keypoint_flip_pairs"] = data.flip_pairs
    return result.x, result.y


def _pictures(place: Path) -> list[str]:
    """Returns the pictures in a folder or in a list."""
    if place.is_dir():
        listed, others = pictures_in(place)
        warn_of_suffixes([path for path in others if path.suffix.lower() not in _OWN])
        fix = "Name the files in a list, a .txt, if you trust the links."
        return check_inside(place, listed, follow_links=False, fix=fix)
    if place.suffix.lower() != ".txt":
        rule = "A split must be a folder of pictures, or a .txt file that lists their paths"
        raise ValueError(message(rule, repr(str(place))))
    named = [check_path(name, "split") for name in entries_of(place)]
    return [os.path.normpath(place.parent / path) for path in named]


def _text_file(picture: str) -> str:
    """Returns the path of the text file of a picture."""
    begin, images, end = picture.rpartition(f"{os.sep}images{os.sep}")
    path = f"{begin}{os.sep}labels{os.sep}{end}" if images else picture
    return f"{os.path.splitext(path)[0]}.txt"  # noqa: PTH122


def _read_all(paths: tuple[str, ...], rows: "_Lines", problems: Problems) -> list[Found]:
    found: list[Found] = []
    missing, twice = 0, []
    for row, path in enumerate(paths):
        text_file = _text_file(path)
        try:
            objects, again = rows.read(lines_of(text_file), row, text_file)
        except FileNotFoundError:
            missing += 1
        except ValueError as error:
            problems.add(path, str(error))
        else:
            found += objects
            twice += again
    if missing == len(paths):
        rule = "Text files should lie where `images` in the path of a picture becomes `labels`"
        received = f"none for {missing} pictures; the first would be {_text_file(paths[0])!r}"
        warn(message(rule, received, "Without them it is taken that there are no objects."))
    if twice:
        rule = "A text file should name an object once; of lines that say the same one is taken"
        warn(message(rule, f"{len(twice)} more; the first: {twice[0]}"))
    return found


class _Lines:
    """What the lines of a text file mean.

    Args:
        classes: How many there are.
        points: How many keypoints an object has, and how many numbers each of them; or (0, 0).
        masks: Whether outlines are wanted.
        keypoints: Whether keypoints are wanted.
    """

    def __init__(
        self, classes: int, points: tuple[int, int], *, masks: bool, keypoints: bool
    ) -> None:
        if keypoints and masks:
            rule = "`masks` and `keypoints` cannot both be read: a line has one or the other"
            raise ValueError(message(rule, "both"))
        if keypoints and not points[0]:
            rule = "To read keypoints, `kpt_shape` must be in `data_yaml`: how many, and 2 or 3"
            raise ValueError(message(rule, "no kpt_shape"))
        self._classes, self._points = classes, points
        self._wants_masks, self._wants_points = masks, keypoints
        self._with_points = _BOX + points[0] * points[1] if points[0] else 0

    def read(self, lines: Sequence[str], row: int, path: str) -> tuple[list[Found], list[str]]:
        """Returns the objects, and the names of lines that say what another one does."""
        known: set[tuple[float, ...]] = set()
        found, twice = [], []
        kinds = set()
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            name = f"line {number} of {path}"
            try:
                values = tuple(map(float, line.split()))
                kinds.add(self._is_polygon(len(values)))
                each = self._found(values, row, name)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
            if len(kinds) > 1:
                raise ValueError(f"{name}: a file must hold boxes or polygons, not both")
            if values in known:
                twice.append(name)
            else:
                found.append(each)
            known.add(values)
        return found, twice

    def _is_polygon(self, count: int) -> bool:
        if count == self._with_points or (count == _BOX and not self._wants_points):
            return False
        if self._wants_points:
            k, numbers = self._points
            what = f"a class, a box and {k} × {numbers} numbers of keypoints"
            raise ValueError(f"{self._with_points} columns are needed, {what}, not {count}")
        if count < _LEAST or count % 2 == 0:
            what = "a class and a box (5 columns) or the corners of a polygon (7, 9, …)"
            raise ValueError(f"a line must be {what}, not {count} columns")
        return True

    def _found(self, values: tuple[float, ...], row: int, name: str) -> Found:
        if not all(map(math.isfinite, values)):
            raise ValueError("NaN or an infinity")
        label = int(values[0])
        if label != values[0] or not 0 <= label < self._classes:
            last = self._classes - 1
            raise ValueError(f"the class must be an integer from 0 to {last}, not {values[0]:g}")
        if self._is_polygon(len(values)):
            corners = np.array(values[1:]).reshape(-1, 2)
            first, last = corners.min(axis=0), corners.max(axis=0)
            _check_range([*(first + last) / 2, *last - first])
            outline = Outline((corners.ravel(),)) if self._wants_masks else None
            return Found(row, [*first, *last], label, name, outline=outline)
        if self._wants_masks:
            raise ValueError("to draw masks a line must have a polygon, not a box")
        x, y, width, height = values[1:_BOX]
        _check_range(values[1:_BOX])
        if width < 0 or height < 0:
            raise ValueError("a width or a height that is negative")
        box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        points = self._keypoints(values[_BOX:]) if self._wants_points else None
        return Found(row, box, label, name, points)

    def _keypoints(self, values: tuple[float, ...]) -> Array:
        points = np.array(values).reshape(self._points)
        _check_range(points[:, :2].ravel())
        if self._points[1] == 2:
            seen = (points >= 0).all(axis=1, keepdims=True)
            points = np.concatenate([points, seen], axis=1)
        return points


def _check_range(values: Iterable[float]) -> None:
    """Raises for a centre, a size or a point that is far from the picture."""
    beyond = [value for value in values if not -_BESIDE <= value <= 1 + _BESIDE]
    if beyond:
        what = "coordinates must be fractions of the width and the height, 0 to 1"
        raise ValueError(f"{what}, not {beyond[0]:g}")

"""`kaug.sources.coco`: pictures and their objects by a JSON file of COCO's form."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kaug._files import absolute, check_folder, check_inside, check_path, open_regular
from kaug._types import Array
from kaug._validation import check_flag, describe, message
from kaug.sources._assemble import assemble
from kaug.sources._decode import Decoder
from kaug.sources._objects import Found, Objects, Problems
from kaug.sources._outlines import Outline, check_masks, outline_of
from kaug.sources._pictures import Pictures

_MOST = 2**53  # of integers
_PARTS = ("images", "annotations", "categories")


def coco(
    annotations: str | os.PathLike[str],
    directory: str | os.PathLike[str],
    *,
    masks: bool | str = False,
    keypoints: bool = False,
    channels: int | None = 3,
    dtype: str = "uint8",
    on_error: str = "raise",
) -> tuple[Pictures, dict[str, Any]]:
    """Makes a sequence of the pictures that a JSON file of COCO's form names, with their objects.

    Rows are the file's `images` in their order, also those without objects. Classes are numbered by
    the ids of their categories in ascending order, without gaps, so that
    `sorted(category["id"] for category in categories)[label]` is the id of a label.

    Args:
        annotations: The JSON file.
        directory: The folder that `file_name` is relative to, and must not lead out of.
        masks: Whether to draw masks of the `segmentation` of annotations, by pycocotools: `pip
            install "kaug[coco]"`. True makes one of classes for each picture, `"objects"` one for
            each box.
        keypoints: Whether to read the `keypoints` of annotations. All categories that have some
            must have as many.
        channels: As for `kaug.sources.files`.
        dtype: As for `kaug.sources.files`.
        on_error: `"raise"`, or `"skip"` to leave out, with a warning, pictures that cannot be read
            or have an object that cannot be used. Every file is read once for it.

    Returns:
        The pictures, `x`, whose `x.class_names` has the names of the classes, and `y`, a dict as
        transforms take it: `"bounding_boxes"`, a dict of `"boxes"`, for each picture an array
        `(B, 4)` float32 of corners xyxy in pixels, and `"labels"`, for each an array `(B,)` of
        integers, and `"bounding_box_format"`, `"xyxy"`. Annotations of crowds (`iscrowd`) surround
        many objects, and are left out of boxes. With `masks`, also `"segmentation_masks"`, for
        each picture an array `(H, W, 1)` of 0 and 1 + the number of the class, a `Masks` that draws
        one when it is asked for. Where objects overlap, the smaller one is on top, and crowds are
        below all others. With `masks="objects"` boxes have `"masks"` instead, for each picture an
        array `(H, W, B)` of 0 and 1, likewise. With `keypoints`, also these: for each picture an
        array `(B, K, 3)` float32, of each box K points (x, y, visibility), in pixels, of which the
        first has its centre at 0. What is hidden (visibility 0) is all zeros, as are the points of
        objects without some. All of it goes into a dataset as it is.

    Warns:
        UserWarning: Boxes that cover nothing of their picture are left out; boxes reach beyond
            theirs by more than a pixel; or a photograph is turned, and its size does not tell
            whether its objects were drawn on it turned.

    Raises:
        FileNotFoundError: A file is not there.
        ImportError: pycocotools is not installed, and `masks` are asked for.
        ValueError: The file has not COCO's form, a picture is not of the size that it has there, a
            box or a category cannot be used, or an option is none of its choices.

    Example:
        >>> import json, tempfile, pathlib, kaug
        >>> from PIL import Image
        >>> place = pathlib.Path(tempfile.mkdtemp())
        >>> Image.new("RGB", (7, 5)).save(place / "a.png")
        >>> what = {
        ...     "images": [{"id": 3, "file_name": "a.png", "height": 5, "width": 7}],
        ...     "categories": [{"id": 90, "name": "dog"}, {"id": 18, "name": "cat"}],
        ...     "annotations": [{"id": 1, "image_id": 3, "category_id": 90, "bbox": [1, 2, 3, 2]}],
        ... }
        >>> _ = (place / "boxes.json").write_text(json.dumps(what))
        >>> x, y = kaug.sources.coco(place / "boxes.json", place)
        >>> x.class_names, y["bounding_boxes"]["labels"]
        (('cat', 'dog'), [array([1])])
        >>> y["bounding_boxes"]["boxes"][0]
        array([[1., 2., 4., 4.]], dtype=float32)
    """
    decoder = Decoder(channels, dtype)
    problems = Problems(on_error, "Repair the annotations.")
    wanted = check_masks(masks)
    file = _File(check_path(annotations, "annotations"))
    folder = check_folder(absolute(directory))
    fix = "Pass the folder that they are relative to."
    paths = tuple(check_inside(folder, file.names, follow_links=False, fix=fix))
    count = file.count_keypoints() if check_flag(keypoints, "keypoints") else 0
    objects = file.objects(paths, problems, masks=wanted, points=count)
    result = assemble(
        paths,
        objects,
        file.sizes,
        file.class_names,
        decoder,
        problems,
        layers=masks == "objects",
    )
    return result.x, result.y


class _File:
    """What a JSON file of COCO's form holds.

    Args:
        path: Of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        parts = self._load(path)
        self._images = self._entries(parts, "images")
        self._annotations = self._entries(parts, "annotations")
        categories = self._categories = self._entries(parts, "categories")
        self.names = [self._get(image, "file_name", str, "images") for image in self._images]
        self.sizes = np.array([self._size(image) for image in self._images]).reshape(-1, 2)
        self._rows = self._by_id(self._images, "images")
        numbers = self._by_id(categories, "categories")
        if not all(type(key) is int for key in numbers):
            rule = "The ids of categories must be integers"
            raise ValueError(message(rule, f"others in {self._path!r}"))
        self._labels = {key: label for label, key in enumerate(sorted(numbers))}
        named = {each["id"]: self._get(each, "name", str, "categories") for each in categories}
        self.class_names = tuple(named[key] for key in self._labels)
        if not self.names:
            raise ValueError(message("`annotations` must name pictures", f"none in {self._path!r}"))
        if len(set(self.names)) < len(self.names):
            name = next(name for name in self.names if self.names.count(name) > 1)
            rule = "Every entry of `images` must have a file of its own"
            raise ValueError(message(rule, f"{name!r} more than once in {self._path!r}"))

    def count_keypoints(self) -> int:
        """Returns how many keypoints an object has."""
        given = [each["keypoints"] for each in self._categories if each.get("keypoints")]
        counts = {len(each) if isinstance(each, list) else -1 for each in given}
        if len(counts) != 1 or -1 in counts:
            rule = "To read keypoints, categories must have lists `keypoints`, all as long"
            received = f"lengths {sorted(counts)}" if counts else "none"
            raise ValueError(message(rule, f"{received} in {self._path!r}"))
        return counts.pop()

    def objects(
        self, paths: tuple[str, ...], problems: Problems, *, masks: bool, points: int
    ) -> Objects:
        """Returns all objects, and notes those that cannot be used.

        Args:
            paths: Of the pictures.
            problems: Where to note them.
            masks: Whether outlines are wanted.
            points: How many keypoints of each; 0 for none.
        """
        found = []
        for row, name, annotation in self._of_rows():
            try:
                found.append(
                    Found(
                        row,
                        self._box(annotation),
                        self._label(annotation),
                        name,
                        _points(annotation, points) if points else None,
                        self._outline(annotation, row) if masks else None,
                        bool(annotation.get("iscrowd")),
                    )
                )
            except ValueError as error:
                problems.add(paths[row], f"{name}: {error}")
        return Objects.of(found, points, masks=masks)

    def _of_rows(self) -> Iterator[tuple[int, str, dict[str, Any]]]:
        for number, annotation in enumerate(self._annotations):
            name = f"annotation {annotation.get('id', f'number {number}')}"
            key = annotation.get("image_id")
            if not _is_key(key) or key not in self._rows:
                rule = "The image_id of an annotation must be the id of one of the `images`"
                received = f"{describe(key)} of {name} in {self._path!r}"
                raise ValueError(message(rule, received, "Take the annotation out."))
            yield self._rows[key], name, annotation

    def _box(self, annotation: dict[str, Any]) -> list[float]:
        box = annotation.get("bbox")
        if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
            raise ValueError(f"bbox must be x, y, width and height, not {describe(box)}")
        x, y, width, height = map(float, box)
        return [x, y, x + width, y + height]

    def _label(self, annotation: dict[str, Any]) -> int:
        key = annotation.get("category_id")
        if not _is_key(key) or key not in self._labels:
            raise ValueError(f"category_id must be the id of a category, not {describe(key)}")
        return self._labels[key]

    def _outline(self, annotation: dict[str, Any], row: int) -> Outline:
        height, width = self.sizes[row]
        return outline_of(annotation.get("segmentation"), (int(height), int(width)))

    def _load(self, path: Path) -> dict[str, Any]:
        rule = f"`annotations` must be a JSON file with {', '.join(_PARTS)}"
        with open_regular(path) as file:
            try:
                parts = json.load(file)
            except (ValueError, RecursionError) as error:
                raise ValueError(message(rule, f"{self._path!r} ({error})")) from None
        if not isinstance(parts, dict) or not all(name in parts for name in _PARTS):
            has = sorted(parts) if isinstance(parts, dict) else type(parts).__name__
            raise ValueError(message(rule, f"{self._path!r} with {has}"))
        return parts

    def _entries(self, parts: dict[str, Any], name: str) -> list[dict[str, Any]]:
        entries = parts[name]
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            rule = f"`{name}` must be a list of objects"
            raise ValueError(message(rule, f"something else in {self._path!r}"))
        return entries

    def _get(self, entry: dict[str, Any], key: str, kind: type, where: str) -> Any:
        value = entry.get(key)
        if not isinstance(value, kind):
            rule = f"Every entry of `{where}` must have {key!r}"
            received = f"{describe(value)} where id is {entry.get('id')!r}, in {self._path!r}"
            raise ValueError(message(rule, received))
        return value

    def _size(self, image: dict[str, Any]) -> tuple[int, int]:
        size = image.get("height", 0), image.get("width", 0)
        if not all(_is_number(value) and 0 <= value < 2**31 for value in size):
            rule = "`height` and `width` of an entry of `images` must be numbers of pixels"
            received = f"{size} where id is {image.get('id')!r}, in {self._path!r}"
            raise ValueError(message(rule, received))
        return int(size[0]), int(size[1])

    def _by_id(self, entries: list[dict[str, Any]], where: str) -> dict[Any, int]:
        """Returns the number of each entry by its id."""
        numbers: dict[Any, int] = {}
        for number, entry in enumerate(entries):
            key = entry.get("id")
            if not _is_key(key) or key in numbers:
                rule = f"Every entry of `{where}` must have an id of its own"
                raise ValueError(message(rule, f"{describe(key)} in {self._path!r}"))
            numbers[key] = number
        return numbers


def _points(annotation: dict[str, Any], count: int) -> Array:
    values = annotation.get("keypoints") or [0] * (3 * count)
    given = isinstance(values, list) and len(values) == 3 * count
    if not given or not all(map(_is_number, values)):
        rule = f"keypoints must be {count} times x, y and visibility"
        raise ValueError(f"{rule}, not {describe(values)}")
    return np.array(values, np.float64).reshape(count, 3)


def _is_key(value: Any) -> bool:
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    """Tells a number that a float can be, NaN and infinities as well."""
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < _MOST
    return isinstance(value, float)

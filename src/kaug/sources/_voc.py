"""`kaug.sources.voc`: pictures and their objects in folders as PASCAL VOC has them."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np

from kaug._files import absolute, check_folder, check_inside, open_regular
from kaug._validation import check_flag, describe, message
from kaug.sources._assemble import Assembled, assemble
from kaug.sources._classes import chosen_classes
from kaug.sources._decode import Decoder
from kaug.sources._folder import SUFFIXES
from kaug.sources._masks import InFile, Masks, check_mask
from kaug.sources._objects import Found, Objects, Problems
from kaug.sources._pictures import Pictures, attempt
from kaug.sources._text import entries_of

_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
_FOLDERS = ("Annotations", "JPEGImages", "ImageSets")
_LISTED = 20  # how many names of lists a message has
_MOST = 2**31  # of pixels
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def voc(
    directory: str | os.PathLike[str],
    *,
    split: str = "train",
    class_names: Iterable[str] | None = None,
    difficult: bool = True,
    masks: bool = False,
    channels: int | None = 3,
    dtype: str = "uint8",
    on_error: str = "raise",
) -> tuple[Pictures, dict[str, Any]]:
    """Makes a sequence of pictures and their objects from folders as PASCAL VOC has them.

    VOC counts pixels from 1, and the last one belongs to the box: 1 is taken off `xmin` and `ymin`
    alone, so that a box reaches from the border of its first pixel to that of its last. Where
    `xmin` and `ymin` were counted from 0, boxes are a pixel too large. Boxes of parts are left out.

    Args:
        directory: The folder of `Annotations`, `JPEGImages` and `ImageSets`, such as
            `VOCdevkit/VOC2012`.
        split: Which of the lists in `ImageSets/Main`: "train", "val", "trainval", …; rows are in
            its order.
        class_names: The names of classes in the order of their numbers. None for the 20 of PASCAL
            VOC if there are no others, or else for those that there are, sorted. Name them where
            several lists must agree in their numbers.
        difficult: Whether objects marked as difficult are among the boxes. Those marked as
            truncated are.
        masks: Whether to read the masks in `SegmentationClass`. `split` is then one of the lists in
            `ImageSets/Segmentation`, since not all pictures have one.
        channels: As for `kaug.sources.files`.
        dtype: As for `kaug.sources.files`.
        on_error: As for `kaug.sources.coco`.

    Returns:
        The pictures, `x`, and their boxes, `y`, as from `kaug.sources.coco`. With `masks`, also
        `"segmentation_masks"`, for each picture an array `(H, W, 1)` of the values in its file, a
        `Masks` that reads one when it is asked for: 0 is the background, 1 + the number of the
        class are objects, and 255 is no known class, as along their borders.

    Warns:
        UserWarning: As from `kaug.sources.coco`.

    Raises:
        FileNotFoundError: A file is not there.
        ValueError: The folder is not as VOC has it, an XML file is none, an object cannot be used,
            a picture is not of the size that is noted, or an option is none of its choices.

    Example:
        >>> import tempfile, pathlib, kaug
        >>> from PIL import Image
        >>> place = pathlib.Path(tempfile.mkdtemp())
        >>> for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        ...     (place / name).mkdir(parents=True)
        >>> Image.new("RGB", (7, 5)).save(place / "JPEGImages" / "a.jpg")
        >>> _ = (place / "ImageSets" / "Main" / "train.txt").write_text("a")
        >>> _ = (place / "Annotations" / "a.xml").write_text(
        ...     "<annotation><object><name>dog</name><bndbox><xmin>1</xmin><ymin>2</ymin>"
        ...     "<xmax>3</xmax><ymax>5</ymax></bndbox></object></annotation>"
        ... )
        >>> x, y = kaug.sources.voc(place)
        >>> y["bounding_boxes"]["boxes"][0], x.class_names[y["bounding_boxes"]["labels"][0][0]]
        (array([[0., 1., 3., 5.]], dtype=float32), 'dog')
    """
    decoder = Decoder(channels, dtype)
    problems = Problems(on_error, "Repair the XML file.")
    keep = (False, True) if check_flag(difficult, "difficult") else (False,)
    check_flag(masks, "masks")
    folder = _check_layout(absolute(directory))
    names = _listed(folder / "ImageSets" / ("Segmentation" if masks else "Main"), split)
    paths = tuple(_inside(folder / "JPEGImages", _with_suffixes(folder / "JPEGImages", names)))
    entries = _read_all(folder / "Annotations", names, paths, problems)
    objects = [each for entry in entries for each in entry.objects]
    classes = _classes(class_names, {each.name for each in objects}, masks=masks)
    labels = {name: label for label, name in enumerate(classes)}
    for path, entry in zip(paths, entries, strict=True):
        for each in entry.objects:
            if each.name not in labels:
                problems.add(path, f"{each.where}: {each.name!r} is none of `class_names`")
    found = [
        Found(row, each.box, labels[each.name], each.where)
        for row, entry in enumerate(entries)
        for each in entry.objects
        if each.name in labels and each.difficult in keep
    ]
    sizes = np.array([entry.size for entry in entries], np.int64)
    files = _check_masks(folder, names, paths, problems) if masks else []
    result = assemble(paths, Objects.of(found), sizes, classes, decoder, problems)
    if masks:
        result.y["segmentation_masks"] = _masks(result, files, len(classes))
    return result.x, result.y


class _Object(NamedTuple):
    name: str
    box: list[float]
    difficult: bool
    where: str


class _Entry(NamedTuple):
    size: tuple[int, int]
    objects: list[_Object]


class _Builder(ElementTree.TreeBuilder):
    """Makes a tree of a document that declares nothing: entities can be expanded without end."""

    def doctype(self, *_: Any) -> None:
        raise ValueError("it declares a DOCTYPE")


def _check_layout(folder: Path) -> Path:
    check_folder(folder)
    missing = [name for name in _FOLDERS if not (folder / name).is_dir()]
    if missing:
        rule = f"`directory` must hold {', '.join(_FOLDERS)}"
        inner = sorted([*folder.glob("*/Annotations"), *folder.glob("*/*/Annotations")])
        fix = f"Pass directory={str(inner[0].parent)!r}." if inner else ""
        raise ValueError(message(rule, f"{str(folder)!r} without {', '.join(missing)}", fix))
    return folder


def _listed(lists: Path, split: str) -> list[str]:
    """Returns the names in a list of pictures."""
    known = sorted(path.stem for path in lists.glob("*.txt"))
    if split not in known:
        rule = f"`split` must be the name of a list in {str(lists)!r}"
        raise ValueError(message(rule, f"split={describe(split)}; there are {known[:_LISTED]}"))
    path = lists / f"{split}.txt"
    names = entries_of(path)
    columns = [name for name in names if re.search(r"\s(-1|0|1)$", name)]
    if not names or columns:
        rule = f"{str(path)!r} must list the names of pictures, one a line"
        fix = "Lists that say which pictures show a class are no splits." if columns else ""
        raise ValueError(message(rule, repr(columns[0]) if columns else "an empty file", fix))
    return names


def _with_suffixes(folder: Path, names: list[str]) -> list[str]:
    """Returns the file names of pictures."""
    files = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    files.sort(key=lambda path: (path.suffix.lower() == ".jpg", path.name))
    known = {path.stem: path.name for path in files}  # of two the JPEG
    return [known.get(name, f"{name}.jpg") for name in names]


def _inside(folder: Path, names: list[str]) -> list[str]:
    return check_inside(folder, names, follow_links=False, fix="Copy it there.")


def _classes(given: Iterable[str] | None, found: set[str], *, masks: bool) -> tuple[str, ...]:
    chosen = chosen_classes(given, "class_names")
    if chosen is not None:
        return tuple(chosen)
    if found <= set(_CLASSES):
        return _CLASSES
    if masks:
        rule = "With `masks`, classes that are not those of PASCAL VOC must be named"
        received = repr(sorted(found - set(_CLASSES))[0])
        fix = "Pass class_names=[…], in the order of the values of masks, from 1 on."
        raise ValueError(message(rule, received, fix))
    return tuple(sorted(found))


def _check_masks(
    folder: Path, names: list[str], paths: tuple[str, ...], problems: Problems
) -> list[str]:
    """Returns the files of masks, and notes those that cannot be used."""
    files = _inside(folder / "SegmentationClass", [f"{name}.png" for name in names])
    _, errors = attempt(check_mask, tuple(files))
    for path, file in zip(paths, files, strict=True):
        error = errors.get(file)
        if isinstance(error, FileNotFoundError):
            _miss(file, path, problems)
        elif error is not None:
            problems.add(path, f"its mask {file}: {error}")
    return files


def _masks(result: Assembled, files: list[str], classes: int) -> Masks:
    rows = zip(result.x.sizes, result.turns, result.rows, strict=True)
    made = (InFile((int(h), int(w)), int(turn), files[row], classes) for (h, w), turn, row in rows)
    return Masks(tuple(made), "uint8")


def _read_all(
    folder: Path, names: list[str], paths: tuple[str, ...], problems: Problems
) -> list[_Entry]:
    """Returns what is noted of each picture; of those that have a problem, nothing."""
    entries = []
    for path, file in zip(paths, _inside(folder, [f"{name}.xml" for name in names]), strict=True):
        entry = _Entry((0, 0), [])
        try:
            entry = _read(Path(file))
        except FileNotFoundError:
            _miss(file, path, problems)
        except (ValueError, LookupError, ElementTree.ParseError) as error:
            problems.add(path, f"{file}: {error}")
        entries.append(entry)
    return entries


def _miss(file: str, path: str, problems: Problems) -> None:
    """Raises for a file that is not there, or notes it."""
    if problems.on_error == "raise":
        rule = f"{path!r} must have its files, or it is none of the split"
        fix = 'Pass on_error="skip" to leave out such pictures.'
        raise FileNotFoundError(message(rule, f"{file!r}, which is not there", fix))
    problems.add(path, f"{file} is not there")


def _read(path: Path) -> _Entry:
    with open_regular(path) as file:
        tree = ElementTree.parse(file, ElementTree.XMLParser(target=_Builder()))
    root: Any = tree.getroot()
    if root.tag != "annotation":
        raise ValueError(f"it must hold an <annotation>, not a <{root.tag}>")
    size = (_number(root, "size/height", "0"), _number(root, "size/width", "0"))
    objects = [
        _object(node, f"object {number} of {path.name}")
        for number, node in enumerate(root.findall("object"), 1)
    ]
    return _Entry((int(size[0]), int(size[1])), objects)


def _object(node: ElementTree.Element, where: str) -> _Object:
    try:
        name = node.findtext("name", "").strip()
        if not name:
            raise ValueError("it has no name")
        if node.find("bndbox") is None:
            raise ValueError("it has no bndbox")
        left, top, right, bottom = (_number(node, f"bndbox/{corner}") for corner in _CORNERS)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    difficult = node.findtext("difficult", "0").strip() == "1"
    return _Object(name, [left - 1, top - 1, right, bottom], difficult, where)


def _number(node: ElementTree.Element, path: str, default: str = "") -> float:
    text = node.findtext(path, default).strip()
    try:
        number = float(text)
        if not abs(number) < _MOST:  # not so for NaN either
            raise ValueError
    except ValueError:
        raise ValueError(f"{path} must be a number, not {text!r}") from None
    return number

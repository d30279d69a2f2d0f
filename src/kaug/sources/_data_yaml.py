"""The file that says where pictures in YOLO's form lie, and what their classes are called."""

import os
from pathlib import Path
from typing import Any

from kaug._files import open_regular
from kaug._validation import describe, message

_LISTED = 20  # how many numbers of classes a message has


class DataYaml:
    """What a data.yaml says.

    Args:
        path: Of the file.

    Attributes:
        names: Of the classes.
        points: How many keypoints an object has, and how many numbers each of them; or (0, 0).
        flip_pairs: Keypoints that change places where a picture is mirrored; None where that is
            not said.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values = self._load()
        self.names = self._names()
        self.points = self._kpt_shape()
        self.flip_pairs = self._flip_idx()

    def places(self, split: str) -> list[Path]:
        """Returns the folders and lists of a split."""
        name = "validation" if split == "val" and "val" not in self._values else split
        value = self._values.get(name)
        listed: list[Any] = value if isinstance(value, list) else [value]
        if not listed or not all(isinstance(each, str) and each for each in listed):
            rule = "`split` must name an entry of `data_yaml` that is a path, or a list of paths"
            known = [key for key in ("train", "val", "validation", "test") if key in self._values]
            raise ValueError(message(rule, f"split={describe(split)}; there are {known}"))
        tried = [[_place(root, each) for each in listed] for root in self._roots()]
        found = {
            tuple(place.resolve() for place in places): places
            for places in tried
            if all(place.exists() for place in places)
        }
        if len(found) > 1:
            first, other, *_ = (str(places[0]) for places in found.values())
            rule = "`path` in `data_yaml` must lead to one place"
            fix = "Write it as an absolute path."
            raise ValueError(message(rule, f"{first!r} and {other!r} are both there", fix))
        if not found:
            rule = f"The pictures of split={split!r} must be where `data_yaml` says"
            received = f"nothing at {[str(place) for places in tried for place in places]}"
            raise FileNotFoundError(message(rule, received, "Correct `path` in it."))
        return next(iter(found.values()))

    def _roots(self) -> list[Path]:
        """Returns the folders that splits may be relative to."""
        folder, path = self._path.absolute().parent, self._values.get("path")
        if path is None:
            return [folder]
        if not isinstance(path, str):
            raise ValueError(message("`path` in `data_yaml` must be a path", type(path).__name__))
        return [folder / path, Path.cwd() / path]

    def _load(self) -> dict[str, Any]:
        try:
            import yaml
        except ImportError:
            raise ImportError(
                message("data.yaml is read by PyYAML", "no PyYAML", 'pip install "kaug[yolo]"')
            ) from None
        rule = "`data_yaml` must be a YAML file of names and splits"
        with open_regular(self._path) as file:
            try:
                values = yaml.safe_load(file)
            except (yaml.YAMLError, ValueError, RecursionError) as error:
                what = " ".join(str(error).split())  # on one line
                raise ValueError(message(rule, f"{str(self._path)!r} ({what})")) from None
        if not isinstance(values, dict):
            raise ValueError(message(rule, f"{str(self._path)!r} with {type(values).__name__}"))
        return values

    def _names(self) -> tuple[str, ...]:
        rule = "`names` in `data_yaml` must be the names of all classes, 0, 1, 2, …"
        names, count = self._values.get("names"), self._values.get("nc")
        if names is None and isinstance(count, int):
            names = [f"class_{number}" for number in range(count)]
        if isinstance(names, dict):
            numbers = {str(key): name for key, name in names.items()}
            if set(numbers) != {str(number) for number in range(len(names))}:
                raise ValueError(message(rule, f"numbers {sorted(numbers)[:_LISTED]}"))
            names = [numbers[str(number)] for number in range(len(names))]
        if not isinstance(names, list) or not names:
            raise ValueError(message(rule, f"no such list in {str(self._path)!r}"))
        odd = [name for name in names if not isinstance(name, (str, int, float))]
        if odd:
            raise ValueError(message(rule, f"{type(odd[0]).__name__} as a name"))
        if count is not None and count != len(names):
            rule = "`nc` in `data_yaml` must be the number of `names`"
            # The text of nested aliases may have no end.
            received = describe(count) if isinstance(count, (int, str)) else type(count).__name__
            raise ValueError(message(rule, f"nc={received} for {len(names)} names"))
        return tuple(map(str, names))

    def _kpt_shape(self) -> tuple[int, int]:
        shape = self._values.get("kpt_shape")
        if shape is None:
            return (0, 0)
        count = shape[0] if isinstance(shape, list) and len(shape) == 2 else 0
        if type(count) is not int or count < 1 or shape[1] not in (2, 3):
            rule = "`kpt_shape` in `data_yaml` must be [how many keypoints, 2 or 3]"
            raise ValueError(message(rule, type(shape).__name__))
        return (count, int(shape[1]))

    def _flip_idx(self) -> list[tuple[int, int]] | None:
        """Returns the pairs of `flip_idx`, which has for each point the one in its place."""
        given, count = self._values.get("flip_idx"), self.points[0]
        if given is None or not count:
            return None
        numbers = given if isinstance(given, list) else []
        whole = len(numbers) == count and all(type(number) is int for number in numbers)
        if not whole or any(
            not 0 <= number < count or numbers[number] != place
            for place, number in enumerate(numbers)
        ):
            rule = (
                f"`flip_idx` in `data_yaml` must have for each of the {count} keypoints of "
                "`kpt_shape` the number of the one that it changes places with, or its own"
            )
            raise ValueError(message(rule, f"other things in {str(self._path)!r}"))
        return [(place, number) for place, number in enumerate(numbers) if place < number]


def _place(root: Path, name: str) -> Path:
    """Returns what a split names; some exports have a `../` too many."""
    place = Path(os.path.normpath(root / name))
    if not place.exists() and name.startswith("../"):
        return Path(os.path.normpath(root / name[3:]))
    return place

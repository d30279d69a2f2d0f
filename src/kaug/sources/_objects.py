"""Objects in pictures, as the readers of all formats find them, and what is wrong with some."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kaug._types import Array, Rows
from kaug._validation import check_choice, message, warn
from kaug.sources._opening import named
from kaug.sources._outlines import Outline
from kaug.sources._pictures import Pictures


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

"""What a layer is told once about all that travels with images; a dict of arrays has it as keys."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from kaug._targets.box_settings import BoxSettings
from kaug._targets.keypoints import checked_pairs
from kaug._tensors.inputs import moving_maps
from kaug._validation import check_number


class Settings(NamedTuple):
    """How boxes are written and which stay, what mirroring swaps, and what masks are filled with.

    Attributes:
        boxes: Of boxes.
        keypoint_flip_pairs: `checked_pairs`.
        mask_fill_value: A number, some by name, or None for 0.
    """

    boxes: BoxSettings
    keypoint_flip_pairs: list[tuple[int, int]]
    mask_fill_value: Any

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Returns those in a dict with all of `kaug._targets.places.SETTINGS`, checked.

        Raises:
            TypeError: One has the wrong type.
            ValueError: One is out of its range or unknown.
        """
        pairs, fill = checked_pairs(given["keypoint_flip_pairs"]), given["mask_fill_value"]
        if fill is not None:
            by_name = fill if isinstance(fill, Mapping) else {"": fill}
            for name, value in by_name.items():
                check_number(value, f"mask_fill_value[{name!r}]" if name else "mask_fill_value")
        return cls(BoxSettings.of(given), pairs, fill)

    def arguments(self) -> dict[str, Any]:
        """Returns what `of` takes, as plain data."""
        pairs = [list(pair) for pair in self.keypoint_flip_pairs]
        fill = self.mask_fill_value
        fill = dict(fill) if isinstance(fill, Mapping) else fill
        return {
            **self.boxes._asdict(),
            "keypoint_flip_pairs": pairs,
            "mask_fill_value": fill,
        }

    def beside(self, data: Any) -> dict[str, Any]:
        """Returns those that a dict of arrays with what is in `data` has."""
        names = {*data} if isinstance(data, Mapping) else set()
        result: dict[str, Any] = {}
        if "bounding_boxes" in names:
            result |= self.boxes._asdict()
        if "keypoints" in names:
            result["keypoint_flip_pairs"] = self.keypoint_flip_pairs
        filled = names & {"segmentation_masks", "maps"} or (names and "labels" in moving_maps(data))
        if self.mask_fill_value is not None and filled:
            result["mask_fill_value"] = self.mask_fill_value
        return result

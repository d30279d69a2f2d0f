"""Masks and maps on tensors: what has a value for each pixel, by the names that a batch has."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from kaug._apply.batches import INSTANCES, MapName
from kaug._targets.map_checks import Fills
from kaug._targets.names import MAPS
from kaug._tensors.inputs import dtype_of

#: Keys of what has a value for each pixel.
OF_PIXELS = ("segmentation_masks", "maps", *MAPS)


class _Map(NamedTuple):
    """A map, under which key, and by which name if there are several."""

    key: str
    name: str | None
    tensor: Any

    @property
    def called(self) -> str:
        return self.key if self.name is None else f"{self.key}[{self.name!r}]"


def begin(parts: Mapping[str, Any], fill: Any) -> dict[str, Any]:
    """Returns masks and maps as a batch has them, `(B, H, W, K)` under their `MapName`s.

    Args:
        parts: In Keras' spelling.
        fill: `mask_fill_value`, or None for 0.

    Raises:
        ValueError: That is for what is not there, or no number that it holds.
    """
    every = [*_maps(parts)]
    names: dict[bool, list[str]] = {True: [], False: []}
    for each in every:
        if each.key != "sample_weight":
            names[each.key != "maps"].append(each.name or each.key)
    filled = fill is not None and (names[True] or names[False])
    fills = Fills(fill, names[True], names[False]) if filled else Fills({})
    batch: dict[str, Any] = {}
    for each in every:
        mask, weights = each.key != "maps", each.key == "sample_weight"
        value = 0.0
        if not weights:
            dtype = dtype_of(each.tensor)
            value = fills.of(each.name or each.key, each.called, dtype, mask=mask)
        name = MapName(each.called, "nearest" if mask else "bilinear", value)
        batch[name] = each.tensor[..., None] if _is_flat(each.tensor) else each.tensor
    layers = parts.get("bounding_boxes", {}).get("masks")
    return batch if layers is None else {**batch, INSTANCES: layers}


def finish(batch: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns masks and maps, but for those of boxes, in the form in which `parts` had them."""
    result: dict[str, Any] = {}
    for each in _maps(parts):
        moved = batch[each.called]
        moved = moved[..., 0] if _is_flat(each.tensor) else moved
        if each.name is None:
            result[each.key] = moved
        else:
            result.setdefault(each.key, {})[each.name] = moved
    return result


def _maps(parts: Mapping[str, Any]) -> Iterator[_Map]:
    for key in OF_PIXELS:
        given = parts.get(key)
        if isinstance(given, Mapping):
            for name, tensor in given.items():
                yield _Map(key, name, tensor)
        elif given is not None:
            yield _Map(key, None, given)


def _is_flat(tensor: Any) -> bool:
    return len(tensor.shape) == 3

"""What weather has in common: a map of weights for each row, and a color that covers it by them."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from kaug._apply.destination import result_like
from kaug._apply.dtypes import working_dtype
from kaug._colors import GRAY
from kaug._draw.draws import Draws
from kaug._kernels import read_only
from kaug._kernels.veils import TAPS, cover, fill_noise, fill_shapes, fill_units
from kaug._namespace import namespace
from kaug._tensors import ops, veils
from kaug._tensors.displacement import Nodes
from kaug._types import Array, Parameters
from kaug.transforms._bases.photometric import Normalized

# As many pixels of maps are made at once, to be used while they are in the cache.
_PIXELS = 2**17
# What octaves add to the numbers of their rows of nodes, which so never are the same.
_OCTAVE = 2**24
# Places nearer to each other than so many pixels share no node, and need not be told apart.
_CLOSEST = 1 / TAPS

Size = tuple[int, int]


@dataclass(frozen=True, repr=False)
class Veiled(Normalized):
    """A transform that puts a color over the image, with weights that a map of each row has."""

    #: What is left of the image where there is no color over it.
    gain: ClassVar[float] = 1.0

    @property
    @abstractmethod
    def color(self) -> tuple[float, float, float]:
        """Red, green and blue of 0..1; images that do not have three channels get their gray."""

    @abstractmethod
    def _filler(self, parameters: Parameters, size: Size) -> Callable[[slice, Array], None]:
        """Returns what fills maps `(M, H, W)`, float32, of a part of the rows."""

    @abstractmethod
    def _tensor_maps(self, parameters: Any, size: Size) -> Any:
        """Returns the maps `(B, H, W)` of tensors."""

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the options of each row, and two `words` `(M, 2)` that make its map."""
        return {**super().draw_parameters(draws), "words": draws.words(2)}

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        size, dtype = (images.shape[1], images.shape[2]), working_dtype(images.dtype)
        white = 255 if images.dtype == np.uint8 else 1
        tones = read_only((self._tones(images.shape[-1]) * white).astype(dtype))
        out, fill = result_like(images), self._filler(parameters, size)
        step = max(1, _PIXELS // max(1, size[0] * size[1]))
        maps = np.empty((min(step, len(images)), *size), np.float32)
        for start in range(0, len(images), step):
            part = slice(start, min(start + step, len(images)))
            own = maps[: part.stop - start]
            fill(part, own)
            cover(images[part], read_only(own), tones, dtype.type(self.gain), out[part], outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        weights = self._tensor_maps(parameters, (images.shape[1], images.shape[2]))[..., None]
        tones = ops.convert_to_tensor(self._tones(images.shape[-1]).astype(np.float32))
        return (1.0 - weights) * self.gain * images + weights * tones

    def _tones(self, channels: int) -> Array:
        """Returns the color in each of some channels."""
        if channels == 3:
            return np.array(self.color)
        return np.full(channels, np.dot(self.color, GRAY))


@dataclass(frozen=True, repr=False)
class OfShapes(Veiled):
    """A transform whose maps are drawn of soft shapes."""

    #: How many numbers a shape is made of.
    numbers: ClassVar[int]

    @property
    @abstractmethod
    def most(self) -> int:
        """How many shapes there are at most."""

    @abstractmethod
    def shapes(self, units: Any, parameters: Any, size: Size) -> list[Any]:
        """Returns the shapes of each row: ten arrays `(M, N)`, as `fill_shapes` has them.

        Args:
            units: Numbers of 0 to below 1, float32, one array `(M, N)` for each of `numbers`.
            parameters: Of the rows, float32 `(M, 1)`.
            size: Height and width of the images.
        """

    def opacities(self, parameters: Any) -> Any:
        """Returns what the weights of each row are multiplied by, `(M,)`."""
        words = parameters["words"]
        return namespace(words).ones_like(words[:, 0], dtype="float32")

    def first(self, count: Any) -> Any:
        """Returns 1 for so many shapes of each row, and 0 for the rest, float32 `(M, N)`.

        Args:
            count: Float32 `(M, 1)`.
        """
        xp = namespace(count)
        there = xp.arange(self.most, dtype="float32")[None] < count
        return there.astype(np.float32) if xp is np else xp.cast(there, "float32")

    def _filler(self, parameters: Parameters, size: Size) -> Callable[[slice, Array], None]:
        words = read_only(np.ascontiguousarray(parameters["words"]))
        units = np.empty((len(words), self.numbers * self.most), np.float32)
        fill_units(words, units)
        own = {name: np.asarray(parameters[name], np.float32) for name in self._ranges}
        shapes = read_only(np.stack(self._parts(units, own, size), axis=-1, dtype=np.float32))
        opacities = read_only(np.asarray(self.opacities(parameters), np.float32))
        return lambda part, maps: fill_shapes(shapes[part], opacities[part], maps)

    def _tensor_maps(self, parameters: Any, size: Size) -> Any:
        units = veils.units(parameters["words"], self.numbers * self.most)
        own = {name: ops.cast(parameters[name], "float32") for name in self._ranges}
        shapes = ops.stack(self._parts(units, own, size), axis=-1)
        opacities = ops.cast(self.opacities(parameters), "float32")
        return veils.shapes(shapes, opacities, size)

    def _parts(self, units: Any, parameters: dict[str, Any], size: Size) -> list[Any]:
        """Returns the ten parts of all shapes, each `(M, N)`."""
        units = namespace(units).reshape(units, (-1, self.numbers, self.most))
        own = {name: values[:, None] for name, values in parameters.items()}
        none = units[:, 0] * 0
        parts = self.shapes([units[:, k] for k in range(self.numbers)], own, size)
        return [none + part for part in parts]


class _Octaves(NamedTuple):
    """The nodes of all octaves, as `fill_noise` takes them."""

    node_rows: Array
    first_columns: Array
    starts: Array
    row_nodes: Array
    row_weights: Array
    column_nodes: Array
    column_weights: Array


@dataclass(frozen=True, repr=False)
class OfNoise(Veiled):
    """A transform whose maps are made of smooth noise.

    Noise is a sum of octaves, each a cubic B-spline of heights at the nodes of a square lattice,
    evenly over -1..1, with nodes counted from the centre. It is scaled to a variance of 1.
    """

    #: Of each octave the distance of its nodes, as a fraction of the shorter side, and its share.
    octaves: ClassVar[tuple[tuple[float, float], ...]]

    @abstractmethod
    def shaping(self, parameters: Any) -> list[Any]:
        """Returns what makes weights of noise: five numbers or arrays `(M,)`; see `fill_noise`."""

    def _filler(self, parameters: Parameters, size: Size) -> Callable[[slice, Array], None]:
        words, shaping = parameters["words"], self.shaping(parameters)
        return _noise_filler(words, self.octaves, shaping, size)

    def _tensor_maps(self, parameters: Any, size: Size) -> Any:
        words = parameters["words"]
        zero = ops.cast(words[:, 0] * 0, "float32")
        shaping = ops.stack([zero + values for values in self.shaping(parameters)], axis=1)
        return veils.noise(words, _nodes(self.octaves, size), _OCTAVE, shaping)


def noise_maps(
    words: Array, octaves: tuple[tuple[float, float], ...], shaping: list[Any], size: Size
) -> Array:
    """Returns maps `(M, H, W)` of noise, float32; see `OfNoise`."""
    maps = np.empty((len(words), *size), np.float32)
    _noise_filler(words, octaves, shaping, size)(slice(None), maps)
    return maps


def _noise_filler(
    words: Array, octaves: tuple[tuple[float, float], ...], shaping: list[Any], size: Size
) -> Callable[[slice, Array], None]:
    words, shapings = read_only(np.ascontiguousarray(words)), np.empty((len(words), 5), np.float32)
    for column, values in enumerate(shaping):
        shapings[:, column] = values
    nodes = _joined(octaves, size)
    return lambda part, maps: fill_noise(words[part], *nodes, read_only(shapings[part]), maps)


@lru_cache(maxsize=16)
def _nodes(octaves: tuple[tuple[float, float], ...], size: Size) -> list[tuple[Nodes, Nodes]]:
    """Returns the nodes of every octave that reach rows and columns; weights make a variance of 1.

    Heights have a variance of 1/3.
    """
    total = np.sqrt(sum(share**2 for _, share in octaves) / 3)
    result = []
    for spacing, share in octaves:
        step = max(spacing * min(size), _CLOSEST)
        rows, columns = (_reaching(side, step) for side in size)
        result.append((rows._replace(weights=rows.weights * (share / total)), columns))
    return result


def _reaching(side: int, step: float) -> Nodes:
    """Returns the nodes that reach each pixel of an axis; their squared weights sum to 1."""
    places = (np.arange(side) - (side - 1) / 2) / step
    nodes = np.floor(places).astype(np.int64) - 1
    f = places - np.floor(places)
    weights = np.stack(
        [(1 - f) ** 3, 3 * f**3 - 6 * f**2 + 4, 3 * f * (1 + f - f**2) + 1, f**3], axis=1
    )
    weights = weights / np.sqrt(np.sum(weights**2, axis=1, keepdims=True))
    first = int(nodes[0])
    return Nodes(first, int(nodes[-1]) - first + TAPS, nodes - first, weights)


@lru_cache(maxsize=16)
def _joined(octaves: tuple[tuple[float, float], ...], size: Size) -> _Octaves:
    pairs = _nodes(octaves, size)
    numbers = [
        np.arange(rows.first, rows.first + rows.number) + number * _OCTAVE
        for number, (rows, _) in enumerate(pairs)
    ]
    starts = np.cumsum([0, *(rows.number for rows, _ in pairs)])
    parts = _Octaves(
        node_rows=np.concatenate(numbers).astype(np.int32).view(np.uint32),
        first_columns=np.array([columns.first for _, columns in pairs], np.int32),
        starts=starts.astype(np.int64),
        row_nodes=np.stack(
            [rows.nearest + start for (rows, _), start in zip(pairs, starts, strict=False)]
        ),
        row_weights=np.stack([rows.weights for rows, _ in pairs]).astype(np.float32),
        column_nodes=np.stack([columns.nearest for _, columns in pairs]),
        column_weights=np.stack([columns.weights for _, columns in pairs]).astype(np.float32),
    )
    return _Octaves(*map(read_only, parts))

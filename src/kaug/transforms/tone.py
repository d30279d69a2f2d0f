"""Tone: curves, fewer levels, turned levels, and levels spread by the histogram.

All but curves are Pillow's, and bytes come out exactly as from `PIL.ImageOps`. What works on levels
works on 256 of them for floats too, the nearest one counting: `image / 255` comes out like `image`.
Values run from black to white: 0..255 for uint8, 0..1 for floats, `value_range` if that is given.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kaug._apply.destination import result_like
from kaug._apply.dtypes import working_dtype
from kaug._draw.draws import Draws
from kaug._kernels import histograms, pointwise, read_only
from kaug._tensors import ops, tone
from kaug._tensors.colors import by_row, levels_of, to_images
from kaug._types import Array, Parameters
from kaug.transforms._bases.fields import Integers, NumberOrPair, Range
from kaug.transforms._bases.photometric import Normalized, strengths


@dataclass(frozen=True, repr=False)
class ToneCurve(Normalized):
    """Bends the tones by a random curve from black to white that never falls.

    The curve is a cubic Bézier through (0, 0) and (1, 1), with control points above 1/3 and 2/3.
    Each of these is moved up or down from the diagonal, and the shadows or the lights with it: a
    value `x` becomes `x + 3 * x * (1 - x) * ((1 - x) * shadows + x * lights)`. So curves are
    steeper in the middle or flatter, lighter or darker. All channels have the same one.

    Masks, boxes and keypoints stay as they are.

    Args:
        scale: How far either point is moved, as a fraction of the value range, -1/3..1/3, as far as
            curves never fall. A number `r` means evenly on `[-r, r]`, a pair `[low, high]`; with 0
            nothing changes.
        value_range: See `Posterize`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed or reaches outside -1/3..1/3.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import ToneCurve
        >>> image = np.array([[[0, 50], [100, 150], [200, 255]]], "uint8")
        >>> ToneCurve((0.1, 0.1))(image, seed=0)[0]
        array([[  0,  62],
               [118, 169],
               [213, 255]], dtype=uint8)
    """

    _checks: ClassVar = {"scale": Range(minimum=-1 / 3, maximum=1 / 3)}

    scale: NumberOrPair = 0.15

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns `scale` `(M, 2)`: how far the shadows are moved, and how far the lights."""
        moves = [draws.uniform(*self._ends("scale")) for _ in range(2)]
        return {"scale": draws.xp.stack(moves, axis=1)}

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        moves = 3 * strengths(parameters, "scale", working_dtype(images.dtype))
        out = result_like(images)
        pointwise.bend(images, read_only(moves), out, outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        shadows, lights = (by_row(3 * parameters["scale"][:, part]) for part in range(2))
        return images + images * (1 - images) * (shadows + images * (lights - shadows))


@dataclass(frozen=True, repr=False)
class Posterize(Normalized):
    """Keeps the highest bits of each value, as `PIL.ImageOps.posterize` does.

    Args:
        bits: How many of the 8 bits of a value are kept, an integer of 1..8. A number means exactly
            that, a pair (fewest, most) any in between, drawn row by row.
        value_range: What is black and what is white; None takes 0 and the dtype's largest, or 1
            for floats. Values beyond are clipped.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `bits` reaches outside 1..8, or its pair is reversed.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Posterize
        >>> Posterize(2)(np.array([[[0, 63], [64, 127], [200, 255]]], "uint8"), seed=0)[0]
        array([[  0,   0],
               [ 64,  64],
               [192, 192]], dtype=uint8)
    """

    _checks: ClassVar = {"bits": Integers(1, 8)}

    bits: int | tuple[int, int] = 4

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        bits = strengths(parameters, "bits", np.int64)
        masks = 0xFF & ~(0xFF >> bits)
        if images.dtype == np.uint8:
            own = masks.astype(np.uint8)[:, None, None, None]
            return np.bitwise_and(images, own, out=result_like(images))
        out = result_like(images)
        pointwise.posterize_floats(images, read_only(masks.astype(np.int32)), out, outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        return to_images(tone.posterized(levels_of(images), by_row(parameters["bits"])))


@dataclass(frozen=True, repr=False)
class Solarize(Normalized):
    """Inverts the values from a threshold on, as `PIL.ImageOps.solarize` does.

    Args:
        threshold: Fraction of the value range, 0..1: the default 0.5 is Pillow's 128, 0 inverts
            everything, 1 white alone. A number means exactly that, a pair evenly on `[low, high]`.
        value_range: See `Posterize`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `threshold` reaches outside 0..1, or its pair is reversed.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Solarize
        >>> Solarize(0.5)(np.array([[[0, 100], [127, 128], [200, 255]]], "uint8"), seed=0)[0]
        array([[  0, 100],
               [127, 127],
               [ 55,   0]], dtype=uint8)
    """

    _checks: ClassVar = {"threshold": Range(minimum=0, maximum=1, number="exactly")}

    threshold: NumberOrPair = 0.5

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        thresholds = strengths(parameters, "threshold", np.float64)
        # A threshold that is a level of the images must not pass it by a rounding error.
        precision = working_dtype(images.dtype)
        thresholds = thresholds - 4 * np.finfo(precision).eps
        if images.dtype == np.uint8:
            own = np.clip(np.ceil(thresholds * 255), 0, 256).astype(np.uint16)
        else:
            own = thresholds.astype(precision)
        out = result_like(images)
        pointwise.solarize(images, read_only(own), out, outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        thresholds = by_row(parameters["threshold"])
        if not in_bytes:
            return tone.solarized(images, tone.least_solarized(thresholds), 1.0)
        least = tone.least_solarized_level(thresholds)
        return to_images(tone.solarized(levels_of(images), least, 255.0))


@dataclass(frozen=True, repr=False)
class AutoContrast(Normalized):
    """Stretches each channel to the full range, as `PIL.ImageOps.autocontrast` does.

    The darkest and the lightest of 256 levels become black and white. Between them bytes are cut
    off to whole levels, as Pillow does; floats are not.

    Args:
        cutoff: How many percent of the darkest and of the lightest samples of a channel do not
            count, 0..50. A number means exactly that, a pair evenly on `[low, high]`.
        value_range: See `Posterize`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `cutoff` reaches outside 0..50, or its pair is reversed.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import AutoContrast
        >>> AutoContrast()(np.array([[[50, 60], [70, 80], [90, 101]]], "uint8"), seed=0)[0]
        array([[  0,  50],
               [100, 150],
               [200, 255]], dtype=uint8)
    """

    _checks: ClassVar = {"cutoff": Range(minimum=0, maximum=50, number="exactly")}

    cutoff: NumberOrPair = 0.0

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        pixels = images.shape[1] * images.shape[2]
        cutoffs = strengths(parameters, "cutoff", np.float64)
        cuts = np.floor_divide(pixels * cutoffs, 100).astype(np.int64)
        out = result_like(images)
        histograms.autocontrast(images, read_only(cuts), out, outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        levels = levels_of(images)
        if self.cutoff == 0:
            ends = tone.ends(levels)
        else:
            counts = tone.histograms(tone.places(levels))
            samples = images.shape[1] * images.shape[2]
            ends = tone.ends_within(counts, parameters["cutoff"], samples)
        lines = tone.line_between(*ends)
        factors, offsets = (ops.reshape(each, (-1, 1, 1, images.shape[-1])) for each in lines)
        if in_bytes:
            return to_images(tone.stretched(levels, factors, offsets))
        return images * factors + to_images(offsets)


@dataclass(frozen=True, repr=False)
class Equalize(Normalized):
    """Makes the histogram of each channel as flat as can be, as `PIL.ImageOps.equalize` does.

    Args:
        p: Probability that a row is changed.
        value_range: See `Posterize`.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Equalize
        >>> image = np.repeat(np.array([[100, 101, 102], [103, 104, 105]], "uint8"), 51, axis=1)
        >>> Equalize(p=1)(image[None], seed=0)[0, :, ::51]
        array([[  0,  51, 102],
               [153, 204, 255]], dtype=uint8)
    """

    p: float = 0.5

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        del parameters
        out = result_like(images)
        histograms.equalize(images, out, outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del parameters, in_bytes
        where = tone.places(levels_of(images))
        return tone.look_up(tone.equalizing_tables(tone.histograms(where)), where, images)

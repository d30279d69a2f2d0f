"""The operations on values of the published policies, on tensors: for each row one of nine.

Those that move an image away from another are one blend, and those of levels one table for each
row and channel; of floats, which only two of them bring to levels, the others are a line.
"""

from collections.abc import Mapping
from typing import Any

from kaug._tensors import colors, ops, tone
from kaug._tensors.colors import by_row
from kaug._tensors.held import held
from kaug._tensors.sharpen import smoothed

# By the name of each operation, in which rows it is the one, bool `(B,)`.
Chosen = Mapping[str, Any]

# A threshold that no value reaches, and one that all do.
_NONE, _ALL = 2.0**10, -1.0


def changed(images: Any, chosen: Chosen, strengths: Any, *, in_bytes: bool) -> Any:
    """Returns images after each row's operation; a row without one may become anything.

    Args:
        images: `(B, H, W, C)`, float32 in 0..1.
        chosen: See above.
        strengths: `(B,)`, in the units of the operations.
        in_bytes: See `Ranged.change_tensors`.
    """
    images = held(images)
    gray = colors.gray(images, in_bytes=in_bytes) if images.shape[-1] == 3 else None
    mean = colors.means(images, in_bytes=in_bytes)
    # Channel by channel, so that pixels lie side by side.
    planes = [images[..., c : c + 1] for c in range(images.shape[-1])]
    change = _of_levels if in_bytes else _of_floats
    return ops.concatenate(
        [change(plane, gray, mean, chosen, strengths) for plane in planes], axis=-1
    )


def _of_levels(plane: Any, gray: Any, mean: Any, chosen: Chosen, strengths: Any) -> Any:
    """Returns one channel `(B, H, W, 1)`, of the 256 levels of bytes, after the operations."""
    levels = colors.levels_of(plane)
    places = tone.places(levels)
    counts = tone.histograms(places)
    tables = _tables(counts, chosen, strengths)
    least = _least(chosen, tone.least_solarized_level(strengths))
    inverted = tone.solarized(tone.every_level(), _to_tables(least), 255.0)
    tables = ops.where(_to_tables(chosen["Solarize"] | chosen["Invert"]), inverted, tables)
    stretched = tone.stretched(tone.every_level(), *tone.line_between(*tone.ends(levels)))
    tables = ops.where(_to_tables(chosen["AutoContrast"]), stretched, tables)
    # Of levels, not of their 255th parts: factors of the policies often end in a half.
    gray = None if gray is None else colors.levels_of(gray)
    bases = (gray, colors.levels_of(mean), smoothed(levels, whole=True))
    blended = colors.to_images(ops.floor(_blended(levels, chosen, strengths, bases) + 0.5))
    blends = by_row(_any(chosen, ("Brightness", "Color", "Contrast", "Sharpness")))
    return ops.where(blends, blended, tone.look_up(tables, places, plane))


def _of_floats(plane: Any, gray: Any, mean: Any, chosen: Chosen, strengths: Any) -> Any:
    """Returns one channel `(B, H, W, 1)` of floats after the operations."""
    levels = colors.levels_of(plane)
    places = tone.places(levels)
    counts = tone.histograms(places)
    bases = (gray, mean, smoothed(plane, whole=False))
    blended = _blended(plane, chosen, strengths, bases)
    factors, offsets = (by_row(each) for each in tone.line_between(*tone.ends(levels)))
    stretched = plane * factors + colors.to_images(offsets)
    result = ops.where(by_row(chosen["AutoContrast"]), stretched, blended)
    least = _least(chosen, tone.least_solarized(strengths))
    result = tone.solarized(result, by_row(least), 1.0)
    of_levels = by_row(chosen["Posterize"] | chosen["Equalize"])
    tables = _tables(counts, chosen, strengths)
    return ops.where(of_levels, tone.look_up(tables, places, plane), result)


def _blended(values: Any, chosen: Chosen, strengths: Any, bases: Any) -> Any:
    """Returns values moved away from black, their gray, its mean, or what is smooth."""
    gray, mean, smooth = bases
    factors = ops.where(_any(chosen, ("Brightness", "Contrast", "Sharpness")), strengths, 1.0)
    base = ops.where(by_row(chosen["Contrast"]), mean, 0.0)
    if gray is not None:
        factors = ops.where(chosen["Color"], strengths, factors)
        base = ops.where(by_row(chosen["Color"]), gray, base)
    # In the order in which arrays are computed: in another, what ends in a half rounds otherwise.
    sharp = by_row(chosen["Sharpness"])
    center = ops.where(sharp, smooth, 0.0)
    rest = ops.where(sharp, smooth, by_row(1.0 - factors) * base)
    return rest + by_row(factors) * (values - center)


def _tables(counts: Any, chosen: Chosen, strengths: Any) -> Any:
    """Returns those of what works on levels in floats as well, `(B, 1, 256)`."""
    bits = ops.where(chosen["Posterize"], strengths, 8.0)
    posterized = tone.posterized(tone.every_level(), _to_tables(bits))
    equalizing = tone.equalizing_tables(counts)
    return ops.where(_to_tables(chosen["Equalize"]), equalizing, posterized)


def _least(chosen: Chosen, thresholds: Any) -> Any:
    """Returns from where on values of each row are inverted, `(B,)`."""
    rest = ops.where(chosen["Invert"], _ALL, _NONE)
    return ops.where(chosen["Solarize"], thresholds, rest)


def _any(chosen: Chosen, names: tuple[str, ...]) -> Any:
    result = chosen[names[0]]
    for name in names[1:]:
        result = result | chosen[name]
    return result


def _to_tables(values: Any) -> Any:
    """Returns a number of each row, `(B,)`, to be computed with tables `(B, 1, 256)`."""
    return ops.reshape(values, (-1, 1, 1))

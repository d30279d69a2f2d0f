"""Colors and tone on tensors: against Pillow, and against arrays where dtypes are others."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image, ImageOps

from kaug._tensors import tone
from kaug._tensors.colors import levels_of
from kaug.layers import RandomTransform
from kaug.transforms import (
    AutoContrast,
    ChannelShift,
    ColorJitter,
    Contrast,
    Equalize,
    Gamma,
    Grayscale,
    Hue,
    Invert,
    Posterize,
    Saturation,
    Solarize,
)

# Vectors of many rows are computed otherwise than few, as divisions of TensorFlow's are.
ROWS = 300


def through_layer(transform, batch, *, compiled=False):
    layer = RandomTransform(transform, seed=5)
    data = {"images": ops.convert_to_tensor(batch), "index": ops.arange(len(batch), dtype="int32")}

    def call(given):
        return layer({**given, "epoch": np.int32(0)}, training=True)["images"]

    # Rows are given as well: what is drawn for rows that are known need not be compiled.
    if compiled and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        call = tf.function(call)
    elif compiled and keras.backend.backend() == "jax":
        import jax

        call = jax.jit(call)
    return ops.convert_to_numpy(call(data))


def uneven(count, shape):
    """Noise images of which each channel has a range of its own; one is of a single level."""
    rng = np.random.default_rng(1)
    ends = np.sort(rng.integers(0, 256, (2, count, 1, 1, shape[-1])), axis=0)
    values = ends[0] + rng.random((count, *shape)) ** 2 * (ends[1] - ends[0])
    values[0] = 77
    return values.astype("uint8")


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    "transform",
    [Posterize((1, 8)), Solarize((0, 1)), Equalize(p=1), Grayscale(p=0.5), Invert(p=0.5)],
    ids=lambda transform: type(transform).__name__,
)
def test_bytes_are_exact(transform, compiled):
    batch = uneven(ROWS, (9, 17, 3))
    own = through_layer(transform, batch, compiled=compiled)
    np.testing.assert_array_equal(own, transform(batch, seed=5))


@pytest.mark.parametrize(
    "transform",
    [
        AutoContrast(cutoff=(0, 20)),
        ChannelShift(0.5),
        ColorJitter(0.9, 0.9, 0.9, 0.5),
        Contrast(0.9),
        Equalize(p=1),
        Gamma(0.9),
        Hue(0.5),
        Posterize((1, 8)),
        Saturation(0.9),
        Solarize((0, 1)),
    ],
    ids=lambda transform: type(transform).__name__,
)
@pytest.mark.usefixtures("by_operation")
def test_other_dtypes_are_those_of_arrays(transform):
    levels = uneven(8, (9, 7, 4))
    wide = levels * np.uint16(257)
    difference = through_layer(transform, wide) - transform(wide, seed=5).astype(float)
    assert np.abs(difference).max() <= 2
    floats = (levels / 255).astype("float32")
    if not isinstance(transform, ColorJitter):  # of which a whole pixel becomes NaN
        floats[3, 2, 4] = np.nan
    np.testing.assert_allclose(
        through_layer(transform, floats), transform(floats, seed=5), atol=2e-5, rtol=0
    )
    spread = replace(transform, value_range=(-1, 1))
    twice = floats * 2 - 1
    np.testing.assert_allclose(
        through_layer(spread, twice), spread(twice, seed=5), atol=4e-5, rtol=0
    )
    assert through_layer(transform, levels[:0]).shape == (0, 9, 7, 4)


def test_tables_are_pillows():
    images = uneven(5, (31, 43, 3))
    levels = levels_of(ops.convert_to_tensor(images / np.float32(255)))
    counts = tone.histograms(tone.places(levels))
    bits, cutoffs = np.array([1, 3, 5, 8, 2]), np.array([0, 1, 7.5, 20, 49], "float32")
    least = tone.least_solarized_level(ops.convert_to_tensor(cutoffs[:, None, None] / 50))
    ends = tone.ends_within(counts, ops.convert_to_tensor(cutoffs), 31 * 43)
    for ours, known in zip(ends, tone.ends(levels), strict=True):  # whose cutoff is 0
        np.testing.assert_array_equal(ours[0], known[0])
    tables = {
        ImageOps.equalize: tone.equalizing_tables(counts),
        ImageOps.autocontrast: tone.stretched(tone.every_level(), *tone.line_between(*ends)),
        ImageOps.posterize: tone.posterized(
            tone.every_level(), ops.convert_to_tensor(bits[:, None, None])
        ),
        ImageOps.solarize: tone.solarized(tone.every_level(), least, 255.0),
    }
    options = {
        ImageOps.equalize: [()] * 5,
        ImageOps.autocontrast: [(float(each),) for each in cutoffs],
        ImageOps.posterize: [(int(each),) for each in bits],
        ImageOps.solarize: [(each / 50 * 255,) for each in cutoffs],
    }
    for operation, table in tables.items():
        table = np.broadcast_to(ops.convert_to_numpy(table), (5, 3, 256))
        for row, image in enumerate(images):
            expected = np.asarray(operation(Image.fromarray(image), *options[operation][row]))
            own = np.stack([table[row, c][image[..., c]] for c in range(3)], axis=-1)
            # Of whole numbers that Pillow's autocontrast computes, some fall below.
            short = own - expected
            allowed = (0, 1) if operation is ImageOps.autocontrast else (0,)
            assert np.isin(short, allowed).all(), operation.__name__

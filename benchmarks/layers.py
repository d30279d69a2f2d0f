"""`RandomTransform` beside Keras' layer for the same thing, both compiled as in a model.

    python benchmarks/layers.py [--backend jax] [--only NAME …] [--batch 64] [--size 224 224]

kaug's layer is given bytes, Keras' the same values as floats, which some of its layers ask for. On
TensorFlow Keras' layers are tried as a graph and compiled by XLA, and the faster of the two counts.
What is drawn differs, and so do strengths a little; kaug draws every decision for each image. The
memory is what the compiled program needs beside what goes in and comes out, which JAX can tell.
"""

# ruff: noqa: ARG005 - a column of functions of the same argument, whether they need it or not

import argparse
import os
import statistics
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "--backend" in sys.argv:  # before Keras is loaded
    os.environ["KERAS_BACKEND"] = sys.argv[sys.argv.index("--backend") + 1]

import _report
import keras
import numpy as np
from keras import layers

from kaug import transforms as T  # noqa: N812 - a table of them
from kaug.layers import RandomTransform

BACKEND = keras.backend.backend()
BYTES = (0, 255)
NEAREST = {"fill_mode": "nearest"}

# Of each: kaug's transform and Keras' layer, the latter as a function of the size of an image.
CONTESTS = {
    "HorizontalFlip": (T.HorizontalFlip(), lambda size: layers.RandomFlip("horizontal")),
    "Rotation": (T.Rotation(10), lambda size: layers.RandomRotation(10 / 360, **NEAREST)),
    "Translation": (
        T.Translation(0.1, 0.1),
        lambda size: layers.RandomTranslation(0.1, 0.1, **NEAREST),
    ),
    "Zoom": (T.Zoom(0.1), lambda size: layers.RandomZoom(0.1, **NEAREST)),
    "Shear": (T.Shear(10), lambda size: layers.RandomShear(x_factor=0.17, **NEAREST)),
    "flip, rotation, shear, translation, zoom": (
        T.Compose([T.HorizontalFlip(), T.Affine(rotation=10, shear=5, width_shift=0.1, zoom=0.1)]),
        lambda size: keras.Sequential(
            [
                layers.RandomFlip("horizontal"),
                layers.RandomRotation(10 / 360, **NEAREST),
                layers.RandomShear(x_factor=0.09, **NEAREST),
                layers.RandomTranslation(0.1, 0.1, **NEAREST),
                layers.RandomZoom(0.1, **NEAREST),
            ]
        ),
    ),
    "RandomCrop": (
        "RandomCrop",
        lambda size: layers.RandomCrop(size[0] * 3 // 4, size[1] * 3 // 4),
    ),
    "RandomResizedCrop": (
        T.RandomResizedCrop((0.3, 1)),
        lambda size: keras.Sequential(
            [layers.RandomCrop(size[0] * 3 // 4, size[1] * 3 // 4), layers.Resizing(*size)]
        ),
    ),
    "Perspective": (T.Perspective(0.3), lambda size: layers.RandomPerspective(1.0, 0.3)),
    "ElasticDeformation": (
        T.ElasticDeformation(),
        lambda size: layers.RandomElasticTransform(1.0, value_range=BYTES),
    ),
    "Brightness": (T.Brightness(0.2), lambda size: layers.RandomBrightness(0.2, BYTES)),
    "Contrast": (T.Contrast(0.2), lambda size: layers.RandomContrast(0.2, BYTES)),
    "Saturation": (
        T.Saturation(0.2),
        lambda size: layers.RandomSaturation((0.4, 0.6), BYTES),
    ),
    "Hue": (T.Hue(0.05), lambda size: layers.RandomHue(0.1, BYTES)),
    "ColorJitter": (
        T.ColorJitter(),
        lambda size: layers.RandomColorJitter(BYTES, 0.2, 0.2, (0.4, 0.6), 0.1),
    ),
    "Grayscale": (T.Grayscale(p=0.5), lambda size: layers.RandomGrayscale(0.5)),
    "Invert": (T.Invert(p=0.5), lambda size: layers.RandomInvert((0.5, 0.5), BYTES)),
    "Posterize": (T.Posterize(4), lambda size: layers.RandomPosterization(4, BYTES)),
    "Solarize": (T.Solarize((0, 1)), lambda size: layers.Solarization(0, 1.0, BYTES)),
    "AutoContrast": (T.AutoContrast(), lambda size: layers.AutoContrast(BYTES)),
    "Equalize": (T.Equalize(p=1), lambda size: layers.Equalization(BYTES)),
    "Sharpness": (T.Sharpness(), lambda size: layers.RandomSharpness((0.0, 1.0), BYTES)),
    "GaussianBlur": (
        T.GaussianBlur((0.3, 2)),
        lambda size: layers.RandomGaussianBlur(1.0, 17, (0.3, 2.0), BYTES),
    ),
    "Erasing": (
        T.Erasing(p=1),
        lambda size: layers.RandomErasing((1.0, 1.0), (0.1, 0.5), value_range=BYTES),
    ),
    "MixUp": (T.MixUp(), lambda size: layers.MixUp(0.2)),
    "CutMix": (T.CutMix(), lambda size: layers.CutMix(1.0)),
    "AugMix": (T.AugMix(), lambda size: layers.AugMix(BYTES)),
    "RandAugment": (T.RandAugment(), lambda size: layers.RandAugment(BYTES, 2, 0.3)),
}


def compiled(layer, images, *, jit):
    """Returns a function of nothing that calls a layer on images in a compiled program."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        call = tf.function(
            lambda given: layer(given, training=True), autograph=False, jit_compile=jit
        )
        return lambda: call(images).numpy(), None
    if BACKEND == "jax":
        import jax

        layer.build(images.shape)
        state = [variable.value for variable in layer.non_trainable_variables]

        def call(values, given):
            return layer.stateless_call([], values, given, training=True)

        program = jax.jit(call).lower(state, images).compile()
        memory = program.memory_analysis().temp_size_in_bytes
        return lambda: program(state, images)[0].block_until_ready(), memory
    return lambda: keras.ops.convert_to_numpy(layer(images, training=True)), None


def fastest(layer, images):
    """Returns the faster way to call one of Keras' layers, or None if none runs."""
    ways = []
    for jit in (False, True) if BACKEND == "tensorflow" else (False,):
        try:
            way = compiled(layer, images, jit=jit)
            way[0]()
        except Exception as error:  # whatever it is, the others go on
            print(f"does not run (jit={jit}): {str(error).splitlines()[0][:100]}", flush=True)
            continue
        times = _report.take_turns({"": lambda turn, way=way: way[0]()}, 2)[""]
        ways.append((min(times), way))
    return min(ways, key=lambda each: each[0])[1] if ways else None


def measure(name, images, repeats):
    """Returns the seconds of every round, and the memory beside input and result, by name."""
    transform, make = CONTESTS[name]
    size = images.shape[1:3]
    if isinstance(transform, str):
        transform = getattr(T, transform)(size[0] * 3 // 4, size[1] * 3 // 4)
    ours = compiled(RandomTransform(transform, seed=0), keras.ops.convert_to_tensor(images), jit=0)
    floats = keras.ops.convert_to_tensor(images.astype("float32"))
    ways = {"kaug": ours, "Keras": fastest(make(size), floats)}
    ways = {who: way for who, way in ways.items() if way}
    turns = {who: lambda turn, way=way: way[0]() for who, way in ways.items()}
    seconds = _report.take_turns(turns, repeats)
    return {who: {"seconds": seconds[who], "bytes": way[1]} for who, way in ways.items()}


def row_of(name, measured, images):
    """Returns a row of the table."""
    medians = {who: statistics.median(each["seconds"]) for who, each in measured.items()}
    batch = images.nbytes * 4  # of floats
    memory = [
        f"{measured[who]['bytes'] / batch:.1f}"
        if who in measured and measured[who]["bytes"] is not None
        else "–"
        for who in ("kaug", "Keras")
    ]
    ratio = f"{medians['Keras'] / medians['kaug']:.2f}" if "Keras" in medians else "–"
    return (name, f"{len(images) / medians['kaug']:,.0f}", ratio, *memory)


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--backend", choices=("tensorflow", "jax", "torch"), help="of Keras")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--size", type=int, nargs=2, default=(224, 224))
    parser.add_argument("--only", nargs="*", choices=list(CONTESTS), help="print, write nothing")
    arguments = parser.parse_args()
    shape = (arguments.batch, *arguments.size, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")
    results, rows = {}, []
    for name in arguments.only or CONTESTS:
        results[name] = measure(name, images, arguments.repeats)
        rows.append(row_of(name, results[name], images))
        print(*rows[-1], flush=True)
    header = (
        "transform",
        "images a second",
        "time of Keras' layer, kaug = 1",
        "memory of kaug, batch of floats = 1",
        "memory of Keras",
    )
    title = f"{' × '.join(map(str, shape))}, {BACKEND} backend"
    whole = not arguments.only and arguments.batch == 64
    name = "layers" if BACKEND == "tensorflow" else f"layers_{BACKEND}"
    _report.write(name if whole else None, results, [(title, header, rows)])


if __name__ == "__main__":
    main()

"""Augmentation while training: the dataset by itself, beside a network, and the layer.

    python benchmarks/online.py [--repeats 7] [--blocks 10] [--steps 20] [--backend tensorflow]
                                [--only dataset|training|layer]

Everything that is compared takes turns. Writes results/online.json and .md; with another backend
than TensorFlow, results/online_BACKEND.json and .md.
"""

import argparse
import os
import statistics
import sys
import time
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

if "--backend" in sys.argv:  # before Keras is imported
    os.environ["KERAS_BACKEND"] = sys.argv[sys.argv.index("--backend") + 1]

import _report
import keras
import numpy as np

import kaug
from kaug.layers import RandomTransform
from kaug.transforms import Affine, Compose, HorizontalFlip

# The tutorial's policy.
POLICY = Compose(
    [
        Affine(rotation=10, height_shift=0.1, width_shift=0.1, shear=0.5, zoom=0.1),
        HorizontalFlip(),
    ]
)
BATCH = 50  # the tutorial's
BACKEND = keras.backend.backend()


def dataset_alone(repeats):
    """Returns the seconds of a pass over 60,000 images, by dtype and batch size."""
    floats = kaug.load_fashion_mnist()[0][0]
    y = np.zeros(len(floats), np.int64)
    contestants = {}
    for x in ((floats * 255).astype(np.uint8), floats):
        for size in (256, 32):
            dataset = kaug.AugmentedDataset(x, y, POLICY, batch_size=size, seed=0)
            contestants[f"{x.dtype}, batches of {size}"] = one_pass(dataset)
    return _report.take_turns(contestants, repeats)


def one_pass(dataset):
    def run(turn):
        dataset.epoch = turn
        for batch in dataset:
            del batch

    return run


class Clock(keras.callbacks.Callback):
    """Takes the time of each step but the first ones, which Keras may spend on compiling."""

    def __init__(self):
        super().__init__()
        self.ends = []

    def on_train_batch_end(self, batch, logs=None):  # noqa: ARG002 - Keras passes both
        self.ends.append(time.perf_counter())

    def per_step(self):
        return float(np.mean(np.diff(self.ends)))


def training(blocks, steps):
    """Returns the seconds of a step on plain arrays and on datasets, block after block.

    All train the same network for as many steps. A block is a call of `fit`, whose first step,
    with all that `fit` sets up, is not counted.
    """
    (x, y), _ = kaug.load_fashion_mnist()
    x, y = x[: (steps + 1) * BATCH], y[: (steps + 1) * BATCH]
    model = kaug.build_fashion_cnn()
    plain = {"x": x, "y": y, "batch_size": BATCH}

    def dataset(**options):
        return kaug.AugmentedDataset(x, y, POLICY, batch_size=BATCH, seed=0, **options)

    sources = {
        "plain arrays": plain,
        "plain arrays again": plain,  # tells what of a difference is noise
        "AugmentedDataset": {"x": dataset()},
        "AugmentedDataset, two workers": {"x": dataset(workers=2)},
        "AugmentedDataset.to_tf_dataset()": {"x": dataset().to_tf_dataset()},
    }
    seconds = {name: [] for name in sources}
    for block in range(blocks + 1):
        for name, source in sources.items():
            clock = Clock()
            model.fit(**source, shuffle=False, verbose=0, callbacks=[clock])
            if block:
                seconds[name].append(clock.per_step())
    return seconds


def layer_against_chain(repeats):
    """Returns the seconds for all images of kaug's layer and of five layers of Keras, by images."""
    rng = np.random.default_rng(0)
    workloads = {
        "30,000 × 28×28×1": (kaug.load_fashion_mnist()[0][0][:30_000], 256),
        "500 × 224×224×3": (rng.random((500, 224, 224, 3), np.float32), 50),
    }
    results = {}
    for name, (x, size) in workloads.items():
        layers = {"kaug.layers.RandomTransform": RandomTransform(POLICY, seed=0), "chain": chain()}
        contestants = {each: over_batches(layer, x, size) for each, layer in layers.items()}
        results[name] = _report.take_turns(contestants, repeats)
    return results


def chain():
    fill = {"fill_mode": "nearest", "interpolation": "bilinear"}
    return keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomRotation(10 / 360, **fill),
            keras.layers.RandomShear(0.0087, 0.0, **fill),
            keras.layers.RandomTranslation(0.1, 0.1, **fill),
            keras.layers.RandomZoom(0.1, 0.1, **fill),
        ]
    )


def over_batches(layer, x, size):
    """Returns what calls a layer on every batch, compiled as in a model."""
    layer(x[:1], training=True)  # makes its variables
    call = compiled(layer)
    batches = [
        keras.ops.convert_to_tensor(x[start : start + size]) for start in range(0, len(x), size)
    ]

    def run(turn):
        for batch in batches:
            result = call(batch)
        return keras.ops.convert_to_numpy(result)  # waits for what is computed meanwhile

    return run


def compiled(layer):
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return tf.function(partial(layer, training=True), autograph=False)
    if BACKEND == "jax":
        import jax

        state = layer.non_trainable_variables

        @jax.jit
        def call(values, images):
            return layer.stateless_call([], values, images, training=True)

        def run(images):
            result, values = call([variable.value for variable in state], images)
            for variable, value in zip(state, values, strict=True):
                variable.assign(value)
            return result

        return run
    return partial(layer, training=True)


def tables(results):
    if "dataset" in results:
        rows = []
        for name, times in results["dataset"].items():
            median = statistics.median(times)
            batches = -(-60_000 // int(name.split()[-1]))
            rows.append((name, f"{60_000 / median:,.0f}", f"{median / batches * 1e3:.3f}"))
        header = ("28×28×1", "images a second (median)", "milliseconds a batch")
        yield "`AugmentedDataset` alone, with labels", header, rows
    if "training" in results:
        medians = {name: statistics.median(times) for name, times in results["training"].items()}
        plain = results["training"]["plain arrays"]
        rows = []
        for name, times in results["training"].items():
            # Each block is set against the one of its own round.
            ratios = [one / other for one, other in zip(times, plain, strict=True)]
            rows.append((name, f"{medians[name]:.4f}", f"{statistics.median(ratios):.3f}"))
        header = ("trained on", "seconds a step (median)", "time, plain arrays = 1")
        yield f"The tutorial's network, batches of {BATCH}", header, rows
    for name, seconds in results.get("layer", {}).items():
        ours = statistics.median(seconds["kaug.layers.RandomTransform"])
        rows = [
            (each, f"{statistics.median(times):.3f}", f"{statistics.median(times) / ours:.1f}")
            for each, times in seconds.items()
        ]
        header = ("", "seconds (median)", "time, kaug = 1")
        yield f"The layer, {name} float32, {BACKEND} backend", header, rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7, help="rounds of dataset and layer")
    parser.add_argument("--blocks", type=int, default=10, help="blocks of training steps")
    parser.add_argument("--steps", type=int, default=20, help="training steps in a block")
    parser.add_argument("--backend", choices=("tensorflow", "jax", "torch"), help="of Keras")
    parser.add_argument("--only", choices=("dataset", "training", "layer"))
    arguments = parser.parse_args()
    measures = {
        "dataset": lambda: dataset_alone(arguments.repeats),
        "training": lambda: training(arguments.blocks, arguments.steps),
        "layer": lambda: layer_against_chain(arguments.repeats),
    }
    results = {
        name: measure() for name, measure in measures.items() if arguments.only in (None, name)
    }
    name = "online" if BACKEND == "tensorflow" else f"online_{BACKEND}"
    _report.write(name, results, list(tables(results)))


if __name__ == "__main__":
    main()

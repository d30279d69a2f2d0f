"""What validation says against what the test says, for three ways to split augmented data.

    python benchmarks/validation.py [--seeds 3]

A network and a nearest-neighbour classifier learn from 3,000 garments of Fashion-MNIST and
augmented copies of them. What each split calls its validation accuracy is set beside the accuracy
on the 10,000 test images, which nothing was made of. Writes results/validation.json and .md.
"""

import argparse
import os
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import _report
import keras
import numpy as np

import kaug
from kaug.transforms import Affine, Compose, HorizontalFlip

ROWS = 3_000
TUTORIAL = Compose(
    [Affine(rotation=10, height_shift=0.1, width_shift=0.1, shear=0.5, zoom=0.1), HorizontalFlip()]
)
MILD = Affine(rotation=2, height_shift=0.02, width_shift=0.02)
# The tutorial appends half as many copies as there are pictures.
CASES = {
    "the tutorial's policy, half as many copies": (TUTORIAL, ROWS // 2),
    "hardly any change, three times as many copies": (MILD, 3 * ROWS),
}


def tail(x, y, policy, n, seed):
    """What `fit(validation_split=0.25)` does with appended rows: the last quarter."""
    x, y = kaug.augment_dataset(x, y, n, policy, seed=seed, verbose=0)
    cut = int(len(x) * 0.75)
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


def split_first(x, y, policy, n, seed):
    training, validation = kaug.train_validation_split(x, y, seed=seed)
    n = n * len(training[0]) // len(x)
    return kaug.augment_dataset(*training, n, policy, seed=seed, verbose=0), validation


def grouped(x, y, policy, n, seed):
    x, y, index = kaug.augment_dataset(x, y, n, policy, seed=seed, return_index=True, verbose=0)
    return kaug.train_validation_split(x, y, groups=index, seed=seed)


SPLITS = {
    "appended, then the last quarter": tail,
    "appended, then split with `groups`": grouped,
    "split first": split_first,
}


def network(training, seed):
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Flatten(), keras.layers.Dense(128, "relu")]
    model = keras.Sequential([*layers, keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*training, epochs=10, batch_size=64, verbose=0)
    return lambda x, y: model.evaluate(x, y, batch_size=1000, verbose=0)[1]


def nearest_neighbour(training, seed):
    known = training[0].reshape(len(training[0]), -1)
    norms = (known**2).sum(axis=1)

    def accuracy(x, y):
        parts = np.array_split(x.reshape(len(x), -1), 20)
        nearest = np.concatenate([(norms - 2 * part @ known.T).argmin(axis=1) for part in parts])
        return float((training[1][nearest] == y).mean())

    return accuracy


MODELS = {"network of 128 units": network, "nearest neighbour": nearest_neighbour}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(parser.parse_args().seeds)
    (x_all, y_all), test = kaug.load_fashion_mnist()
    results, sections = {}, []
    for case, (policy, n) in CASES.items():
        rows = []
        for model, learn in MODELS.items():
            for split, make in SPLITS.items():
                measured = []
                for seed in seeds:
                    chosen = np.random.default_rng(seed).permutation(len(x_all))[:ROWS]
                    training, validation = make(x_all[chosen], y_all[chosen], policy, n, seed)
                    accuracy = learn(training, seed)
                    measured.append((accuracy(*validation), accuracy(*test)))
                results[f"{case}; {model}; {split}"] = measured
                said, true = (statistics.mean(each) for each in zip(*measured, strict=True))
                rows.append((model, split, f"{said:.3f}", f"{true:.3f}", f"{said - true:+.3f}"))
        header = ("model", "validation rows", "validation accuracy", "test accuracy", "difference")
        sections.append((f"{case[0].upper()}{case[1:]}", header, rows))
    _report.write("validation", results, sections)


if __name__ == "__main__":
    main()

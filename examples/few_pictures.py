"""What augmentation is worth with few pictures: 1,000 of Fashion-MNIST, with it and without.

A small network, three seeds, 3,200 steps each: a short run of some five minutes on two cores.
"Does augmentation help?" in the documentation has the long ones.
"""

import argparse

import keras
import numpy as np

import kaug
from kaug.transforms import Compose, HorizontalFlip, Identity, TrivialAugmentWide

TRIVIAL = TrivialAugmentWide(max_translation=0.15)
POLICIES = {"none": Identity(), "augmented": Compose([HorizontalFlip(), TRIVIAL])}


def build_model(steps):
    """Returns a network of 80,000 weights, and Adam with a learning rate that falls to zero."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for filters in (32, 64, 96):
        model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D())
    for layer in (layers.Flatten(), layers.Dropout(0.5), layers.Dense(10, activation="softmax")):
        model.add(layer)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def main() -> None:
    """Trains and tests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=3200, help="of 50 pictures")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    (x, y), (x_test, y_test) = kaug.load_fashion_mnist()
    found = {name: [] for name in POLICIES}
    for seed in range(args.seeds):
        rest = 1 - args.pictures / len(x)
        few, _ = kaug.train_validation_split(x, y, validation_split=rest, seed=seed)
        for name, policy in POLICIES.items():
            keras.utils.set_random_seed(seed)
            fresh = kaug.AugmentedDataset(*few, policy, batch_size=50, seed=seed)
            model = build_model(args.steps)
            model.fit(fresh, epochs=-(-args.steps // len(fresh)), shuffle=False, verbose=0)
            found[name].append(model.evaluate(x_test, y_test, batch_size=500, verbose=0)[1])
            print(f"seed {seed}, {name}: {found[name][-1]:.4f} of the test set", flush=True)
    for name, right in found.items():
        print(f"{name}: {np.mean(right):.4f} ({min(right):.4f} to {max(right):.4f})")


if __name__ == "__main__":
    main()

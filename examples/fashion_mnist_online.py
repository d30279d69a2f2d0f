"""Augmentation that helps: the tutorial's network, fresh pictures in every epoch.

The recipe behind the row `best` of the documentation's page "Does augmentation help?", in full:
28 epochs, somewhat over an hour on two cores. For a look in minutes:

    python examples/fashion_mnist_online.py --epochs 1 --steps 150
"""

import argparse

import keras

import kaug
from kaug.transforms import Compose, Erasing, HorizontalFlip, MixUp

BATCH_SIZE = 50


def main() -> None:
    """Trains and tests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=28)
    parser.add_argument("--steps", type=int, help="of 50 images in an epoch; default: all 1,200")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    keras.utils.set_random_seed(args.seed)

    (x_train, y_train), (x_test, y_test) = kaug.load_fashion_mnist()
    policy = Compose([HorizontalFlip(), Erasing(), MixUp(num_classes=10, p=0.5)])
    fresh = kaug.AugmentedDataset(x_train, y_train, policy, batch_size=BATCH_SIZE, seed=args.seed)

    model = kaug.build_fashion_cnn(dropout=0.1, compile=False)
    steps = args.epochs * (args.steps or len(fresh))
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    model.compile(
        # The average of the weights over the last thousand steps or so replaces them at the end.
        optimizer=keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.999),
        loss="categorical_crossentropy",  # MixUp makes labels shares of classes
        metrics=["acc"],
    )
    history = model.fit(fresh, epochs=args.epochs, steps_per_epoch=args.steps)
    kaug.plot_history(history).savefig("history.png")
    model.save("fashion_cnn.keras")  # first: Keras 3.15 under JAX cannot once it was evaluated

    one_hot = keras.utils.to_categorical(y_test, 10)
    loss, accuracy = model.evaluate(x_test, one_hot, batch_size=500, verbose=0)
    print(f"test loss {loss:.4f}, test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()

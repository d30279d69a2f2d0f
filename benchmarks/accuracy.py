"""What augmentation does to the accuracy of the tutorial's network, arm by arm.

    python benchmarks/accuracy.py --arm best --seed 0     one run, or the rest of it

Every arm trains the same network of 5,185,482 parameters with Adam for as many steps of 50 images:
33,750, which is what the tutorial's 25 epochs of 67,500 images are. A run is a pure function of its
arguments but for the rounding of the machine. It is killed and started again at will: it goes on
after its last checkpoint with the same batches. A finished run adds one line to
`results/accuracy.jsonl`.

`--validate` trains on 50,000 images and tests on the other 10,000 of the training set. That is what
everything is chosen by; the test set is read once, at the end of a run without it.
"""

import argparse
import json
import os
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import _fast_training
import _report
import keras
import numpy as np

import kaug
from kaug.transforms import (
    Affine,
    Compose,
    CutMix,
    Erasing,
    HorizontalFlip,
    Identity,
    MixUp,
    PadAndCrop,
    RandAugment,
    Transform,
    TrivialAugmentWide,
)

HERE = Path(__file__).parent
BATCH = 50
STEPS = 33_750
APPENDED = 30_000
HELD_OUT = 1 / 6
EVALUATE_EVERY = 1_350
SAVE_EVERY = 450

TUTORIAL = Compose(
    [
        Affine(rotation=10, height_shift=0.1, width_shift=0.1, shear=0.5, zoom=0.1),
        HorizontalFlip(),
    ]
)
FLIP = HorizontalFlip()


@dataclass(frozen=True)
class Recipe:
    """How one arm trains."""

    policy: Transform = field(default_factory=Identity)
    appended: bool = False  # augment 30,000 rows once and train on the first 75 % of the 90,000
    dropout: float = 0.5
    cosine: bool = False  # let the learning rate fall to zero by a cosine, else keep it
    ema: float = 0.0  # momentum of the average of the weights that is tested, 0 for none
    weight_decay: float = 0.0


AVERAGED = {"cosine": True, "ema": 0.999}
MIXED = Compose([FLIP, Erasing(), MixUp(num_classes=10, p=0.5)])
# What was tried on the way; `--validate` with a quarter or half of the steps.
CROP = PadAndCrop(2 / 28)
MILD = Affine(rotation=5, zoom=0.05, height_shift=0.04, width_shift=0.04, p=0.5)
TRIALS = {
    "cosine": Recipe(cosine=True),
    "cosine-randaugment": Recipe(RandAugment(), cosine=True),
    "cosine-trivialaugment": Recipe(TrivialAugmentWide(max_translation=0.15), cosine=True),
    "plain": Recipe(dropout=0.25, **AVERAGED),
    "plain-d50": Recipe(dropout=0.5, **AVERAGED),
    "plain-d10": Recipe(dropout=0.1, **AVERAGED),
    "flip": Recipe(FLIP, dropout=0.25, **AVERAGED),
    "flip-crop": Recipe(Compose([FLIP, CROP]), dropout=0.25, **AVERAGED),
    "flip-erasing": Recipe(Compose([FLIP, Erasing()]), dropout=0.25, **AVERAGED),
    "flip-cutmix": Recipe(Compose([FLIP, CutMix(num_classes=10, p=0.5)]), dropout=0.25, **AVERAGED),
    "flip-mixup": Recipe(Compose([FLIP, MixUp(num_classes=10, p=0.5)]), dropout=0.25, **AVERAGED),
    "flip-erasing-d10": Recipe(Compose([FLIP, Erasing()]), dropout=0.1, **AVERAGED),
    "flip-erasing-cutmix": Recipe(
        Compose([FLIP, Erasing(), CutMix(num_classes=10, p=0.25)]), dropout=0.25, **AVERAGED
    ),
    "flip-erasing-mixup": Recipe(MIXED, dropout=0.25, **AVERAGED),
    "flip-erasing-mixup-d10": Recipe(MIXED, dropout=0.1, **AVERAGED),
    "flip-erasing-affine": Recipe(Compose([FLIP, MILD, Erasing()]), dropout=0.25, **AVERAGED),
    "flip-trivialaugment-d10": Recipe(
        Compose([FLIP, TrivialAugmentWide(max_translation=0.15)]), dropout=0.1, **AVERAGED
    ),
    "flip-erasing-decay": Recipe(
        Compose([FLIP, Erasing()]), weight_decay=0.05, dropout=0.25, **AVERAGED
    ),
}
ARMS = {
    "none": Recipe(),
    "tutorial": Recipe(TUTORIAL, appended=True),
    "online": Recipe(TUTORIAL),
    "best-none": TRIALS["plain"],
    "best": TRIALS["flip-erasing-mixup-d10"],
}


class Run:
    """One training, which can stop at any step and go on."""

    def __init__(
        self,
        arm: str,
        recipe: Recipe,
        *,
        seed: int,
        steps: int,
        validate: bool,
        folder: Path,
        pictures: int | None = None,
    ) -> None:
        self.recipe, self.pictures = recipe, pictures
        self.steps, self.seed, self.validate = steps, seed, validate
        self.facts = {
            "arm": arm,
            "seed": seed,
            "steps": steps,
            "validate": validate,
            "precision": keras.config.dtype_policy().name,
            "recipe": {**asdict(recipe), "policy": repr(recipe.policy)},
        }
        kind = "validate" if validate else "test"
        name = f"{arm}-{kind}-{steps}-{seed}-{self.facts['precision']}"
        if pictures is not None:
            self.facts["pictures"] = pictures
            name += f"-{pictures}"
        self.checkpoint = folder / f"{name}.npz"
        keras.utils.set_random_seed(self.seed)
        self.dataset, self.held_out = self._data()
        self.model = self._model()
        self.step, self.seconds, self.curves = 0, 0.0, []
        self.sums = np.zeros(
            3
        )  # of losses, of shares of right answers, of steps since the last point
        if self.checkpoint.exists():
            self._load()

    def _data(self):
        (x, y), test = kaug.load_fashion_mnist()
        if self.validate or self.pictures is not None:
            kept, held_out = kaug.train_validation_split(x, y, validation_split=HELD_OUT, seed=0)
            (x, y), test = kept, (held_out if self.validate else test)
        if self.pictures is not None:
            rows = balanced_rows(y, self.pictures, self.seed)
            x, y = x[rows], y[rows]
        policy = self.recipe.policy
        if self.recipe.appended:
            x, y = kaug.augment_dataset(x, y, len(x) // 2, policy, seed=self.seed)
            kept = len(x) * 3 // 4
            x, y, policy = x[:kept], y[:kept], Identity()
        return kaug.AugmentedDataset(x, y, policy, batch_size=BATCH, seed=self.seed), test

    def _model(self):
        recipe = self.recipe
        rate = keras.optimizers.schedules.CosineDecay(1e-3, self.steps) if recipe.cosine else 1e-3
        model = kaug.build_fashion_cnn(dropout=recipe.dropout, compile=False)
        if self.facts["precision"] == "float32":
            model = _fast_training.with_winograd(model)
        model.compile(
            optimizer=keras.optimizers.Adam(
                rate,
                weight_decay=recipe.weight_decay or None,
                use_ema=recipe.ema > 0,
                ema_momentum=recipe.ema or 0.99,
            ),
            loss="categorical_crossentropy",
            metrics=["acc"],
        )
        model.optimizer.build(model.trainable_variables)
        return model

    def train(self) -> None:
        """Trains to the last step."""
        batches = len(self.dataset)
        train_on = _fast_training.training_step(self.model)
        began = time.perf_counter()
        while self.step < self.steps:
            self.dataset.epoch, batch = divmod(self.step, batches)
            x, y = self.dataset[batch]
            self.sums += [*train_on(x, _one_hot(y)).numpy(), 1]
            self.step += 1
            if self.step % EVALUATE_EVERY == 0 or self.step == self.steps:
                self._note()
            if self.step % SAVE_EVERY == 0 or self.step == self.steps:
                now = time.perf_counter()
                self.seconds += now - began
                began = now
                self._save()

    def _note(self) -> None:
        loss, accuracy = (self.sums[:2] / self.sums[2]).tolist()
        self.sums[:] = 0
        point = {"step": self.step, "loss": loss, "acc": accuracy}
        if self.validate:
            with self._averaged():
                loss, accuracy = self.model.evaluate(
                    self.held_out[0], _one_hot(self.held_out[1]), batch_size=500, verbose=0
                )
            point |= {"val_loss": float(loss), "val_acc": float(accuracy)}
        self.curves.append(point)
        print(self.facts["arm"], self.seed, json.dumps(point), flush=True)

    @contextmanager
    def _averaged(self):
        """Puts the averaged weights in place, and back afterwards."""
        weights = self.model.get_weights()
        if self.recipe.ema:
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        yield
        for variable, value in zip(self.model.trainable_variables, weights, strict=True):
            variable.assign(value)

    def result(self):
        """Returns what a finished run leaves, read from the held-out set."""
        x, y = self.held_out
        with self._averaged():
            predicted = self.model.predict(x, batch_size=500, verbose=0)
            mirrored = self.model.predict(x[:, :, ::-1], batch_size=500, verbose=0)
        confusion = np.zeros((10, 10), int)
        np.add.at(confusion, (y, predicted.argmax(axis=1)), 1)
        return {
            **self.facts,
            **_scores(predicted, y),
            "with_mirrored": _scores((predicted + mirrored) / 2, y),
            "seconds": round(self.seconds, 1),
            "curves": self.curves,
            "confusion": confusion.tolist(),
            **_report.environment(),
        }

    def scored(self, sets):
        """Returns the accuracy on every set of `(name, images, labels)`."""
        with self._averaged():
            return {
                name: _scores(self.model.predict(x, batch_size=500, verbose=0), y)["accuracy"]
                for name, x, y in sets
            }

    # Checkpoints --------------------------------------------------------------------------------

    def _variables(self):
        seeds = [v for v in self.model.variables if v.path.endswith("seed_generator_state")]
        return [*self.model.trainable_variables, *self.model.optimizer.variables, *seeds]

    def _save(self) -> None:
        state = json.dumps([self.step, self.seconds, self.sums.tolist(), self.curves, self.facts])
        arrays = {f"v{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(self._variables())}
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        part = self.checkpoint.with_suffix(".part.npz")
        np.savez(part, state=np.array(state), **arrays)
        part.replace(self.checkpoint)  # at once: a kill leaves the old one or the new one

    def _load(self) -> None:
        with np.load(self.checkpoint) as saved:
            state = json.loads(str(saved["state"]))
            self.step, self.seconds, sums, self.curves, facts = state
            self.sums[:] = sums
            if facts != json.loads(json.dumps(self.facts)):
                raise SystemExit(f"{self.checkpoint} is of another recipe: {facts}. Remove it.")
            for i, variable in enumerate(self._variables()):
                variable.assign(saved[f"v{i}"])


def balanced_rows(y, count, seed):
    """Returns `count` rows, as many of every class; of one seed the fewer are among the more."""
    shuffled = np.random.default_rng(seed).permutation(len(y))
    classes = np.unique(y)
    each = [shuffled[y[shuffled] == one][: count // len(classes)] for one in classes]
    return np.sort(np.concatenate(each))


def _one_hot(y):
    return keras.utils.to_categorical(y, 10) if y.ndim == 1 else y


def _scores(predicted, y):
    likely = np.clip(predicted[np.arange(len(y)), y], 1e-7, 1)
    right = predicted.argmax(axis=1) == y
    return {"loss": float(-np.log(likely).mean()), "accuracy": float(right.mean())}


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--arm", choices=[*ARMS, *TRIALS])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--validate", action="store_true")
    parser.add_argument("--precision", choices=["float32", "mixed_bfloat16"], default="float32")
    parser.add_argument("--folder", type=Path, default=HERE / "runs", help="for checkpoints")
    arguments = parser.parse_args()
    keras.config.set_dtype_policy(arguments.precision)
    run = Run(
        arguments.arm,
        {**TRIALS, **ARMS}[arguments.arm],
        seed=arguments.seed,
        steps=arguments.steps,
        validate=arguments.validate,
        folder=arguments.folder,
    )
    run.train()
    line = json.dumps(run.result())
    with (HERE / "results" / "accuracy.jsonl").open("a") as file:
        file.write(line + "\n")
    run.checkpoint.unlink()


if __name__ == "__main__":
    main()

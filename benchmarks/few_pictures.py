"""What augmentation is worth with few pictures and with many: a curve for each policy.

    python benchmarks/few_pictures.py --trials     what the recipe is chosen by
    python benchmarks/few_pictures.py              the curve

The tutorial's network on 100 to 60,000 pictures of Fashion-MNIST, as many of every class, with each
policy for equally many steps. Up to 10,000 the pictures come from the 50,000 that are left when
10,000 of the training set are held out; those of one seed are nested, the fewer among the more, and
another seed has others. The learning rate falls by a cosine and the weights are averaged, and the
dropout of every policy is the one that did best with it on the held-out pictures (`--trials`). The
test set is read once, at the end of a run; so is the corrupted test set, where it is. What
`accuracy.py` has run on all pictures, without augmentation and with `best`, is not run again.

A finished run adds a line to `results/few_pictures.jsonl`; what is there is not run again. A run
that was killed goes on after its last checkpoint. `--part 1/2` and `--part 2/2`, side by side, do
half of the runs each.
"""

import argparse
import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import accuracy
import keras
import numpy as np
from few_pictures_report import ALL, ARMS

import kaug
from kaug.transforms import Compose, Corruption, Erasing, Identity, MixUp, TrivialAugmentWide

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "few_pictures.jsonl"
PRECISION = "mixed_bfloat16"

POLICIES = {
    "none": Identity(),
    "tutorial": accuracy.TUTORIAL,
    "best": accuracy.MIXED,
    "trivialaugment": Compose([accuracy.FLIP, TrivialAugmentWide(max_translation=0.15)]),
    "mild": Compose([accuracy.FLIP, accuracy.MILD, Erasing(), MixUp(num_classes=10, p=0.5)]),
}
# Steps of 50 pictures, the same for every policy, by the number of pictures.
STEPS = {100: 2_000, 300: 2_000, 1_000: 2_000, 3_000: 3_000, 10_000: 6_750, 60_000: 33_750}
DROPOUTS = (0.1, 0.5)
TRIED, TRIAL_SEED = (300, 3_000), 100
CORRUPTED = (1_000, 10_000)  # numbers of pictures whose networks see corrupted ones too
CORRUPTED_SEEDS, CORRUPTED_ROWS = 3, 2_000


class Job(NamedTuple):
    """One run: what its line is found by."""

    pictures: int
    policy: str
    dropout: float
    seed: int
    validate: bool


def trials() -> Iterator[Job]:
    """Yields the runs that the dropout is chosen by."""
    for pictures in TRIED:
        for dropout in DROPOUTS:
            for policy in POLICIES:
                yield Job(pictures, policy, dropout, TRIAL_SEED, validate=True)


def curve() -> Iterator[Job]:
    """Yields the runs of the curve: three seeds of all but the longest, and then the rest."""
    dropouts = chosen_dropouts()
    first = range(3)
    order = [
        *((seed, pictures) for seed in first for pictures in STEPS if pictures <= 3_000),
        *((seed, 10_000) for seed in first),
        *((seed, pictures) for seed in (3, 4) for pictures in STEPS if pictures <= 3_000),
        *((seed, 60_000) for seed in first),
    ]
    for seed, pictures in order:
        for policy in POLICIES:
            if pictures == ALL and policy in ARMS:
                continue  # `accuracy.py` did
            yield Job(pictures, policy, dropouts[pictures, policy], seed, validate=False)


def chosen_dropouts() -> dict[tuple[int, str], float]:
    """Returns by numbers of pictures and policy the dropout that did best in the trials."""
    done = finished()
    best = {}
    for pictures, policy in product(STEPS, POLICIES):
        near = min(TRIED, key=lambda tried: abs(np.log(tried / pictures)))
        tried = [Job(near, policy, dropout, TRIAL_SEED, validate=True) for dropout in DROPOUTS]
        best[pictures, policy] = max(tried, key=lambda job: done[job]["accuracy"]).dropout
    return best


def finished() -> dict[Job, dict]:
    """Returns the lines of the runs that are done."""
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    runs = [json.loads(line) for line in lines]
    return {
        Job(
            run["pictures"], run["arm"], run["recipe"]["dropout"], run["seed"], run["validate"]
        ): run
        for run in runs
    }


def one_line(job: Job, folder: Path) -> str:
    """Trains and tests, and returns what is to be kept of it."""
    pictures = None if job.pictures == 60_000 else job.pictures
    run = accuracy.Run(
        job.policy,
        accuracy.Recipe(POLICIES[job.policy], dropout=job.dropout, **accuracy.AVERAGED),
        seed=job.seed,
        steps=STEPS[job.pictures],
        validate=job.validate,
        folder=folder,
        pictures=pictures,
    )
    run.train()
    result = run.result() | {"pictures": job.pictures}
    if not job.validate and job.pictures in CORRUPTED and job.seed < CORRUPTED_SEEDS:
        result["corrupted"] = run.scored(corrupted(folder))
    run.checkpoint.unlink()
    return json.dumps(result)


def corrupted(folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yields corrupted test pictures with their labels, `"fog 3"` and so on; makes them once."""
    _, (x, y) = kaug.load_fashion_mnist()
    x, y = x[:CORRUPTED_ROWS], y[:CORRUPTED_ROWS]
    for name in Corruption.names:
        for severity in range(1, 6):
            path = folder / f"{name}-{severity}.npy"
            if not path.exists():
                images = Corruption(name, severity)(x, seed=0)
                part = path.with_suffix(".part.npy")
                np.save(part, images)
                part.replace(path)
            yield f"{name} {severity}", np.load(path), y


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", action="store_true")
    parser.add_argument("--part", default="1/1", help="K/N: the Kth of N shares of the runs")
    parser.add_argument("--pictures", type=int, nargs="*", default=[*STEPS])
    parser.add_argument("--folder", type=Path, default=HERE / "runs", help="for checkpoints")
    arguments = parser.parse_args()
    keras.config.set_dtype_policy(PRECISION)
    part, parts = map(int, arguments.part.split("/"))
    done = finished()
    jobs = trials() if arguments.trials else curve()
    wanted = [job for job in jobs if job.pictures in arguments.pictures]
    for number, job in enumerate(wanted):
        if job not in done and number % parts == part - 1:
            line = one_line(job, arguments.folder)
            with RESULTS.open("a") as file:
                file.write(line + "\n")


if __name__ == "__main__":
    main()

"""Ray Data beside the plain loop: blocks of three sizes on one worker and on two.

    python benchmarks/ray_data.py [--rows 60000] [--blocks 2 24 240] [--repeats 5]

What Ray takes for itself is shown by a function that returns its batch as it is. Blocks lie in
Ray's memory beforehand, and each is taken out of it again. Before anything is timed, the rows are
compared with the plain loop's, bit for bit. Writes results/ray_data.json and .md.
"""

import argparse
import logging
import os
import statistics
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import _report
import numpy as np
import ray
from ray.data.block import BlockAccessor

import kaug
from kaug.integrations.ray import augment
from kaug.transforms import Affine, Compose, HorizontalFlip

MOVES = {"rotation": 10, "zoom": 0.1, "shear": 0.5, "width_shift": 0.1, "height_shift": 0.1}
POLICY = Compose([Affine(**MOVES, keep_aspect=False), HorizontalFlip()])
JOINED = 4096  # rows that small blocks are joined to


def images_of(rows):
    """Returns as many Fashion-MNIST pictures, again and again from the first one."""
    (x, _), _ = kaug.load_fashion_mnist(dtype="uint8")
    return np.resize(x, (rows, *x.shape[1:]))


def dataset_of(images, blocks, workers):
    """Returns the pictures as a dataset in Ray's memory."""
    parts = np.array_split(np.arange(len(images)), blocks)
    made = [BlockAccessor.batch_to_block({"image": images[part], "row": part}) for part in parts]
    dataset = ray.data.from_blocks(made).materialize()
    dataset.context.execution_options.resource_limits = ray.data.ExecutionResources(cpu=workers)
    return dataset


def consume(dataset):
    """Takes every block out of Ray's memory."""
    return sum(
        len(batch["row"]) for batch in dataset.iter_batches(batch_size=None, batch_format="numpy")
    )


def augmented(dataset, turn, **options):
    return augment(dataset, POLICY, seed=0, epoch=turn, index_column="row", **options)


def run(dataset, turn, **options):
    return consume(augmented(dataset, turn, **options))


def run_nothing(dataset, turn):
    del turn
    same = dataset.map_batches(lambda batch: batch, batch_size=None, zero_copy_batch=True)
    return consume(same)


def check(dataset, images, **options):
    """Raises when a row is not the plain loop's."""
    made = np.empty_like(images)
    for batch in augmented(dataset, 0, **options).iter_batches(batch_size=None):
        made[batch["row"]] = batch["image"]
    if not np.array_equal(made, POLICY(images, seed=0)):
        raise AssertionError("Ray's rows are not those of the plain loop")


def contestants_of(images, blocks, workers):
    """Returns what takes turns, by (blocks, workers, what), checked."""
    contestants = {("", "threads", "plain loop"): lambda turn: POLICY(images, seed=0, epoch=turn)}
    for number in blocks:
        for worker in workers:
            dataset = dataset_of(images, number, worker)
            check(dataset, images)
            check(dataset, images, batch_size=JOINED)
            key = (number, worker)
            contestants |= {
                (*key, "augment"): partial(run, dataset),
                (*key, f"augment, batch_size={JOINED}"): partial(run, dataset, batch_size=JOINED),
                (*key, "nothing"): partial(run_nothing, dataset),
            }
    return contestants


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--blocks", type=int, nargs="*", default=[2, 24, 240])
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.init(num_cpus=max(options.workers), include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    images = images_of(options.rows)
    seconds = _report.take_turns(
        contestants_of(images, options.blocks, options.workers), options.repeats
    )
    ray.shutdown()
    results = [
        {"blocks": blocks, "workers": workers, "what": what, "seconds": taken}
        for (blocks, workers, what), taken in seconds.items()
    ]
    rows = []
    for result in results:
        median = statistics.median(result["seconds"])
        facts = (f"{median:.3f}", f"{options.rows / median:,.0f}")
        rows.append((result["what"], result["blocks"], result["workers"], *facts))
    title = f"{options.rows:,} Fashion-MNIST pictures through Ray Data (28×28 uint8)"
    header = ("function", "blocks", "workers", "seconds (median)", "rows a second")
    _report.write("ray_data", {"rows": options.rows, "runs": results}, [(title, header, rows)])


if __name__ == "__main__":
    main()

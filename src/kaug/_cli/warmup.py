"""`kaug warmup`: compiles what policies need, ahead of their first call."""

import argparse
import math
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from typing import NamedTuple

import numpy as np

from kaug._cli.policy import read_policy
from kaug._kernels import announcing, caching
from kaug._memory import check_memory
from kaug._processors import available_processors
from kaug._validation import message
from kaug.transforms import Transform

#: What is compiled when no policy is named, longest first.
USUAL = (
    "AugMix",
    "Compose([RandomResizedCrop(), HorizontalFlip(), ColorJitter(0.4, 0.4, 0.4, 0.1)])",
    "TrivialAugmentWide",
    "RandAugment",
    "tutorial",
    "AutoAugment",
    "Compose([Erasing(), MixUp(), CutMix()])",
)
_SIZES = ((32, 32, 3), (28, 28, 1))
_ROWS, _SEEDS = 64, 4  # with which everything a published policy can draw is drawn
_RULE = "Images, and what is made of them, must fit into memory"
_SAMPLES = 2**24  # at most, in a call


class _Warm(NamedTuple):
    kernels: int
    cannot: tuple[tuple[str, str], ...]  # where they could not be kept, and what to do


def run(arguments: argparse.Namespace) -> None:
    """Compiles, in as many processes as there are cores, and writes how long it took."""
    texts = USUAL if arguments.policy is None else (arguments.policy,)
    jobs = [
        (text, dtype, arguments.size or _SIZES)
        for text in texts
        for dtype in _dtypes(read_policy(text), arguments.dtypes)
    ]
    for size in arguments.size or ():
        check_memory(size, np.dtype("f8"), 2, 0, "Choose a smaller --size.", _RULE)
    place = caching.place()
    begin = time.monotonic()
    processes = min(len(jobs), available_processors())
    context = multiprocessing.get_context("spawn")  # as under Windows, on all systems
    with ProcessPoolExecutor(processes, context, initializer=_start) as pool:
        done = list(pool.map(_warm, *zip(*jobs, strict=True)))
    for text, fix in (each for one in done for each in one.cannot):
        raise ValueError(message(caching.RULE, text, fix))
    seconds, kernels = time.monotonic() - begin, sum(each.kernels for each in done)
    made = f"{_many(kernels, 'kernel')} compiled" if kernels else "nothing left to compile"
    print(f"{made}, {seconds:.1f} s in {_many(processes, 'process')}; kept in {place}")


def _many(number: int, name: str) -> str:
    plural = f"{name}es" if name.endswith("s") else f"{name}s"
    return f"{number} {name if number == 1 else plural}"


def _dtypes(policy: Transform, wanted: list[str] | None) -> list[str]:
    """Returns the dtypes to compile for: bytes as well, if a policy takes them."""
    if wanted:
        return list(dict.fromkeys(wanted))
    only_floats = any(leaf._leaves_range for leaf in policy._leaves())
    return ["float32"] if only_floats else ["uint8", "float32"]


def _start() -> None:
    os.environ.update(KAUG_NUM_THREADS="1", KAUG_QUIET="1")


def _warm(text: str, dtype: str, sizes: tuple[tuple[int, ...], ...]) -> _Warm:
    """Compiles what a policy needs for images of a dtype, in a process of its own."""
    policy, before = read_policy(text), announcing.count
    for size, seed in product(sizes, range(_SEEDS)):
        rows = max(2, min(_ROWS, _SAMPLES // math.prod(size)))
        noise = np.random.default_rng(seed).random((rows, *size))
        whole = np.issubdtype(np.dtype(dtype), np.integer)
        images = (noise * np.iinfo(dtype).max if whole else noise).astype(dtype)
        policy(images, seed=seed)
    return _Warm(announcing.count - before, tuple(caching.told))

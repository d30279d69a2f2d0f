"""`kaug bench`: how fast a policy is on this machine, beside a plain copy."""

import argparse
import math
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from itertools import count, product
from typing import Any

import numpy as np

from kaug._cli.policy import read_policy
from kaug._memory import check_memory
from kaug._parallel import num_threads
from kaug._types import Array
from kaug._version import __version__
from kaug.transforms import Transform

Call = Callable[[Array], Any]

_SIZES = ((28, 28, 1), (224, 224, 3))
_BYTES = 2**23  # of images in a call: much for a cache, little to wait for
_FEWEST_ROUNDS = 3
_ROW = "{:20}  {:16}  {:>12}  {:>14}"


def run(arguments: argparse.Namespace) -> None:
    """Measures, and writes a table to stdout."""
    policy = read_policy(arguments.policy)
    calls: dict[str, Call] = {"a plain copy": np.copy, **_kaug_calls(policy)}
    if arguments.keras:
        from kaug._cli.keras_rivals import rivals

        calls |= rivals()
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba"))
    print(f"kaug {__version__}, {versions}, Python {platform.python_version()}")
    # The load, since others may be computing.
    print(f"{platform.platform()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    print(f"policy: {policy!r}\n")
    print(_ROW.format("images", "made by", "images/s", "time, copy = 1"), flush=True)
    workloads = list(product(arguments.size or _SIZES, ("uint8", "float32")))
    for size, dtype in workloads:
        images = _noise(size, np.dtype(dtype))
        seconds = _measure(list(calls.values()), images, arguments.seconds / len(workloads))
        speeds = 1 / np.median(seconds, axis=0)
        ratios = np.median(seconds / seconds[:, :1], axis=0)
        name = f"{'x'.join(map(str, size))} {dtype}"
        for who, speed, ratio in zip(calls, speeds, ratios, strict=True):
            digits = ",.0f" if speed >= 10 else ".2g"
            print(_ROW.format(name, who, format(speed, digits), f"{ratio:,.1f}"), flush=True)


def _noise(size: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    number = max(1, _BYTES // (math.prod(size) * dtype.itemsize))
    rule = "Images, and what is made of them, must fit into memory"
    check_memory(size, np.dtype("f8"), 3 * number, 0, "Choose a smaller --size.", rule)
    noise = np.random.default_rng(0).integers(0, 256, (number, *size), np.uint8)
    return noise if dtype == np.uint8 else (noise / 255).astype(dtype)


def _kaug_calls(policy: Transform) -> dict[str, Call]:
    """Returns the policy on one thread and on all, by name."""
    seeds = count()

    def on(threads: int) -> Call:
        def call(images: Array) -> Any:
            os.environ["KAUG_NUM_THREADS"] = str(threads)
            return policy(images, seed=next(seeds))

        return call

    numbers = sorted({1, num_threads()})
    return {f"kaug, {number} thread{'s' if number > 1 else ''}": on(number) for number in numbers}


def _measure(calls: list[Call], images: Array, seconds: float) -> Array:
    """Returns how long an image takes, `(rounds, calls)`; in a round, all take their turn."""
    for call in calls:
        call(images)  # warms up
    rounds: list[list[float]] = []
    end = time.perf_counter() + seconds
    while len(rounds) < _FEWEST_ROUNDS or time.perf_counter() < end:
        rounds.append([_seconds(call, images) for call in calls])
    return np.array(rounds)


def _seconds(call: Call, images: Array) -> float:
    start = time.perf_counter()
    made = call(images)
    return (time.perf_counter() - start) / len(made)

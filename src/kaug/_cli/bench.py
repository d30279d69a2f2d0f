"""`kaug bench`: how fast a policy is on this machine, beside a plain copy."""

import argparse
import math
import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug import __version__
from kaug._cli.arrays import read_dataset
from kaug._cli.notes import note
from kaug._cli.pictures import read_picture
from kaug._cli.policy import TUTORIAL, read_policy
from kaug._parallel import num_threads
from kaug._validation import check_images, message, with_channels
from kaug.transforms import Transform

Array = NDArray[Any]
Call = Callable[[Array], object]

_SIZES = ((28, 28, 1), (224, 224, 3))
_BYTES = 2**24  # of images of bytes: more than most caches hold
_FEWEST_ROUNDS = 3
_ROUNDS = 5  # that a contestant's calls are cut to
_KERAS_BYTES = 2**22  # of images of bytes in a batch for Keras
_TITLES = ("images", "made by", "images/s", "time, copy = 1")


@dataclass(frozen=True)
class Contestant:
    """Something that makes images, and how many of them a call is given."""

    name: str
    call: Call
    images: Array

    def seconds(self) -> float:
        """Returns how long it takes for an image."""
        start = time.perf_counter()
        self.call(self.images)
        return (time.perf_counter() - start) / len(self.images)


def run(arguments: argparse.Namespace) -> None:
    """Measures, and writes the table to stdout."""
    if arguments.keras and arguments.policy != TUTORIAL:
        rule = "--keras needs the policy tutorial, which Keras can do as well"
        arguments.usage_error(message(rule, f"--policy {arguments.policy}", "Leave one out."))
    policy = read_policy(arguments.policy)
    batches = list(_workloads(arguments))
    ours: dict[str, Call] = {"a plain copy": np.copy, **_kaug_calls(policy)}
    theirs: dict[str, Call] = {}
    if arguments.keras:
        from kaug._cli.keras_rivals import rivals

        theirs = rivals()
    note(arguments, f"measuring, for about {arguments.seconds:g} s")
    rows: list[tuple[str, ...]] = []
    for images in batches:
        name = f"{'x'.join(map(str, images.shape[1:]))} {images.dtype}"
        rows += _measure(name, ours, theirs, images, arguments.seconds / len(batches))
    print("\n".join([*_machine(), f"policy: {policy!r}", "", *_table(rows)]))


def _workloads(arguments: argparse.Namespace) -> Iterator[Array]:
    """Yields batches of images: of a file of arrays as they are, else as bytes and as floats."""
    path = Path(arguments.images or "")
    if path.suffix.lower() == ".npz":
        images = with_channels(check_images(read_dataset(path).images))
        if not len(images):
            rule = "There must be images to measure with"
            raise ValueError(message(rule, f"none in {str(path)!r}"))
        yield _repeated(images)
        return
    if arguments.images is not None:
        picture = with_channels(read_picture(path)[0][np.newaxis])
        noise = [picture if picture.dtype == np.uint8 else np.rint(picture * 255).astype(np.uint8)]
    else:
        generator = np.random.default_rng(0)
        noise = [
            generator.integers(0, 256, (max(1, _BYTES // math.prod(size)), *size), np.uint8)
            for size in arguments.size or _SIZES
        ]
    for images in map(_repeated, noise):
        yield images
        yield (images / 255).astype(np.float32)


def _repeated(images: Array) -> Array:
    """Returns as many images as are enough to measure with."""
    number = max(1, _BYTES // math.prod(images.shape[1:]))
    return images[np.arange(number) % len(images)]


def _kaug_calls(policy: Transform) -> dict[str, Call]:
    """Returns the policy on one thread and on all, by name."""
    seeds = count()

    def call(images: Array, threads: int) -> None:
        with _on_threads(threads):
            policy(images, seed=next(seeds))

    calls: dict[str, Call] = {}
    for threads in sorted({1, num_threads()}):
        name = f"kaug, {threads} thread{'s' if threads > 1 else ''}"
        calls[name] = partial(call, threads=threads)
    return calls


@contextmanager
def _on_threads(number: int) -> Iterator[None]:
    before = os.environ.get("KAUG_NUM_THREADS")
    os.environ["KAUG_NUM_THREADS"] = str(number)
    try:
        yield
    finally:
        if before is None:
            del os.environ["KAUG_NUM_THREADS"]
        else:
            os.environ["KAUG_NUM_THREADS"] = before


def _measure(
    name: str, ours: dict[str, Call], theirs: dict[str, Call], images: Array, seconds: float
) -> Iterator[tuple[str, ...]]:
    """Yields a row of the table for each contestant; they take turns, round by round."""
    slot = seconds / (len(ours) + len(theirs)) / _ROUNDS
    # The copy is of as many images as the policy makes, which is what decides how fast it is.
    same = images[: max(_fitting(call, images, slot) for call in list(ours.values())[1:])]
    contestants = [Contestant(who, call, same) for who, call in ours.items()]
    # Calling a layer takes long, however few images it is called with.
    batch = min(256, max(16, _KERAS_BYTES // max(1, math.prod(images.shape[1:]))))
    contestants += [Contestant(who, call, images[:batch]) for who, call in theirs.items()]
    for each in contestants:
        each.seconds()  # warms up
    rounds: list[list[float]] = []
    end = time.perf_counter() + seconds
    while len(rounds) < _FEWEST_ROUNDS or time.perf_counter() < end:
        rounds.append([each.seconds() for each in contestants])
    for number, each in enumerate(contestants):
        speed = 1 / statistics.median(turn[number] for turn in rounds)
        ratio = statistics.median(turn[number] / turn[0] for turn in rounds)
        digits = ",.0f" if speed >= 10 else ".2g"
        yield (name if number == 0 else "", each.name, format(speed, digits), f"{ratio:,.1f}")


def _fitting(call: Call, images: Array, slot: float) -> int:
    """Returns how many images a call can make in that many seconds; the first one warms up."""
    number = min(4, len(images))
    call(images[:number])
    while True:
        took = number * Contestant("", call, images[:number]).seconds()
        if number == len(images) or took > slot / 4:
            return min(len(images), max(1, int(number * slot / took)))
        number = min(len(images), 4 * number)


def _machine() -> list[str]:
    """Returns what the numbers depend on."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba"))
    where = f"{platform.system()} {platform.machine()}"
    return [
        f"kaug {__version__}, {versions}, Python {platform.python_version()}, {where}",
        f"{_processor()}, {num_threads()} of {os.cpu_count()} processors, "
        f"load average {os.getloadavg()[0]:.1f}",  # others may be computing
    ]


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
    named = re.search(r"^model name\s*: (.+)$", text, re.M)
    return named[1] if named else platform.processor() or "unknown processor"


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    rows = [_TITLES, *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_TITLES))]
    return [
        f"{what:{widths[0]}}  {who:{widths[1]}}  {speed:>{widths[2]}}  {ratio:>{widths[3]}}"
        for what, who, speed, ratio in rows
    ]

"""`augment_dataset` as a whole: against the tutorial's own lines, its memory, its growth with n.

    python benchmarks/offline.py [--repeats 5]

Writes results/offline.json and .md.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import _report
import numpy as np

import kaug

N = 30_000

SET_UP = """
import json, sys, time
import numpy as np, kaug
(x, y), _ = kaug.load_fashion_mnist()
"""
GENERATOR = """
from tensorflow.keras.preprocessing.image import ImageDataGenerator
generator = ImageDataGenerator(
    rotation_range=10, zoom_range=0.1, shear_range=0.5,
    width_shift_range=0.1, height_shift_range=0.1, horizontal_flip=True,
)
"""
NATIVE = """
from kaug.transforms import Affine, Compose, HorizontalFlip
generator = Compose([
    Affine(rotation=10, zoom=0.1, shear=0.5, width_shift=0.1, height_shift=0.1, keep_aspect=False),
    HorizontalFlip(),
])
"""
# The tutorial's lines, with next(...) for the .next() that Keras 3 no longer has.
TUTORIAL = """
def run(seed):
    index = np.random.randint(len(x), size=30_000)
    flow = generator.flow(x[index].copy(), np.zeros(30_000), batch_size=30_000, shuffle=False)
    augmented = next(flow)[0]
    return np.concatenate((x, augmented)), np.concatenate((y, y[index]))
"""
KAUG = """
def run(seed):
    return kaug.augment_dataset(x, y, 30_000, generator, seed=seed, verbose=0)
"""
# The peak of resident memory above what there was before, less the result itself.
MEMORY = """
def status(field):
    for line in open("/proc/self/status"):
        if line.startswith(field):
            return int(line.split()[1]) * 1024
small = x, y
x, y = x[:64], y[:64]
try:
    kaug.augment_dataset(x, y, 64, generator, seed=0, verbose=0)  # loads what is loaded once
finally:
    x, y = small
open("/proc/self/clear_refs", "w").write("5")
before = status("VmRSS")
result = run(0)
size = sum(part.nbytes for part in result)
print(json.dumps({"result": size, "extra": status("VmHWM") - before - size}))
"""
FIRST_CALL = """
start = time.perf_counter()
import numpy as np, kaug
from kaug.transforms import Rotation
x = np.zeros((1000, 28, 28, 1), "float32")
imported = time.perf_counter()
kaug.augment_dataset(x, None, 1000, Rotation(), seed=0, verbose=0)
first = time.perf_counter()
kaug.augment_dataset(x, None, 1000, Rotation(), seed=0, verbose=0)
print(json.dumps([imported - start, first - imported, time.perf_counter() - first]))
"""


def python(code, **variables):
    """Runs code in a fresh process and returns the JSON on its last line."""
    done = subprocess.run(
        [sys.executable, "-c", "import json, time\n" + code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
    )
    return json.loads(done.stdout.splitlines()[-1])


def whole_call(repeats):
    """Returns the seconds of the tutorial's lines and of kaug, interleaved in one process."""
    scope = {}
    exec(SET_UP + GENERATOR, scope)
    contestants = {}
    for name, code in (("tutorial", TUTORIAL), ("kaug", KAUG)):
        exec(code, scope)
        contestants[name] = scope["run"]
    return _report.take_turns(contestants, repeats)


def growth(repeats):
    """Returns the seconds for n augmented uint8 rows, by n."""
    scope = {}
    exec(SET_UP + NATIVE, scope)
    x, y = (scope["x"] * 255).astype(np.uint8), scope["y"]

    def run(n, turn):
        generator = scope["generator"]
        return kaug.augment_dataset(x, y, n, generator, seed=turn, append=False, verbose=0)

    sizes = (1_000, 10_000, 100_000, 1_000_000)
    return _report.take_turns({n: partial(run, n) for n in sizes}, repeats)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats

    whole = whole_call(repeats)
    memory = {
        "tutorial": python(SET_UP + GENERATOR + TUTORIAL + MEMORY),
        "kaug, Keras' generator": python(SET_UP + GENERATOR + KAUG + MEMORY),
        "kaug, native transforms": python(SET_UP + NATIVE + KAUG + MEMORY),
    }
    grown = growth(repeats)
    cached = [python(FIRST_CALL) for _ in range(3)][1:]
    with tempfile.TemporaryDirectory() as empty:
        uncached = python(FIRST_CALL, NUMBA_CACHE_DIR=empty)

    medians = {name: statistics.median(times) for name, times in whole.items()}
    sections = [
        (
            f"Append {N:,} augmented images to 60,000 (28×28×1 float32)",
            ("", "seconds (median)", "range", "time, kaug = 1"),
            [
                (
                    name,
                    f"{medians[name]:.3f}",
                    f"{min(times):.3f}–{max(times):.3f}",
                    f"{medians[name] / medians['kaug']:.1f}",
                )
                for name, times in whole.items()
            ],
        ),
        (
            "Peak memory beyond inputs and result",
            ("", "result (MB)", "extra (MB)", "extra / result"),
            [
                (
                    name,
                    f"{m['result'] / 1e6:.0f}",
                    f"{m['extra'] / 1e6:.1f}",
                    f"{m['extra'] / m['result']:.1%}",
                )
                for name, m in memory.items()
            ],
        ),
        (
            "Time against n (28×28×1 uint8, native, append=False)",
            ("n", "seconds (median)", "microseconds a row"),
            [
                (
                    f"{n:,}",
                    f"{statistics.median(times):.4f}",
                    f"{statistics.median(times) / n * 1e6:.2f}",
                )
                for n, times in grown.items()
            ],
        ),
        (
            "First call in a fresh process (1,000 rows)",
            ("kernels", "importing (s)", "first call (s)", "second call (s)"),
            [
                (name, *(f"{value:.3f}" for value in times))
                for name, times in (("cached on disk", cached[0]), ("not cached", uncached))
            ],
        ),
    ]
    results = {
        "whole": whole,
        "memory": memory,
        "growth": grown,
        "cached": cached,
        "uncached": uncached,
    }
    _report.write("offline", results, sections)


if __name__ == "__main__":
    main()

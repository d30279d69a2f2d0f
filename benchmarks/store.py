"""`augment_dataset(…, out=path)`: memory, speed beside raw writing, and kills at random moments.

    python benchmarks/store.py [--rows 1000000 10000000] [--kills 20] [--folder /tmp]

Each job runs in a process of its own. What it writes is removed again. Writes results/store.json
and .md.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import _report
import numpy as np

SET_UP = """
import json, os, sys, time
import numpy as np, kaug
from kaug.transforms import Affine, Compose, HorizontalFlip
(x, y), _ = kaug.load_fashion_mnist(dtype="uint8")
x = x[..., 0]
policy = Compose([
    Affine(rotation=10, zoom=0.1, shear=0.5, width_shift=0.1, height_shift=0.1, keep_aspect=False),
    HorizontalFlip(),
])
out, rows = sys.argv[1], int(sys.argv[2])
def status(field):
    for line in open("/proc/self/status"):
        if line.startswith(field):
            return int(line.split()[1]) * 1024
"""
WRITE = """
source = sys.argv[3] if len(sys.argv) > 3 else None
if source:
    x, y = np.load(source, mmap_mode="r"), np.zeros(rows, "uint8")
kaug.augment_rows(x[:64], y[:64], np.arange(64), policy, seed=0)  # loads what is loaded once
if out.endswith(".zarr"):
    import zarr
open("/proc/self/clear_refs", "w").write("5")
before = status("VmRSS")
start = time.perf_counter()
made = kaug.augment_dataset(x, y, rows, policy, seed=0, append=False, out=out, verbose=0)
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "extra": status("VmHWM") - before}))
"""
KILLED = """
kaug.augment_dataset(x, y, rows, policy, seed=0, out=out, verbose=0)
"""


def python(code, *arguments):
    """Runs code in a fresh process and returns the JSON on its last line."""
    command = [sys.executable, "-c", SET_UP + code, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def write_raw(path, rows):
    """Writes as many bytes as the store has, as plainly as can be; returns the seconds."""
    block = np.random.default_rng(0).integers(0, 256, 2**24, np.uint8).tobytes()
    left = rows * (28 * 28 + 1 + 8)  # image, label, index
    start = time.perf_counter()
    with path.open("wb") as file:
        while left:
            left -= file.write(block[:left])
        file.flush()
        os.fsync(file.fileno())
    seconds = time.perf_counter() - start
    path.unlink()
    return seconds


def measure(folder, rows, kind):
    """Returns what one job took, beside raw writing right before and after it."""
    arguments = [folder / ("made.zarr" if kind == "zarr" else "made"), rows]
    if kind == "memory map":
        source = folder / "source.npy"
        noise = np.random.default_rng(0).integers(0, 256, (2**14, 28, 28), np.uint8)
        mapped = np.lib.format.open_memmap(source, "w+", np.uint8, (rows, 28, 28))
        for start in range(0, rows, len(noise)):
            mapped[start : start + len(noise)] = noise[: rows - start]
        del mapped
        arguments.append(source)
    raw = [write_raw(folder / "raw", rows)]
    result = python(WRITE, *arguments)
    raw.append(write_raw(folder / "raw", rows))
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return {"kind": kind, "rows": rows, "raw_seconds": statistics.mean(raw), **result}


def contents(path):
    """Returns the checksum of every file of a store, by name."""
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


def kill(folder, name, rows, kills, draw):
    """Kills a job at random moments until it gets through; returns how often, and how it ended."""
    command = [sys.executable, "-c", SET_UP + KILLED]
    whole, part = folder / f"whole{name}", folder / f"part{name}"
    start = time.perf_counter()
    subprocess.run([*command, whole, str(rows)], check=True, capture_output=True)
    seconds = time.perf_counter() - start
    expected = contents(whole)
    shutil.rmtree(whole)
    resumed = equal = 0
    for _ in range(kills):
        # One kill anywhere, from the start of Python to the end of the job.
        process = subprocess.Popen([*command, part, str(rows)], stderr=subprocess.DEVNULL)
        time.sleep(draw.uniform(0.3, 1.0) * seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        resumed += part.exists() and contents(part) != expected
        subprocess.run([*command, part, str(rows)], check=True, capture_output=True)
        equal += contents(part) == expected
        shutil.rmtree(part)
    return {"store": name or ".npy", "kills": kills, "unfinished": resumed, "equal": equal}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--folder", help="where there is room", default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        needed = 2.5 * max(options.rows, default=0) * 800
        free = shutil.disk_usage(folder).free
        if needed > free:
            parser.error(f"{needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free")
        jobs = [measure(folder, rows, "memory") for rows in options.rows]
        jobs += [measure(folder, options.rows[0], kind) for kind in ("memory map", "zarr")]
        draw = random.Random(0)
        ends = [kill(folder, kind, 400_000, options.kills, draw) for kind in ("", ".zarr")]
    kinds = {
        "memory": "`.npy`, 60,000 originals in memory",
        "memory map": "`.npy`, as many originals as rows, memory-mapped",
        "zarr": "Zarr, 60,000 originals in memory",
    }
    sections = [
        (
            "Augmented rows written to disk (28×28 uint8, native)",
            ("", "rows", "seconds", "rows a second", "raw writing (s)", "peak memory (MB)"),
            [
                (
                    kinds[job["kind"]],
                    f"{job['rows']:,}",
                    f"{job['seconds']:.2f}",
                    f"{job['rows'] / job['seconds']:,.0f}",
                    f"{job['raw_seconds']:.2f}",
                    f"{job['extra'] / 1e6:.0f}",
                )
                for job in jobs
            ],
        ),
        (
            "Killed once at a random moment, then run again (460,000 rows)",
            ("store", "kills", "of them before the end", "same bytes in the end"),
            [tuple(end.values()) for end in ends],
        ),
    ]
    _report.write("store", {"jobs": jobs, "kills": ends}, sections)


if __name__ == "__main__":
    main()

"""What every benchmark reports beside its numbers: hardware, versions, JSON and a table."""

import json
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "kaug",
    "keras",
    "tensorflow",
    "numpy",
    "numba",
    "scipy",
    "opencv-python-headless",
    "albumentations",
    "torch",
    "torchvision",
    "kornia",
    "ultralytics",
    "zarr",
    "ray",
    "pyarrow",
)


def environment():
    """Returns the hardware and the versions of everything that was measured."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


def take_turns(contestants, repeats):
    """Returns the seconds of every round of every contestant, after a round to warm up.

    Args:
        contestants: Functions of the number of the round, by name.
        repeats: Number of rounds. The contestants take turns, so that a machine whose speed
            drifts drifts for all.
    """
    seconds = {name: [] for name in contestants}
    for turn in range(repeats + 1):
        for name, run in contestants.items():
            start = time.perf_counter()
            result = run(turn)
            took = time.perf_counter() - start
            del result  # not while the next one is timed
            if turn:
                seconds[name].append(took)
    return seconds


def write(name, results, sections):
    """Writes `name`.json and `name`.md into `results`, and prints the Markdown.

    Args:
        name: Stem of both files; None only prints, for a part of what they hold.
        results: Everything that was measured.
        sections: `(title, header, rows)` of each table.
    """
    facts = environment()
    lines = [described(facts)]
    for title, header, rows in sections:
        lines += table(title, header, rows)
    sys.stdout.write("\n".join(lines) + "\n")
    if name is None:
        return
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    text = json.dumps({"environment": facts, "results": results}, indent=1)
    (folder / f"{name}.json").write_text(text + "\n")
    (folder / f"{name}.md").write_text("\n".join(lines) + "\n")


def described(facts):
    """Returns what `environment` found as a line of text."""
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    cores = f"{facts['cores']} core" + "s" * (facts["cores"] != 1)
    return (
        f"{facts['processor']}, {cores}, {facts['system']}, Python {facts['python']}; {versions}."
    )


def table(title, header, rows):
    """Returns the lines of a Markdown table under its heading."""
    lines = ["", f"## {title}", "", f"| {' | '.join(header)} |", "| --- " * len(header) + "|"]
    return lines + [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]

"""Checks that the checkout can be released: one step after the other, up to the first that fails.

Usage: python tools/release_check.py [--tests "tests/test_splits.py …"] [--only STEP …]

Changes nothing but `build/`, `dist/` and what `make` makes. What is published afterwards are the
files in `dist/`, which the last steps have tried.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
VENV = ROOT / "build/release-venv"
SCHEMAS = {
    "citation-file-format": "CITATION.cff",
    "github-issue-config": ".github/ISSUE_TEMPLATE/config.yml",
    "github-issue-forms": ".github/ISSUE_TEMPLATE/*_*.yml",
    "github-workflows": ".github/workflows/*.yml",
}


class StepError(Exception):
    """A step that fails: what is wrong, and what to do about it."""


def main() -> None:
    """Runs the steps and prints how each ended."""
    parser = argparse.ArgumentParser(description="Check that the checkout can be released.")
    parser.add_argument("--tests", default="", help="run these tests only, to try the steps")
    parser.add_argument("--only", nargs="+", metavar="STEP", help="run these steps only")
    options = parser.parse_args()
    tests = options.tests.split()
    steps = all_steps(tests)
    unknown = set(options.only or []) - set(steps)
    if unknown:
        parser.error(f"no such step: {', '.join(sorted(unknown))}. Steps: {', '.join(steps)}")
    chosen = {
        name: step for name, step in steps.items() if not options.only or name in options.only
    }
    if not run_steps(chosen):
        sys.exit(1)
    if tests or options.only:
        print("Not a release check: some tests or steps were left out.")
    else:
        print(f"Version {package_version()} can be released: tag it, publish what is in dist/.")


def all_steps(tests: list[str]) -> dict[str, Callable[[], None]]:
    """Returns the steps by name, in order: what is cheap comes first."""
    return {
        "tree": check_tree,
        "version": check_version,
        "changelog": check_changelog,
        "citation": check_citation,
        "schemas": check_schemas,
        "lint": lambda: make("lint"),
        "types": lambda: make("typecheck"),
        "docs": lambda: make("docs"),
        "tests": lambda: command([sys.executable, "-m", "pytest", "-q", *tests]),
        **({} if tests else {"jax": lambda: make("test-jax")}),
        "build": build,
        "metadata": lambda: command([sys.executable, "-m", "twine", "check", "--strict", *built()]),
        "wheel": check_wheel,
        "sdist": check_sdist,
        "install": lambda: try_wheel(tests),
    }


def run_steps(steps: dict[str, Callable[[], None]]) -> bool:
    """Runs steps, prints ✓ or ✗ for each, and returns whether all passed."""
    for name, step in steps.items():
        try:
            step()
        except StepError as failure:
            print(f"✗ {name}: {failure}", flush=True)
            return False
        print(f"✓ {name}", flush=True)
    return True


# What the files say ----------------------------------------------------------------------------


def check_tree() -> None:
    """Nothing differs from what is committed."""
    changed = output(["git", "status", "--porcelain"]).splitlines()
    if changed:
        raise StepError(
            f"{len(changed)} files are not committed. Commit or remove them: git status"
        )


def check_version() -> None:
    """The version is newer than every tag."""
    problem = version_problem(package_version(), output(["git", "tag"]).split())
    if problem:
        raise StepError(problem)


def check_changelog() -> None:
    """The change log has a section of this version with a date."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    problem = changelog_problem(package_version(), text)
    if problem:
        raise StepError(problem)


def check_citation() -> None:
    """CITATION.cff names this version."""
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    problem = citation_problem(package_version(), text)
    if problem:
        raise StepError(problem)


def check_schemas() -> None:
    """What others read by a schema follows it."""
    for schema, pattern in SCHEMAS.items():
        checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
        command([*checker, *sorted(ROOT.glob(pattern))])


def package_version() -> str:
    """Returns the version in `src/kaug/_version.py`, without importing it."""
    text = (ROOT / "src/kaug/_version.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "(.+)"$', text, re.M)
    if match is None:
        raise StepError("src/kaug/_version.py has no __version__")
    return match[1]


def numbers(version: str) -> tuple[int, ...] | None:
    """Returns the three numbers of a version or a tag, or None if it is not like that."""
    match = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)", version)
    return tuple(map(int, match.groups())) if match else None


def version_problem(version: str, tags: Iterable[str]) -> str | None:
    """Returns why a version cannot follow these tags, or None if it can."""
    own = numbers(version)
    if own is None:
        return f"{version} is not of the form 1.2.3. Correct __version__ in src/kaug/_version.py."
    last = max(
        (tag for tag in tags if numbers(tag)), key=lambda tag: numbers(tag) or (), default=""
    )
    if last and own <= (numbers(last) or ()):
        return f"{version} is not newer than {last}. Raise __version__ in src/kaug/_version.py."
    return None


def changelog_problem(version: str, text: str) -> str | None:
    """Returns why the change log does not announce a version, or None if it does."""
    heads = re.findall(r"^## (\S+?),? (.*)$", text, re.M)
    if not heads or heads[0][0] != version:
        first = heads[0][0] if heads else "nothing"
        return f"the first section is of {first}, not {version}. Add '## {version}, YYYY-MM-DD'."
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", heads[0][1]):
        return f"{version} has no date but {heads[0][1]!r}. Write '## {version}, YYYY-MM-DD'."
    return None


def citation_problem(version: str, text: str) -> str | None:
    """Returns why CITATION.cff does not fit a version, or None if it does."""
    match = re.search(r"^version: [\"']?([^\"'\n]+)[\"']?$", text, re.M)
    if match is None or match[1] != version:
        return f"it names version {match and match[1]}. Write 'version: {version}' there."
    return None


# What is built ---------------------------------------------------------------------------------


def build() -> None:
    """Builds the sdist, and from it the wheel."""
    shutil.rmtree(DIST, ignore_errors=True)
    command([sys.executable, "-m", "build", "--outdir", DIST])


def built() -> list[Path]:
    """Returns the sdist and the wheel."""
    files = sorted(DIST.glob(f"kaug-{package_version()}*"))
    if [file.suffix for file in files] != [".whl", ".gz"]:
        raise StepError(f"dist/ must hold one wheel and one sdist of this version. Holds: {files}")
    return files[::-1]


def check_wheel() -> None:
    """The wheel holds every file of the package, the licence and the entry point, nothing else."""
    package = {path.relative_to(ROOT / "src").as_posix() for path in package_files()}
    problem = wheel_problem(zipfile.ZipFile(built()[1]).namelist(), package, package_version())
    if problem:
        raise StepError(problem)


def check_sdist() -> None:
    """The sdist holds every committed file that it should."""
    with tarfile.open(built()[0]) as archive:
        names = [member.name for member in archive.getmembers() if member.isfile()]
    problem = sdist_problem(names, output(["git", "ls-files"]).splitlines(), package_version())
    if problem:
        raise StepError(problem)


def package_files() -> list[Path]:
    """Returns the committed files of the package."""
    names = output(["git", "ls-files", "src/kaug"]).splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def wheel_problem(names: Iterable[str], package: set[str], version: str) -> str | None:
    """Returns what is missing from a wheel or should not be in it, or None."""
    info = f"kaug-{version}.dist-info"
    metadata = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    expected = package | {f"{info}/{name}" for name in metadata} | {"kaug/py.typed"}
    return difference(expected, set(names), "the wheel", "[tool.hatch.build.targets.wheel]")


def sdist_problem(names: Iterable[str], committed: Iterable[str], version: str) -> str | None:
    """Returns what is missing from an sdist or should not be in it, or None."""
    expected = {f"kaug-{version}/{name}" for name in [*committed, "PKG-INFO"]}
    return difference(expected, set(names), "the sdist", "[tool.hatch.build.targets.sdist]")


def difference(expected: set[str], found: set[str], where: str, table: str) -> str | None:
    """Returns a sentence on how two sets of files differ, or None if they do not."""
    parts = []
    for word, files in (("lacks", expected - found), ("should not hold", found - expected)):
        if files:
            more = f" and {len(files) - 5} more" if len(files) > 5 else ""
            parts.append(f"{where} {word} {', '.join(sorted(files)[:5])}{more}")
    return f"{'; '.join(parts)}. Correct {table} in pyproject.toml." if parts else None


def try_wheel(tests: list[str]) -> None:
    """Installs the wheel into a clean environment and runs the sdist's tests against it."""
    sdist, wheel = built()
    shutil.rmtree(VENV, ignore_errors=True)
    command([sys.executable, ROOT / "tools/make_venv.py", VENV])
    python = VENV / "bin/python"
    command([python, "-m", "pip", "install", "--quiet", f"{wheel}[tests]"])
    folder = VENV.with_name("release-sdist")
    shutil.rmtree(folder, ignore_errors=True)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    tree = folder / f"kaug-{package_version()}"
    shutil.rmtree(tree / "src")  # so that only the installed wheel can be found
    found = output([python, "-c", "import kaug; print(kaug.__file__)"], tree).strip()
    if not Path(found).is_relative_to(VENV):
        raise StepError(
            f"the tests would import {found}, not the installed wheel. Unset PYTHONPATH."
        )
    command([python, "-m", "pytest", "-q", *(tests or ["tests"])], tree)


# Commands --------------------------------------------------------------------------------------


def make(target: str) -> None:
    """Runs a target of the Makefile."""
    command(["make", "--no-print-directory", target])


def command(arguments: list[str | Path], folder: Path = ROOT) -> None:
    """Runs a command in a folder; its output is seen."""
    if subprocess.run(arguments, cwd=folder, check=False).returncode:
        raise StepError(f"{' '.join(map(str, arguments))} failed. See its output above.")


def output(arguments: list[str | Path], folder: Path = ROOT) -> str:
    """Returns what a command prints."""
    done = subprocess.run(arguments, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        raise StepError(f"{' '.join(map(str, arguments))} failed: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    main()

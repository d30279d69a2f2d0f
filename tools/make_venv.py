"""Makes a virtual environment with pip, also where Debian's python3-venv is not installed.

Usage: python3 tools/make_venv.py [FOLDER]

A working environment is left alone, a half-made one is made anew. Needs no root, no pip, and only
Python's standard library. Whatever is installed comes from where pip is configured to look.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import debian

OLDEST_PYTHON = (3, 11)
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def main() -> None:
    """Makes the environment named on the command line."""
    parser = argparse.ArgumentParser(description="Make a virtual environment with pip in it.")
    parser.add_argument("folder", nargs="?", default=".venv", type=Path)
    folder = parser.parse_args().folder
    problem = python_problem(tuple(sys.version_info[:3]))
    if problem:
        sys.exit(problem)
    if has_pip(folder):
        print(f"The virtual environment {folder} is ready.")
        return
    # Only what is an environment is cleared, whatever folder was named.
    half_made = (folder / "pyvenv.cfg").exists()
    venv.EnvBuilder(clear=half_made, symlinks=True).create(folder)
    try:
        way = install_pip(folder / "bin/python")
    except OSError as error:
        sys.exit(str(error))
    print(f"Made the virtual environment {folder}, its pip from {way}.")


def python_problem(version: tuple[int, ...]) -> str | None:
    """Returns why this version of Python will not do, or None if it will."""
    if version >= OLDEST_PYTHON:
        return None
    oldest = ".".join(map(str, OLDEST_PYTHON))
    return (
        f"kaug needs Python {oldest} or newer. "
        f"Received: Python {'.'.join(map(str, version))} ({sys.executable}). "
        f"Name a newer one: make PYTHON=python{oldest} …"
    )


def has_pip(folder: Path) -> bool:
    """Returns whether the environment's Python runs and has a pip that runs."""
    try:
        _run([folder / "bin/python", "-m", "pip", "--version"], capture=True)
    except OSError:
        return False
    return True


def install_pip(python: Path) -> str:
    """Installs pip into the environment of ``python`` and returns where it came from.

    Raises:
        OSError: No way worked; the message has the reason of each.
    """
    ways = {
        "Python's ensurepip": pip_from_ensurepip,
        "the installed pip": pip_from_installed_pip,
        "Debian's python3-pip-whl": pip_from_debian,
    }
    failures = []
    for way, install in ways.items():
        try:
            with tempfile.TemporaryDirectory(prefix="kaug-pip-") as scratch:
                install(python, Path(scratch))
            return way
        except OSError as error:
            failures.append(f"  {way}: {error}")
    raise OSError(
        "No way to get pip into the virtual environment:\n"
        + "\n".join(failures)
        + "\nInstall it and run make again: sudo apt install python3-venv"
    )


def pip_from_ensurepip(python: Path, scratch: Path) -> None:
    """Installs the pip that comes with Python (on Debian: with python3-venv)."""
    del scratch  # ensurepip brings its own wheel
    _run([python, "-I", "-m", "ensurepip", "--default-pip"], capture=True)


def pip_from_installed_pip(python: Path, scratch: Path) -> None:
    """Lets the pip of the Python that runs this script install one into the environment."""
    del scratch
    _run([sys.executable, "-m", "pip", "--version"], capture=True)
    _run([sys.executable, "-m", "pip", "--python", python, "install", "pip"])


def pip_from_debian(python: Path, scratch: Path) -> None:
    """Runs pip from the wheel in Debian's package, without installing the package."""
    tree = debian.download_package("python3-pip-whl", scratch)
    wheels = sorted(tree.glob("usr/share/python-wheels/pip-*.whl"))
    if not wheels:
        raise OSError("the package holds no pip wheel")
    options: list[str | Path] = []
    if not SYSTEM_CERTIFICATES.exists():
        options = ["--cert", certificates_from_debian(scratch)]
    _run([python, wheels[-1] / "pip", "install", *options, "pip"])


def certificates_from_debian(scratch: Path) -> Path:
    """Returns one file with Debian's certificate authorities, for machines without any."""
    tree = debian.download_package("ca-certificates", scratch)
    bundle = scratch / "ca-certificates.crt"
    authorities = sorted(tree.glob("usr/share/ca-certificates/**/*.crt"))
    bundle.write_text("\n".join(path.read_text(encoding="utf-8") for path in authorities))
    return bundle


def _run(command: list[str | Path], *, capture: bool = False) -> None:
    """Runs a command, its output hidden if ``capture``; raises OSError if it fails."""
    done = subprocess.run(command, capture_output=capture, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr or "").strip().splitlines()[-1:] or ["see its output above"]
        raise OSError(f"{Path(command[0]).name} failed: {reason[0]}")


if __name__ == "__main__":
    main()

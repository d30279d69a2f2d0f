"""Debian packages without root: apt downloads and verifies, dpkg-deb unpacks into a folder."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def download_package(name: str, folder: Path) -> Path:
    """Downloads a Debian package and unpacks it; nothing is installed and no root is needed.

    Args:
        name: The package, as in ``apt install name``.
        folder: An existing folder of the caller's, usually a temporary one.

    Returns:
        The unpacked tree: what the package holds as ``/usr/x`` is in ``tree / "usr/x"``.

    Raises:
        OSError: There is no apt, or it cannot get the package.
    """
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise OSError(f"{program} is not on this machine")
    download = folder / name
    download.mkdir()
    try:
        _apt(["download", name], download)
    except OSError:  # The package lists are missing or stale: fetch our own.
        private = _private_lists(folder / f"{name}-apt")
        warnings = _apt([*private, "update"], download)
        try:
            _apt([*private, "download", name], download)
        except OSError as error:
            raise OSError("; ".join([str(error), *warnings])) from None
    tree = folder / f"{name}-tree"
    _run(["dpkg-deb", "-x", str(next(download.glob("*.deb"))), str(tree)], folder)
    return tree


def _private_lists(folder: Path) -> list[str]:
    """Returns the options with which apt keeps its lists and cache in ``folder``."""
    for part in ("state/lists/partial", "cache/archives/partial", "log"):
        (folder / part).mkdir(parents=True)
    return [
        f"--option=Dir::State={folder / 'state'}",
        f"--option=Dir::Cache={folder / 'cache'}",
        f"--option=Dir::Log={folder / 'log'}",
        "--option=Dir::State::status=/var/lib/dpkg/status",
    ]


def _apt(arguments: list[str], folder: Path) -> list[str]:
    """Runs apt-get in ``folder`` and returns its warnings."""
    # Run by root, apt would download as a user who may not write into our temporary folder.
    return _run(["apt-get", "--quiet", "--option=APT::Sandbox::User=root", *arguments], folder)


def _run(command: list[str], folder: Path) -> list[str]:
    """Runs a command in ``folder``, returns the lines of its stderr, raises OSError if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    lines = done.stderr.strip().splitlines()
    if done.returncode != 0:
        reason = "; ".join(lines) or f"exit status {done.returncode}"
        raise OSError(f"{command[0]} failed: {reason}")
    return lines

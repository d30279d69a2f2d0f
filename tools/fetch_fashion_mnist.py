"""Makes sure that Fashion-MNIST is where kaug.load_fashion_mnist looks, and says where.

Usage: python3 tools/fetch_fashion_mnist.py

Looks in Keras' cache, then in the folder of Debian's package dataset-fashion-mnist. Where it is in
neither, the cache is filled: from Keras' download, else from the Debian package, which is fetched
without root. Every file is verified. Needs only Python's standard library.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import shutil
import sys
import tempfile
import urllib.request
import zlib
from pathlib import Path

import debian

# SHA-256 of the decompressed content: Debian compresses the same files differently.
CHECKSUMS = {
    f"{name}-ubyte.gz": checksum
    for name, checksum in (
        ("train-images-idx3", "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
        ("train-labels-idx1", "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
        ("t10k-images-idx3", "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
        ("t10k-labels-idx1", "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    )
}
DEBIAN_PACKAGE = "dataset-fashion-mnist"
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
KERAS_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def main() -> None:
    """Finds or fetches the data and prints the folder."""
    try:
        folder = ensure_data(keras_cache())
    except OSError as error:
        sys.exit(str(error))
    print(f"Fashion-MNIST is in {folder}: four files, checksums verified.")


def keras_cache() -> Path:
    """Returns the folder in which Keras keeps Fashion-MNIST."""
    home = os.environ.get("KERAS_HOME")
    return Path(home or "~/.keras").expanduser() / "datasets/fashion-mnist"


def ensure_data(cache: Path) -> Path:
    """Returns a folder with the four verified files, filling ``cache`` where need be.

    Raises:
        OSError: The data is nowhere; the message has the reason of each place.
    """
    problems = find_problems(cache)
    if not problems:
        return cache
    untouched = not any((cache / name).exists() for name in CHECKSUMS)
    if untouched and not find_problems(DEBIAN_FOLDER):
        return DEBIAN_FOLDER
    # A cache with some or damaged files would be read first: it is completed, not passed over.
    failures = [f"{cache}: {'; '.join(problems.values())}"]
    sources = {
        str(DEBIAN_FOLDER): from_debian_folder,
        KERAS_URL: from_keras,
        f"Debian's package {DEBIAN_PACKAGE}": from_debian_package,
    }
    for place, source in sources.items():
        try:
            with tempfile.TemporaryDirectory(prefix="kaug-data-") as scratch:
                fill(cache, source(list(problems), Path(scratch)), list(problems))
            return cache
        except (OSError, http.client.HTTPException) as error:
            failures.append(f"{place}: {error}")
    raise OSError(
        "Fashion-MNIST was not found and could not be fetched. Tried:\n  "
        + "\n  ".join(failures)
        + f"\nInstall it (sudo apt install {DEBIAN_PACKAGE}), or copy the four files "
        + f"({', '.join(CHECKSUMS)}) into {cache}."
    )


def find_problems(folder: Path) -> dict[str, str]:
    """Returns what is wrong with the files of ``folder``, by name; empty if all are right."""
    found = {name: find_problem(folder / name) for name in CHECKSUMS}
    return {name: problem for name, problem in found.items() if problem}


def find_problem(path: Path) -> str | None:
    """Returns what is wrong with a file (it is missing or damaged), or None."""
    try:
        content = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        return f"{path.name} is missing"
    except (OSError, EOFError, zlib.error) as error:
        return f"{path.name} cannot be read ({error})"
    checksum = hashlib.sha256(content).hexdigest()
    if checksum != CHECKSUMS[path.name]:
        return f"{path.name} is damaged (SHA-256 {checksum}, not {CHECKSUMS[path.name]})"
    return None


def from_debian_folder(names: list[str], scratch: Path) -> Path:
    """Returns the folder of the installed Debian package."""
    del names, scratch
    return DEBIAN_FOLDER


def from_keras(names: list[str], scratch: Path) -> Path:
    """Downloads the files from where Keras does, into ``scratch``."""
    for name in names:
        print(f"Downloading {KERAS_URL}{name}", flush=True)
        with urllib.request.urlopen(KERAS_URL + name, timeout=20) as answer:
            (scratch / name).write_bytes(answer.read())
    return scratch


def from_debian_package(names: list[str], scratch: Path) -> Path:
    """Downloads and unpacks the Debian package into ``scratch``; no root needed."""
    del names  # the package has them all
    print(f"Downloading Debian's package {DEBIAN_PACKAGE}", flush=True)
    tree = debian.download_package(DEBIAN_PACKAGE, scratch)
    return tree / DEBIAN_FOLDER.relative_to("/")


def fill(cache: Path, source: Path, names: list[str]) -> None:
    """Copies the named files from ``source`` into ``cache``, each verified first and put in whole.

    Raises:
        OSError: A file is missing, damaged or cannot be written; nothing half-written is left.
    """
    for name in names:
        problem = find_problem(source / name)
        if problem:
            raise OSError(problem)
    cache.mkdir(parents=True, exist_ok=True)
    for name in names:
        part = cache / f"{name}.{os.getpid()}.part"
        try:
            shutil.copyfile(source / name, part)
            part.replace(cache / name)
        finally:
            part.unlink(missing_ok=True)


if __name__ == "__main__":
    main()

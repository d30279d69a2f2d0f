"""Checks files before a commit: text ends in one newline, YAML and TOML parse, nothing is large.

Usage: python3 tools/check_files.py FILE…

YAML is checked where PyYAML is installed (the documentation's tools bring it), the rest by Python's
standard library.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from importlib import util
from pathlib import Path

LARGEST = 500_000  # bytes


def main() -> None:
    """Prints what is wrong with the files named on the command line, and fails if anything is."""
    lines = [f"{path}: {problem}" for path in sys.argv[1:] for problem in problems(Path(path))]
    if lines:
        sys.exit("\n".join(lines))


def problems(path: Path) -> Iterator[str]:
    """Yields what is wrong with a file."""
    content = path.read_bytes()
    if len(content) > LARGEST:
        yield f"{len(content)} bytes are more than {LARGEST}; keep it out of the repository"
    if b"\0" in content:
        return  # not text
    if content and (not content.endswith(b"\n") or content.endswith(b"\n\n")):
        yield "must end in exactly one newline"
    if any(line.endswith((b" ", b"\t", b"\r")) for line in content.split(b"\n")):
        yield "has white space at the end of a line"
    if path.suffix == ".toml":
        yield from toml_problems(content)
    if path.suffix in {".yml", ".yaml", ".cff"} and util.find_spec("yaml"):
        yield from yaml_problems(content)


def toml_problems(content: bytes) -> Iterator[str]:
    """Yields why TOML does not parse."""
    try:
        tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        yield f"is no TOML: {error}"


def yaml_problems(content: bytes) -> Iterator[str]:
    """Yields why YAML does not parse."""
    import yaml

    try:
        yaml.safe_load(content)
    except yaml.YAMLError as error:
        yield f"is no YAML: {' '.join(str(error).split())}"


if __name__ == "__main__":
    main()

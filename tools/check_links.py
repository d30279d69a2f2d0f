"""Checks every link inside the built documentation: its file and its anchor exist.

Usage: python3 tools/check_links.py [FOLDER]

Reads the HTML alone and opens no address, so it needs no network and only Python's standard
library. Links to other sites are not looked at.
"""

from __future__ import annotations

import argparse
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LINKS = {"href", "src", "data-src", "poster"}


class Page(HTMLParser):
    """What a page links to, and the anchors it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes the links and the anchors of one tag."""
        for name, value in attrs:
            if value is None:
                continue
            if name in LINKS:
                self.links.append(value)
            elif name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)


def main() -> None:
    """Prints the broken links and fails if there are any."""
    parser = argparse.ArgumentParser(description="Check the links inside a folder of HTML.")
    parser.add_argument("folder", nargs="?", default="docs/_build/html", type=Path)
    folder = parser.parse_args().folder
    pages = read_pages(folder)
    if not pages:
        sys.exit(f"{folder} holds no HTML. Build the documentation first: make docs")
    broken = find_broken(folder, pages)
    if broken:
        sys.exit("\n".join([*broken, f"{len(broken)} broken links in {len(pages)} pages."]))
    count = sum(len(page.links) for page in pages.values())
    print(f"{count} links in {len(pages)} pages: all that stay inside lead somewhere.")


def read_pages(folder: Path) -> dict[Path, Page]:
    """Returns every page below the folder by its path."""
    files = sorted(folder.resolve().rglob("*.html"))
    return {path: Page(path.read_text(encoding="utf-8")) for path in files}


def find_broken(folder: Path, pages: dict[Path, Page]) -> list[str]:
    """Returns a line for every link that leads to no file, or to no anchor of its page."""
    lines = []
    for path, page in pages.items():
        for link in dict.fromkeys(page.links):
            reason = problem(folder.resolve(), path, link, pages)
            if reason:
                lines.append(f"{path.relative_to(folder.resolve())}: {link}: {reason}")
    return lines


def problem(folder: Path, page: Path, link: str, pages: dict[Path, Page]) -> str | None:
    """Returns what is wrong with a link of a page, or None."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    path = unquote(parts.path)
    start = folder / path.lstrip("/") if path.startswith("/") else page.parent / path
    target = start.resolve() if path else page
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return "no such file"
    if not target.is_relative_to(folder):
        return "outside the documentation"
    anchor = unquote(parts.fragment)
    if page.is_relative_to(folder / "_modules"):
        # Sphinx' viewcode links back under one name a module, where the reference may have two
        # (`kaug.open_dataset`, `kaug.store.StoredDataset`): the page is right, the anchor a guess.
        return None
    if anchor and target in pages and anchor not in pages[target].anchors:
        return "no such anchor"
    return None


if __name__ == "__main__":
    main()

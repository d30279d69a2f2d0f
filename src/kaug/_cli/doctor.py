"""`kaug doctor`: what is installed, how kaug runs here, and whether it computes what it should.

What needs a compiler is loaded late: an installation that cannot load it is to be told as well.
"""

import argparse
import os
import platform
import sys
import textwrap
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from kaug import _parallel, _processors
from kaug._cli import installed
from kaug._validation import message
from kaug._version import __version__
from kaug.fashion_mnist import folder_on_machine

_WIDTH, _INDENT = 100, 15
_VARIABLES = ("KAUG_", "KERAS_", "NUMBA_")  # how those begin that change what is told here
_OTHERS = ("CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS", "OMP_NUM_THREADS", "XLA_FLAGS")
_DEFECT = (
    "Pictures made here are not those of other machines. Install kaug and Numba anew, empty the "
    "folder where kernels are kept, and report it with all of this if it stays."
)
_ANOTHER = "(the last bit may be another here; of pictures of bytes now and then a level)"


class Part(NamedTuple):
    """A part of the report.

    Args:
        lines: What is told.
        wrong: What is wrong, a sentence or two each, with what to do.
    """

    lines: list[str]
    wrong: list[str]


def run(_: argparse.Namespace) -> None:
    """Writes the report to stdout.

    Raises:
        ValueError: Something is wrong; the message says what, and what to do.
    """
    wrong: list[str] = []
    for name, part in _PARTS.items():
        lines, found = _careful(name, part)
        wrong += [each for each in found if each not in wrong]
        for line in lines:
            print(_wrapped(name, line), flush=True)
            name = ""
    print(_wrapped("in all", f"{len(wrong)} wrong, told on stderr" if wrong else "all is well"))
    if wrong:
        raise ValueError("\nkaug doctor: error: ".join(wrong))


def _careful(name: str, part: Callable[[], Part]) -> Part:
    """Returns a part of the report, also where finding it out fails."""
    try:
        return part()
    except Exception as error:  # libraries that are broken raise all sorts, and that is the report
        what = f"{type(error).__name__}: {error}"
        if "Received: " in str(error):
            return Part(["wrong, see below"], [str(error)])
        rule = f"What `kaug doctor` tells of {name!r} must be there to find out"
        fix = "Install kaug anew: pip install --force-reinstall kaug."
        return Part([what], [message(rule, what, fix)])


def _wrapped(name: str, line: str) -> str:
    filled = textwrap.fill(
        line,
        _WIDTH,
        initial_indent=f"{name:{_INDENT}}",
        subsequent_indent=" " * _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return filled.replace(installed.GLUE, " ")


def _kaug() -> Part:
    place = Path(__file__).parents[1]
    return Part([f"{__version__} in {place}"], installed.lacking())


def _python() -> Part:
    return Part([f"{platform.python_version()} ({sys.executable}), {platform.platform()}"], [])


def _needed() -> Part:
    return Part([installed.listed(installed.NEEDED)], [])


def _optional() -> Part:
    there = [name for name in installed.OPTIONAL if installed.version_of(name) is not None]
    extras = {extra for name, extra in installed.OPTIONAL.items() if name not in there}
    lines = [installed.listed([*there, "opencv-python-headless"]) or "none"]
    if extras:
        lines.append(f"not installed: {', '.join(f'kaug[{extra}]' for extra in sorted(extras))}")
    return Part(lines, [])


def _keras() -> Part:
    backend = installed.backend()
    wrong = [backend.wrong] if backend.wrong else []
    return Part([f"backend {backend.name}, {backend.source}"], wrong)


def _threads() -> Part:
    return Part([threads_and_why()], [])


def threads_and_why() -> str:
    """Says how many threads kaug uses, and why.

    Raises:
        ValueError: `KAUG_NUM_THREADS` is not a positive integer.
    """
    number, may = _parallel.num_threads(), _processors.allowed_processors()
    ours = f"this process may run on {may} of {os.cpu_count() or may} processors"
    if "KAUG_NUM_THREADS" in os.environ:
        return f"{number}, by KAUG_NUM_THREADS; {ours}"
    if number < may:
        time = f"{_processors.quota():g}"
        return f"{number}, as a control group (of a container) allows the time of {time}; {ours}"
    return f"{number}, since {ours}"


def _memory() -> Part:
    import psutil

    memory = psutil.virtual_memory()
    return Part([f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free"], [])


def _kernels() -> Part:
    import numba

    from kaug._cli.kept import kept
    from kaug._kernels import emitter, parts

    if numba.config.DISABLE_JIT:
        wrong = message("Kernels must be compiled", "NUMBA_DISABLE_JIT=1", "Unset it.")
        return Part(["not compiled"], [wrong])
    found = kept()
    lines, wrongs = _places(found.folders)
    processor = f"this processor ({found.processor})"
    if found.here:
        text = f"{found.here} compiled for {processor}"
    else:
        text = f"none compiled for {processor}: first calls take some seconds; try `kaug warmup`"
    others = f"; {found.others} for other processors" if found.others else ""
    lines.append(f"{text}{others}; {found.files} files, {found.size / 2**20:.1f} MiB")
    if not parts.usable or emitter.usable is False:
        lines.append("this Numba compiles them in its own way, which takes longer")
    return Part(lines, wrongs)


def _places(folders: tuple[str, ...]) -> Part:
    """Returns where kernels are kept and read; it is wrong if that is not as asked for.

    Args:
        folders: That are there.
    """
    from kaug._cli.kept import elsewhere
    from kaug._kernels import caching

    read = [folder for folder in folders if not os.access(folder, os.W_OK)]
    lines = [f"those compiled ahead are in {folder}, which can only be read" for folder in read]
    try:
        place = caching.place()
    except ValueError as error:
        lines.append("kept nowhere: what is not there is compiled in each process")
        return Part(lines, [] if read else [str(error)])
    wrong = elsewhere(place, read)
    return Part([*lines, f"kept in {place}, which can be written to"], [wrong] if wrong else [])


def _jpeg() -> Part:
    version = installed.version_of("simplejpeg")
    if version is not None:
        import_module("simplejpeg")  # it may be there and not load
        return Part([f"simplejpeg {version}"], [])
    from PIL import features

    turbo = features.version("libjpeg_turbo")
    kind = f"libjpeg-turbo {turbo}" if turbo else f"libjpeg {features.version('jpg')}"
    fix = 'pip install "kaug[jpeg]"'
    if not features.check("jpg"):
        wrong = message("Pillow must decode JPEGs", "one that cannot", "Install it anew.")
        return Part(["none"], [wrong])
    return Part([f"Pillow, with {kind}; a faster one is not installed: {fix}"], [])


def _fashion_mnist() -> Part:
    folder = folder_on_machine()
    return Part([f"in {folder}" if folder else "not here; load_fashion_mnist() fetches it"], [])


def _variables() -> Part:
    names = sorted(n for n in os.environ if n.startswith(_VARIABLES) or n in _OTHERS)
    return Part([", ".join(f"{name}={os.environ[name]}" for name in names) or "none set"], [])


def _selftest() -> Part:
    import numba

    from kaug._cli.selftest import outcomes

    if numba.config.DISABLE_JIT:
        return Part(["not done, since kernels are not compiled"], [])
    lines, wrong = [], []
    for each in outcomes():
        if each.same:
            lines.append(f"{each.name}: as everywhere")
        elif each.exact:
            lines.append(f"{each.name}: {each.found}, not {each.expected}")
            rule = f"The self-test of {each.name} must give {each.expected}"
            wrong.append(message(rule, each.found, _DEFECT))
        else:
            lines.append(f"{each.name}: {each.found}, elsewhere {each.expected}")
            lines.append(_ANOTHER)
    return Part(lines, wrong)


_PARTS: dict[str, Callable[[], Part]] = {
    "kaug": _kaug,
    "Python": _python,
    "packages": _needed,
    "optional": _optional,
    "Keras": _keras,
    "threads": _threads,
    "memory": _memory,
    "kernels": _kernels,
    "JPEG decoder": _jpeg,
    "Fashion-MNIST": _fashion_mnist,
    "variables": _variables,
    "self-test": _selftest,
}

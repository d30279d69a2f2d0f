"""Where compiled kernels are kept between processes, and when what is kept is out of date.

Numba's own cache believes a compiled function for as long as the one file that it was written in
stays the same. Kernels are compiled together with functions of other files, so here every file of
kernels counts, and the version of kaug. Numba looks in a folder only if it can write there; here
what was compiled ahead is found in one that can only be read, as in the image of a container. And
where nothing can be kept, kernels are compiled anew in every process, instead of not at all.
"""

import contextlib
import hashlib
import inspect
import os
from collections.abc import Callable
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from kaug._kernels import announcing
from kaug._validation import message, warn
from kaug._version import __version__

try:
    from numba.core.caching import CompileResultCacheImpl, FunctionCache, NullCache
except ImportError:  # a Numba that has them elsewhere
    FunctionCache = None

_NOWHERE = (RuntimeError, ValueError, OSError)  # Numba's ways to say so
RULE = "Compiled kernels are kept where Numba can write"
_SET = "Set NUMBA_CACHE_DIR to a folder that can be written to."

told: list[tuple[str, str]] = []  # what was said already, and its fix: every kernel would say it


def keep(dispatcher: Any, function: Callable[..., Any]) -> None:
    """Has a compiled function kept on the disk, if there is a place for it.

    Args:
        dispatcher: What Numba made of the function.
        function: The function.
    """
    if FunctionCache is None:
        with contextlib.suppress(RuntimeError):  # nowhere to keep it
            dispatcher.enable_caching()
        return
    try:
        dispatcher._cache = KernelCache(function)
    except _NOWHERE as error:
        dispatcher._cache = NoCache(function, error)


@lru_cache(maxsize=1)
def kernels_stamp() -> str:
    """Returns what tells the kernels of this kaug from those of another."""
    digest = hashlib.sha256(__version__.encode())
    for file in sorted(resources.files(__package__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".py"):
            digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _say(text: str, fix: str) -> None:
    announcing.often = "since none can be kept, in each process"
    if fix not in (said for _, said in told):
        told.append((text, fix))
        warn(message(f"{RULE}; these are compiled in each process", text, fix))


def place() -> str:
    """Returns the folder where kernels are kept.

    Raises:
        ValueError: There is none.
    """
    if FunctionCache is None:
        return "the folder of Numba"
    try:
        return str(KernelCache(keep).cache_path)
    except _NOWHERE as error:
        raise ValueError(message(RULE, *_reason(Path(inspect.getfile(keep)), error))) from None


def caches_of(kernel: Any) -> list[Any]:
    """Returns the caches that a compiled function is looked for in, its own first."""
    cache = getattr(kernel, "_cache", None)
    if FunctionCache is None or not isinstance(cache, (KernelCache, NoCache)):
        return []
    return [cache] * isinstance(cache, KernelCache) + shelves(kernel.py_func)


def _reason(file: Path, error: Exception) -> tuple[str, str]:
    """Returns why what lies in a file cannot be kept, and what to do."""
    fix = _SET
    if not file.exists():  # Numba keeps nothing for what lies in an archive
        fix = "Install kaug into a folder, not into an archive, to have them kept."
    return f"no such place ({error})", fix


if FunctionCache is not None:

    class _Place(CompileResultCacheImpl):  # type: ignore[misc, unused-ignore]  # untyped
        """Where Numba keeps a function, with a stamp that all kernels are part of."""

        def __init__(self, function: Callable[..., Any]) -> None:
            super().__init__(function)
            own = self._locator.get_source_stamp()  # of the file that it was written in
            self._locator.get_source_stamp = lambda: (own, kernels_stamp())

    class KernelCache(FunctionCache):  # type: ignore[misc, unused-ignore]  # untyped
        """Keeps a compiled function; what goes wrong with that does not stop a call."""

        _impl_class = _Place

        def load_overload(self, *args: Any) -> Any:
            """Returns what was kept for a signature, or None."""
            found = None
            try:
                found = super().load_overload(*args)
            except Exception:  # what a crash cut off makes pickle and LLVM raise all sorts
                with contextlib.suppress(OSError):
                    self.flush()
            return _from_shelves(self._py_func, *args) if found is None else found

        def save_overload(self, *args: Any) -> None:
            """Keeps what was compiled for a signature, if that can be done."""
            try:
                super().save_overload(*args)
            except Exception as error:  # the disk became full or read-only, or the index is cut off
                fix = "Make room there, or set NUMBA_CACHE_DIR to a folder that can be written to."
                _say(f"{self.cache_path!r}, where they cannot be written ({error})", fix)

    class NoCache(NullCache):  # type: ignore[misc, unused-ignore]  # untyped
        """Keeps nothing, and says so as soon as something is compiled."""

        def __init__(self, function: Callable[..., Any], error: Exception) -> None:
            self._function, self._error = function, error

        def load_overload(self, *args: Any) -> Any:
            """Returns what was kept by others, or says, once, that nothing can be."""
            found = _from_shelves(self._function, *args)
            if found is None:
                _say(*_reason(Path(inspect.getfile(self._function)), self._error))
            return found

    def _shelf(locator: Any) -> Any:
        """Returns a cache for one of the places of Numba, whether it can be written to or not."""
        reader = type("_Reader", (locator,), {"ensure_cache_path": lambda _: None})
        place = type("_ReadPlace", (_Place,), {"_locator_classes": [reader]})
        return type("_Shelf", (FunctionCache,), {"_impl_class": place})

    _SHELVES = [_shelf(locator) for locator in CompileResultCacheImpl._locator_classes]

    def shelves(function: Callable[..., Any]) -> list[Any]:
        """Returns caches of a function in folders that are there and can only be read."""
        found = []
        for shelf in _SHELVES:
            with contextlib.suppress(*_NOWHERE):
                cache = shelf(function)
                if Path(cache.cache_path).is_dir() and not os.access(cache.cache_path, os.W_OK):
                    found.append(cache)
        return found

    def _from_shelves(function: Callable[..., Any], *args: Any) -> Any:
        """Returns what others have kept for a signature, or None."""
        for cache in shelves(function):
            with contextlib.suppress(Exception):  # as above
                if (found := cache.load_overload(*args)) is not None:
                    return found
        return None

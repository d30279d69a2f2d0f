"""kaug in the pipelines of other libraries, which run it on many processes and machines.

Each module is for one library, which is not imported before it is used:

- `kaug.integrations.ray`: Ray Data, with the extra `kaug[ray]`;
- `kaug.integrations.grain`: Grain, with the extra `kaug[grain]`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kaug.integrations import grain, ray

__all__ = ["grain", "ray"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'kaug.integrations' has no attribute {name!r}")
    return import_module(f"kaug.integrations.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

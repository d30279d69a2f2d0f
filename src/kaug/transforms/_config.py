"""Transforms as plain data and back, by the names they are registered under."""

import sys
from collections.abc import Mapping
from typing import Any

from kaug._validation import describe, message

# Every class of transforms, by the name `keras.saving` has for it.
REGISTRY: dict[str, type[Any]] = {}


def register_with_keras() -> None:
    """Registers every transform with `keras.saving`, if Keras is there; kaug never imports it.

    Keras asks for a name when it saves and when it loads, and it must be imported for either.
    """
    saving = getattr(sys.modules.get("keras"), "saving", None)
    if saving is None:
        return
    for name, cls in REGISTRY.items():
        if saving.get_registered_object(name) is not cls:
            saving.register_keras_serializable(*name.split(">"))(cls)


def registered_name(cls: type) -> str:
    """Returns `package>name`, as `keras.saving` names classes."""
    package = "kaug" if cls.__module__.startswith("kaug.") else cls.__module__
    return f"{package}>{cls.__name__}"


def same(value: Any, default: Any) -> bool:
    """Tells whether a value is a default, 1 not being True."""
    return type(value) is type(default) and bool(value == default)


def to_plain(value: Any) -> Any:
    """Returns a value of a configuration as numbers, strings, lists and dicts.

    Raises:
        TypeError: It is, or holds, a function that has no registered name.
    """
    if getattr(type(value), "registry", None) is REGISTRY:
        return {"class_name": registered_name(type(value)), "config": value.get_config()}
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return _function_name(value)


def _function_name(value: Any) -> dict[str, str]:
    """Names a function, so that a configuration never holds code."""
    saving: Any = getattr(sys.modules.get("keras"), "saving", None)
    name = saving.get_registered_name(value) if saving and callable(value) else None
    if name is None or saving.get_registered_object(name) is not value:
        raise TypeError(
            message(
                "A function in a configuration must be registered by name",
                describe(value),
                'Decorate it with @keras.saving.register_keras_serializable("my_package").',
            )
        )
    return {"registered_name": name}


def from_plain(value: Any) -> Any:
    """Undoes `to_plain`.

    Raises:
        ValueError: It names a transform or a function that is not known.
    """
    if isinstance(value, list):
        return tuple(from_plain(item) for item in value)
    if not isinstance(value, Mapping):
        return value
    if "registered_name" in value and "config" not in value:
        saving = getattr(sys.modules.get("keras"), "saving", None)
        function = saving and saving.get_registered_object(value["registered_name"])
        if function is None:
            rule = "A function in a configuration must be registered with keras.saving first"
            raise ValueError(message(rule, describe(value["registered_name"])))
        return function
    name = value.get("class_name")
    if name not in REGISTRY:
        raise ValueError(
            message(
                "A configuration must name a transform that is known",
                f"class_name={name!r}",
                "Import the module that defines it first.",
            )
        )
    return REGISTRY[name].from_config(value["config"])

"""Transforms as plain data and back, by the names they are registered under."""

import difflib
import inspect
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from kaug._validation import describe, message

Made = TypeVar("Made")

MAX_DEPTH = 50  # of transforms in transforms: Python reads no deeper brackets in a `repr`
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


def from_json(text: Any) -> Any:
    """Returns what a JSON text describes, as `from_plain` does.

    Raises:
        TypeError: `text` is no text, or an argument in it has the wrong type or name.
        ValueError: It is no JSON, or does not describe what is known.
    """
    if not isinstance(text, (str, bytes, bytearray)):
        rule = "JSON must be a string, or bytes as read from a file"
        raise TypeError(message(rule, describe(text), "For a dict, use json.dumps first."))
    rule = "The JSON of a transform is an object with `class_name` and `config`"
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:  # not JSON, or numbers of thousands of digits
        raise ValueError(message(rule, f"what cannot be read ({error})")) from None
    try:
        return from_plain(plain)
    except RecursionError as error:  # lists in lists
        raise ValueError(message(rule, f"what cannot be read ({error})")) from None


def from_plain(value: Any) -> Any:
    """Undoes `to_plain`.

    Raises:
        TypeError: An argument of a transform has the wrong type or name.
        ValueError: It names a transform or a function that is not known.
    """
    if isinstance(value, list):
        return tuple(from_plain(item) for item in value)
    if not isinstance(value, Mapping):
        return value
    if "registered_name" in value and "config" not in value:
        return _function(value["registered_name"])
    if "class_name" not in value or not isinstance(value.get("config"), Mapping):
        rule = "A transform is described by `class_name` and `config`, an object with its arguments"
        raise ValueError(message(rule, describe(value)))
    made = _class(value["class_name"])
    try:
        return made.from_config(value["config"])
    except RecursionError:
        raise ValueError(
            message(f"Transforms may be nested {MAX_DEPTH} deep", "far more")
        ) from None


def arguments_of(config: Any) -> dict[str, Any]:
    """Returns the arguments of a transform, of its configuration.

    Raises:
        TypeError: It is no dict with names.
    """
    if not isinstance(config, Mapping) or not all(isinstance(name, str) for name in config):
        rule = "A configuration must be a dict from names to values, as get_config returns it"
        raise TypeError(message(rule, describe(config)))
    return {name: from_plain(value) for name, value in config.items()}


def _function(name: Any) -> Any:
    saving: Any = getattr(sys.modules.get("keras"), "saving", None)
    is_known = saving is not None and isinstance(name, str)
    function = saving.get_registered_object(name) if is_known else None
    if function is None:
        rule = "A function in a configuration must be registered with keras.saving first"
        raise ValueError(message(rule, describe(name)))
    return function


def _class(name: Any) -> type[Any]:
    known = [known for known, cls in REGISTRY.items() if not inspect.isabstract(cls)]
    if name not in known:
        rule = "A configuration must name a transform that is known"
        fix = f"{did_you_mean(name, known)} Import the module of a transform of your own first."
        raise ValueError(message(rule, f"class_name={name!r}", fix.strip()))
    return REGISTRY[name]


def create(cls: Callable[..., Made], /, *positional: Any, **named: Any) -> Made:
    """Returns `cls(*positional, **named)`, or says which arguments there are.

    Raises:
        TypeError: An argument is missing, or not one of them.
    """
    signature = inspect.signature(cls)
    try:
        signature.bind(*positional, **named)
    except TypeError as error:
        known = list(signature.parameters)
        rule = f"The arguments of {cls.__name__} are: {', '.join(known) or 'none'}"
        given = [*map(repr, positional), *(f"{name}={value!r}" for name, value in named.items())]
        received = f"{cls.__name__}({', '.join(given)}) ({error})"
        unknown = next((name for name in named if name not in known), "")
        raise TypeError(message(rule, received, did_you_mean(unknown, known))) from None
    return cls(*positional, **named)


def did_you_mean(name: Any, known: Iterable[str]) -> str:
    """Returns a question about the name that comes closest, or nothing if none does."""
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"Did you mean {close[0]!r}?" if close else ""

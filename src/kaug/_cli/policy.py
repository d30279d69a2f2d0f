"""What `--policy` means: a file, a name, or a transform written as in Python."""

import ast
import dataclasses
import difflib
import inspect
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kaug.generators  # noqa: F401 - with it, all transforms that a file can name are known
from kaug import transforms
from kaug._validation import message
from kaug.transforms import Affine, Compose, HorizontalFlip, Transform

#: The name of the Fashion-MNIST tutorial's policy, which commands take when none is given.
TUTORIAL = "tutorial"
_LIST = "`kaug policies` lists them."
_CLASSES: dict[str, Any] = {
    name: getattr(transforms, name)
    for name in transforms.__all__
    if name not in ("Draws", "Lambda", "Transform")  # a function can not be written in a policy
}


def tutorial_policy() -> Transform:
    """Returns what the tutorial's `ImageDataGenerator` does, in kaug's own terms."""
    geometry = Affine(
        rotation=10, height_shift=0.1, width_shift=0.1, shear=0.5, zoom=0.1, keep_aspect=False
    )
    return Compose([geometry, HorizontalFlip()])


def names() -> dict[str, str]:
    """Returns the policies that have names, each with a line about it."""
    lines = {TUTORIAL: "Rotates, moves, shears, zooms and mirrors, as the tutorial does."}
    for name, cls in _CLASSES.items():
        if not _needs_arguments(cls):
            lines[name] = (inspect.getdoc(cls) or "").splitlines()[0].replace("`", "")
    return lines


def read_policy(text: str) -> Transform:
    """Returns the policy that a user asked for.

    Args:
        text: The path of a JSON file, a name, or an expression such as `"Rotation(30)"`.

    Raises:
        OSError: The file can not be read.
        TypeError: An argument of a transform has the wrong type.
        ValueError: It is no policy.
    """
    if text.lower().endswith(".json"):
        return _from_file(Path(text))
    if "(" in text:
        return _from_expression(text)
    if os.sep in text or "." in text:
        return _from_file(Path(text))
    return _from_name(text)


def _needs_arguments(cls: Any) -> bool:
    parameters = inspect.signature(cls).parameters.values()
    return any(parameter.default is parameter.empty for parameter in parameters)


# By name ------------------------------------------------------------------------------------------


def _from_name(text: str) -> Transform:
    wanted = _plain(text)
    if wanted == TUTORIAL:
        return tutorial_policy()
    known = {_plain(name): cls for name, cls in _CLASSES.items()}
    if wanted not in known:
        rule = "A policy must be the name of a transform, a transform, or a .json file"
        raise ValueError(message(rule, repr(text), _suggest(wanted, [TUTORIAL, *known])))
    cls = known[wanted]
    if _needs_arguments(cls):
        rule = "A policy that is only named must do without arguments"
        fix = f"Write it as in Python: '{cls.__name__}([Rotation(20), HorizontalFlip()])'."
        raise ValueError(message(rule, repr(text), fix))
    policy: Transform = cls()
    return policy


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _suggest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {close[0]!r}?" if close else _LIST


# As in Python -------------------------------------------------------------------------------------


def _from_expression(text: str) -> Transform:
    """Returns a transform written as its `repr` is: nothing else is ever evaluated."""
    try:
        value = _evaluate(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError) as error:
        rule = "A policy written as in Python must be an expression"
        received = f"{text!r} ({getattr(error, 'msg', 'nested too deeply')})"
        fix = "Quote it for the shell: 'Compose([Rotation(20), HorizontalFlip()])'."
        raise ValueError(message(rule, received, fix)) from None
    if not isinstance(value, Transform):
        raise ValueError(message("A policy must be a transform", repr(text), _LIST))
    return value


def _evaluate(node: ast.expr) -> Any:
    if isinstance(node, ast.List):
        return [_evaluate(item) for item in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_evaluate(item) for item in node.elts)
    if isinstance(node, ast.Call):
        return _call(node)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        rule = "A policy written as in Python may have transforms, lists, numbers and strings"
        raise ValueError(message(rule, repr(ast.unparse(node)))) from None


def _call(node: ast.Call) -> Transform:
    name = ast.unparse(node.func)
    if name not in _CLASSES:
        rule = "A policy may be made of the transforms of kaug.transforms"
        raise ValueError(message(rule, repr(name), _suggest(name, list(_CLASSES))))
    cls = _CLASSES[name]
    positional = [_evaluate(value) for value in node.args]
    named = {str(keyword.arg): _evaluate(keyword.value) for keyword in node.keywords}
    signature = inspect.signature(cls)
    try:
        signature.bind(*positional, **named)
    except TypeError as error:
        rule = f"The arguments must be among those of {name}: {', '.join(signature.parameters)}"
        raise ValueError(message(rule, f"{ast.unparse(node)!r} ({error})")) from None
    transform: Transform = cls(*positional, **named)
    return transform


# From a file --------------------------------------------------------------------------------------


def _from_file(path: Path) -> Transform:
    rule = "A policy file must hold what a transform's to_json writes"
    fix = "`kaug policies tutorial` writes one to begin with."
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ValueError(message(rule, f"{str(path)!r}, where there is no file", fix)) from None
    except UnicodeDecodeError:
        raise ValueError(message(rule, f"{str(path)!r}, which is no text", fix)) from None
    try:
        plain = json.loads(text)
        _check(plain, path)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise ValueError(message(rule, f"{str(path)!r}, no JSON at {where}", fix)) from None
    except RecursionError:
        raise ValueError(message(rule, f"{str(path)!r}, nested too deeply", fix)) from None
    if not isinstance(plain, dict) or "class_name" not in plain:
        raise ValueError(message(rule, f"{str(path)!r}, which is none", fix))
    try:
        return Transform.from_json(text.lstrip("\ufeff"))
    except (TypeError, ValueError) as error:
        raise type(error)(f"In {str(path)!r}: {error}") from error


def _check(plain: Any, path: Path) -> None:
    """Checks names and arguments first: `from_json` is made for what `to_json` wrote."""
    for described in _objects(plain):
        name, config = described["class_name"], described.get("config")
        cls: Any = Transform.registry.get(name) if isinstance(name, str) else None
        if cls is None:
            rule = "A policy may be made of the transforms of kaug.transforms"
            fix = _suggest(str(name), list(Transform.registry))
            raise ValueError(message(rule, f"class_name={name!r} in {str(path)!r}", fix))
        fields = {field.name: field for field in dataclasses.fields(cls)}
        given = set(config) if isinstance(config, dict) else None
        needed = {n for n, field in fields.items() if field.default is dataclasses.MISSING}
        if given is None or not needed <= given <= set(fields):
            some = ", ".join(inspect.signature(cls).parameters)
            rule = f"The `config` of {name!r} must be an object with arguments among {some}"
            received = (
                repr(config) if given is None else f"only {', '.join(sorted(given)) or 'none'}"
            )
            raise ValueError(message(rule, f"{received} in {str(path)!r}"))


def _objects(plain: Any) -> Iterator[dict[str, Any]]:
    """Yields every description of a transform, the outer ones first."""
    if isinstance(plain, dict):
        if "class_name" in plain:
            yield plain
        for value in plain.values():
            yield from _objects(value)
    elif isinstance(plain, list):
        for value in plain:
            yield from _objects(value)

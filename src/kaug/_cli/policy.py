"""What `--policy` means: a file, or a transform written as in Python."""

import ast
from collections.abc import Callable
from typing import Any

import kaug._generators  # noqa: F401 - with it, all transforms that a file can name are known
from kaug import transforms
from kaug._files import check_path, open_regular
from kaug._validation import message
from kaug.transforms import Affine, Compose, HorizontalFlip, Transform
from kaug.transforms._bases.config import create, did_you_mean


def tutorial() -> Transform:
    """What the tutorial does: rotates, moves, shears, zooms and mirrors."""
    geometry = Affine(
        rotation=10, height_shift=0.1, width_shift=0.1, shear=0.5, zoom=0.1, keep_aspect=False
    )
    return Compose([geometry, HorizontalFlip()])


_MOST_BYTES = 2**24  # of a policy as JSON
_RULE = "A policy must be a .json file, or a transform as in Python, such as 'Rotation(30)'"
_FIX = "What this version of kaug takes, `kaug policies POLICY` and to_json write."

#: What a policy can be made of, by name. A function, for `Lambda`, cannot be written in one.
VOCABULARY: dict[str, Callable[..., Any]] = {
    "tutorial": tutorial,
    **{
        name: getattr(transforms, name)
        for name in transforms.__all__
        if name not in ("Draws", "Lambda", "Transform")
    },
}


def read_policy(text: str) -> Transform:
    """Returns the policy that a user asked for.

    Args:
        text: The path of a JSON file, an expression such as `"Rotation(30)"`, or a name.

    Raises:
        OSError: The file cannot be read.
        TypeError: An argument of a transform has the wrong type or name.
        ValueError: It is no policy.
    """
    if text.lower().endswith(".json"):
        with open_regular(check_path(text, "POLICY")) as stream:
            content = stream.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ValueError(message(_RULE, f"{text!r}, of more than {_MOST_BYTES:,} bytes"))
        try:
            return Transform.from_json(content)
        except (TypeError, ValueError) as error:
            raise type(error)(f"In {text!r}: {error} {_FIX}") from error
    try:
        policy = _evaluate(ast.parse(text.strip(), "policy", mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError) as error:  # nested too deeply, in all words
        raise ValueError(message(_RULE, f"{_short(text)} ({error})")) from None
    if not isinstance(policy, Transform):
        raise ValueError(message(_RULE, _short(text)))
    return policy


def _short(text: str) -> str:
    return repr(text) if len(text) <= 80 else f"{text[:77]!r}..."


def _evaluate(node: ast.expr) -> Any:
    """Returns what an expression means; nothing but transforms is ever called."""
    if isinstance(node, (ast.List, ast.Tuple)):
        return tuple(map(_evaluate, node.elts))
    if isinstance(node, ast.Name):
        return create(_find(node))
    if isinstance(node, ast.Call):
        positional = map(_evaluate, node.args)
        named = {str(keyword.arg): _evaluate(keyword.value) for keyword in node.keywords}
        return create(_find(node.func), *positional, **named)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        raise ValueError(message(_RULE, _short(ast.unparse(node)))) from None


def _find(node: ast.expr) -> Callable[..., Any]:
    known = {name.lower(): each for name, each in VOCABULARY.items()}
    name = ast.unparse(node)
    if name.lower() not in known:
        rule = "A policy may be made of the transforms that `kaug policies` lists"
        raise ValueError(message(rule, repr(name), did_you_mean(name.lower(), known)))
    return known[name.lower()]

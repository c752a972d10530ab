"""Text -> plain values: JSON, YAML, and configs as documents and notebooks print them.

As printed means: comments (`#`, `//`, `/* */`), tabs, trailing commas, single quotes, True, False and None, and around
it a name, `selection_config = {...}`, or a call, `client.schedule_compute_worker_run(worker_config={...}, ...)`. It is
parsed as a Python expression, of which only plain values are read; nothing is ever run. YAML is that of version 1.2,
core schema (`no` is a text), without anchors, aliases and tags; `08` is a text, as a name may be. A key given twice is
an error everywhere.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import Any

import yaml

from streamsel.config.nearest import shown
from streamsel.errors import UsageError

__all__ = ["parse", "parse_printed"]

TOKENS = re.compile(
    r'''(?P<text>"""(?:[^\\]|\\.)*?"""|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?:\#|//)[^\n]*|/\*.*?(?:\*/|\Z)''',
    re.DOTALL,
)
LEADING = re.compile(r"\A(?:\s+|(?:#|//)[^\n]*|/\*.*?(?:\*/|\Z))*", re.DOTALL)
"""Blanks and comments before anything else."""

NAMES = {"true": True, "false": False, "null": None}
UNREADABLE = "nested too deeply, or with characters or numbers that no config holds"
PRINTED = re.compile(r"[\[{]|[\w.]+\s*[=(]")
"""How what is no YAML in lines begins."""


def parse(text: str) -> Any:
    """The plain value that a text holds. Raises UsageError, which names the line."""
    try:
        return json.loads(text, object_pairs_hook=_pairs)
    except (ValueError, RecursionError):  # not JSON, or JSON with a mistake, which the other readers name with its line
        pass
    begin = LEADING.sub("", text, count=1)
    if not PRINTED.match(begin):
        return _parse_yaml(text)
    try:
        return parse_printed(text)
    except UsageError as mistake:
        if begin[0] not in "{[":
            raise
        return _parse_flow(text, mistake)


def parse_printed(text: str) -> Any:
    """What a document or notebook prints. Names and arguments become keys: `a = {...}` is {"a": {...}}."""
    code = _without_comments(text).rstrip().rstrip(",")
    code = "\n" * code[: len(code) - len(code.lstrip())].count("\n") + code.lstrip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes such as \\d, which Python leaves as they are
            return _value(ast.parse(code).body)
    except SyntaxError as error:
        raise _mistake(error.lineno or 1, error.msg) from None
    except UsageError:
        raise
    except (ValueError, RecursionError, MemoryError):
        raise _mistake(1, UNREADABLE) from None


def _without_comments(text: str) -> str:
    """Comments become blanks, line by line; two texts side by side are a comma forgotten, though Python joins them."""
    parts, end, after_text = [], 0, False
    for token in TOKENS.finditer(text):
        between = text[end : token.start()]
        if after_text and token["text"] and not between.strip():
            raise _mistake(text.count("\n", 0, token.start()) + 1, f"a comma is missing before {shown(token['text'])}")
        after_text = token["text"] is not None or (after_text and not between.strip())
        parts += [between, token["text"] or "\n" * token[0].count("\n")]
        end = token.end()
    return "".join([*parts, text[end:]])


def _value(statements: list[ast.stmt]) -> Any:
    if len(statements) == 1 and isinstance(statements[0], ast.Expr) and not isinstance(statements[0].value, ast.Call):
        return _plain(statements[0].value)
    made: dict[Any, Any] = {}
    for statement in statements:
        for name, node in _named(statement):
            _add(made, name, _plain(node), node.lineno)
    return made


def _named(statement: ast.stmt) -> list[tuple[str, ast.expr]]:
    value = statement.value if isinstance(statement, ast.Assign | ast.Expr) else None
    if isinstance(value, ast.Call) and not value.args:
        return [(argument.arg or "**", argument.value) for argument in value.keywords]
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=given):
            return [(name, given)]
    raise _mistake(statement.lineno, "no config: expected {...}, name = {...} or the call of a run")


def _plain(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            return value
        case ast.Name(id=name) if name in NAMES:
            return NAMES[name]
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.List(elts=entries) | ast.Tuple(elts=entries):
            return [_plain(entry) for entry in entries]
        case ast.Dict(keys=keys, values=values) if None not in keys:
            made: dict[Any, Any] = {}
            for key, entry in zip(keys, values, strict=True):
                _add(made, _plain(key or entry), _plain(entry), entry.lineno)
            return made
    raise _mistake(node.lineno, f"{shown(ast.unparse(node))} is no plain value: put texts in quotes")


def _add(made: dict[Any, Any], key: Any, value: Any, line: int = 1) -> None:
    if isinstance(key, list | dict):
        raise _mistake(line, f"{shown(key)} cannot be a key: a key is a text")
    if key in made:
        raise _mistake(line, f"key {shown(key)} is given twice")
    made[key] = value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        _add(made, key, value)
    return made


class _Loader(yaml.SafeLoader):
    """Plain values of YAML 1.2: no aliases, which can make a small text huge, and no tags."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - filled below

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise yaml.MarkedYAMLError(problem="anchors, aliases and tags are not read", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for key, value in node.value:
            name = self.construct_object(key, deep=True)
            _add(made, name, self.construct_object(value, deep=True), key.start_mark.line + 1)
        return made


for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", [*"~nN", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(rf"^(?:{_pattern})\Z"), list(_first))


def _parse_yaml(text: str) -> Any:
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _mistake(mark.line + 1 if mark else 1, " ".join(f"{error.problem or error.context}".split())) from None
    except UsageError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError):
        raise _mistake(1, UNREADABLE) from None


def _parse_flow(text: str, mistake: UsageError) -> Any:
    """YAML in braces, whose texts need no quotes; what this is not either gets the complaint about what was printed."""
    try:
        return _parse_yaml(text)
    except UsageError:
        raise mistake from None


def _mistake(line: int, text: str) -> UsageError:
    return UsageError(f"line {line}: {text}")

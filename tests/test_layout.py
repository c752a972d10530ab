"""The house rules, read off the code: which room imports what, how large a file is, what it is called."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

import streamsel

PACKAGE = Path(streamsel.__file__).parent
FILES = {str(file.relative_to(PACKAGE)): file for file in sorted(PACKAGE.rglob("*.py"))}
LONGEST = 300

SHARED = {"streamsel.data", "streamsel.errors"}
"""What every room may import beside itself."""

ROOMS = {
    "config": {"streamsel.errors", "streamsel.broker_names"},
    "decode": SHARED | {"streamsel.plain_source", "streamsel.speaks_tls"},
    "embed": SHARED | {"streamsel.coreset", "streamsel.grid"},
    "pool": SHARED,
    "report": SHARED,
    "selection": SHARED | {"streamsel.coreset"},
    "signals": SHARED,
    "sink": SHARED,
    "tables": SHARED,
    "topic": SHARED | {"streamsel.broker_names", "streamsel.plain_source", "streamsel.speaks_tls"},
}
ON_TOP = {
    "cli": {
        "streamsel.api",
        "streamsel.choosing",
        "streamsel.edge",
        "streamsel.errors",
        "streamsel.pool",
        "streamsel.publish",
        "streamsel.report",
        "streamsel.service",
    },
}
JOINING = {
    "api",
    "build",
    "choosing",
    "daemon",
    "edge",
    "ingest",
    "lanes",
    "pipeline",
    "publish",
    "rules",
    "run",
    "service",
    "testing",
}
"""They put rooms together and may import any of them; `testing` checks and doubles what each room promises."""

GROUND = {
    "__init__": None,
    "__main__": {"streamsel.cli"},
    "broker_names": set[str](),
    "coreset": SHARED | {"streamsel.grid", "streamsel.slots"},
    "data": set[str](),
    "errors": set[str](),
    "free_memory": set[str](),
    "grid": SHARED,
    "plain_source": set[str](),
    "slots": SHARED | {"streamsel.grid"},
    "speaks_tls": set[str](),
    "store": SHARED,
}
"""Files at the top that stand on nothing but each other; the public names of `__init__` are loaded lazily."""

DOORS: dict[str, set[str]] = {
    "av": {"decode", "sink/clip.py", "testing"},
    "PIL": {"decode", "sink", "testing"},
    "faiss": {"coreset.py"},
    "kafka": {"topic", "testing"},
    "marshal": set(),
    "openvino": {"embed"},
    "paho": {"edge/telling/mqtt_connection.py", "testing"},
    "prometheus_client": {"edge/showing", "daemon"},
    "pickle": {"embed/checkpoint.py"},  # torch's legacy weights, by an unpickler that knows six names
    "pyarrow": {"pool", "sink", "tables"},
    "rich": {"cli", "report"},
    "shelve": set(),
    "torch": {"embed"},
    "torchvision": {"embed"},
    "typer": {"cli"},
    "yaml": {"config"},
}
"""Package -> the only places that import it."""

HEAVY = {*DOORS, "pydantic"}


@cache
def tree(file: Path) -> ast.Module:
    """What a file says; nobody changes it."""
    return ast.parse(file.read_text())


def imports(file: Path, *, at_import: bool = False) -> Iterator[str]:
    """Modules that a file imports, by full name; at_import: only those that loading the file loads."""
    pending: list[ast.AST] = [tree(file)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are written in full"
            yield node.module or ""
        lazy = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        )
        if not (at_import and lazy):
            pending.extend(ast.iter_child_nodes(node))


def place_of(name: str) -> str:
    """The room or top file that a path belongs to: `decode/video.py` -> `decode`, `store.py` -> `store`."""
    return name.partition("/")[0].removesuffix(".py")


def within(module: str, allowed: set[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in allowed)


def own(file: Path) -> list[str]:
    return [module for module in imports(file) if within(module, {"streamsel"})]


@pytest.mark.parametrize("name", FILES)
def test_a_file_imports_only_what_its_place_may(name: str) -> None:
    place = place_of(name)
    allowed = {**ROOMS, **ON_TOP, **GROUND, **dict.fromkeys(JOINING)}[place]
    if allowed is None:
        return
    strangers = [module for module in own(FILES[name]) if not within(module, {*allowed, f"streamsel.{place}"})]
    assert not strangers, f"{name} imports {strangers}; {place} may import itself and {sorted(allowed)}"


@pytest.mark.parametrize("name", FILES)
def test_third_parties_come_in_by_their_doors(name: str) -> None:
    used = {module.partition(".")[0] for module in imports(FILES[name])}
    wrong = [
        package
        for package in used & set(DOORS)
        if not any(name == door or name.startswith(f"{door}/") for door in DOORS[package])
    ]
    assert not wrong, f"{name} imports {wrong}; doors: { {package: sorted(DOORS[package]) for package in wrong} }"


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith("/__init__.py")])
def test_a_room_opens_without_anything_heavy(name: str) -> None:
    heavy = {module.partition(".")[0] for module in imports(FILES[name], at_import=True)} & HEAVY
    assert not heavy, f"{name} loads {heavy}"


def test_every_folder_is_a_room_that_says_what_it_is() -> None:
    folders = {file.parent for file in FILES.values()}
    assert all((folder / "__init__.py").exists() for folder in folders), "a folder without a contract"
    assert {place_of(name) for name in FILES} == {*ROOMS, *ON_TOP, *JOINING, *GROUND}, "a place without a rule here"


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_what_it_is(name: str) -> None:
    lines = FILES[name].read_text().splitlines()
    assert len(lines) <= LONGEST, f"{name} has {len(lines)} lines; one idea a file"
    assert ast.get_docstring(tree(FILES[name])), f"{name} begins without a docstring"


def test_no_module_is_named_like_another_package() -> None:
    required = {re.split(r"[^\w.-]", line)[0].lower() for line in requires("streamsel") or []}
    dependencies = {name for name, owners in packages_distributions().items() if required & {*map(str.lower, owners)}}
    taken = {*sys.stdlib_module_names, *dependencies} - {"streamsel"}
    names = {Path(name).parent.name if name.endswith("__init__.py") else Path(name).stem for name in FILES}
    assert names & taken == set()


def test_tests_mirror_the_rooms() -> None:
    tests = Path(__file__).parent
    assert {room for room in ROOMS if not list((tests / room).glob("test_*.py"))} == set()

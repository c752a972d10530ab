"""`import streamsel` names everything public, and loads nothing until it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import streamsel
from streamsel.testing.videos import scenes

HEAVY = {"PIL", "av", "faiss", "kafka", "numpy", "openvino", "pyarrow", "torch", "torchvision"}

HELP = """
from streamsel.cli import main
sys.argv = ["streamsel", {}]
try:
    main()
except SystemExit as done:
    assert done.code == 0
"""


def loaded_by(code: str) -> set[str]:
    """Top-level packages that a fresh interpreter holds after running code."""
    script = f"import sys\n{code}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def typed_names() -> set[str]:
    """What a type checker sees: the names imported under TYPE_CHECKING, and the version."""
    tree = ast.parse(Path(streamsel.__file__).read_text())
    checking = next(node for node in tree.body if isinstance(node, ast.If))
    imported = {alias.name for node in checking.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    return imported | {node.target.id for node in checking.body if isinstance(node, ast.AnnAssign)}  # type: ignore[union-attr]


def test_all_is_exact() -> None:
    assert sorted(streamsel.__all__) == streamsel.__all__
    assert set(streamsel.__all__) == typed_names()
    assert set(streamsel.__all__) == {*(name for names in streamsel._HOMES.values() for name in names), "__version__"}
    assert dir(streamsel) == streamsel.__all__


@pytest.mark.parametrize("name", streamsel.__all__)
def test_a_public_name_is_there(name: str) -> None:
    value = getattr(streamsel, name)
    assert value is getattr(streamsel, name)
    assert isinstance(value, str) or value.__doc__


def test_an_unknown_name_is_said() -> None:
    with pytest.raises(AttributeError, match="module 'streamsel' has no attribute 'selekt'"):
        streamsel.selekt  # noqa: B018


def test_importing_loads_nothing_heavy() -> None:
    assert loaded_by("import streamsel") & {*HEAVY, "pydantic", "rich", "typer"} == set()


SELECT = """
from streamsel import select
select({!r}, {!r}, n=2, table=False)
"""


def test_a_run_without_a_topic_loads_nothing_of_kafka(tmp_path: Path) -> None:
    clip = scenes(tmp_path / "clip.mp4", (0, 1), 4)
    code = SELECT.format(str(clip), str(tmp_path / "out"))
    assert loaded_by(code) & {"crc32c", "kafka", "prometheus_client"} == set()
    assert loaded_by("import streamsel.run.sending") & {"crc32c", "kafka"} == set()


@pytest.mark.parametrize("arguments", ['"--help"', '"select", "--help"', '"inspect", "--help"', '"--version"'])
def test_help_loads_nothing_that_works_on_video(arguments: str) -> None:
    assert loaded_by(HELP.format(arguments)) & HEAVY == set()

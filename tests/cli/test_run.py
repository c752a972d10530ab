"""`streamsel run`: what is wrong with a pipeline is one line, before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import streamsel

PIPELINE = """
kind: ingest
input: {servers: "127.0.0.1:1", topic: frames}
output: {topic: picks}
"""


@pytest.mark.parametrize(
    ("before", "after", "code", "told"),
    [
        ("topic: picks", "topik: picks", 2, "output.topik: unknown key 'topik'; did you mean 'topic'?"),
        ("kind: ingest", "kind: select", 2, "kind: unknown kind 'select'; allowed: ingest"),
        ("127.0.0.1:1", "${NOWHERE_SET}", 2, "input.servers: ${NOWHERE_SET} is not set"),
        ("127.0.0.1:1", "127.0.0.1:one", 2, "input.servers[0]: must be host:port"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, before: str, after: str, code: int, told: str) -> None:
    (tmp_path / "ingest.yaml").write_text(PIPELINE.replace(before, after, 1))
    done = streamsel("run", tmp_path / "ingest.yaml", check=False)
    assert done.returncode == code
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = streamsel("run", tmp_path / "none.yaml", check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "none.yaml: cannot be read" in done.stderr

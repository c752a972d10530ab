"""`streamsel init edge`: complete, and true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamsel.config import EdgeConfig
from streamsel.config.edge_source import EdgeSource
from streamsel.config.pipeline_file import read_pipeline
from tests.cli.test_init import names
from tests.conftest import inside

SHIPPED = Path(__file__).parent.parent.parent / "pipelines" / "edge.yaml"
OPTION = re.compile(r"^( *)#(?=(- )?[{\w]+: |  ?\w+:|\w+:$)")


def test_it_is_what_ships(tmp_path: Path) -> None:
    inside("init", "edge", "--file", tmp_path / "edge.yaml")
    assert (tmp_path / "edge.yaml").read_bytes() == SHIPPED.read_bytes()


def test_it_can_be_read_as_it_is() -> None:
    config = read_pipeline(SHIPPED, {})
    assert isinstance(config, EdgeConfig)
    assert config.sources[0].folder is not None


def test_it_shows_every_option() -> None:
    shown = set(re.findall(r"\b(\w+)[:`]", SHIPPED.read_text()))
    assert (names(EdgeConfig) | set(EdgeSource.model_fields)) - shown == set()


def test_all_that_it_shows_can_be_taken_in(tmp_path: Path) -> None:
    lines = SHIPPED.read_text().splitlines()
    opened = [
        re.sub(r"^( *)#(?=(- )?[{\w]+: |  ?\w+:|\w+:$)", r"\1", line) for line in lines if "selection" not in line
    ]
    file = tmp_path / "edge.yaml"
    file.write_text("\n".join(line for line in opened if not line.startswith(("min_distance", "window"))))
    config = read_pipeline(file, {"DOOR_PASSWORD": "x"})
    assert isinstance(config, EdgeConfig)
    assert config.threads == 1


@pytest.mark.parametrize("option", ["queue: 64MB", "outbox: {cap: 1GB, policy: oldest}", "log: text", "model: default"])
def test_defaults_are_those_that_hold(option: str, tmp_path: Path) -> None:
    text = SHIPPED.read_text()
    assert f"#{option}" in text
    file = SHIPPED.with_name("edge.yaml")
    (tmp_path / "edge.yaml").write_text(text.replace(f"#{option}", option))
    plain, said = read_pipeline(file, {}), read_pipeline(tmp_path / "edge.yaml", {})
    assert plain.model_dump(exclude={"sources", "state", "output"}) == said.model_dump(
        exclude={"sources", "state", "output"}
    )

"""What the pages say is so: links lead somewhere, commands parse, code runs, tables name every field."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

import streamsel
from streamsel.errors import StreamselError
from streamsel.run.workspace import OUTPUTS
from streamsel.sink.decisions import DECISIONS
from streamsel.sink.manifest import OBJECTS
from streamsel.testing.videos import scenes

CHECKOUT = Path(__file__).parent.parent
PAGES = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md"), CHECKOUT / "benchmarks" / "README.md"])
NAMES = [str(page.relative_to(CHECKOUT)) for page in PAGES]


def blocks(language: str) -> Iterator[str]:
    """Code blocks of a language on all pages."""
    for page in PAGES:
        yield from re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


def in_code(text: str) -> set[str]:
    """Everything between single backticks."""
    return set(re.findall(r"`([^`\n]+)`", text))


def commands() -> list[str]:
    """Command lines of streamsel on all pages, their comments cut off."""
    lines = (line for block in blocks("sh") for line in block.splitlines())
    return [line.partition("#")[0].strip() for line in lines if line.startswith("streamsel ")]


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    page = CHECKOUT / name
    links = re.findall(r"\]\(([^)#]+)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("name", NAMES)
def test_files_that_are_named_exist(name: str) -> None:
    tops = "|".join(("benchmarks", "docker", "docs", "examples", "pipelines", "streamsel", "tests"))
    named = re.findall(rf"`((?:{tops})/[a-z_0-9/.]*)`", (CHECKOUT / name).read_text(), re.A)
    assert not [path for path in named if not (CHECKOUT / path).exists()]


def test_every_benchmark_is_listed() -> None:
    folder = CHECKOUT / "benchmarks"
    named = re.findall(r"^\| `(\w+\.py)", (folder / "README.md").read_text(), re.M)
    run = [file.name for file in folder.glob("*.py") if 'if __name__ == "__main__"' in file.read_text()]
    assert sorted(named) == sorted(run)


@pytest.mark.parametrize("line", commands())
def test_commands_are_ones_that_the_program_takes(line: str) -> None:
    from typer.main import get_command

    from streamsel.cli.app import app
    from streamsel.config import SelectConfig

    _, name, *arguments = shlex.split(line)
    command = get_command(app).commands[name]  # type: ignore[attr-defined]
    values = command.make_context(name, arguments).params
    if name == "select":
        SelectConfig.of(**{key: values[key] for key in SelectConfig.model_fields if values.get(key) is not None})


def test_the_makefile_has_what_the_pages_name() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.M))
    named = {match for page in PAGES for match in re.findall(r"\bmake ([a-z-]+) *(?:#|$|`)", page.read_text(), re.M)}
    assert {"demo", "test"} <= named <= targets


@pytest.mark.parametrize("code", list(blocks("python")))
def test_python_runs(code: str, tmp_path: Path) -> None:
    scenes(tmp_path / "video.mp4", (0, 1, 2))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0.00 s: first, inf from pick -1")


def test_the_example_of_a_sidecar_is_one() -> None:
    from streamsel.embed.sidecar import CHECKS, checked

    sidecar = next(json.loads(block) for block in blocks("json"))
    assert set(sidecar) == set(CHECKS)
    for key, value in sidecar.items():
        checked(Path("sidecar"), key, value)


SOMETIMES = {"crops.jsonl", "corrupt_samples.json", "duplicates.json"}
"""Written where objects are selected, or where something is wrong with frames."""


def test_outputs_name_every_file_and_field(tmp_path: Path) -> None:
    video = scenes(tmp_path / "video.mp4", (0, 1, 2))
    found = streamsel.select(video, tmp_path / "out", n=4, sequence_length=2)
    tiles = {"type": "TILING", "name": "tiles", "num_rows": 1, "num_cols": 2}
    diverse = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}
    selection = {"strategies": [diverse], "auto_tasks": [tiles]}
    options = {"objects": "tiles", "remove_exact_duplicates": True}
    objects = streamsel.select(video, tmp_path / "objects", n=4, selection=selection, **options)
    page = (CHECKOUT / "docs" / "outputs.md").read_text()
    said = in_code(page)
    told = {*found.summary, *objects.summary, *objects.summary["objects"], *objects.picks[0]}
    assert {*OBJECTS.names, *DECISIONS.names, *told, "frames", "index", "pts", "time", "file"} <= said
    written = {path.name for path in (tmp_path / "out").iterdir()} - {"state.db-shm", "state.db-wal"}
    headings = set(re.findall(r"[\w.-]+(?:\.\w+|/)", "\n".join(re.findall(r"^## (.*)", page, re.M))))
    assert headings == {*OUTPUTS, "frames/", "crops/", "state.db"}
    assert written == {*OUTPUTS, "frames", "state.db"} - SOMETIMES
    readme = (CHECKOUT / "README.md").read_text()
    assert {*OUTPUTS, "state.db"} - SOMETIMES <= in_code(readme)


def test_exit_codes_are_those_of_the_errors() -> None:
    def errors(kind: type[StreamselError]) -> Iterator[type[StreamselError]]:
        for child in kind.__subclasses__():
            if child.__module__ == "streamsel.errors":
                yield child
                yield from errors(child)

    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| (\d)[^|]*\|$", (CHECKOUT / "docs" / "errors.md").read_text(), re.M))
    assert rows == {error.__name__: str(error.exit_code) for error in errors(StreamselError)}


def options(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Of a pipeline, each by its path; a selection config has a page of its own."""
    for name, field in model.model_fields.items():
        inner = [one for one in (field.annotation, *get_args(field.annotation)) if isinstance(one, type)]
        nested = [one for one in inner if issubclass(one, BaseModel) and name not in ("selection", "sources")]
        yield from options(nested[0], f"{above}{name}.") if nested else [f"{above}{name}"]


def test_the_page_on_edge_devices_names_every_option() -> None:
    from streamsel.config.edge import EdgeConfig
    from streamsel.config.edge_source import EdgeSource

    said = in_code((CHECKOUT / "docs" / "edge.md").read_text())
    assert {*options(EdgeConfig), *EdgeSource.model_fields} - said == set()


def test_the_page_on_kafka_names_every_option_and_metric() -> None:
    from streamsel.config.pipeline import IngestConfig
    from streamsel.daemon.metrics import Metrics
    from streamsel.topic.security import KEYS

    said = in_code((CHECKOUT / "docs" / "kafka.md").read_text())
    families = Metrics().registry.collect()
    metrics = {f"{one.name}_total" if one.type == "counter" else one.name for one in families}
    assert {*options(IngestConfig), *metrics, *KEYS} - said == set()

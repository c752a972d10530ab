"""`streamsel init`: what it writes is complete, can be read, and says the truth about what holds without it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from streamsel.config.pipeline import IngestConfig
from streamsel.config.pipeline_file import read_pipeline
from streamsel.errors import UsageError
from streamsel.topic.security import KEYS, Security
from tests.conftest import inside

SHIPPED = Path(__file__).parent.parent.parent / "pipelines" / "ingest.yaml"
OPTION = re.compile(r"^( *)#(\w+: .*)$", re.M)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """What `init ingest` writes."""
    inside("init", "ingest", "--file", tmp_path / "ingest.yaml")
    return tmp_path / "ingest.yaml"


def one_by_one(text: str) -> dict[str, str]:
    """Option -> the text with that line's `#` taken away, and that of the mapping it stands in."""
    texts = {}
    for found in OPTION.finditer(text):
        line = found.start()
        opened = text[:line] + found[1] + found[2] + text[found.end() :]
        head, name = "", found[2].partition(":")[0]
        if found[1]:
            parents = list(re.finditer(r"^#?(\w+):\s*$", text[:line], re.M))
            head = f"{parents[-1][1]}."
            opened = opened[: parents[-1].start()] + parents[-1][0].lstrip("#") + opened[parents[-1].end() :]
        texts[head + name] = opened
    return texts


def names(model: type[BaseModel]) -> set[str]:
    """All options of a pipeline, those within others too."""
    inner = [field.annotation for field in model.model_fields.values()]
    nested = [one for one in inner if isinstance(one, type) and issubclass(one, BaseModel)]
    return set(model.model_fields).union(*map(names, nested))


def test_it_is_what_ships(written: Path) -> None:
    assert written.read_bytes() == SHIPPED.read_bytes()


def test_it_can_be_read_as_it_is(written: Path) -> None:
    config = read_pipeline(written, {})
    assert config.input.servers == ("localhost:9092",)
    assert config.input.instance is None
    named = {"STREAMSEL_KAFKA_SERVERS": "a:1, b:2", "STREAMSEL_INSTANCE": "one"}
    assert read_pipeline(written, named).input.servers == ("a:1", "b:2")
    assert read_pipeline(written, named).input.instance == "one"


def test_it_has_every_option() -> None:
    shown = set(re.findall(r"\b(\w+):", SHIPPED.read_text()))
    assert names(IngestConfig) - shown == set()
    assert {key for key in KEYS if key not in SHIPPED.read_text()} == set()


@pytest.mark.parametrize("option", one_by_one(SHIPPED.read_text()))
def test_each_option_can_be_taken_in(option: str, tmp_path: Path) -> None:
    (tmp_path / "selection.json").write_text(
        '{"strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}]}'
    )
    file = tmp_path / "p.yaml"
    file.write_text(one_by_one(SHIPPED.read_text())[option])
    read_pipeline(file, {})


SAYS_DEFAULTS = (
    "input.holds",
    "input.largest",
    "input.session",
    "model",
    "device",
    "output.inline_limit",
    "batch",
    "log",
)


@pytest.mark.parametrize("option", SAYS_DEFAULTS)
def test_defaults_are_those_that_hold(option: str, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(one_by_one(SHIPPED.read_text())[option])
    assert read_pipeline(file, {}) == read_pipeline(SHIPPED, {})


def test_names_of_topics_are_those_that_hold(tmp_path: Path) -> None:
    config, text = read_pipeline(SHIPPED, {}), SHIPPED.read_text()
    assert f"#state: {{topic: {config.state_topic}}}" in text
    assert f"#dead_letter: {config.dead_letter_topic} " in text


def test_security_as_shown_is_one(tmp_path: Path) -> None:
    text = SHIPPED.read_text()
    secret = tmp_path / "secret"
    secret.write_text("a password\n")
    begin, end = text.index("#security:"), text.index("# What to keep")
    shown = re.sub(r"#(\w+:)", r"\1", text[begin:end]).replace("/run/secrets/kafka ", f"{secret} ")
    security = Security.of(yaml.safe_load(shown)["security"], {})
    assert (security.protocol, security.username) == ("SASL_SSL", "streamsel")


def test_a_file_that_is_there_stays(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written.write_text("mine")
    done = inside("init", "ingest", "-f", written, check=False)
    assert done.returncode == 2
    assert "is there already" in done.stderr
    assert written.read_text() == "mine"
    inside("init", "ingest", "-f", written, "--force")
    assert written.read_bytes() == SHIPPED.read_bytes()


def test_errors_are_one_line(tmp_path: Path) -> None:
    unknown = inside("init", "egde", check=False)
    assert (unknown.returncode, "ingest" in unknown.stderr) == (2, True)
    nowhere = inside("init", "ingest", "-f", tmp_path / "no" / "ingest.yaml", check=False)
    assert nowhere.returncode == 1
    assert nowhere.stderr.count("\n") == 1


def test_a_word_that_is_no_option_is_told(written: Path) -> None:
    written.write_text(written.read_text().replace("output:", "outputs:"))
    with pytest.raises(UsageError, match=r"outputs.*output"):
        read_pipeline(written, {})

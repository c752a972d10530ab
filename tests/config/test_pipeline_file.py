"""Pipeline files: what they may hold, and what is said of those that hold something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsel.config import IngestConfig, read_pipeline
from streamsel.config.window import Window
from streamsel.errors import UsageError

PLAIN = """
kind: ingest
input: {servers: "one:9092, two:9092", topic: frames}
output: {topic: picks}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "ingest.yaml"
    file.write_text(text)
    return file


def read(folder: Path, text: str, **environ: str) -> IngestConfig:
    return read_pipeline(written(folder, text), environ)


def complaint(folder: Path, text: str, **environ: str) -> str:
    with pytest.raises(UsageError) as told:
        read(folder, text, **environ)
    assert "\n" not in str(told.value)
    assert str(told.value).startswith(str(folder / "ingest.yaml"))
    return str(told.value)


def test_what_is_not_said_is_told_by_the_rest(tmp_path: Path) -> None:
    config = read(tmp_path, PLAIN)
    assert config.input.servers == ("one:9092", "two:9092")
    assert (config.state_topic, config.dead_letter_topic) == ("streamsel.frames.state", "frames.dlq")
    assert config.rules.strategies[0].strategy.type == "DIVERSITY"
    assert config.ratio is None


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = read(tmp_path, PLAIN.replace("topic: picks", "folder: picks") + "lightly: /data/.lightly\n")
    assert config.output.folder == tmp_path / "picks"
    assert config.lightly == Path("/data/.lightly")


def test_a_selection_is_inside_or_in_a_file_beside(tmp_path: Path) -> None:
    selection = (
        '{"proportion_samples": 0.1, "strategies": [{"input": {"type": "RANDOM"}, "strategy": {"type": "WEIGHTS"}}]}'
    )
    (tmp_path / "mine.json").write_text(selection)
    inside, beside = read(tmp_path, PLAIN + f"selection: {selection}\n"), read(tmp_path, PLAIN + "selection: mine.json")
    assert inside == beside
    assert inside.ratio == 0.1


@pytest.mark.parametrize(
    ("text", "value"), [("900000", 900_000), ("900kB", 900_000), ("64MiB", 64 << 20), ("1.5 MB", 1_500_000)]
)
def test_bytes_are_written_as_people_do(tmp_path: Path, text: str, value: int) -> None:
    config = read(tmp_path, PLAIN.replace("{topic: picks}", f"{{topic: picks, inline_limit: {text}}}"))
    assert config.output.inline_limit == value


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("kind: ingest", "kind: ingst", "kind: unknown kind 'ingst'; did you mean 'ingest'?"),
        ("kind: ingest", "", "kind: is missing; allowed: ingest"),
        ("topic: frames", "topc: frames", "input.topc: unknown key 'topc'; did you mean 'topic'?"),
        ("{topic: picks}", "{}", "output: give one of topic and folder"),
        ("{topic: picks}", "{topic: picks, folder: here}", "output: give one of topic and folder"),
        ("topic: picks", "topic: 'my picks'", "output.topic: must be letters, digits"),
        ("topic: frames", "topic: frames, instance: a/b", "input.instance: must be letters, digits"),
        ("topic: frames", "topic: frames, fps: 0", "input.fps: must be a rate above 0"),
        ("topic: picks", "topic: frames", "topic 'frames' has two uses"),
        ("topic: picks", "topic: frames.dlq", "topic 'frames.dlq' has two uses"),
        ("topic: picks", "topic: picks, inline_limit: many", "output.inline_limit: must be an amount of bytes"),
        ("output", "batch: {records: 0}\noutput", "batch.records: must be greater than or equal to 1, got 0"),
        ("output", "target_ratio: 1\nmin_distance: 1\noutput", "target_ratio and min_distance exclude each other"),
        ("output", "metrics: here\noutput", "metrics: must be host:port to listen at, such as 127.0.0.1:9465"),
        ("output", "metrics: 9465\noutput", "metrics: must be host:port to listen at"),
        ("output", "metrics: here:65536\noutput", "metrics: must be host:port to listen at"),
        ("topic: frames", "topic: frames, fps: 2, every: 3", "input: fps and every exclude each other"),
        ("one:9092, two:9092", "", "input.servers: must hold at least one entry"),
        ('"one:9092, two:9092"', "9092", "input.servers: must be host:port, such as localhost:9092, or a list of such"),
        ("two:9092", "127.0.0.1:port", "input.servers[1]: must be host:port"),
        ("two:9092", "[::1", "input.servers[1]: must be host:port"),
        ("two:9092", "two:0", "input.servers[1]: must be host:port"),
        ("two:9092", "two:65536", "input.servers[1]: must be host:port"),
        ("topic: picks", "folder: here, claims: there", "output: claims would change nothing"),
        ("topic: picks", "folder: here, inline_limit: 5", "output: inline_limit would change nothing"),
        (
            "topic: frames",
            "topic: frames, group: 'my group'",
            "is no topic's name, and is made of the others here: give",
        ),
        ("topic: frames", f"topic: {'a' * 246}", "give state.topic"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(tmp_path: Path, before: str, after: str, told: str) -> None:
    assert told in complaint(tmp_path, PLAIN.replace(before, after, 1))


def test_a_login_among_the_servers_is_refused_and_not_shown(tmp_path: Path) -> None:
    told = complaint(tmp_path, PLAIN.replace("two:9092", "user:secret@two:9092"))
    assert "a login goes to `security`" in told
    assert "secret" not in told


def test_servers_may_be_numbers(tmp_path: Path) -> None:
    assert read(tmp_path, PLAIN.replace("two:9092", "[::1]:9092")).input.servers == ("one:9092", "[::1]:9092")


def test_a_group_of_any_name_needs_a_state_topic_of_its_own(tmp_path: Path) -> None:
    text = PLAIN.replace("topic: frames", "topic: frames, group: 'my group'") + "state: {topic: mine}\n"
    assert read(tmp_path, text).state_topic == "mine"


def test_an_end_cannot_be_waited_for(tmp_path: Path) -> None:
    selection = "selection: {n_samples: 5, strategies: [{input: {type: RANDOM}, strategy: {type: WEIGHTS}}]}"
    told = complaint(tmp_path, PLAIN + selection)
    assert "n_samples needs an end, which a topic has not: give `window: {minutes: 60}` beside it, or" in told


BEST = "selection: {n_samples: 8, strategies: [{input: {type: EMBEDDINGS}, strategy: {type: DIVERSITY}}]}\n"


def test_a_window_has_its_number_or_the_selections(tmp_path: Path) -> None:
    one = read(tmp_path, PLAIN + BEST + "window: {minutes: 60}")
    other = read(tmp_path, PLAIN + BEST.replace("n_samples: 8, ", "") + "window: {picks: 8, minutes: 60}")
    assert one.goal == other.goal == Window(picks=8, minutes=60)
    assert one.identity() == other.identity()
    assert one.identity() != read(tmp_path, PLAIN + BEST + "window: {minutes: 30}").identity()
    assert read(tmp_path, PLAIN).goal is None


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("window: {minutes: 60}", "window: does not say how many: write `window: {picks: 100, minutes: 60}`"),
        ("window: {picks: 9, minutes: 0.01}", "window.minutes: "),
        ("window: {picks: 1001, minutes: 60}", "window.picks: "),
        ("window: {picks: 9, minutes: 60}\nmin_distance: 1", "min_distance and window exclude each other"),
        ("window: {picks: 9, minutes: 60}\ntarget_ratio: 0.1", "target_ratio and window exclude each other"),
        (f"window: {{picks: 9, minutes: 60}}\n{BEST}", "window: picks is 9 and n_samples 8: leave one out"),
        (f"window: {{minutes: 60}}\n{BEST.replace('8', '-1')}", "must be 1 to 1000 here"),
        (
            f"window: {{minutes: 60}}\n{BEST.replace('n_samples: 8', 'proportion_samples: 0.1')}",
            "window and proportion_samples exclude each other",
        ),
    ],
)
def test_a_window_that_says_too_much_or_too_little_is_refused(more: str, told: str, tmp_path: Path) -> None:
    assert told in complaint(tmp_path, PLAIN + more)


def test_a_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.yaml: cannot be read: No such file"):
        read_pipeline(tmp_path / "none.yaml", {})
    assert "must be a mapping" in complaint(tmp_path, "[1, 2]")


def test_the_environment_fills_values_and_nothing_else(tmp_path: Path) -> None:
    text = (
        PLAIN.replace("topic: frames", "topic: '${TOPIC:-frames}', instance: '${INSTANCE:-}'")
        + "min_distance: ${D:-}\n"
    )
    assert read(tmp_path, text).input.instance is None
    filled = read(tmp_path, text, TOPIC="night", INSTANCE="a", D="0.5")
    assert (filled.input.topic, filled.input.instance, filled.min_distance) == ("night", "a", 0.5)
    assert "unknown" not in complaint(tmp_path, text, TOPIC="x", D="7, other: 1}")
    assert read(tmp_path, text + "model: ${M}", M="x, y: {").model == "x, y: {"


def test_a_variable_without_value_is_named_with_its_place(tmp_path: Path) -> None:
    told = complaint(tmp_path, PLAIN.replace("topic: frames", "topic: '${TOPIC}'"))
    assert "input.topic: ${TOPIC} is not set: set it, or write ${TOPIC:-default}" in told


def test_two_dollars_are_one(tmp_path: Path) -> None:
    assert read(tmp_path, PLAIN + "model: $${frames}").model == "${frames}"


def test_security_is_in_no_text(tmp_path: Path) -> None:
    assert "hidden" not in repr(read(tmp_path, PLAIN + "security: {username: hidden}\n"))


def test_what_decides_is_the_identity(tmp_path: Path) -> None:
    plain = read(tmp_path, PLAIN).identity()
    assert read(tmp_path, PLAIN + "batch: {records: 7}\nmetrics: localhost:1\n").identity() == plain
    assert read(tmp_path, PLAIN + "min_distance: 0.5\n").identity() != plain

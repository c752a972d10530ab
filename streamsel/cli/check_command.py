"""`streamsel check`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from streamsel.cli.options import Debug, Json, Normalize, QuerySets, option
from streamsel.errors import UsageError

if TYPE_CHECKING:
    from streamsel.choosing.finding import Finding, Level

__all__ = ["check_command"]

COLOURS = {"fine": "green", "note": "yellow", "away": "magenta", "problem": "red"}


def check_command(
    file: Annotated[
        Path, typer.Argument(metavar="SELECTION|PIPELINE", help="Selection config or pipeline file, JSON or YAML.")
    ],
    table: Annotated[
        Path | None, typer.Argument(metavar="[TABLE]", help="CSV, Parquet, .npy, .jsonl, or a run's folder.")
    ] = None,
    n: Annotated[int | None, option("-n", "As in choose.", metavar="N")] = None,
    proportion: Annotated[float | None, option("--proportion", "As in choose.")] = None,
    metadata: Annotated[Path | None, option("--metadata", "As in choose.", metavar="FILE")] = None,
    lightly: Annotated[Path | None, option("--lightly", "As in choose.", metavar="FOLDER")] = None,
    query_set: QuerySets = None,
    pool: Annotated[Path | None, option("--pool", "As in choose; it is only read.", metavar="FILE")] = None,
    normalize: Normalize = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Tell what a selection can reach, or whether a pipeline could run, before it does; exit code 2 where it cannot.

    Of a selection without TABLE the config alone is looked at. Of a pipeline everything that it needs is tried:
    cameras, brokers, topics, rights, folders, model. Nothing is changed. Exit code 3: it can run, but something is
    away, such as a camera that is off, which `run` waits for. What has to be mended first, as a wrong password, is a
    problem.

    Examples:

    streamsel check balanced.json

    streamsel check balanced.json rows.parquet -n 500

    streamsel check ingest.yaml

    streamsel check edge.yaml
    """
    from streamsel.service.checks import check_pipeline, is_pipeline

    if is_pipeline(file):
        others = {"-n": n, "--proportion": proportion, "--metadata": metadata, "--lightly": lightly, "--pool": pool}
        given = [name for name, value in {"TABLE": table, **others, "--query-set": query_set}.items() if value]
        if given:
            raise UsageError(f"{given[0]} goes with a selection config, and {file} is a pipeline: leave it out")
        trying = _trying if sys.stderr.isatty() and not as_json else _nothing
        _tell(lambda: list(check_pipeline(file, trying)), as_json=as_json)
    from streamsel.choosing.api import check

    look = partial(check, file, table, n=n, proportion=proportion, metadata=metadata, lightly=lightly)
    _tell(partial(look, query_sets=query_set, pool=pool, normalize=normalize), as_json=as_json)


def _trying(what: str) -> None:
    """For who looks on, as a camera that is away takes its time."""
    typer.echo(f"trying {what} ...", err=True)


def _nothing(what: str) -> None:
    """For programs, and logs."""


def _tell(look: Callable[[], list[Finding]], *, as_json: bool) -> NoReturn:
    """Look, show what was found, and end. Raises UsageError for a file that makes no sense, which JSON tells as any."""
    from streamsel.choosing.finding import problem

    try:
        findings = look()
    except UsageError as error:
        if not as_json:
            raise
        findings = [problem("FILE", str(error))]
    (_as_json if as_json else _as_table)(findings)
    raise typer.Exit(2 if _at(findings, "problem") else 3 if _at(findings, "away") else 0)


def _at(findings: list[Finding], level: Level) -> str:
    """Places with findings of this level, as a part of one line; empty: there are none."""
    from streamsel.choosing.finding import listed

    return listed(finding.place for finding in findings if finding.level == level)


def _as_json(findings: list[Finding]) -> None:
    import json
    from dataclasses import asdict

    runs = not _at(findings, "problem")
    told = {"event": "check", "runs": runs, "findings": [asdict(finding) for finding in findings]}
    typer.echo(json.dumps(told, ensure_ascii=False))


def _as_table(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table()
    for heading in ("", "Place", "Finding"):
        drawn.add_column(heading, no_wrap=heading != "Finding")
    for finding in findings:
        drawn.add_row(Text(finding.level, COLOURS[finding.level]), Text(finding.place), Text(finding.text))
    Console().print(drawn)
    typer.echo(_verdict(findings))


def _verdict(findings: list[Finding]) -> str:
    """The last line: whether somebody has to do something, and where."""
    away, waits = _at(findings, "away"), "; it waits for what is away: "
    if problems := _at(findings, "problem"):
        return f"it cannot run, or would pick nothing: mend {problems}"
    return f"it can run{waits + away if away else ''}"

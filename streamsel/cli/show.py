"""What the commands print: a plan, a finished run with its table, as text or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from streamsel.api import Plan, Selection

__all__ = ["inspect_command", "show_choice", "show_plan", "show_selection"]


def inspect_command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Output folder of a finished run.")],
    as_json: Annotated[bool, typer.Option("--json", help="The summary as JSON.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Show what a finished run in OUT selected, and how it compares."""
    from streamsel.api import Selection

    found = Selection.load(out)
    (show_choice if "rows" in found.summary else show_selection)(found, as_json=as_json)


def show_plan(plan: Plan, *, as_json: bool) -> None:
    """The sources, what is known of their length, and the goal."""
    sources = [
        {"id": source.id, "kind": source.kind, **({"error": str(n)} if isinstance(n, Exception) else {"frames": n})}
        for source, n in plan.sources
    ]
    if as_json:
        _json({"event": "plan", "sources": sources, "goal": plan.goal, "model": plan.model, "notes": plan.notes})
        return
    for source, frames in plan.sources:
        told = "no end" if frames is None else f"about {frames} frames"
        if isinstance(frames, Exception):
            told = _without_name(source.id, str(frames))
        typer.echo(f"{_printable(source.id)}  {source.kind}  {told}")
    total = sum(frames for _, frames in plan.sources if isinstance(frames, int))
    typer.echo(f"{len(sources)} sources, about {total} frames; would keep {plan.goal}, judged by model {plan.model!r}")
    _notes({"notes": plan.notes})


def show_selection(found: Selection, *, as_json: bool, quiet: bool = False) -> None:
    """The table, the counts, and where to look. quiet: only what went wrong, or the JSON if that is asked for."""
    summary = found.summary
    if as_json:
        already = {"complete_already": True} if found.complete_already else {}
        _json({"event": "done", "out": str(found.folder), **summary, **already})
        return
    if not quiet:
        _result(found, summary)
    for source, error in summary["failed"].items():
        typer.echo(f"failed: {_printable(source)}: {_without_name(source, error)}", err=True)
    if sent := summary.get("kafka"):
        _not_delivered(sent)
    if not quiet:
        typer.echo(f"pictures in {found.folder / 'frames'}, one line a pick in {found.folder / 'manifest.jsonl'}")


def _result(found: Selection, summary: Mapping[str, Any]) -> None:
    """What came out, how it compares, and what is to be said of it."""
    _tables(summary, goals=bool(summary.get("strategies") and summary["config"]["selection"]))
    kept = f"{summary['picks']} of {summary['frames']} frames"
    if objects := summary.get("objects"):
        kept = f"{summary['picks']} objects on {objects['frames']} of {summary['frames']} frames"
    if found.complete_already:
        typer.echo(f"{found.folder}: complete already, with {kept} kept")
    else:
        typer.echo(f"kept {kept}{_pace(summary)}")
    if summary.get("ended") and summary["picks"] < (summary["target"] or 0) >= 1:
        typer.echo(f"fewer than asked for: {summary['ended']}")
    _unmet(summary)
    for reason, count in summary["drops"].items():
        if reason not in ("budget", "held", "near", "ratio"):
            typer.echo(f"not looked at any further: {count} frames ({reason})")
    _notes(summary)
    if sent := summary.get("kafka"):
        typer.echo(f"sent {sent['delivered']} records to {sent['to']}")


def show_choice(found: Selection, *, as_json: bool) -> None:
    """What each strategy asked for and reached, the table, the counts, and where to look."""
    summary = found.summary
    if as_json:
        _json({"event": "done", "out": str(found.folder), **summary})
        return
    _tables(summary, goals=True)
    for reason, count in summary["drops"].items():
        typer.echo(f"not chosen: {count} rows ({reason})")
    _unmet(summary)
    _notes(summary)
    if summary["ignored"]:
        typer.echo(f"these options change nothing here: {', '.join(summary['ignored'])}")
    typer.echo(f"chose {summary['picks']} of {summary['rows']} rows in {summary['seconds']:.1f} s; {summary['ended']}")
    typer.echo(f"names in {found.folder / 'filenames.txt'}, one line a pick in {found.folder / 'manifest.jsonl'}")


def _pace(summary: Mapping[str, Any]) -> str:
    """How long the call took that ended a run, and for how many of its frames."""
    seconds, watched = sum(summary["seconds"].values()), summary.get("watched", summary["frames"])
    looked = "" if watched == summary["frames"] else f"; looked at {watched} of them"
    return f"{looked} in {seconds:.1f} s ({watched / seconds if seconds else 0:.0f} frames/s)"


def _tables(summary: Mapping[str, Any], *, goals: bool) -> None:
    """How the picks compare, and what each strategy asked for and reached."""
    from rich.console import Console

    from streamsel.report.goals import goals_table
    from streamsel.report.table import Statistics

    console = Console()
    if summary["statistics"]:
        console.print(Statistics.from_json(summary["statistics"]).table())
    if goals:
        console.print(goals_table(summary["strategies"]))


def _printable(name: str) -> str:
    """A name on one line, as errors have it: what does not print is spelled out."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in name)


def _without_name(source: str, error: str) -> str:
    """An error of a source, where its name stands before it already."""
    return error.removeprefix(f"{_printable(source)}: ")


def _not_delivered(sent: Mapping[str, Any]) -> None:
    """What waits to be sent to a topic, and what a full outbox dropped."""
    for policy, count in sent["undelivered"].items():
        typer.echo(f"not sent: {count} records, for which there was no room in the outbox ({policy})", err=True)
    if sent["waiting"]:
        typer.echo(f"{sent['waiting']} records wait, the same command again sends them: {sent['trouble']}", err=True)


def _unmet(summary: Mapping[str, Any]) -> None:
    for name, groups in summary.get("unmet", {}).items():
        typer.echo(f"not met: {name}: {', '.join(f'{group} lacks {lacks}' for group, lacks in groups.items())}")


def _notes(told: Mapping[str, Any]) -> None:
    for note in told.get("notes", ()):
        typer.echo(f"note: {note}")


def _json(value: object) -> None:
    import json

    typer.echo(json.dumps(value, ensure_ascii=False))

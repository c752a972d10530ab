"""`streamsel pool`: what a pool remembers, forgetting its last run, one pool of several."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamsel.cli.options import option

if TYPE_CHECKING:
    from streamsel.pool import Run

__all__ = ["pool_app"]

pool_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Show, undo and merge pools: the picks of earlier runs."
)

PoolFile = Annotated[Path, typer.Argument(metavar="POOL", help="A pool, as --pool makes it.")]
AsJson = Annotated[bool, option("--json", "As JSON on standard output.")]
Debug = Annotated[bool, option("--debug", "Show the traceback of an error.")]


@pool_app.command("show", no_args_is_help=True)
def show_command(pool: PoolFile, as_json: AsJson = False, debug: Debug = False) -> None:
    """Show the runs that POOL remembers, in order."""
    from streamsel.pool.datapool import Pool

    opened = Pool.open(_there(pool), write=False)
    _told(pool, opened.model, opened.dim, opened.history, as_json=as_json)


@pool_app.command("undo", no_args_is_help=True)
def undo_command(pool: PoolFile, as_json: AsJson = False, debug: Debug = False) -> None:
    """Forget the last run of POOL, with its picks and sources, in one step."""
    from streamsel.pool.datapool import Pool

    with Pool.open(_there(pool)) as opened:
        run = opened.undo()
    if as_json:
        _json({"event": "undone", "pool": str(pool), "run": _record(run), "left": len(opened)})
        return
    typer.echo(f"{pool}: forgot {run.count} picks of run {run.id} ({run.config}, {_time(run)}); {len(opened)} are left")


@pool_app.command("merge", no_args_is_help=True)
def merge_command(
    pools: Annotated[list[Path], typer.Argument(metavar="POOL...", help="Pools of one model.")],
    out: Annotated[Path, option("-o/--out", "The new pool; may be one of them.", metavar="OUT")],
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Make one pool of several: each run and each pick once, the earliest first.

    Example: streamsel pool merge monday.parquet tuesday.parquet -o week.parquet
    """
    from streamsel.pool.merging import merge

    header = merge([_there(pool) for pool in pools], out)
    _told(out, header.model, header.dim, header.history, as_json=as_json)


def _there(pool: Path) -> Path:
    """A pool that is not there would be taken for an empty one."""
    from streamsel.errors import StateError

    if not pool.is_file():
        raise StateError(f"{pool}: there is no such pool; give a file that --pool has made")
    return pool


def _told(pool: Path, model: str | None, dim: int | None, history: tuple[Run, ...], *, as_json: bool) -> None:
    picks = sum(run.count for run in history)
    if as_json:
        runs = [_record(run) for run in history]
        _json({"event": "pool", "pool": str(pool), "model": model, "dim": dim, "picks": picks, "runs": runs})
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table()
    for heading in ("Run", "Time (UTC)", "What", "Sources", "Picks"):
        drawn.add_column(heading, justify="right" if heading in ("Sources", "Picks") else "left")
    for run in history:
        cells = (run.id, _time(run), run.config, f"{len(run.sources):,}", f"{run.count:,}")
        drawn.add_row(*(Text(cell) for cell in cells))
    Console().print(drawn)
    typer.echo(f"{picks} picks of {len(history)} runs; vectors of {dim} numbers, model {model}")


def _record(run: Run) -> dict[str, Any]:
    time, sources = run.time.isoformat(), list(run.sources)
    return {"id": run.id, "time": time, "config": run.config, "sources": sources, "picks": run.count}


def _time(run: Run) -> str:
    return run.time.strftime("%Y-%m-%d %H:%M:%S")


def _json(value: object) -> None:
    import json

    typer.echo(json.dumps(value, ensure_ascii=False))

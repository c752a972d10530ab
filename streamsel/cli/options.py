"""Options that several commands have, each told once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["Debug", "Json", "Normalize", "Pool", "QuerySets", "Quiet", "option"]


def option(names: str, text: str, **more: Any) -> Any:
    """An option whose default is told by its text, because the config has it."""
    return typer.Option(*names.split("/"), help=text, show_default=False, **more)


QuerySets = Annotated[
    list[str] | None, option("--query-set", "What SIMILARITY compares with; may be repeated.", metavar="NAME=PATH")
]
Pool = Annotated[Path | None, option("--pool", "Earlier picks count as selected; new ones are added.", metavar="FILE")]
Normalize = Annotated[
    bool | None,
    typer.Option("--normalize/--as-they-are", show_default=False, help="Make vectors unit length (default)."),
]
Quiet = Annotated[bool, option("--quiet/-q", "Say nothing but errors; with --json, the result alone.")]
Json = Annotated[bool, option("--json", "The result as JSON on standard output, progress on standard error.")]
Debug = Annotated[bool, option("--debug", "Show the traceback of an error.")]

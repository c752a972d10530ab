"""`streamsel init`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from streamsel.cli.options import Debug, option
from streamsel.errors import SinkError, UsageError

__all__ = ["init_command"]

KINDS = ("edge", "ingest")


def init_command(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="edge: from cameras. ingest: from a Kafka topic.")],
    file: Annotated[Path | None, option("--file/-f", "Where to write; KIND.yaml by default.", metavar="FILE")] = None,
    force: Annotated[bool, option("--force", "Replace a file that is there.")] = False,
    debug: Debug = False,
) -> None:
    """Write a complete, commented pipeline to start from.

    Examples:

    streamsel init ingest

    streamsel init ingest --file night.yaml
    """
    if kind not in KINDS:
        raise UsageError(f"{kind!r} is no kind of pipeline: there are {' and '.join(KINDS)}")
    written = _write(file or Path(f"{kind}.yaml"), kind, force=force)
    typer.echo(f"{written}: edit it, then `streamsel check {written}` and `streamsel run {written}`")


def _write(file: Path, kind: str, *, force: bool) -> Path:
    content = files("streamsel").joinpath("pipelines", f"{kind}.yaml").read_bytes()
    try:
        with file.open("wb" if force else "xb") as opened:
            opened.write(content)
    except FileExistsError:
        raise UsageError(f"{file} is there already: give another name with --file, or --force to replace it") from None
    except OSError as error:
        raise SinkError(f"{file}: cannot be written ({error.strerror})") from error
    return file

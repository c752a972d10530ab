"""`streamsel publish`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamsel.cli.options import Debug, Json, Quiet, option

if TYPE_CHECKING:
    from streamsel.publish.publishing import Published
    from streamsel.report import Progress

__all__ = ["publish_command", "show_published"]


def publish_command(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Files, folders, globs, URLs.")],
    kafka: Annotated[str, option("--kafka", "Where to: localhost:9092/frames.", metavar="BROKER/TOPIC")],
    kafka_config: Annotated[
        Path | None, option("--kafka-config", "How to log in there (security), YAML or JSON.", metavar="FILE")
    ] = None,
    fps: Annotated[
        str | None, option("--fps", "Frames sent a second, or max; default as the clip plays.", metavar="F")
    ] = None,
    key: Annotated[
        str | None, option("--key", "Key of the records; default the source's name.", metavar="NAME")
    ] = None,
    limit: Annotated[int | None, option("--limit", "So many frames at most.", metavar="N")] = None,
    loop: Annotated[bool, option("--loop", "Begin again at the end, until stopped.")] = False,
    size: Annotated[int | None, option("--size", "Width of the pictures; default as they are.")] = None,
    quality: Annotated[int | None, option("--quality", "JPEG quality 1..100, default 90.")] = None,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Send the frames of SOURCE to a Kafka topic as JPEGs, as a camera would: to try a chain on one machine.

    Ctrl-C ends it after what was sent has arrived.

    Examples:

    streamsel publish holiday.mp4 --kafka localhost:9092/frames

    streamsel publish holiday.mp4 --kafka localhost:9092/frames --fps max --limit 1000
    """
    from streamsel.cli.stopping import asked_to_stop
    from streamsel.publish.publishing import Pictures, publish
    from streamsel.report.suited import open_progress

    with ExitStack() as stack:
        asked = stack.enter_context(asked_to_stop())
        bar: list[Progress] = []

        def tell(frames: int, sent: int, total: int | None) -> None:
            if not bar:
                bar.append(stack.enter_context(open_progress(total, quiet=quiet, as_json=as_json, word="sent")))
            bar[0].update(frames, sent, "publishing")

        found = publish(
            sources,
            kafka,
            kafka_config=kafka_config,
            fps=fps,
            limit=limit,
            loop=loop,
            pictures=Pictures(key, size, **({} if quality is None else {"quality": quality})),
            progress=tell,
            stopping=asked.is_set,
        )
    show_published(found, kafka, as_json=as_json, quiet=quiet)
    raise typer.Exit(3 if found.failed or found.too_large else 0)


def show_published(found: Published, kafka: str, *, as_json: bool, quiet: bool = False) -> None:
    """What came of it, as lines or as an object."""
    if as_json:
        import json
        from dataclasses import asdict

        typer.echo(json.dumps({"event": "done", "kafka": kafka, **asdict(found)}, ensure_ascii=False))
        return
    rate = found.sent / found.seconds if found.seconds else 0.0
    if not quiet:
        typer.echo(
            f"sent {found.sent} of {found.frames} frames to {kafka} in {found.seconds:.1f} s ({rate:.1f} frames/s)"
        )
    if found.slow and not quiet:
        asked = found.frames / (found.seconds - found.behind)
        typer.echo(
            f"slower than asked: {found.behind:.1f} s late at the end, for {asked:.1f} frames/s; --size makes pictures "
            "smaller, --fps asks for fewer",
            err=True,
        )
    if found.too_large:
        typer.echo(
            f"left out: {found.too_large} pictures larger than the topic takes ({found.largest} bytes); "
            "--size or --quality makes them smaller",
            err=True,
        )
    for source, error in found.failed.items():
        typer.echo(f"failed: {source}: {error}", err=True)

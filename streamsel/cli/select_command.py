"""`streamsel select`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streamsel.cli.options import Debug, Json, Pool, QuerySets, Quiet, option

__all__ = ["select_command"]

Sources = Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Files, folders, globs, http(s) or rtsp URLs.")]


def select_command(
    context: typer.Context,
    sources: Sources,
    out: Annotated[Path, option("-o/--out", "Output folder; the same command again continues.", metavar="OUT")],
    n: Annotated[int | None, option("-n", "Keep the best N frames of all that was seen.", metavar="N")] = None,
    proportion: Annotated[float | None, option("--proportion", "As -n, as a share of all frames, 0..1.")] = None,
    target_ratio: Annotated[
        float | None, option("--target-ratio", "Keep this share of the frames as they come, 0..1.")
    ] = None,
    min_distance: Annotated[
        float | None, option("--min-distance", "Keep a frame that far from all kept ones, 0..2.")
    ] = None,
    sequence_length: Annotated[
        int | None, option("--sequence-length", "Select sequences of L consecutive frames.", metavar="L")
    ] = None,
    selection: Annotated[
        Path | None, option("--selection", "Selection config, JSON or YAML; options go before it.", metavar="FILE")
    ] = None,
    lightly: Annotated[
        Path | None, option("--lightly", "The .lightly folder; else one beside or above SOURCE.", metavar="FOLDER")
    ] = None,
    query_set: QuerySets = None,
    pool: Pool = None,
    objects: Annotated[
        str | None, option("--objects", "Select objects that TASK found, in place of frames.", metavar="TASK")
    ] = None,
    padding: Annotated[float | None, option("--padding", "Enlarge the boxes of objects by this share of them.")] = None,
    remove_exact_duplicates: Annotated[
        bool | None, option("--remove-exact-duplicates", "Leave out frames whose picture was there before.")
    ] = None,
    effort: Annotated[
        str | None, option("--effort", "fast, normal or exact: how many frames are embedded.", metavar="E")
    ] = None,
    every: Annotated[int | None, option("--every", "Look at every K-th frame.", metavar="K")] = None,
    fps: Annotated[str | None, option("--fps", "Look at F frames a second (5, 0.5, 30000/1001).")] = None,
    keyframes: Annotated[bool | None, option("--keyframes", "Look at key frames only: fastest.")] = None,
    start: Annotated[str | None, option("--start", "From this time (90.5, 1:30, 0:01:30) on.")] = None,
    end: Annotated[str | None, option("--end", "Up to this time.")] = None,
    duration: Annotated[str | None, option("--duration", "For so long; a live URL with -n needs it.")] = None,
    crop: Annotated[str | None, option("--crop", "Only this part of the picture.", metavar="W:H:X:Y")] = None,
    size: Annotated[int | None, option("--size", "Width of the pictures; default as they are.")] = None,
    format: Annotated[str | None, option("--format", "jpg (default), png, or clip (with --sequence-length).")] = None,
    quality: Annotated[int | None, option("--quality", "JPEG quality 1..100, default 95.")] = None,
    embeddings: Annotated[
        Path | None,
        option("--embeddings", "Vectors of frames by name, CSV, Parquet, ..., not a model's.", metavar="FILE"),
    ] = None,
    model: Annotated[str | None, option("--model", "default, torchvision:NAME, or a .onnx, .xml or .pt2 file.")] = None,
    weights: Annotated[Path | None, option("--weights", "Weights for torchvision:NAME.")] = None,
    device: Annotated[str | None, option("--device", "auto, cpu or cuda.")] = None,
    kafka: Annotated[
        str | None, option("--kafka", "Send the picks to this topic as well.", metavar="BROKER/TOPIC")
    ] = None,
    kafka_config: Annotated[
        Path | None, option("--kafka-config", "How: security, limits, outbox (docs/outputs.md).", metavar="FILE")
    ] = None,
    only_new: Annotated[bool, option("--only-new", "Add what came to the sources since the last run.")] = False,
    fresh: Annotated[bool, option("--fresh", "Forget the earlier run in OUT and start anew.")] = False,
    dry_run: Annotated[bool, option("--dry-run", "Say what would be done, and do nothing.")] = False,
    table: Annotated[
        bool | None,
        typer.Option(
            "--table/--no-table", show_default=False, help="Compare the picks with uniform and random ones (default)."
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Select the frames that add something from SOURCE into OUT.

    Without -n, --proportion, --target-ratio or --min-distance, every frame is kept that is new to the model.

    Examples:

    streamsel select holiday.mp4 -o picks -n 30

    streamsel select footage/ -o picks --proportion 0.01 --format png

    streamsel select footage/ -o picks --selection balanced.json

    streamsel select rtsp://camera/stream -o picks --target-ratio 0.01 --duration 1:00:00
    """
    from streamsel.cli.select_run import select_run

    own = {"context", "sources", "out", "only_new", "fresh", "dry_run", "quiet", "as_json", "debug", "query_set"}
    options = {name: value for name, value in context.params.items() if name not in own and value is not None}
    if query_set:
        options["query_sets"] = query_set
    code = select_run(
        sources, out, options, only_new=only_new, fresh=fresh, dry_run=dry_run, quiet=quiet, as_json=as_json
    )
    raise typer.Exit(code)

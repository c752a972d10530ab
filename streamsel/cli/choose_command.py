"""`streamsel choose`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streamsel.cli.options import Debug, Json, Normalize, Pool, QuerySets, Quiet, option

__all__ = ["choose_command"]


def choose_command(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV, Parquet, .npy, .jsonl, or a run's folder.")],
    out: Annotated[Path, option("-o/--out", "Output folder.", metavar="OUT")],
    selection: Annotated[
        Path | None, option("--selection", "Selection config, JSON or YAML; without it DIVERSITY.", metavar="FILE")
    ] = None,
    n: Annotated[int | None, option("-n", "Choose N rows; goes before what the config says.", metavar="N")] = None,
    proportion: Annotated[float | None, option("--proportion", "As -n, as a share of all rows, 0..1.")] = None,
    metadata: Annotated[
        Path | None, option("--metadata", "CSV, Parquet or .jsonl with more columns.", metavar="FILE")
    ] = None,
    lightly: Annotated[
        Path | None, option("--lightly", "A .lightly folder: predictions, metadata by file name.", metavar="FOLDER")
    ] = None,
    query_set: QuerySets = None,
    pool: Pool = None,
    normalize: Normalize = None,
    fresh: Annotated[bool, option("--fresh", "Forget the earlier choice in OUT.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Choose rows of TABLE into OUT: a selection from ready embeddings and metadata, with no video at all.

    Examples:

    streamsel choose embeddings.csv -o picks -n 500

    streamsel choose rows.parquet -o picks --selection balanced.json --pool earlier.parquet
    """
    from streamsel.choosing.api import choose
    from streamsel.cli.show import show_choice

    found = choose(
        table,
        out,
        selection=selection,
        n=n,
        proportion=proportion,
        metadata=metadata,
        lightly=lightly,
        query_sets=query_set,
        pool=pool,
        normalize=normalize,
        fresh=fresh,
    )
    if as_json or not quiet:
        show_choice(found, as_json=as_json)

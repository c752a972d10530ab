"""The command line: `streamsel select`, `choose`, `check`, `init`, `pool`, `publish`, `inspect`."""

from __future__ import annotations

from typing import Annotated

import typer

from streamsel.cli.check_command import check_command
from streamsel.cli.choose_command import choose_command
from streamsel.cli.init_command import init_command
from streamsel.cli.pool_command import pool_app
from streamsel.cli.publish_command import publish_command
from streamsel.cli.run_command import run_command
from streamsel.cli.select_command import select_command
from streamsel.cli.show import inspect_command

__all__ = ["app"]

# Drawn by rich, --help would take twice as long.
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"streamsel {version('streamsel')}")
        raise typer.Exit


@app.callback()
def streamsel(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Look at video once, while it streams, and keep the few frames that add something.

    Start with: streamsel select video.mp4 -o picks -n 30
    """


app.command("select", no_args_is_help=True)(select_command)
app.command("choose", no_args_is_help=True)(choose_command)
app.command("check", no_args_is_help=True)(check_command)
app.command("init", no_args_is_help=True)(init_command)
app.add_typer(pool_app, name="pool")
app.command("publish", no_args_is_help=True)(publish_command)
app.command("run", no_args_is_help=True)(run_command)
app.command("inspect", no_args_is_help=True)(inspect_command)

"""cli: the commands, without logic of their own: they read options, call the library and show what it says."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any, NoReturn

from streamsel.errors import StreamselError

__all__ = ["main"]


def main() -> None:
    """Entry point: one line for every error, exit code as in the error tree; `--debug` shows the traceback."""
    if sys.argv[1:2] == ["run"]:
        from streamsel.cli.stopping import listen

        listen()
    from typer import Abort

    from streamsel.cli.app import app

    debug = "--debug" in sys.argv
    try:
        sys.exit(app(prog_name="streamsel", standalone_mode=False))
    except StreamselError as error:
        _stop(str(error), error.exit_code, debug)
    except (KeyboardInterrupt, Abort):
        _stop("stopped; run the same command again to continue", 130, debug)
    except BrokenPipeError:
        os._exit(1)
    except Exception as error:
        if hasattr(error, "format_message"):
            _misread(error, debug)
        _stop(f"internal error ({type(error).__name__}: {error}); --debug shows where, please report it", 1, debug)


def _misread(error: Any, debug: bool) -> NoReturn:
    """What typer says of a command line; of which class depends on its version. A text of many lines is a --help."""
    text = error.format_message()
    if "\n" in text:
        error.show()
        sys.exit(error.exit_code)
    where = error.ctx.command_path if error.ctx else "streamsel"
    _stop(f"{text[:1].lower()}{text[1:].rstrip('.')}; {where} --help tells what there is", error.exit_code, debug)


def _stop(text: str, code: int, debug: bool) -> NoReturn:
    if debug:
        traceback.print_exc()
    sys.stderr.write(f"streamsel: {text}\n")
    sys.exit(code)

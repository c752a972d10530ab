"""cli: the commands, without logic of their own: they read options, call the library and show what it says."""

from __future__ import annotations

import os
import sys
import traceback

from streamsel.errors import StreamselError

__all__ = ["main"]


def main() -> None:
    """Entry point: one line for every error, exit code as in the error tree; `--debug` shows the traceback."""
    if sys.argv[1:2] == ["run"]:
        from streamsel.cli.stopping import listen

        listen()
    from streamsel.cli.app import app

    debug = "--debug" in sys.argv
    try:
        app(prog_name="streamsel")
    except StreamselError as error:
        _stop(str(error), error.exit_code, debug)
    except KeyboardInterrupt:
        _stop("stopped; run the same command again to continue", 130, debug)
    except BrokenPipeError:
        os._exit(1)
    except Exception as error:
        _stop(f"internal error ({type(error).__name__}: {error}); --debug shows where, please report it", 1, debug)


def _stop(text: str, code: int, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    sys.stderr.write(f"streamsel: {text}\n")
    sys.exit(code)

"""Secrets: text that does not show itself, read from the environment or from a file, never from a config."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from streamsel.errors import UsageError

__all__ = ["Secret", "secret_of"]

LARGEST: Final = 64 * 1024
"""Bytes of a secret's file that are read at most; tokens are the longest, a few KiB."""


class Secret(str):
    """A text whose repr does not tell it, also inside a dict that a client prints."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    @classmethod
    def read(cls, path: Path) -> Secret:
        """The text of a file without the line ends after it. Raises UsageError: no such file, empty, not text."""
        try:
            with path.open("rb") as file:
                text = file.read(LARGEST).decode().rstrip("\r\n")
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise UsageError(f"{path}: expected a secret as text in UTF-8") from None
        if not text:
            raise UsageError(f"{path}: is empty; expected a secret")
        return cls(text)


def secret_of(what: str, given: Mapping[str, str], environ: Mapping[str, str], prefix: str) -> Secret | None:
    """What a config and the environment say of a secret `what`, the config first; None where neither does.

    Config: `<what>_file` (a path) or `<what>_env` (a variable's name). Environment: `<prefix>_<WHAT>`, or
    `<prefix>_<WHAT>_FILE`. Raises UsageError where what is named is not there.
    """
    if f"{what}_file" in given:
        return Secret.read(Path(given[f"{what}_file"]))
    if f"{what}_env" in given:
        return _from_variable(f"{what}_env", given[f"{what}_env"], environ)
    variable = f"{prefix}_{what.upper()}"
    if environ.get(variable):
        return Secret(environ[variable])
    return Secret.read(Path(environ[f"{variable}_FILE"])) if environ.get(f"{variable}_FILE") else None


def _from_variable(key: str, name: str, environ: Mapping[str, str]) -> Secret:
    if not environ.get(name):  # not shown: it may be the secret itself
        raise UsageError(f"{key}: no such environment variable is set; it takes the name of one, never the secret")
    return Secret(environ[name])

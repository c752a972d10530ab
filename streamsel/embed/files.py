"""Model files: there or not, what is in them, and errors in one line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from streamsel.embed.sidecar import Recipe
from streamsel.errors import ModelError

__all__ = ["check_file", "digest", "reason"]


def check_file(path: Path) -> Path:
    """The path, when it is a file; else raises ModelError."""
    if not path.is_file():
        raise ModelError(f"{path}: {'not a file' if path.exists() else 'no such file'}; give the path of one")
    return path


def digest(files: Iterable[Path], recipe: Recipe) -> str:
    """8 hex digits that change with the files' content or the preprocessing; raises ModelError naming the file."""
    total = hashlib.sha256(recipe.preprocessing().encode())
    for path in files:
        try:
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    return total.hexdigest()[:8]


def reason(error: BaseException, line: int = 0) -> str:
    """One line of what a library has to say, the first or the last (-1), cut at 200 characters."""
    lines = [text.strip() for text in str(error).splitlines() if text.strip()]
    return lines[line][:200] if lines else type(error).__name__

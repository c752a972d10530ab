"""Names that tell whether the vectors of two embedders can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from streamsel.embed.sidecar import Recipe
from streamsel.errors import ModelError

__all__ = ["check_file", "digest", "full_name"]


def full_name(model: str, size: tuple[int, int], precision: str, device: str) -> str:
    """`model/224x224/bf16/openvino-cpu`: weights and preprocessing, picture size, arithmetic, backend and device."""
    width, height = size
    return f"{model}/{width}x{height}/{precision}/{device}"


def check_file(path: Path) -> Path:
    """The path, when it is a file; else raises ModelError."""
    if not path.is_file():
        raise ModelError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
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

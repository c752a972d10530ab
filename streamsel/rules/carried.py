"""Metadata that travels with a picture itself, by its dotted keys in the frame's `signals`, before any file's."""

from __future__ import annotations

from collections.abc import Sequence

from streamsel.data import Frame, Value
from streamsel.signals import Signal
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.signals.metadata import MetadataSignal
from streamsel.signals.metadata_schema import MetadataKind

__all__ = ["CarriedMetadata"]


class CarriedMetadata:
    """The value of a key as a frame carries it; where it carries none, that of a `.lightly` folder that has the key."""

    def __init__(self, key: str, kind: MetadataKind, folder: LightlyFolder | None) -> None:
        self.key, self.kind = key, kind
        self._files = _files(key, kind, folder)

    def of(self, frames: Sequence[Frame], names: Sequence[str]) -> list[Value]:
        """See `Signal`."""
        return [self._one(frame, name) for frame, name in zip(frames, names, strict=True)]

    def _one(self, frame: Frame, name: str) -> Value:
        if self.key in frame.signals or self._files is None:
            return frame.signals.get(self.key)
        return self._files.of([frame], [name])[0]


def _files(key: str, kind: MetadataKind, folder: LightlyFolder | None) -> Signal | None:
    if folder is None or not (folder.path / "metadata" / "schema.json").exists():
        return None
    return MetadataSignal(folder.metadata, key, kind) if key in folder.metadata.entries else None

"""What users know of their frames and videos (`.lightly/metadata/`): numbers and labels by dotted keys.

The value of a frame is that of its own file, else that of its video's file, which holds for all its frames, else the
schema's default, else None: not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streamsel.data import Frame, Value
from streamsel.errors import SourceError, UsageError
from streamsel.signals.frame_files import FrameFiles
from streamsel.signals.metadata_schema import MISSING, RESERVED, Entry, MetadataKind, lookup
from streamsel.signals.mismatch import MismatchError, mapping
from streamsel.signals.nearest import unknown
from streamsel.signals.side_folder import SideFolder, shown

__all__ = ["MetadataFiles", "MetadataSignal", "metadata_from_json"]


def metadata_from_json(content: Any) -> dict[str, Any]:
    """The metadata that a file `{"file_name": ..., "type": ..., "metadata": {...}}` holds. Raises MismatchError.

    Where the file lies decides to what it belongs: `file_name` and `type` are not compared.
    """
    return mapping(mapping(content, "").get("metadata"), "metadata")


class MetadataFiles:
    """The metadata below one folder; files are read when asked for, each once for all who ask.

    folder: `.lightly/metadata`. prefix: what the names of frames lack to be relative to the input's root.
    """

    def __init__(self, entries: Sequence[Entry], folder: Path, prefix: str = "") -> None:
        self.folder = folder
        self.entries = {entry.path: entry for entry in entries}
        self._files = FrameFiles(SideFolder(folder), metadata_from_json, prefix)

    def entry(self, key: str) -> Entry:
        """What the schema says of a key. Raises UsageError with the nearest key that it has."""
        if key.startswith(RESERVED):
            raise UsageError(f"metadata {key!r}: keys that begin with {RESERVED!r} are measured on frames, not read")
        if key not in self.entries:
            raise unknown("metadata", key, self.entries, shown(self.folder / "schema.json"))
        return self.entries[key]

    def value(self, entry: Entry, name: str, video: str = "") -> Value:
        """The value of a frame; video: that of which it is a frame, if any. Raises SourceError with the file."""
        for owner in (name, video):
            held = self._files.of(owner) if owner else None
            found = MISSING if held is None else lookup(held, entry.steps)
            if found is not MISSING:
                return self._checked(entry, found, owner)
        return entry.default

    def _checked(self, entry: Entry, found: Any, owner: str) -> Value:
        try:
            return entry.checked(found, f"metadata.{entry.path}")
        except MismatchError as mismatch:
            raise SourceError(f"{self._files.place(owner)}: {mismatch}") from None


class MetadataSignal:
    """The metadata of one key. kind: what is asked for, numbers or labels; None: what the schema says.

    Raises UsageError for a key that the schema lacks, and when it says the other kind.
    """

    def __init__(self, files: MetadataFiles, key: str, kind: MetadataKind | None = None) -> None:
        self.files, self.key = files, key
        self._entry = files.entry(key)
        self.kind: MetadataKind = self._entry.kind
        if kind not in (None, self.kind):
            raise UsageError(
                f"metadata {key!r} is {self._entry.type}, a {self.kind}; a {kind} is needed here: use another key, or"
                f" change its valueDataType in {shown(files.folder / 'schema.json')}"
            )

    def of(self, frames: Sequence[Frame], names: Sequence[str]) -> list[Value]:
        """See `Signal`."""
        videos = ["" if frame.mark.name else frame.mark.source for frame in frames]
        return [self.files.value(self._entry, name, video) for name, video in zip(names, videos, strict=True)]

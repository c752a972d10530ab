"""Files of one folder, each written whole, whose names last from the next `sync` on."""

from __future__ import annotations

from pathlib import Path

from streamsel.sink.durable import replace_file, sync_folder

__all__ = ["WholeFiles"]


class WholeFiles:
    """Writes files below a folder, which is made with the first of them.

    kept: whether nobody may remove folders meanwhile; else one that is gone has nothing in it that should last.
    """

    def __init__(self, folder: Path, *, kept: bool = True) -> None:
        self.folder, self._kept = folder, kept
        self._unsynced: set[Path] = set()

    def put(self, name: str, data: bytes) -> None:
        """Writes a file whole or not at all, over one of this name. name: relative POSIX path. Raises SinkError."""
        path = self.folder / name
        replace_file(path, data)
        self._unsynced.add(path.parent)

    def sync(self) -> None:
        """Returns when everything put so far would survive a power cut. Raises SinkError."""
        for folder in sorted(self._unsynced):
            if self._kept or folder.is_dir():
                sync_folder(folder)
        self._unsynced.clear()

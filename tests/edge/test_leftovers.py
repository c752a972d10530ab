"""Pictures that no commit knows of: they go, and no others."""

from __future__ import annotations

import json
import os
from pathlib import Path

from streamsel.edge.leftovers import remove_uncommitted


def picture(folder: Path, day: str, number: int) -> Path:
    file = folder / "door" / day / f"door-{number}.jpg"
    file.parent.mkdir(parents=True, exist_ok=True)
    for path, content in ((file, "picture"), (file.with_name(f"{file.name}.json"), json.dumps({"ordinal": number}))):
        path.write_text(content)
        os.utime(path, (number, number))
    return file


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.jp*"))


def test_what_is_beyond_the_commit_goes(tmp_path: Path) -> None:
    for number in range(6):
        picture(tmp_path, "2026-01-30" if number < 3 else "2026-01-31", number)
    assert remove_uncommitted(tmp_path, "door", 4, 32) == 2
    assert left(tmp_path) == [f"door-{n}.jpg{end}" for n in range(4) for end in ("", ".json")]
    assert remove_uncommitted(tmp_path, "door", 4, 32) == 0


def test_more_than_one_commit_holds_is_of_another_state(tmp_path: Path) -> None:
    for number in range(6):
        picture(tmp_path, "2026-01-31", number)
    assert remove_uncommitted(tmp_path, "door", 1, 4) == 0
    assert len(left(tmp_path)) == 12


def test_what_cannot_be_read_stays(tmp_path: Path) -> None:
    picture(tmp_path, "2026-01-31", 0).with_name("door-0.jpg.json").write_text("{")
    picture(tmp_path, "notes", 9)
    assert remove_uncommitted(tmp_path, "door", 0, 32) == 0
    assert remove_uncommitted(tmp_path, "none", 0, 32) == 0
    assert len(left(tmp_path)) == 4

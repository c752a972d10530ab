"""Pictures that no commit knows of: they go, and no others."""

from __future__ import annotations

import json
from pathlib import Path

from streamsel.edge.keeping.leftovers import remove_uncommitted


def picture(folder: Path, number: int, day: str = "2026-01-31") -> str:
    file = f"door/{day}/door-{number}.jpg"
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text("picture")
    (folder / f"{file}.json").write_text(json.dumps({"ordinal": number}))
    return file


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.jp*"))


def test_what_is_beyond_the_commit_goes(tmp_path: Path) -> None:
    files = [picture(tmp_path, number, "2026-01-30" if number < 3 else "2026-01-31") for number in range(6)]
    assert remove_uncommitted(tmp_path, "door", 4, files[3:]) == 2
    assert left(tmp_path) == [f"door-{n}.jpg{end}" for n in range(4) for end in ("", ".json")]
    assert remove_uncommitted(tmp_path, "door", 4, files[3:]) == 0


def test_what_was_written_after_the_clock_was_set_back_goes(tmp_path: Path) -> None:
    for number in range(6):
        picture(tmp_path, number, f"2026-02-0{number + 1}")
    assert remove_uncommitted(tmp_path, "door", 6, [picture(tmp_path, 6, "2026-01-30")]) == 1
    assert len(left(tmp_path)) == 12


def test_what_was_not_about_to_be_written_is_of_another_state(tmp_path: Path) -> None:
    files = [picture(tmp_path, number) for number in range(6)]
    assert remove_uncommitted(tmp_path, "door", 1, files[5:]) == 1
    assert len(left(tmp_path)) == 10


def test_what_cannot_be_read_stays(tmp_path: Path) -> None:
    file = picture(tmp_path, 0)
    (tmp_path / f"{file}.json").write_text("{")
    assert remove_uncommitted(tmp_path, "door", 0, [file, "door/2026-01-31/door-1.jpg"]) == 0
    assert len(left(tmp_path)) == 2

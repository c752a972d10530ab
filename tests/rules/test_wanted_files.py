"""What a list names and no file is, is told, however files come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamsel.rules.wanted_files import WantedFiles
from streamsel.signals.relevant import RelevantFiles

LINES = "clips/bikes.mp4\nclips/bike.mp4\nsub/*\nold/x*\n"
FILES = ["clips/bikes.mp4", "clips/boat.mp4", "clips/bike.mp4", "sub/a.mp4", "old/y.mp4", "old/x.mp4"]


def made(below: str = "") -> WantedFiles:
    return WantedFiles(RelevantFiles.parse(LINES.encode(), "list.txt", below))


@given(st.lists(st.sampled_from(FILES), max_size=12), st.integers(0, 12))
def test_stops_change_nothing(names: list[str], cut: int) -> None:
    whole, part, again = made(), made(), made()
    matter = [whole.includes(name) for name in names]
    assert [part.includes(name) for name in names[:cut]] == matter[:cut]
    again.restore(part.state())
    assert [again.includes(name) for name in names[cut:]] == matter[cut:]
    assert whole.notes() == again.notes()
    left = {"clips/bikes.mp4", "clips/bike.mp4", "sub/*", "old/x*"} - set(names)
    left -= {f"{start}*" for start in ("sub/", "old/x") if any(name.startswith(start) for name in names)}
    assert [note.partition(" of ")[0].rpartition(" ")[2] for note in whole.notes()] == (
        [str(len(left))] if left else []
    )


def test_slips_are_told_with_what_was_meant() -> None:
    files = made("clips/")
    files.come(["bikes.mp4", "boat.mp4"])
    assert files.notes() == [
        "relevant_filenames_file: 3 of 4 entries name no file that was looked at: clips/bike.mp4 (did you mean"
        " clips/bikes.mp4?), old/x*, sub/*"
    ]


def test_without_a_list_all_matters() -> None:
    files = WantedFiles(None)
    assert (bool(files), files.includes("a"), files.notes(), files.state()) == (False, True, [], {})

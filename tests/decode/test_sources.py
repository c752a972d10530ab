from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.decode.sources import expand
from streamsel.errors import SourceError


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in; `here(names)` makes empty files in it."""
    monkeypatch.chdir(tmp_path)

    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return make


def ids(*arguments):
    return {source.id: source.kind for source in expand([str(argument) for argument in arguments])}


def test_folders_are_walked_and_sorted(here):
    here("in/b.mp4", "in/a/z.MKV", "in/a.avi", "in/notes.txt", "in/.hidden.mp4", "in/.git/x.mp4")
    assert list(ids("in").items()) == [("a.avi", "video"), ("a/z.MKV", "video"), ("b.mp4", "video")]
    assert list(ids("in/")) == list(ids("in")) == list(ids(Path("in").absolute()))


def test_each_folder_that_holds_pictures_is_a_source(here):
    here("in/one/1.jpg", "in/one/2.PNG", "in/one/deep/1.tiff", "in/two/clip.mp4", "in/two/1.webp", "in/two/moving.gif")
    found = {"one": "images", "one/deep": "images", "two": "images", "two/clip.mp4": "video", "two/moving.gif": "video"}
    assert ids("in") == found
    assert ids("in/one") == {"one": "images", "deep": "images"}


def test_files_are_taken_whatever_their_ending(here):
    here("clip.mp4", "recording", "notes.txt", "photo.jpg", "a[1].mp4")
    assert ids("clip.mp4", "recording", "notes.txt") == {
        "clip.mp4": "video",
        "recording": "video",
        "notes.txt": "video",
    }
    assert ids("photo.jpg") == {"photo.jpg": "images"}
    assert ids("a[1].mp4") == {"a[1].mp4": "video"}


def test_globs(here):
    here("a/1.mp4", "a/2.mov", "a/b/3.mp4", "a/b/p.jpg", "a/b/q.png", "c/1.mp4", "a/notes.txt")
    assert list(ids("a/*.mp4")) == ["1.mp4"]
    assert list(ids("**/*.mp4")) == ["a/1.mp4", "a/b/3.mp4", "c/1.mp4"]
    assert ids("a/**") == {"1.mp4": "video", "2.mov": "video", "b": "images", "b/3.mp4": "video"}
    assert ids("a/b/*.jpg") == {"b": "images"}
    (album,) = expand(["a/b/*.jpg"])
    assert album.location.endswith("/a/b/*.jpg")


def test_equal_names_get_the_folders_above_them(here):
    here("x/cam/1.mp4", "y/cam/1.mp4", "z/2.mp4")
    assert list(ids("x/cam/1.mp4", "y/cam/1.mp4", "z")) == ["x/cam/1.mp4", "y/cam/1.mp4", "2.mp4"]
    assert list(ids("x", "y")) == ["x/cam/1.mp4", "y/cam/1.mp4"]


def test_each_place_is_one_source(here):
    here("in/a.mp4", "in/b.mp4")
    assert list(ids("in/b.mp4", "in", "in/../in/a.mp4")) == ["b.mp4", "a.mp4"]


def test_links_are_followed_once(here):
    folder = here("in/a/1.mp4", "elsewhere/2.mp4")
    (folder / "in/a/loop").symlink_to(folder / "in")
    (folder / "in/away").symlink_to(folder / "elsewhere")
    assert list(ids("in")) == ["a/1.mp4", "away/2.mp4"]
    assert list(ids("in/**/*.mp4")) == ["a/1.mp4", "away/2.mp4"]


def test_ids_never_lead_outside(here):
    here("up/in/a.mp4")
    os.chdir("up/in")
    for argument in (".", "..", "../in", "../in/a.mp4", "./a.mp4", str(Path("a.mp4").absolute())):
        for source in expand([argument]):
            assert source.id in ("a.mp4", "in/a.mp4")
            assert Path(source.location).samefile("a.mp4")


def test_names_that_are_no_text(here):
    here("in/line\nbreak 画.mp4", "in/" + os.fsdecode(b"caf\xe9.mp4"))
    assert set(ids("in")) == {"line\nbreak 画.mp4", "caf\ufffd.mp4"}
    assert all(Path(source.location).exists() for source in expand(["in"]))


@pytest.mark.parametrize("argument", ["gone.mp4", "gone/", "*.mkv", "empty", "words", "wo?ds"])
def test_nothing_there_is_one_line(argument, here):
    folder = here("words/notes.txt")
    (folder / "empty").mkdir()
    with pytest.raises(SourceError) as caught:
        expand([argument])
    assert str(caught.value).startswith(argument.rstrip("/"))
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read(here, monkeypatch):
    here("secret.mp4")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(SourceError, match=r"secret.mp4: no permission"):
        expand(["secret.mp4"])


def test_a_folder_inside_that_cannot_be_read_is_a_source_that_says_so(here, monkeypatch):
    folder = here("in/a.mp4", "in/locked/b.mp4")
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert ids(folder / "in") == {"a.mp4": "video", "locked": "images"}


URLS = {
    "http://h/x/clip.mp4?token=secret": ("h/x/clip.mp4", "video"),
    "https://user:secret@h:8080/clip.webm#t": ("h_8080/clip.webm", "video"),
    "rtsp://user:secret@cam.local:554/stream%201?key=secret": ("cam.local_554/stream 1", "live"),
    "rtmp://h/app/secretless": ("h/app/secretless", "live"),
    "udp://239.0.0.1:5000": ("239.0.0.1_5000", "live"),
    "rtsp://h/user=admin&password=secret&channel=1.sdp": ("h/channel=1", "live"),
    "rtsp://user:1/secret@h/x": ("h/x", "live"),
    "srt://h:9000?passphrase=secret": ("h_9000", "live"),
    "https://h/a/../../live.m3u8": ("h/a/live.m3u8", "live"),
}


@pytest.mark.parametrize("url", URLS)
def test_urls(url):
    (source,) = expand([url])
    assert (source.id, source.kind) == URLS[url]
    assert source.location == url
    assert "secret@" not in source.id + repr(source)
    assert "=secret" not in source.id


def test_urls_that_differ_only_in_what_is_secret(here):
    assert list(ids("http://h/x.mp4?v=1", "http://h/x.mp4?v=2")) == ["h/x.mp4", "h/x~2.mp4"]


def test_unknown_protocols():
    with pytest.raises(SourceError, match=r"^ftp://h/x: ftp:// cannot be read") as caught:
        expand(["ftp://me:secret@h/x"])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["rtsp://me:secret\u2100w@h/x", "rtsp://me:secret@[h/x", "rtsp://me:[secret@h/x"])
def test_what_cannot_be_taken_apart_is_told_without_its_password(url):
    with pytest.raises(SourceError, match=r"^rtsp://\[?h/x: no URL; correct it") as caught:
        expand([url])
    assert "secret" not in str(caught.value)
    assert "me:" not in str(caught.value)


names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=8).filter(
    lambda name: not name.startswith(".") and len(name.encode()) < 60
)


@given(st.lists(st.lists(names, min_size=1, max_size=3), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_ids_are_unique_relative_and_below(tmp_path_factory, paths):
    folder = tmp_path_factory.mktemp("any")
    roots = []
    for number, steps in enumerate(paths):
        path = folder.joinpath(str(number), *steps[:-1], steps[-1] + ".mp4")
        path.parent.mkdir(parents=True)
        path.touch()
        roots.append(str(folder / str(number)))
    sources = expand(roots)
    assert len({source.id for source in sources}) == len(sources) == len(paths)
    for source in sources:
        assert not PurePosixPath(source.id).is_absolute()
        assert ".." not in PurePosixPath(source.id).parts
        assert source.location.endswith(source.id)

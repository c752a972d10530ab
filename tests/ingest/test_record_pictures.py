"""Records become frames in their order, or are poison, one clear line each."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from streamsel.decode.looking import Looking
from streamsel.decode.open import open_decoder
from streamsel.decode.picture import VideoPicture
from streamsel.decode.sources import expand
from streamsel.errors import DiskError, SourceError
from streamsel.ingest.pictures import Opened, Pictures, Poison
from streamsel.testing.nasty import damaged, truncated, without_index
from streamsel.topic import Message
from streamsel.topic.cloudevent import Event
from streamsel.topic.incoming import Incoming
from streamsel.topic.references import References

SIZE = (32, 24)
LARGEST = 1_000_000


def encoded(form="JPEG", size=(64, 48), seed=0, **how):
    patches = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(patches).resize(size, Image.Resampling.NEAREST).save(file, form, **how)
    return file.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb(width, height):
    """A PNG whose header promises so many pixels, and has none of them."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def message(value, offset=0, **said):
    headers = Event("e", "cam", "frame", **said).headers() if said else ()
    return Message(0, offset, b"cam", value, headers, 1000 * offset)


def opened(messages, folder=None, **options):
    references = folder and References(folder, largest=LARGEST, patience=0)
    with Pictures(Incoming("frames", largest=LARGEST), SIZE, references=references, **options) as pictures:
        return list(pictures.opened(messages))


def reason(value=None, folder=None, options=None, **said):
    (poison,) = opened([message(value, **said)], folder, **(options or {}))
    assert isinstance(poison, Poison)
    assert poison.reason.isprintable()
    return poison.reason


@pytest.mark.parametrize(("form", "content"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")])
def test_a_picture_becomes_a_frame_and_its_bytes_stay(form, content):
    data = encoded(form)
    (one,) = opened([message(data, 7)])
    assert isinstance(one, Opened)
    assert one.content.data is data
    assert one.content.content_type == content
    assert one.picture.shape == (24, 32, 3)
    mark = one.frame.mark
    assert (mark.source, mark.index, mark.pts, mark.time_base) == ("cam", 7, 7000, Fraction(1, 1000))
    assert mark.name == "frames-0-7.jpg"
    assert (one.part, one.last) == (0, True)


def test_it_is_the_picture_that_a_folder_of_files_gives(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    (tmp_path / "a.jpg").write_bytes(data := encoded(exif=turned))
    (one,) = opened([message(data)], whole=True)
    (source,) = expand([str(tmp_path / "a.jpg")])
    with open_decoder(source) as decoder:
        (frame,) = decoder.read()
    assert (frame.picture.width, frame.picture.height) == (48, 64)
    assert np.array_equal(one.frame.picture.rgb(), frame.picture.rgb())
    assert np.array_equal(one.picture, frame.picture.rgb(*SIZE))
    assert one.frame.mark.check == frame.mark.check


def test_whole_pictures_are_kept_only_where_they_are_looked_at():
    (whole,) = opened([message(encoded(size=(640, 480)))], whole=True)
    (shrunk,) = opened([message(encoded(size=(640, 480)))])
    assert whole.frame.picture.rgb().shape == (480, 640, 3)
    assert np.array_equal(whole.picture, shrunk.picture)
    assert whole.nbytes > 640 * 480 * 3 > 20 * SIZE[0] * SIZE[1] > shrunk.nbytes - len(shrunk.content.data)


def test_what_a_record_brings_beside_its_picture_is_held_too():
    (bare,) = opened([message(encoded())])
    (headed,) = opened([replace(message(encoded()), headers=(("x", bytes(900_000)),))])
    assert headed.nbytes - bare.nbytes == 900_001
    predicted = replace(bare, carried=replace(bare.carried, predictions={"cars": [[0.5] * 1000] * 3}))
    assert predicted.nbytes - bare.nbytes > 3 * 1000 * 8


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3), max_size=30), st.integers(1, 4))
def test_frames_come_in_the_order_of_their_records(kinds, threads):
    small, large = encoded(size=(8, 8)), encoded(size=(400, 300))
    values = [[small, large, b"no picture", b""][kind] for kind in kinds]
    found = opened([message(value, offset) for offset, value in enumerate(values)], threads=threads)
    assert [one.message.offset for one in found] == list(range(len(values)))
    assert [isinstance(one, Poison) for one in found] == [kind > 1 for kind in kinds]


def test_records_are_not_pulled_far_ahead():
    pulled = []

    def messages():
        for offset in range(100):
            pulled.append(offset)
            yield message(encoded(), offset)

    with Pictures(Incoming("frames"), SIZE, threads=2) as pictures:
        stream = pictures.opened(messages())
        next(stream)
        assert len(pulled) <= 10
        stream.close()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"no picture", "is no JPEG, PNG or WebP"),
        (b"", "is empty"),
        (None, "is empty"),
        (bytes(20_000_000), "20000000 bytes are more than the 1000000"),
        (bytes(900_000), "is no JPEG, PNG or WebP"),
        (encoded()[:400], "is no JPEG, PNG or WebP"),
        (encoded("PNG")[:100], "is no JPEG, PNG or WebP"),
        (bomb(60_000, 60_000), "exceeds limit|is more than"),
        (bomb(13_000, 13_000), "13000 x 13000 is more than 50000000 pixels"),
        (encoded("GIF"), "is no JPEG, PNG or WebP"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is no JPEG, PNG or WebP"),
        (b"P6\n9 9\n255\n" + bytes(243), "is no JPEG, PNG or WebP"),
    ],
    ids="text empty nothing 20MB zeros half-jpeg half-png bomb smaller-bomb gif eps ppm".split(),  # noqa: SIM905
)
def test_what_is_no_picture_is_poison(value, told):
    import re

    assert re.search(told, reason(value))


def test_a_large_picture_is_decoded_all_the_same():
    (one,) = opened([message(encoded(size=(4000, 2100)))])
    assert isinstance(one, Opened)
    assert "2100 is more than 1000000 pixels" in reason(encoded(size=(4000, 2100)), options={"most_pixels": 1_000_000})


@pytest.mark.parametrize("size", [(60_000, 2), (2, 60_000), (3_000_000, 1)], ids=str)
def test_a_picture_too_thin_to_be_scaled_is_poison(size):
    with Pictures(Incoming("frames"), (224, 224)) as pictures:
        (poison,) = pictures.opened([message(encoded("PNG", size=size))])
    assert poison.reason == f"a picture of {size[0]} x {size[1]} cannot be scaled: too thin"


def test_references_to_pictures(tmp_path):
    data = encoded()
    (tmp_path / "a.jpg").write_bytes(data)
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "large.jpg").write_bytes(bytes(LARGEST + 1))
    digest = hashlib.sha256(data).hexdigest()
    for sha256 in ("", digest, digest.upper()):
        (one,) = opened([message(None, dataref="a.jpg", sha256=sha256)], tmp_path)
        assert one.content.data == data
        assert one.content.dataref == "a.jpg"
    assert "not those that sha256" in reason(folder=tmp_path, dataref="a.jpg", sha256="0" * 64)
    assert "is an empty file" in reason(folder=tmp_path, dataref="empty.jpg")
    assert "is no JPEG" in reason(folder=tmp_path, dataref="text.jpg")
    assert "there is no such file" in reason(folder=tmp_path, dataref="gone.jpg")
    assert "1000001 bytes" in reason(folder=tmp_path, dataref="large.jpg")
    assert "must be a path below" in reason(folder=tmp_path, dataref="../a.jpg")
    assert "no folder of references is given" in reason(dataref="a.jpg")
    assert "not those that sha256" in reason(data, sha256="0" * 64)


@pytest.mark.parametrize(
    "looking", [Looking(), Looking(every=5), Looking(fps=Fraction(5)), Looking(keyframes=True)], ids=str
)
def test_a_segment_gives_its_frames(clip, looking):
    (source,) = expand([str(clip)])
    with open_decoder(source, looking=looking) as decoder:
        wanted = list(decoder.read())
    message_of = message(None, 4, dataref=clip.name, subject="cam/six.mp4")
    found = opened([message_of, message(encoded(), 5)], clip.parent, looking=looking)
    frames, last = found[:-1], found[-1]
    assert [one.frame.mark.pts for one in frames] == [frame.mark.pts for frame in wanted]
    assert [one.frame.mark.index for one in frames] == [frame.mark.index for frame in wanted]
    assert [(one.frame.mark.source, one.frame.mark.name) for one in frames] == [
        ("cam", f"cam/six-{frame.mark.index}-mp4.png") for frame in wanted
    ]
    assert [one.part for one in frames] == list(range(len(wanted)))
    assert [one.last for one in frames] == [False] * (len(wanted) - 1) + [True]
    assert all(np.array_equal(one.picture, frame.picture.rgb(*SIZE)) for one, frame in zip(frames, wanted, strict=True))
    assert last.message.offset == 5


def test_what_is_wrong_with_a_segment_is_poison_behind_its_frames(tmp_path):
    without_index(tmp_path / "cut.mp4")
    (tmp_path / "text.mp4").write_text("#EXTM3U\n/etc/passwd\n")
    (tmp_path / "folder.mp4").mkdir()
    for name in ("cut.mp4", "text.mp4"):
        assert "frames-0-0.mp4: " in reason(folder=tmp_path, dataref=name)
    assert "is no file" in reason(folder=tmp_path, dataref="folder.mp4")
    assert "there is no such file" in reason(folder=tmp_path, dataref="gone.mp4")
    *frames, last = opened([message(None, dataref=truncated(tmp_path / "half.mp4").name)], tmp_path)
    assert len(frames) > 3
    assert isinstance(last, Poison) or last.last


def test_damage_in_a_segment_loses_frames_at_most(tmp_path):
    found = opened([message(None, dataref=damaged(tmp_path / "d.mp4").name)], tmp_path)
    assert len(found) > 10
    assert found[-1].last


def test_damage_in_a_segment_is_told(tmp_path, caplog):
    opened([message(None, 7, dataref=damaged(tmp_path / "d.mp4").name)], tmp_path)
    (line,) = [record for record in caplog.records if record.message == "damaged"]
    assert (line.facts["partition"], line.facts["offset"]) == (0, 7)
    assert line.facts["problems"]


@pytest.mark.parametrize("name", ["mem", "mem.mp4"])
def test_a_disk_that_fails_is_no_fault_of_the_record(name):
    """The memory of a process can be opened as a file, and its first byte cannot be read: EIO, as of a failing disk."""
    references = References(Path("/proc/self"), largest=LARGEST, patience=0)
    said = {"dataref": "mem", "content_type": "video/mp4" if name.endswith("4") else "image/jpeg"}
    with Pictures(Incoming("frames"), SIZE, references=references) as pictures, pytest.raises(DiskError, match="disk"):
        list(pictures.opened([message(None, **said)]))


def test_damage_is_believed_only_of_what_the_disk_gives(tmp_path, clip, monkeypatch):
    def check(*_of):
        raise DiskError("the disk")

    monkeypatch.setattr(References, "check", check)
    assert opened([message(None, dataref=clip.name)], clip.parent)[-1].last
    for make in (damaged, truncated, without_index):
        made = make(tmp_path / f"{make.__name__}.mp4").name
        with pytest.raises(DiskError):
            opened([message(None, dataref=made)], tmp_path)


def test_frames_of_a_segment_too_thin_to_be_scaled_are_poison(clip, monkeypatch):
    def rgb(*_of):
        raise SourceError("cannot be scaled")

    monkeypatch.setattr(VideoPicture, "rgb", rgb)
    assert reason(folder=clip.parent, dataref=clip.name) == "cannot be scaled"


def test_large_frames_of_a_segment_are_poison(clip):
    assert "160 x 120 is more than 9999 pixels" in reason(
        folder=clip.parent, dataref=clip.name, options={"most_pixels": 9999}
    )


def test_a_folder_of_references_that_goes_away_stops_the_reading(tmp_path, clip):
    folder = tmp_path / "frames"
    folder.mkdir()
    references = References(folder, largest=LARGEST, patience=0)
    folder.rmdir()
    with Pictures(Incoming("frames"), SIZE, references=references) as pictures:
        for name in ("a.jpg", "a.mp4"):
            with pytest.raises(DiskError, match="folder of references is not there"):
                list(pictures.opened([message(None, dataref=name)]))


def test_metadata_travels_with_every_frame(clip):
    told = {"speed": 3}
    headers = (*Event("e", "cam", "frame", dataref=clip.name).headers(), ("metadata", b'{"speed": 3}'))
    frames = opened([Message(0, 0, b"", None, headers)], clip.parent, looking=Looking(every=40))
    assert [one.frame.signals for one in frames] == [told] * 3
    (still,) = opened([Message(0, 0, b"", encoded(), (("metadata", b'{"speed": 3}'),))])
    assert still.frame.signals == told


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_large_pictures_are_nearly_what_they_are_in_full(form, monkeypatch):
    """Where only the model looks at them, large JPEGs are decoded smaller, and turned as they say."""
    turned = Image.Exif()
    turned[0x0112] = 6
    data = encoded(form, size=(640, 480), exif=turned)
    (full,) = opened([message(data)])
    monkeypatch.setattr("streamsel.ingest.pictures.LARGE", 1000)
    ((large,), (whole,)) = (opened([message(data)], whole=whole) for whole in (False, True))
    assert np.array_equal(full.picture, whole.picture)
    assert whole.frame.picture.rgb().shape == (640, 480, 3)
    assert np.array_equal(full.picture, large.picture) == (form != "JPEG")
    assert np.abs(full.picture.astype(int) - large.picture).mean() < 3

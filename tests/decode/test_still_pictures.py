from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from streamsel.data import Source
from streamsel.decode.looking import Looking
from streamsel.decode.open import open_decoder
from streamsel.errors import SourceError
from streamsel.testing.videos import moving_picture, pictures


def read(folder, **options):
    with open_decoder(Source("photos", str(folder), "images"), **options) as decoder:
        return list(decoder.read()), decoder.problems


def test_pictures_come_by_name_with_their_rank(tmp_path):
    for name in ("b.png", "a.jpg", "C.bmp", "10.png", "9.png", "d.txt", ".e.png"):
        Image.fromarray(moving_picture(0, 0)).save(tmp_path / name, format="png")
    frames, problems = read(tmp_path)
    assert [frame.mark.name for frame in frames] == ["10.png", "9.png", "C.bmp", "a.jpg", "b.png"]
    assert [(frame.mark.index, frame.mark.pts) for frame in frames] == [(rank, rank) for rank in range(5)]
    assert all(frame.key for frame in frames)
    assert not problems


def test_pixels_are_the_file_s(tmp_path):
    pictures(tmp_path, 3)
    for scene, frame in enumerate(read(tmp_path)[0]):
        assert np.array_equal(frame.picture.rgb(), moving_picture(scene, 0, (96, 64)))


def test_broken_pictures_are_counted_and_keep_their_rank(tmp_path):
    pictures(tmp_path, 6)
    (tmp_path / "001.png").write_bytes(b"no picture")
    (tmp_path / "003.png").write_bytes((tmp_path / "003.png").read_bytes()[:300])
    (tmp_path / "005.png").write_bytes(b"")
    frames, problems = read(tmp_path)
    assert [frame.mark.index for frame in frames] == [0, 2, 4]
    assert problems == {"unreadable picture": 3}


def test_broken_pictures_are_named_with_a_reason_and_no_path(tmp_path):
    pictures(tmp_path, 4)
    (tmp_path / "001.png").write_bytes(b"no picture")
    (tmp_path / "003.png").write_bytes((tmp_path / "003.png").read_bytes()[:300])
    with open_decoder(Source("photos", str(tmp_path), "images"), crop=(90, 60, 0, 0)) as decoder:
        marks = [frame.mark for frame in decoder.read()]
        named = dict(decoder.unreadable)
        assert list(decoder.read(marks[-1])) == []
        assert decoder.unreadable == {"003.png": named["003.png"]}
    assert named.keys() == {"001.png", "003.png"}
    assert all(why.startswith("cannot be decoded (") and str(tmp_path) not in why for why in named.values())


def test_pictures_smaller_than_the_crop_say_so(tmp_path):
    pictures(tmp_path, 1)
    Image.fromarray(moving_picture(0, 0, (8, 6))).save(tmp_path / "small.png")
    with open_decoder(Source("photos", str(tmp_path), "images"), crop=(90, 60, 0, 0)) as decoder:
        assert len(list(decoder.read())) == 1
        assert decoder.unreadable == {"small.png": "the crop (90, 60, 0, 0) does not lie inside its 8 x 6 picture"}


def test_no_picture_at_all_is_one_line(tmp_path):
    with pytest.raises(SourceError, match="photos: no picture in it"):
        read(tmp_path)
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(SourceError, match="photos: none of its 1 pictures can be opened"):
        read(tmp_path)
    with pytest.raises(SourceError, match="photos: No such file"):
        read(tmp_path / "gone" / "*.png")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation, tmp_path):
    """The eight orientations of EXIF 2.3, tag 0x0112, undone one by one."""
    turns = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: np.swapaxes(a, 0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.swapaxes(np.rot90(a, 2), 0, 1),
        8: lambda a: np.rot90(a, 1),
    }
    stored = moving_picture(7, 0, (40, 24))
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    (frame,), _ = read(tmp_path)
    assert np.array_equal(frame.picture.rgb(), turns[orientation](stored))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "YCbCr", "LAB", "1"])
def test_every_mode_is_converted_to_rgb(mode, tmp_path):
    image = Image.fromarray(moving_picture(8, 0)).convert(mode)
    image.save(tmp_path / "a.tiff")
    (frame,), problems = read(tmp_path)
    assert not problems
    assert np.array_equal(frame.picture.rgb(), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize(("dtype", "most"), [(np.uint16, 65535), (np.int32, 65535), (np.float32, 1.0)])
def test_deep_greys_are_scaled_to_eight_bits(dtype, most, tmp_path):
    grey = moving_picture(8, 0)[:, :, 0]
    grey[0, 0] = 255
    Image.fromarray((grey.astype(np.float64) / 255 * most).astype(dtype)).save(tmp_path / "a.tiff")
    (frame,), problems = read(tmp_path)
    assert not problems
    assert np.array_equal(frame.picture.rgb(), grey[:, :, None].repeat(3, axis=2))


def test_sparse_looking_and_options_without_meaning(tmp_path):
    pictures(tmp_path, 7)
    assert [frame.mark.index for frame in read(tmp_path, looking=Looking(every=3))[0]] == [0, 3, 6]
    assert len(read(tmp_path, looking=Looking(keyframes=True), start=5, end=6)[0]) == 7


def test_one_picture_and_a_pattern(tmp_path):
    pictures(tmp_path, 3)
    pictures(tmp_path, 2, kind="jpg")
    assert [frame.mark.name for frame in read(tmp_path / "002.png")[0]] == ["002.png"]
    assert [frame.mark.name for frame in read(tmp_path / "*.jpg")[0]] == ["000.jpg", "001.jpg"]
    assert len(read(tmp_path)[0]) == 5


def test_a_changed_folder_is_told(tmp_path):
    pictures(tmp_path, 4)
    marks = [frame.mark for frame in read(tmp_path)[0]]
    Image.fromarray(moving_picture(9, 0)).save(tmp_path / "002.png")
    (tmp_path / "003.png").unlink()
    with open_decoder(Source("photos", str(tmp_path), "images")) as decoder:
        assert next(decoder.fetch(marks[1:2])).mark == marks[1]
        for mark in marks[2:]:
            with pytest.raises(SourceError, match=f"photos: {mark.name} is not the one it was"):
                list(decoder.fetch([mark]))


def test_a_crop_that_does_not_fit_counts_the_picture(tmp_path):
    pictures(tmp_path, 2)
    pictures(tmp_path, 1, size=(30, 20))
    frames, problems = read(tmp_path, crop=(40, 40, 5, 5))
    assert [(frame.mark.index, frame.picture.rgb().shape) for frame in frames] == [(1, (40, 40, 3))]
    assert problems == {"unreadable picture": 1}


def test_large_pictures_come_in_strips_and_are_what_they_are(tmp_path, monkeypatch):
    pictures(tmp_path, 2)
    wanted = [frame.picture.rgb() for frame in read(tmp_path)[0]]
    for strip in (1, 96, 500):
        monkeypatch.setattr("streamsel.decode.stills.STRIP", strip)
        assert all(np.array_equal(a.picture.rgb(), b) for a, b in zip(read(tmp_path)[0], wanted, strict=True))

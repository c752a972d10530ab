"""Frames that are fetched are let go: a walk that was left holds none, collector or not."""

from __future__ import annotations

import threading
from contextlib import closing

from streamsel.decode import fetching
from streamsel.decode.ahead import read_ahead
from streamsel.decode.open import open_decoder
from streamsel.decode.sources import expand
from streamsel.decode.walk import Walk
from streamsel.testing.videos import scenes


def test_a_walk_that_was_left_holds_no_frame(tmp_path, monkeypatch):
    walks: list[Walk] = []

    def walked(*arguments, **options):
        walks.append(Walk(*arguments, **options))
        return walks[-1]

    monkeypatch.setattr(fetching, "Walk", walked)
    (source,) = expand([str(scenes(tmp_path / "video.mp4", (0, 1, 2)))])
    with open_decoder(source) as decoder:
        marks = [frame.mark for frame in decoder.read()]
    with open_decoder(source) as decoder:
        assert len(list(decoder.fetch(marks[::5]))) == len(marks[::5])
    assert walks
    assert all(walk._timed.gi_frame is None for walk in walks), "its generator still has a frame in its locals"


def test_fetching_that_is_given_up_leaves_no_thread_in_the_decoder(tmp_path):
    (source,) = expand([str(scenes(tmp_path / "video.mp4", (0, 1, 2, 3, 4, 5)))])
    before = threading.active_count()
    with open_decoder(source) as decoder:
        marks = [frame.mark for frame in decoder.read()]
    with open_decoder(source) as decoder:
        with closing(read_ahead(decoder.fetch(marks))) as frames:
            next(frames)
        assert threading.active_count() == before

"""A disk that fills up: one clear line, no half file, and with room again the same command ends as if it had not."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import streamsel as library
from streamsel.errors import SinkError, StreamselError
from streamsel.testing.broken_disk import BrokenDisk
from tests.conftest import outputs, streamsel


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of 3 MB, where the user may mount one."""
    place = tmp_path / "small"
    place.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    mounted = os.geteuid() == 0 and subprocess.run(line, capture_output=True).returncode == 0
    yield place
    if mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("goal", [("-n", "12"), ("--min-distance", "0.3")], ids=" ".join)
def test_it_stops_with_one_line_and_goes_on_with_room(goal, clip, small_disk, tiny, tmp_path):
    if not os.path.ismount(small_disk):
        pytest.fail("this test mounts a small file system: run it as root")
    line = ["select", clip, *goal, "--model", tiny, "-q", "--format", "png", "-o"]
    filler = small_disk / "filler"
    filler.write_bytes(bytes(2_700_000))
    done = streamsel(*line, small_disk / "out", check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "internal" not in done.stderr
    assert "disk" in done.stderr.lower() or "space" in done.stderr.lower()
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    streamsel(*line, small_disk / "out")
    streamsel(*line, tmp_path / "whole")
    assert outputs(small_disk / "out") == outputs(tmp_path / "whole")


@pytest.mark.usefixtures("quick_model")
def test_an_error_at_any_write_loses_nothing(clip, tmp_path):
    library.select(clip, tmp_path / "whole", n=4, table=False)
    refused = [_refusal(clip, tmp_path / "out", good) for good in (0, 1, 2, 3, 5, 8, 13, 21, 34)]
    told = [error for error in refused if error is not None]
    assert len(told) > 3
    assert all(isinstance(error, SinkError) and "\n" not in str(error) for error in told)
    library.select(clip, tmp_path / "out", n=4, table=False)
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


def _refusal(clip: Path, out: Path, good: int) -> StreamselError | None:
    """What a disk that is full after so many good calls makes of the run."""
    with BrokenDisk(good, errno.ENOSPC).installed():
        try:
            library.select(clip, out, n=4, table=False)
        except StreamselError as error:
            return error
    return None

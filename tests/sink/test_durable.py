from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamsel.errors import SinkError
from streamsel.sink.durable import durable_file, write_atomic
from streamsel.testing.broken_disk import BrokenDisk

WRITER = """
import sys
from pathlib import Path
from streamsel.sink.durable import write_atomic
path = Path(sys.argv[1])
while True:
    for letter in b"ab":
        write_atomic(path, bytes([letter]) * 1_000_000)
"""


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def fail_while_writing(path: Path) -> None:
    with durable_file(path) as file:
        file.write(b"new")
        raise ZeroDivisionError


def test_a_file_is_written_and_written_again(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.jpg"
    for data in (b"one", b"", b"three"):
        write_atomic(path, data)
        assert path.read_bytes() == data
    assert files_in(tmp_path) == ["a/b/c.jpg"]


def test_an_exception_in_the_block_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_atomic(path, b"old")
    with pytest.raises(ZeroDivisionError):
        fail_while_writing(path)
    assert path.read_bytes() == b"old"
    assert files_in(tmp_path) == ["a.bin"]


def test_a_name_as_long_as_the_file_system_takes_can_be_written(tmp_path: Path) -> None:
    write_atomic(tmp_path / ("x" * 255), b"whole")
    assert files_in(tmp_path) == ["x" * 255]


def test_a_link_is_replaced_and_never_followed(tmp_path: Path) -> None:
    outside, path = tmp_path / "outside", tmp_path / "out" / "a.jpg"
    outside.write_bytes(b"mine")
    path.parent.mkdir()
    path.symlink_to(outside)
    write_atomic(path, b"picture")
    assert (outside.read_bytes(), path.read_bytes(), path.is_symlink()) == (b"mine", b"picture", False)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EDQUOT])
def test_whichever_call_is_refused_no_half_file_is_left(tmp_path: Path, number: int) -> None:
    with BrokenDisk(1000, number).installed() as disk:
        write_atomic(tmp_path / "whole" / "a.jpg", b"picture")
    calls = disk.calls
    for good in range(calls):
        path = tmp_path / f"folder{good}" / "a.jpg"
        with pytest.raises(SinkError) as caught, BrokenDisk(good, number).installed():
            write_atomic(path, b"picture")
        assert "\n" not in str(caught.value)
        assert str(path.parent) in str(caught.value)
        assert os.strerror(number) in str(caught.value)
        assert files_in(tmp_path / f"folder{good}") in ([], ["a.jpg"])
        assert not path.exists() or path.read_bytes() == b"picture"
    assert calls >= 8


def test_a_refused_write_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    write_atomic(path, b"old")
    for good in range(3):  # open, write, fsync
        with pytest.raises(SinkError), BrokenDisk(good, errno.ENOSPC).installed():
            write_atomic(path, b"new")
        assert path.read_bytes() == b"old"
        assert files_in(tmp_path) == ["a.jpg"]


def test_a_disk_that_is_full_says_what_to_do(small_disk: Path) -> None:
    write_atomic(small_disk / "small.bin", bytes(1000))
    with pytest.raises(SinkError, match=r"large\.bin.*run the same command again") as caught:
        write_atomic(small_disk / "large.bin", bytes(4_000_000))
    assert "\n" not in str(caught.value)
    assert files_in(small_disk) == ["small.bin"]
    write_atomic(small_disk / "other.bin", bytes(1000))


def test_something_else_of_this_name_is_said(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(SinkError, match="move it away"):
        write_atomic(tmp_path / "taken", b"x")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SinkError, match="move it away"):
        write_atomic(tmp_path / "file" / "a.jpg", b"x")
    with pytest.raises(SinkError, match="shorter"):
        write_atomic(tmp_path / ("x" * 300), b"x")


def test_an_error_stays_one_line_whatever_the_name(tmp_path: Path) -> None:
    (tmp_path / "a\nb").mkdir()
    with pytest.raises(SinkError) as caught:
        write_atomic(tmp_path / "a\nb", b"x")
    assert "\n" not in str(caught.value)


def test_a_killed_process_never_leaves_a_half_file(tmp_path: Path) -> None:
    path, moments = tmp_path / "a.bin", random.Random(0)
    for _ in range(12):
        path.unlink(missing_ok=True)
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])
        try:
            deadline = time.monotonic() + 60
            while not path.exists() and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(moments.uniform(0, 0.02))
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
        assert path.read_bytes() in (b"a" * 1_000_000, b"b" * 1_000_000)
        assert len(files_in(tmp_path)) <= 2
    write_atomic(path, b"after")
    assert files_in(tmp_path) == ["a.bin"]

"""A reference is followed below its folder and nowhere else."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import SourceError, UsageError
from streamsel.topic.incoming import PoisonError
from streamsel.topic.references import References

LARGEST = 100


class Clock:
    """Sleeping is all that takes time; `then` is done when it is time."""

    def __init__(self, at=1000.0):
        self.now, self.slept, self.then = at, 0.0, {}

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.slept += seconds
        for at in [at for at in self.then if at <= self.now]:
            self.then.pop(at)()


@pytest.fixture
def place(tmp_path):
    """The folder of references, with a secret beside it."""
    folder = tmp_path / "frames"
    (folder / "day 1").mkdir(parents=True)
    (folder / "day 1" / "a.jpg").write_bytes(b"picture")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "frames2").mkdir()
    (tmp_path / "frames2" / "secret.jpg").write_bytes(b"secret")
    return folder


def references(folder, clock=None, **options):
    clock = clock or Clock()
    return References(folder, largest=LARGEST, clock=clock, sleep=clock.sleep, **options)


@pytest.mark.parametrize("reference", ["day 1/a.jpg", "day%201/a.jpg", "./day 1//a.jpg", "FILE", "FILE%20", "local"])
def test_what_lies_below_the_folder_is_read(place, reference):
    whole = f"file://{place}/day 1/a.jpg"
    named = {"FILE": whole, "FILE%20": whole.replace(" ", "%20"), "local": whole.replace("file://", "file://localhost")}
    assert references(place).read(named.get(reference, reference), 0) == b"picture"


@pytest.mark.parametrize(
    "reference",
    [
        "../secret.jpg",
        "day 1/../../secret.jpg",
        "%2e%2e/secret.jpg",
        "day 1/..%2F..%2Fsecret.jpg",
        "OUTSIDE/secret.jpg",
        "file://OUTSIDE/secret.jpg",
        "file:OUTSIDE/secret.jpg",
        "FILE://OUTSIDE/frames2/secret.jpg",
        "file://OUTSIDE/frames/../secret.jpg",
        "file://OUTSIDE/frames/%2e%2e/secret.jpg",
        "file://elsewhere/OUTSIDE/secret.jpg",
        "http://127.0.0.1/secret.jpg",
        "a\0.jpg",
        "a%00.jpg",
        "",
        ".",
        "file://",
        "/",
        "//",
        "file:///etc/passwd",
        "/proc/self/environ",
        "a" * 5000,
        "a/" * 3000,
        "file://[bad",
    ],
)
def test_path_tricks_are_poison(place, reference):
    with pytest.raises(PoisonError) as error:
        references(place).read(reference.replace("OUTSIDE", str(place.parent)), 0)
    assert "secret" not in str(error.value).replace("secret.jpg", "")
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("target", ["../secret.jpg", "/etc/passwd", "loop"])
def test_a_link_out_of_the_folder_is_poison(place, target):
    (place / "loop").symlink_to(target)
    with pytest.raises(PoisonError):
        references(place).read("loop", 0)


def test_a_folder_that_is_a_link_out_of_it_is_poison(place):
    (place / "elsewhere").symlink_to(place.parent)
    with pytest.raises(PoisonError, match="leads out"):
        references(place).read("elsewhere/secret.jpg", 0)


def test_a_link_inside_is_followed_and_the_folder_may_be_one(place, tmp_path):
    (place / "latest.jpg").symlink_to("day 1/a.jpg")
    (tmp_path / "named").symlink_to(place)
    assert references(tmp_path / "named").read("latest.jpg", 0) == b"picture"
    assert references(tmp_path / "named").read(f"file://{tmp_path}/named/latest.jpg", 0) == b"picture"


@pytest.mark.parametrize("name", ["pipe", "folder"])
def test_what_is_no_file_is_poison_at_once(place, name):
    os.mkfifo(place / "pipe")
    (place / "folder").mkdir()
    with pytest.raises(PoisonError, match="is no file"):
        references(place).read(name, 0)


def test_size_is_looked_at_before_a_byte_is_read(place):
    with (place / "large").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(PoisonError, match="1099511627776 bytes are more than the 100"):
        references(place).read("large", 0)


def test_a_missing_file_is_waited_for_while_its_record_is_young(place):
    clock = Clock()
    clock.then = {1001.0: lambda: (place / "late.jpg").write_bytes(b"late")}
    assert references(place, clock, patience=2).read("late.jpg", 999.5) == b"late"
    assert 1 <= clock.slept < 1.2


@pytest.mark.parametrize(("made", "waited"), [(1000, 2), (999, 1), (990, 0), (0, 0), (9e9, 2)])
def test_waiting_is_bounded(place, made, waited):
    clock = Clock()
    with pytest.raises(PoisonError, match="there is no such file"):
        references(place, clock, patience=2).read("never.jpg", made)
    assert waited <= clock.slept < waited + 0.11


def test_a_folder_that_is_gone_is_an_outage(place):
    reader = references(place)
    place.rename(place.with_name("away"))
    with pytest.raises(SourceError, match="folder of references is not there") as error:
        reader.read("day 1/a.jpg", 0)
    assert not isinstance(error.value, PoisonError)
    with pytest.raises(UsageError, match="no such folder"):
        references(place)


@given(st.text(max_size=40) | st.from_regex(r"(\.\./|/|file:|%2[eEfF]|a|~|\\|\0){1,12}", fullmatch=True))
def test_whatever_is_referred_to_nothing_outside_is_found(tmp_path_factory, reference):
    folder = tmp_path_factory.getbasetemp() / "held"
    folder.mkdir(exist_ok=True)
    (folder / "a").write_bytes(b"a")
    try:
        found = references(folder, patience=0).find(reference, 0)
    except PoisonError:
        return
    assert found == (folder / "a").resolve()

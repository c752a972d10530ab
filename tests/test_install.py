"""The plain install, as the Dockerfile makes it: small, without torch, and it works."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from streamsel.testing.videos import scenes

CHECKOUT = Path(__file__).parent.parent
PARTS = ("pyproject.toml", "README.md", "LICENSE", "docker/install.sh", "streamsel")
LARGEST = 700_000_000

pytestmark = [pytest.mark.xdist_group("install"), pytest.mark.timeout(900)]


def call(command: Sequence[str | Path], **environment: str) -> str:
    """Standard output of a command that must succeed, run apart from this environment and this checkout."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(command, capture_output=True, text=True, env=keep | environment, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def bin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of an empty environment into which the Dockerfile's steps installed what it copies."""
    place = tmp_path_factory.mktemp("install")
    for name in PARTS:
        origin, copy = CHECKOUT / name, place / "src" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(origin, copy) if origin.is_dir() else shutil.copy(origin, copy)
    call([sys.executable, "-m", "venv", place / "venv"])
    programs = place / "venv" / "bin"
    call(["sh", place / "src" / "docker" / "install.sh", place / "src"], PYTHON=str(programs / "python"))
    return programs


def packages(bin_folder: Path) -> Path:
    return next((bin_folder.parent / "lib").glob("python3*/site-packages"))


def test_it_is_small(bin_folder: Path) -> None:
    size = sum(file.stat().st_size for file in packages(bin_folder).rglob("*") if file.is_file())
    assert size < LARGEST, f"{size / 1e6:.0f} MB"


def test_it_has_no_torch(bin_folder: Path) -> None:
    installed = {entry["name"].lower() for entry in json.loads(call([bin_folder / "pip", "list", "--format=json"]))}
    assert "streamsel" in installed
    assert not {name for name in installed if name.startswith(("torch", "nvidia", "triton"))}


def test_it_brings_nothing_but_the_package_and_what_belongs_to_it(bin_folder: Path) -> None:
    places = {
        line.partition("/")[0]
        for line in (packages(bin_folder)).glob("streamsel-*/RECORD").__next__().read_text().splitlines()
    }
    assert {place for place in places if not place.startswith(("streamsel", ".."))} == set()
    assert next(packages(bin_folder).glob("streamsel-*/licenses/LICENSE")).stat().st_size > 10_000


def test_help_works(bin_folder: Path) -> None:
    assert "streamsel select" in call([bin_folder / "streamsel", "--help"])


def test_it_brings_the_pipelines(bin_folder: Path, tmp_path: Path) -> None:
    call([bin_folder / "streamsel", "init", "ingest", "--file", tmp_path / "ingest.yaml"])
    assert (tmp_path / "ingest.yaml").read_bytes() == (CHECKOUT / "pipelines" / "ingest.yaml").read_bytes()


def test_it_selects(bin_folder: Path, tmp_path: Path) -> None:
    video = scenes(tmp_path / "video.mp4", (0, 1, 2))
    call([bin_folder / "streamsel", "select", video, "-o", tmp_path / "picks", "-n", "3", "--quiet"])
    assert len(list((tmp_path / "picks" / "frames").rglob("*.jpg"))) == 3


def test_the_image_is_made_by_the_same_steps() -> None:
    steps = (CHECKOUT / "docker" / "Dockerfile").read_text()
    copied = {word for line in steps.splitlines() if line.startswith("COPY") for word in line.split()[1:-1]}
    assert copied == set(PARTS)
    assert "RUN sh /src/install.sh /src" in steps
    assert "USER streamsel" in steps

"""The environment of an edge device, as Dockerfile.edge makes it: smaller than the plain one, and it works."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from streamsel.testing.videos import scenes

CHECKOUT = Path(__file__).parents[2]
PARTS = ("pyproject.toml", "README.md", "LICENSE", "docker/install_edge.sh", "streamsel")
LARGEST = 520_000_000

pytestmark = [pytest.mark.xdist_group("install"), pytest.mark.timeout(900)]

PAGE = """
from urllib.request import urlopen
from streamsel.edge.showing.board import Board
from streamsel.edge.showing.page import edge_page

with edge_page("127.0.0.1:0", Board([])) as port, urlopen(f"http://127.0.0.1:{port}/") as answer:
    print(answer.read().decode())
"""


def call(command: Sequence[str | Path], **environment: str) -> str:
    """Standard output of a command that must succeed, run apart from this environment and this checkout."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(command, capture_output=True, text=True, env=keep | environment, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the Dockerfile's first stage leaves to the second."""
    folder = tmp_path_factory.mktemp("edge_image")
    for name in PARTS:
        origin, copy = CHECKOUT / name, folder / "src" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(origin, copy) if origin.is_dir() else shutil.copy(origin, copy)
    script = folder / "src" / "docker" / "install_edge.sh"
    call(["sh", script, folder / "src", folder / "streamsel"], PYTHON=sys.executable)
    return folder / "streamsel"


def test_it_is_small_and_holds_neither_torch_nor_pip(place: Path) -> None:
    size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
    assert size < LARGEST, f"{size / 1e6:.0f} MB"
    installed = {path.name.lower() for path in next((place / "lib").glob("python3*/site-packages")).iterdir()}
    assert {"streamsel", "av", "openvino"} <= installed
    assert not installed & {"torch", "torchvision", "pip", "setuptools"}


def test_it_selects_and_writes_its_tables(place: Path, tmp_path: Path) -> None:
    video = scenes(tmp_path / "video.mp4", (0, 1, 2))
    call([place / "bin" / "streamsel", "select", video, "-o", tmp_path / "picks", "-n", "3", "--quiet"])
    assert len(list((tmp_path / "picks" / "frames").rglob("*.jpg"))) == 3
    assert (tmp_path / "picks" / "manifest.parquet").stat().st_size > 1000


def test_it_serves_the_page(place: Path) -> None:
    shown = call([place / "bin" / "python", "-c", PAGE])
    assert shown.strip() == (CHECKOUT / "streamsel" / "edge" / "showing" / "page.html").read_text().strip()


def test_the_image_is_made_by_the_same_steps() -> None:
    steps = (CHECKOUT / "docker" / "Dockerfile.edge").read_text()
    copied = {word for line in steps.splitlines() if line.startswith("COPY") for word in line.split()[1:-1]}
    assert copied - {"--from=build", "/opt/streamsel"} == set(PARTS)
    assert "sh /src/install_edge.sh /src /opt/streamsel" in steps
    assert "USER streamsel" in steps
    allowed = (CHECKOUT / "docker" / "Dockerfile.edge.dockerignore").read_text().splitlines()
    assert {line[1:] for line in allowed if line.startswith("!")} == set(PARTS)

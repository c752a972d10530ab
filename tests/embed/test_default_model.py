"""The default model: the same vectors as its torch original, whatever surrounds a picture."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet

from streamsel.data import Pixels, Vector
from streamsel.embed import Embedder
from streamsel.embed.checkpoint import lite0_path
from streamsel.embed.load import load_embedder
from streamsel.testing.embedders import check_embedder, noisy_pictures


@pytest.fixture(scope="module")
def pictures() -> Pixels:
    """Noise, flat colours and smooth gradients."""
    ramp = np.linspace(0, 255, 224).astype(np.uint8)
    across = np.broadcast_to(ramp[None, :, None], (224, 224, 3))
    flat = np.full((224, 224, 3), (200, 30, 90), np.uint8)
    return np.concatenate([noisy_pictures(4, (224, 224)), np.stack([across, across.transpose(1, 0, 2), flat])])


def original(pictures: Pixels) -> Vector:
    """Vectors of the network's definition in torch."""
    with contextlib.redirect_stdout(io.StringIO()):
        network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(lite0_path())).eval()
    planes = (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() - 127) / 128
    with torch.inference_mode():
        features = network.extract_features(planes).mean((2, 3)).numpy()
    vectors: Vector = features / np.linalg.norm(features, axis=1, keepdims=True)
    return vectors


def test_agrees_with_the_original(exact: Embedder, pictures: Pixels) -> None:
    cosines = (exact.embed(pictures) * original(pictures)).sum(axis=1)
    assert cosines.min() > 0.99999


def test_bfloat16_stays_close(exact: Embedder, quick: Embedder) -> None:
    busy = noisy_pictures(6, (224, 224))
    cosines = (exact.embed(busy) * quick.embed(busy)).sum(axis=1)
    assert cosines.min() > 0.999


@pytest.mark.parametrize("precision", ["f32", "auto"])
def test_keeps_the_laws(precision: str, request: pytest.FixtureRequest) -> None:
    check_embedder(request.getfixturevalue("exact" if precision == "f32" else "quick"))


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_change_bits(quick: Embedder, pictures: Pixels, threads: int) -> None:
    other = load_embedder(device="cpu", threads=threads)
    assert other.name == quick.name
    assert other.embed(pictures).tobytes() == quick.embed(pictures).tobytes()


def test_name_tells_precision(exact: Embedder, quick: Embedder) -> None:
    assert exact.name == "efficientnet-lite0-57934424/224x224/f32/openvino-cpu"
    assert quick.name.startswith("efficientnet-lite0-57934424/224x224/")


WATCHED = """
import sys
forbidden = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.fork", "os.posix_spawn")
def watch(event, args):
    if event in forbidden:
        raise SystemExit(f"{event} {args}")
sys.addaudithook(watch)
import numpy as np
from streamsel.embed.load import load_embedder
load_embedder(device="cpu").embed(np.zeros((1, 224, 224, 3), np.uint8))
assert "openvino_telemetry" not in sys.modules, "telemetry was imported"
assert "torch" not in sys.modules, "torch was imported"
"""


def test_sends_nothing_and_needs_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", WATCHED], env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

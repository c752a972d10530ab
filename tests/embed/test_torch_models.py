"""Models on torch: the default one, torchvision's networks, exported programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn

from streamsel.embed import Embedder
from streamsel.embed.load import load_embedder
from streamsel.embed.on_torch import load_lite0
from streamsel.embed.sidecar import sidecar_path
from streamsel.errors import ModelError
from streamsel.testing.embedders import check_embedder, noisy_pictures

pytestmark = pytest.mark.torch
NETWORK = "mobilenet_v3_small"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """torch's threads wait by spinning, which is slow where cores are shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some weights of a small network."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "small.pth"
    torch.save(torchvision.models.get_model(NETWORK, weights=None).state_dict(), path)
    return path


def load(weights: Path, network: str = NETWORK) -> Embedder:
    return load_embedder(f"torchvision:{network}", weights=weights, device="cpu")


def test_default_model_agrees_with_openvino(exact: Embedder) -> None:
    pictures = noisy_pictures(6, (224, 224))
    embedder = load_lite0("cpu")
    cosines = (embedder.embed(pictures) * exact.embed(pictures)).sum(axis=1)
    assert cosines.min() > 0.99999
    assert embedder.novelty_distance == exact.novelty_distance
    assert embedder.name == "efficientnet-lite0-57934424/224x224/f32/torch-cpu"
    check_embedder(embedder)


def test_torchvision_gives_what_the_classifier_saw(weights: Path) -> None:
    embedder = load(weights)
    network = torchvision.models.get_model(NETWORK, weights=None).eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    seen: list[Tensor] = []
    network.classifier[3].register_forward_hook(lambda _module, entering, _out: seen.append(entering[0]))
    pictures = noisy_pictures(2, (224, 224))
    means, stds = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        network(((torch.from_numpy(pictures) / 255 - means) / stds).permute(0, 3, 1, 2))
    features = seen[0].numpy() / np.linalg.norm(seen[0].numpy(), axis=1, keepdims=True)
    np.testing.assert_allclose(embedder.embed(pictures), features, atol=1e-5)
    check_embedder(embedder)


def test_other_numbers_of_classes_and_wrappings_fit(weights: Path, tmp_path: Path) -> None:
    state = torch.load(weights, weights_only=True)
    state["classifier.3.weight"], state["classifier.3.bias"] = torch.zeros(7, 1024), torch.zeros(7)
    wrapped = {"epoch": 3, "state_dict": {"module." + key: value for key, value in state.items()}}
    torch.save(wrapped, tmp_path / "wrapped.pth")
    pictures = noisy_pictures(1, (224, 224))
    assert load(tmp_path / "wrapped.pth").embed(pictures).tobytes() == load(weights).embed(pictures).tobytes()


def test_torchvision_s_cache_is_used_but_never_filled(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(ModelError, match=r"needs weights: give a file of them, or put .* at"):
        load_embedder(f"torchvision:{NETWORK}", device="cpu")
    (tmp_path / "checkpoints").mkdir()
    url = torchvision.models.get_model_weights(NETWORK).DEFAULT.url
    (tmp_path / "checkpoints" / url.rsplit("/", 1)[-1]).write_bytes(weights.read_bytes())
    assert load_embedder(f"torchvision:{NETWORK}", device="cpu").name == load(weights).name


def test_a_sidecar_beside_the_weights_is_read(weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    path.write_bytes(weights.read_bytes())
    sidecar_path(path).write_text(json.dumps({"name": "mine", "size": 64, "novelty_distance": 0.5}), "utf-8")
    embedder = load(path)
    assert (embedder.size, embedder.novelty_distance) == ((64, 64), 0.5)
    assert embedder.name.startswith("mine-")
    assert embedder.name.endswith("/64x64/f32/torch-cpu")


def test_published_densenet_names_fit(tmp_path: Path) -> None:
    state = torchvision.models.densenet121(weights=None).state_dict()
    old = {key.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): value for key, value in state.items()}
    assert old.keys() != state.keys()
    torch.save(old, tmp_path / "old.pth")
    assert load(tmp_path / "old.pth", "densenet121").dim == 1024


@pytest.mark.parametrize(
    ("network", "complaint"),
    [
        ("resnet18", "these are no weights of torchvision:resnet18: lacks bn1.bias and"),
        ("mobilenet_v3_smal", "no classification network 'mobilenet_v3_smal', try mobilenet_v3_small"),
        ("squeezenet1_0", "has no Linear classifier to remove"),
        ("fasterrcnn_resnet50_fpn", "no classification network"),
    ],
)
def test_unfit_networks_are_named(weights: Path, network: str, complaint: str) -> None:
    with pytest.raises(ModelError) as raised:
        load(weights, network)
    assert complaint in str(raised.value)


def test_unfit_weights_are_named(weights: Path, tmp_path: Path) -> None:
    state = torch.load(weights, weights_only=True)
    extra, wide = {**state, "more": torch.zeros(1)}, {**state, "features.0.0.weight": torch.zeros(16, 4, 3, 3)}
    cases = [
        (extra, "has unknown more"),
        (wide, "features.0.0.weight: torchvision:mobilenet_v3_small expects (16, 3, 3, 3), found (16, 4, 3, 3)"),
        ([1, 2], "expected a state dict (names and tensors), found list"),
        (nn.Linear(1, 1), "not a state dict, or a damaged one; give what"),
    ]
    for content, complaint in cases:
        path = tmp_path / "unfit.pth"
        torch.save(content, path)
        with pytest.raises(ModelError) as raised:
            load(path)
        assert complaint in str(raised.value)
        assert str(raised.value).startswith(str(path))


class Tiny(nn.Module):
    """A map of 4 channels, or what is asked for instead."""

    def __init__(self, output: str = "map", last: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 2, 2)
        self.output, self.last = output, last

    def forward(self, pictures: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        planes = pictures.permute(0, 3, 1, 2) if self.last else pictures
        features: Tensor = self.conv(planes.float())
        if self.output == "tuple":
            return features.mean((2, 3)), features
        if self.output == "tokens":
            return features.flatten(2).transpose(1, 2)
        return features.permute(0, 2, 3, 1) if self.last else features


def export(path: Path, example: Tensor, open_axes: tuple[int, ...] = (), **options: object) -> Path:
    torch.manual_seed(0)
    shapes = (dict.fromkeys(open_axes, torch.export.Dim.AUTO),) if open_axes else None
    program = torch.export.export(Tiny(**options).eval(), (example,), dynamic_shapes=shapes)  # type: ignore[arg-type]
    torch.export.save(program, path)
    return path


def test_exported_programs(tmp_path: Path) -> None:
    pictures = noisy_pictures(3, (16, 16))
    floats = torch.zeros(2, 3, 16, 16)
    same = [
        load_embedder(str(export(tmp_path / "static.pt2", floats)), device="cpu"),
        load_embedder(str(export(tmp_path / "open.pt2", floats, (0,))), device="cpu"),
        load_embedder(str(export(tmp_path / "tokens.pt2", floats, output="tokens")), device="cpu"),
        load_embedder(str(export(tmp_path / "tuple.pt2", floats, output="tuple")), device="cpu"),
        load_embedder(str(export(tmp_path / "last.pt2", torch.zeros(1, 16, 16, 3), last=True)), device="cpu"),
    ]
    for embedder in same:
        assert embedder.size == (16, 16)
        np.testing.assert_allclose(embedder.embed(pictures), same[0].embed(pictures), atol=1e-6)
    check_embedder(same[0])


def test_exported_uint8_programs_get_raw_pixels(tmp_path: Path) -> None:
    path = export(tmp_path / "raw.pt2", torch.zeros(1, 3, 16, 16, dtype=torch.uint8))
    pictures = noisy_pictures(2, (16, 16))
    torch.manual_seed(0)
    with torch.inference_mode():
        features = Tiny()(torch.from_numpy(pictures).permute(0, 3, 1, 2)).mean((2, 3)).numpy()
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    np.testing.assert_allclose(load_embedder(str(path), device="cpu").embed(pictures), features, atol=1e-5)


def test_exported_sizes_come_from_the_sidecar(tmp_path: Path) -> None:
    path = export(tmp_path / "open.pt2", torch.zeros(2, 3, 16, 16), (0, 2, 3))
    assert load_embedder(str(path), device="cpu").size == (224, 224)
    sidecar_path(path).write_text('{"size": [32, 8]}', "utf-8")
    assert load_embedder(str(path), device="cpu").size == (32, 8)
    sidecar_path(path).write_text('{"size": 1}', "utf-8")
    with pytest.raises(ModelError, match=r"open\.pt2: fails on 1 x 1 x 1"):
        load_embedder(str(path), device="cpu")


def test_unfit_programs_are_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pt2"
    broken.write_bytes(b"no archive")
    with pytest.raises(ModelError, match=r"broken\.pt2: not a program that torch\.export saved"):
        load_embedder(str(broken), device="cpu")
    torch.save({"weight": torch.zeros(3)}, broken)
    with pytest.raises(ModelError, match=r"make one by torch\.export\.save"):
        load_embedder(str(broken), device="cpu")
    program = torch.export.export(nn.Flatten(0), (torch.zeros(1, 3, 16, 16),))
    torch.export.save(program, tmp_path / "flat.pt2")
    with pytest.raises(ModelError, match=r"flat\.pt2: expected an output of shape .*, found \(768\)"):
        load_embedder(str(tmp_path / "flat.pt2"), device="cpu")

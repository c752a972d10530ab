"""Weights read without torch: what torch saved, and nothing that could run."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from streamsel.embed.checkpoint import LITE0_SHA256, lite0_path, read_checkpoint
from streamsel.errors import ModelError


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Strided, scalar and shared tensors of several types."""
    base = torch.arange(24, dtype=torch.float32)
    state = OrderedDict(
        whole=base.reshape(2, 3, 4),
        turned=base.reshape(4, 6).t()[1:, ::2],
        scalar=torch.tensor(7),
        half=torch.linspace(0, 1, 5, dtype=torch.float16),
        empty=torch.zeros(0, 3),
    )
    path = tmp_path / "state.pth"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    return path


def test_reads_what_torch_saved(saved: Path) -> None:
    expected = torch.load(saved, weights_only=True)
    found = read_checkpoint(saved, sha256=None)
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.numpy().dtype
        np.testing.assert_array_equal(found[name], tensor.numpy())


def test_default_weights_are_torch_s() -> None:
    expected = torch.load(lite0_path(), weights_only=True)
    found = read_checkpoint(lite0_path())
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], tensor.numpy()) for name, tensor in expected.items())


def test_arrays_cannot_be_written(saved: Path) -> None:
    found = read_checkpoint(saved, sha256=None)["whole"]
    with pytest.raises(ValueError, match="read-only"):
        found[0, 0, 0] = 1


def test_the_digest_is_checked(saved: Path) -> None:
    read_checkpoint(saved, hashlib.sha256(saved.read_bytes()).hexdigest())
    with pytest.raises(ModelError, match=LITE0_SHA256) as raised:
        read_checkpoint(saved)
    assert str(saved) in str(raised.value)


@pytest.mark.parametrize("kept", [0, 1, 20, 300, -1, -50])
def test_an_early_end_is_an_error(saved: Path, kept: int) -> None:
    saved.write_bytes(saved.read_bytes()[:kept])
    with pytest.raises(ModelError, match=saved.name):
        read_checkpoint(saved, sha256=None)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("open('hacked', 'w')",)


def test_code_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pth"
    path.write_bytes(b"".join(pickle.dumps(value, 2) for value in (0, 1001, {}, Evil(), [])))
    with pytest.raises(ModelError, match="eval"):
        read_checkpoint(path, sha256=None)
    assert not (tmp_path / "hacked").exists()


def test_a_whole_module_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "module.pth"
    torch.save(torch.nn.Linear(2, 2), path, _use_new_zipfile_serialization=False)
    with pytest.raises(ModelError, match="which no state dict needs"):
        read_checkpoint(path, sha256=None)


@pytest.mark.parametrize("offset", [-1, 3, 10**12])
def test_a_tensor_stays_in_its_storage(tmp_path: Path, offset: int) -> None:
    path = tmp_path / "outside.pth"
    path.write_bytes(outside(offset))
    with pytest.raises(ModelError, match="leaves its storage"):
        read_checkpoint(path, sha256=None)


def outside(offset: int) -> bytes:
    """A file with one tensor of two values at `offset` of a storage of four."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: object) -> object:
            return ("storage", torch.FloatStorage, "0", "cpu", 4, None) if value is STORAGE else None

    class Rebuilt:
        def __reduce__(self) -> tuple[object, ...]:
            return torch._utils._rebuild_tensor_v2, (STORAGE, offset, (2,), (1,), False, OrderedDict())

    out = io.BytesIO()
    for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, OrderedDict(x=Rebuilt()), ["0"]):
        Pickler(out, 2).dump(value)
    return out.getvalue() + (4).to_bytes(8, "little") + np.arange(4, dtype="<f4").tobytes()


STORAGE = object()


def test_unreadable_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        read_checkpoint(tmp_path / "none.pth")
    with pytest.raises(ModelError, match="cannot be read"):
        read_checkpoint(tmp_path)

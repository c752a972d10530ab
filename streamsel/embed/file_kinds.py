"""Whether a model file is of the kind that its name says, told before a library is asked, which would say much."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from streamsel.embed.files import check_file
from streamsel.errors import ModelError

__all__ = ["check_kind"]

HEAD: Final = 4096
GRAPH: Final = 7
"""Field of an ONNX `ModelProto` that holds its graph."""
FIXED: Final = {1: 8, 5: 4}
"""Bytes of a value by its protobuf wire type, where they are always as many."""
PROGRAM: Final = {"archive_format", "serialized_exported_program.json"}
"""Members of which `torch.export.save` writes one, and `torch.save` none."""


def check_kind(path: Path) -> Path:
    """The path of a `.onnx`, `.xml` or `.pt2` file that is one; else raises ModelError, which says how one is made."""
    check, advice = KINDS[path.suffix.lower()]
    try:
        fits = check(check_file(path))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}; change its permissions or copy it anew") from error
    if not fits:
        raise ModelError(f"{path}: {advice}")
    return path


def is_onnx(path: Path) -> bool:
    """Whether it is protobuf from its first byte to its last, with a graph; see `onnx.proto` for the fields."""
    with path.open("rb") as file:
        try:
            return GRAPH in list(protobuf_fields(file, path.stat().st_size))
        except ValueError:
            return False


def protobuf_fields(file: BinaryIO, size: int) -> Iterator[int]:
    """Numbers of the fields of the message that a file is; raises ValueError where it is none, or breaks off."""
    while file.tell() < size:
        tag = varint(file)
        length = FIXED.get(tag & 7, 0)
        if tag & 7 not in (0, 1, 2, 5) or not tag >> 3:
            raise ValueError
        if tag & 7 == 0:
            varint(file)
        if tag & 7 == 2:
            length = varint(file)
        if file.seek(length, 1) > size:
            raise ValueError
        yield tag >> 3


def varint(file: BinaryIO) -> int:
    """A number as protobuf writes it: 7 bits a byte, the lowest first; raises ValueError where there is none."""
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            break
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
    raise ValueError


NET: Final = re.compile(rb"(\xef\xbb\xbf)?\s*+(<\?.*?\?>\s*+|<!--.*?-->\s*+)*+<net[\s>]", re.S)
"""Behind what may come before the outermost element; possessive, lest many comments take minutes."""


def is_openvino_xml(path: Path) -> bool:
    """Whether its outermost element is `net`."""
    with path.open("rb") as file:
        return NET.match(file.read(HEAD)) is not None


def is_program(path: Path) -> bool:
    """Whether it is a whole zip archive with what `torch.export.save` puts into one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(PurePosixPath(name).name in PROGRAM for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


KINDS: Final = {
    ".onnx": (is_onnx, "not an ONNX model, or only a part of one; make one by torch.onnx.export"),
    ".xml": (is_openvino_xml, "not a model of OpenVINO; make one by openvino.save_model"),
    ".pt2": (is_program, "not a program that torch.export saved, or only a part of one; make one by torch.export.save"),
}

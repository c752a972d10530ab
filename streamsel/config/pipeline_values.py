"""Values that all kinds of pipelines have: amounts of bytes, paths beside the file, names and addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from streamsel.broker_names import is_server, is_topic
from streamsel.config.nearest import shown
from streamsel.config.value import Text

__all__ = [
    "Amount",
    "File",
    "HostPort",
    "MqttServer",
    "Named",
    "Rate",
    "Seconds",
    "Server",
    "ServerList",
    "beside",
    "beside_if_file",
    "security_beside",
]

AMOUNT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(|[kMG])(i?)B?\s*", re.IGNORECASE)
HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")
MOST_PORTS = 65_535
MODELS = (".onnx", ".xml", ".pt2")
FILES = ("ca", "certificate", "key", "password_file", "token_file")
"""Of `security`: paths."""


def beside(path: Path, info: ValidationInfo) -> Path:
    """A path in a file is relative to that file."""
    return Path((info.context or {}).get("folder", ".")) / path.expanduser()


def beside_if_file(model: str, info: ValidationInfo) -> str:
    """A model's name as it is, or its file."""
    return str(beside(Path(model), info)) if model.lower().endswith(MODELS) else model


def security_beside(security: Mapping[str, Any], info: ValidationInfo) -> Mapping[str, Any]:
    """Options of `streamsel.topic.security`, of which some are paths."""
    return {key: str(beside(Path(str(one)), info)) if key in FILES else one for key, one in security.items()}


def _bytes(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = AMOUNT.fullmatch(value)
    if found is None:
        raise ValueError("must be an amount of bytes, such as 900000, 20MB or 64MiB")
    number, scale, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** " kmg".index(scale.lower() or " "))


def _several(value: Any) -> Any:
    if isinstance(value, int | float | Mapping):
        raise ValueError(f"must be host:port, such as localhost:9092, or a list of such, got {shown(value)}")
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _name(value: str) -> str:
    if not is_topic(value):
        raise ValueError(f"must be letters, digits, '.', '_' and '-', at most 249 of them, got {shown(value)}")
    return value


def _server(value: str) -> str:
    if not is_server(value):  # not shown: it may hold a password
        raise ValueError("must be host:port, such as localhost:9092 or [::1]:9092; a login goes to `security`")
    return value


def _mqtt_server(value: str) -> str:
    if not is_server(value):  # not shown, as above
        raise ValueError(
            "must be host:port, such as localhost:1883 or [::1]:1883; a login goes to `username` and `password_file`"
        )
    return value


def _host_port(value: str) -> str:
    if not HOST_PORT.fullmatch(value) or int(value.rpartition(":")[2]) > MOST_PORTS:
        raise ValueError(f"must be host:port to listen at, such as 127.0.0.1:9465 or [::1]:9465, got {shown(value)}")
    return value


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) else value


def _rate(value: str) -> str:
    try:
        if Fraction(value) > 0:
            return value
    except (ValueError, ZeroDivisionError):
        pass
    raise ValueError(f"must be a rate above 0, such as 2, 0.5 or 30000/1001, got {shown(value)}")


File = Annotated[Path, AfterValidator(beside)]
Amount = Annotated[int, BeforeValidator(_bytes)]
Named = Annotated[str, AfterValidator(_name)]
"""What a broker takes as the name of a topic, and the client as that of an instance."""
Server = Annotated[Text, AfterValidator(_server)]
MqttServer = Annotated[Text, AfterValidator(_mqtt_server)]
ServerList = Annotated[tuple[Server, ...], BeforeValidator(_several), Field(min_length=1)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Rate = Annotated[str, BeforeValidator(_as_text), AfterValidator(_rate)]
"""Frames a second, as a number or a fraction."""
HostPort = Annotated[str, BeforeValidator(_as_text), AfterValidator(_host_port)]

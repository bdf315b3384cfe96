"""Which service is asked, and with which key."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from landcover.errors import WrongUse
from serving.client.errors import KeyUnusable

_LONGEST_KEY: Final = 8192
"""Bytes; tokens of identity providers are one or two thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A service.

    Attributes:
        base: its address, with a slash at the end.
        loopback: whether it is on this machine.
        key: API key or token, or None.
    """

    base: str
    loopback: bool
    key: SecretStr | None = field(default=None, repr=False)


def server_at(address: str, key: SecretStr | None) -> Server:
    """The service at an address.

    Raises:
        WrongUse: when that is no address of a service.
        KeyUnusable: when the key would be readable on its way.
    """
    parts = _parts(address)
    loopback = _is_loopback(parts.hostname or "")
    if parts.scheme == "http" and key is not None and not loopback:
        raise KeyUnusable(
            "over http everybody on the way could read the API key; give --server an https address, or use no key"
        )
    return Server(base=f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/", loopback=loopback, key=key)


def _parts(address: str) -> SplitResult:
    expected = "expected is the address of a service, for example https://steppe.example.org or http://127.0.0.1:8080"
    try:
        parts = urlsplit(address)
        port_fits = parts.port is None or parts.port > 0
    except ValueError as error:
        raise WrongUse(f"--server is no address: {expected}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_fits:
        raise WrongUse(f"--server {address!r} is no address: {expected}")
    if parts.username is not None or parts.query or parts.fragment:
        raise WrongUse(
            f"--server holds more than an address: {expected}; a key comes from STEPPE_API_KEY or --key-file"
        )
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def chosen_key(key_file: Path | None, from_environment: SecretStr | None) -> SecretStr | None:
    """The key of the file, else that of the environment.

    Raises:
        KeyUnusable: when the file cannot be read, or there is no key in it.
    """
    if key_file is None:
        return None if from_environment is None else _checked(from_environment.get_secret_value(), "STEPPE_API_KEY")
    try:
        with key_file.open("rb") as file:
            content = file.read(_LONGEST_KEY + 1)
    except OSError as error:
        raise KeyUnusable(f"the key file {key_file.name!r} cannot be read: {error.strerror}") from error
    return _checked(content.decode("latin1"), f"the key file {key_file.name!r}")


def _checked(text: str, where: str) -> SecretStr:
    key = text.strip()
    if not key or len(key) > _LONGEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise KeyUnusable(f"{where} holds no API key; expected is one line, as steppe keys create prints it")
    return SecretStr(key)

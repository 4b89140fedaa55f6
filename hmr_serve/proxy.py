"""Proxy headers: who the client is and which scheme it used, as a proxy in front says.

Only a peer of --forwarded-allow-ips is believed. The rules are uvicorn's: of
X-Forwarded-For the last address that is no trusted proxy counts.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

SCHEMES = ("http", "https", "ws", "wss")


class Proxies:
    """The proxies that are trusted. Called with the scope of a request that has such
    headers, which it changes in place."""

    def __init__(self, allowed: str | Sequence[str]) -> None:
        if isinstance(allowed, str):
            allowed = [part.strip() for part in allowed.split(",")]
        self._everybody = "*" in allowed
        self._literals = set(allowed)  # also what is no address
        self._networks = [net for net in map(_network, allowed) if net]

    def __call__(self, scope: dict[str, Any]) -> None:
        client = scope["client"]
        if not self._trusts(client[0] if client else ""):
            return
        addresses = []
        for name, value in scope["headers"]:
            text = value.decode("latin-1").strip()
            if name == b"x-forwarded-for":
                addresses += [part.strip() for part in text.split(",")]
            elif name == b"x-forwarded-proto" and text in SCHEMES:
                if scope["type"] == "websocket":
                    text = text.replace("http", "ws")
                scope["scheme"] = text
        if addresses:
            host, port = self._client(addresses)
            if host:
                scope["client"] = (host, port)

    def _client(self, addresses: list[str]) -> tuple[str, int]:
        if not self._everybody:
            for address in reversed(addresses):
                host, port = _split(address)
                if not self._trusts(host):
                    return host, port
        return _split(addresses[0])

    def _trusts(self, host: str) -> bool:
        if self._everybody or (host and host in self._literals):
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def _split(address: str) -> tuple[str, int]:
    """`1.2.3.4:80`, `[::1]:80` or an address alone (port 0)."""
    host, port = address, ""
    if address.startswith("[") and "]" in address:
        host, _, rest = address[1:].partition("]")
        if rest[:1] not in ("", ":"):
            return address, 0
        port = rest[1:]
    elif address.count(":") == 1:
        host, _, port = address.partition(":")
        if not port.isdecimal():
            return address, 0
    return host, int(port) if port.isdecimal() else 0

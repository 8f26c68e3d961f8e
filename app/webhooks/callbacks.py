"""Which URLs may be called back: public ones, and networks the operator allows."""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from app.core.errors import CallbackRefused
from app.core.settings import Network
from app.webhooks.addresses import Address, is_public

MAX_URL_CHARS = 2048


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback URL that is allowed, and the addresses to connect to.

    Attributes:
        addresses: all that the host resolves to, each checked, in the resolver's order.
    """

    url: str
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class CallbackUrl:
    """A callback URL whose host has not been resolved yet."""

    url: str
    scheme: str
    host: str
    port: int
    name: str = "callback_url"  # what messages call it


def check_callback(
    url: CallbackUrl, addresses: Sequence[Address], allow_nets: Sequence[Network] = ()
) -> Callback:
    """Check every address that the host of a callback URL resolved to.

    https may go to any public address; plain http, and any address that is not
    public, only inside `allow_nets`. One bad address among many refuses the URL, so
    that a name cannot answer differently the second time.

    Raises:
        CallbackRefused: says which rule the URL breaks.
    """
    for address in addresses:
        _check_address(address, url, allow_nets)
    return Callback(url=url.url, addresses=tuple(addresses))


def resolve(host: str, port: int, *, name: str = "callback_url") -> list[Address]:
    """Ask the system's resolver for every address of a host; blocks for it.

    Raises:
        CallbackRefused: it knows none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [_read_address(info[4]) for info in found]
    except (OSError, ValueError) as exc:  # UnicodeError is a ValueError.
        raise CallbackRefused(f"{name}'s host {host} does not resolve.") from exc
    if not addresses:
        raise CallbackRefused(f"{name}'s host {host} has no address.")
    return list(dict.fromkeys(addresses))


def _read_address(socket_address: Sequence[object]) -> Address:
    """Read an address of the resolver; a link-local one keeps its interface."""
    text = str(socket_address[0])
    if len(socket_address) == 4 and socket_address[3] and "%" not in text:
        text = f"{text}%{socket_address[3]}"
    return ipaddress.ip_address(text)


def _check_address(
    address: Address, url: CallbackUrl, allow_nets: Sequence[Network]
) -> None:
    if any(address.version == net.version and address in net for net in allow_nets):
        return
    if not is_public(address):
        raise CallbackRefused(
            f"{url.name} leads to {address}, which is not a public address; "
            "the operator can allow its network with TOUCHLINE_WEBHOOK_ALLOW_NETS."
        )
    if url.scheme != "https":
        raise CallbackRefused(
            f"{url.name} must use https; plain http is only for networks "
            "listed in TOUCHLINE_WEBHOOK_ALLOW_NETS."
        )


def parse_callback_url(url: str, *, name: str = "callback_url") -> CallbackUrl:
    """Read a callback URL; asks no resolver.

    Raises:
        CallbackRefused: it is no URL that a webhook can be sent to.
    """
    if len(url) > MAX_URL_CHARS:
        raise CallbackRefused(f"{name} is longer than {MAX_URL_CHARS} characters.")
    if any(char.isspace() or not char.isprintable() for char in url):
        raise CallbackRefused(f"{name} holds white space or control characters.")
    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host
    except (httpx.InvalidURL, UnicodeError, ValueError) as exc:
        raise CallbackRefused(f"{name} is not a URL: {exc}.") from exc
    if parsed.scheme not in ("http", "https") or not host:
        raise CallbackRefused(f"{name} must be a full URL such as https://host/path.")
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise CallbackRefused(f"{name} is not a URL: its port is out of range.")
    if parsed.userinfo:
        raise CallbackRefused(
            f"{name} must not hold a user name or password; they would be stored and "
            "logged. For a webhook verify its signature instead."
        )
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    return CallbackUrl(str(parsed), parsed.scheme, host.decode("ascii"), port, name)

"""Webhook messages: how they are signed, and which URLs may be called.

Sending stands in `worker/delivery.py`; nothing here opens a connection to a callback.
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import os
import secrets
import socket
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.core.addresses import Address, is_public
from app.core.errors import CallbackRefused, StartFailed
from app.core.settings import Network, Settings

SECRET_PREFIX = "whsec_"  # noqa: S105  # the public prefix, no secret
SECRET_FILE = "webhook_secret"  # noqa: S105  # a file's name
SECRET_BYTES = 32  # Standard Webhooks asks for 24 to 64.
MAX_URL_CHARS = 2048


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback URL that is allowed, and the addresses to connect to.

    Attributes:
        addresses: all that the host resolves to, each judged, in the resolver's order.
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


def sign(
    secret: str, *, message_id: str, timestamp_s: int, body: bytes
) -> Mapping[str, str]:
    """Make the three headers of Standard Webhooks 1.0 for one attempt.

    Raises:
        ValueError: `secret` is not `whsec_` followed by base64.

    Source: standard-webhooks spec 1.0, symmetric scheme `v1`.
    """
    signed = b".".join([message_id.encode(), str(timestamp_s).encode(), body])
    digest = hmac.new(secret_key(secret), signed, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def secret_key(secret: str) -> bytes:
    """Read the bytes of a `whsec_...` secret.

    Raises:
        ValueError: the prefix is missing or the rest is no base64 of 16+ bytes.
    """
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError("a webhook secret starts with whsec_")
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as exc:
        raise ValueError("a webhook secret is whsec_ followed by base64") from exc
    if len(key) < 16:
        raise ValueError("a webhook secret holds at least 16 bytes")
    return key


def webhook_secret(settings: Settings) -> str:
    """Tell the secret in use: the configured one, else the one of the data directory.

    Raises:
        StartFailed: the configured secret is malformed, or none can be kept.
    """
    if settings.webhook_secret is None:
        return load_or_make_secret(settings.data_dir)
    secret = settings.webhook_secret.get_secret_value()
    try:
        secret_key(secret)
    except ValueError as exc:
        raise StartFailed(f"TOUCHLINE_WEBHOOK_SECRET cannot be used: {exc}") from exc
    return secret


def load_or_make_secret(data_dir: Path) -> str:
    """Read the data directory's secret; make it first (mode 0600) if there is none.

    Two processes that start at once end with the same secret: the file appears whole
    or not at all, and the first one stays.

    Raises:
        StartFailed: the file cannot be read or written, or holds something else.
    """
    path = data_dir / SECRET_FILE
    try:
        if not path.exists():
            _write_once(path, _new_secret())
        secret = path.read_text().strip()
        secret_key(secret)
    except (OSError, ValueError) as exc:
        raise StartFailed(
            f"the webhook secret in {path} cannot be used: {exc}"
        ) from exc
    return secret


def check_callback_url(url: str, allow_nets: Sequence[Network] = ()) -> Callback:
    """Judge a callback URL and resolve its host once.

    Blocks for the resolver: call it from a thread. Connect to the addresses it gives
    and to nothing else.

    Raises:
        CallbackRefused: says which rule the URL breaks.
    """
    parsed = parse_callback_url(url)
    return judge_callback(parsed, resolve(parsed.host, parsed.port), allow_nets)


def judge_callback(
    url: CallbackUrl, addresses: Sequence[Address], allow_nets: Sequence[Network] = ()
) -> Callback:
    """Judge every address that the host of a callback URL resolved to.

    https may go to any public address; plain http, and any address that is not
    public, only inside `allow_nets`. One bad address among many refuses the URL, so
    that a name cannot answer differently the second time.

    Raises:
        CallbackRefused: says which rule the URL breaks.
    """
    for address in addresses:
        _judge(address, url, allow_nets)
    return Callback(url=url.url, addresses=tuple(addresses))


def resolve(host: str, port: int) -> list[Address]:
    """Ask the system's resolver for every address of a host; blocks for it.

    Raises:
        CallbackRefused: it knows none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [_read_address(info[4]) for info in found]
    except (OSError, ValueError) as exc:  # UnicodeError is a ValueError.
        raise CallbackRefused(f"callback_url's host {host} does not resolve.") from exc
    if not addresses:
        raise CallbackRefused(f"callback_url's host {host} has no address.")
    return list(dict.fromkeys(addresses))


def _read_address(socket_address: Sequence[object]) -> Address:
    """Read an address of the resolver; a link-local one keeps its interface."""
    text = str(socket_address[0])
    if len(socket_address) == 4 and socket_address[3] and "%" not in text:
        text = f"{text}%{socket_address[3]}"
    return ipaddress.ip_address(text)


def _judge(address: Address, url: CallbackUrl, allow_nets: Sequence[Network]) -> None:
    if any(address.version == net.version and address in net for net in allow_nets):
        return
    if not is_public(address):
        raise CallbackRefused(
            f"callback_url leads to {address}, which is not a public address; "
            "the operator can allow its network with TOUCHLINE_WEBHOOK_ALLOW_NETS."
        )
    if url.scheme != "https":
        raise CallbackRefused(
            "callback_url must use https; plain http is only for networks "
            "listed in TOUCHLINE_WEBHOOK_ALLOW_NETS."
        )


def parse_callback_url(url: str) -> CallbackUrl:
    """Read a callback URL; asks no resolver.

    Raises:
        CallbackRefused: it is no URL that a webhook can be sent to.
    """
    if len(url) > MAX_URL_CHARS:
        raise CallbackRefused(
            f"callback_url is longer than {MAX_URL_CHARS} characters."
        )
    if any(char.isspace() or not char.isprintable() for char in url):
        raise CallbackRefused("callback_url holds white space or control characters.")
    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host
    except (httpx.InvalidURL, UnicodeError, ValueError) as exc:
        raise CallbackRefused(f"callback_url is not a URL: {exc}.") from exc
    if parsed.scheme not in ("http", "https") or not host:
        raise CallbackRefused(
            "callback_url must be a full URL such as https://host/path."
        )
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise CallbackRefused("callback_url is not a URL: its port is out of range.")
    if parsed.userinfo:
        raise CallbackRefused(
            "callback_url must not hold a user name or password; "
            "verify the webhook's signature instead."
        )
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    return CallbackUrl(str(parsed), parsed.scheme, host.decode("ascii"), port)


def _new_secret() -> str:
    key = base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    return f"{SECRET_PREFIX}{key}"


def _write_once(path: Path, text: str) -> None:
    """Put a file in place whole, unless somebody was first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)  # mkstemp made it 0600.
    try:
        with os.fdopen(handle, "w") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        pass  # The other process won; its secret is read.
    finally:
        temporary.unlink(missing_ok=True)

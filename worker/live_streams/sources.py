"""Makes the source of a stream, as its row names it."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from socket import gethostname
from typing import Any

from app.core.settings import Settings
from app.live.addresses import IMPORT, read_address
from app.live.tables import LiveStream
from app.sources.failures import SourceNotFound
from model.errors import ModelError
from worker.live_streams.ingest import Ingest
from worker.live_streams.parts import Parts
from worker.live_streams.writer import StreamWriter

KEY_BYTES = 12


@contextmanager
def opened_source(
    stream: LiveStream, settings: Settings, writer: StreamWriter, parts: Parts
) -> Iterator[Any]:
    """Make a stream's source; tell where to send to, if it is sent to.

    Raises:
        ModelError, JobFailure: it cannot be had.
    """
    address = read_address(stream.source)
    if address.kind == "push":
        source = parts.push()
        ingest = Ingest(
            source, host=settings.live_host, public_host=_own_host(settings)
        )
        writer.note(ingest=ingest.address)
        try:
            yield source
        finally:
            ingest.close()
    elif address.kind == "listen":
        source, told = _listen(stream, settings, parts)
        writer.note(push=told)
        yield source
    elif address.kind == "relay":
        source, told = _relayed(stream, settings, parts)
        writer.note(push=told)
        yield source
    elif address.kind == "udp":
        yield parts.udp(address.host, address.port)
    elif address.kind == "file":
        if settings.import_dir is None:
            raise SourceNotFound("No folder of imports is set up on this worker.")
        yield parts.file(settings.import_dir / address.text.removeprefix(IMPORT))
    else:
        yield parts.pull(address.text, settings.webhook_allow_nets)


def _listen(
    stream: LiveStream, settings: Settings, parts: Parts
) -> tuple[Any, dict[str, str]]:
    """Listen for RTMP, where an earlier run did if that is free."""
    before = stream.push or {}
    key = before.get("key") or secrets.token_urlsafe(KEY_BYTES)
    first, last = map(int, settings.live_ports.split("-"))
    earlier = int(before.get("port", 0))
    ports = [one for one in range(first, last + 1) if one != earlier]
    problem: Exception | None = None
    for port in ([earlier] if earlier else []) + ports:
        try:
            source = parts.listen(settings.live_host, port, key)
        except (OSError, ModelError) as exc:
            problem = exc
            continue
        host = settings.live_public_host or _own_host(settings)
        url = f"rtmp://{host}:{port}/live"
        return source, {"url": url, "key": key, "port": str(port)}
    raise SourceNotFound(
        f"No port of TOUCHLINE_LIVE_PORTS={settings.live_ports} is free on "
        f"{settings.live_host}: {problem}."
    )


def _relayed(
    stream: LiveStream, settings: Settings, parts: Parts
) -> tuple[Any, dict[str, str]]:
    """Read what is sent to the side-car under a key; a later run has the same one."""
    if not (settings.live_relay and settings.live_srt):
        raise SourceNotFound(
            "Nothing takes SRT for this worker: set TOUCHLINE_LIVE_RELAY and "
            "TOUCHLINE_LIVE_SRT there, too."
        )
    key = (stream.push or {}).get("key") or secrets.token_hex(KEY_BYTES)
    source = parts.relay(f"{settings.live_relay.rstrip('/')}/{key}")
    return source, {"url": settings.live_srt.replace("{key}", key), "key": key}


def _own_host(settings: Settings) -> str:
    """Tell by which name other machines of the service reach this one."""
    is_all = settings.live_host in ("0.0.0.0", "::")  # noqa: S104  # not bound here
    return gethostname() if is_all else settings.live_host

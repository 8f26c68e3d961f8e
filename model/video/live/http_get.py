"""GET over connections whose addresses are checked, redirections included."""

import http.client
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from string import punctuation
from urllib.parse import quote, urljoin

from model.errors import SourceUnreachable
from model.video.live.dialing import Resolver, dial
from model.video.live.pulling import split_address, without_password

_MAX_REDIRECTIONS = 5
_REDIRECTIONS = (301, 302, 303, 307, 308)
_TIMEOUT_S = 10.0


class FileMissing(SourceUnreachable):
    """The server answers, and has no such file."""


@contextmanager
def get(
    url: str, resolve: Resolver, *, byte_range: tuple[int, int] | None = None
) -> Iterator[tuple[str, http.client.HTTPResponse]]:
    """Ask for a file; give its address after redirections, and the answer to read.

    Args:
        url: `http://` or `https://`.
        resolve: says which addresses may be connected to.
        byte_range: first byte, and how many; None is all.

    Raises:
        FileMissing: the answer is 404 or 410.
        SourceUnreachable: no answer, or one that is no success.
    """
    headers = {"User-Agent": "touchline", "Accept-Encoding": "identity"}
    if byte_range is not None:
        start, size = byte_range
        headers["Range"] = f"bytes={start}-{start + size - 1}"
    for _ in range(_MAX_REDIRECTIONS):
        with ExitStack() as cleanup:
            connection, name = _connect(url, resolve)
            cleanup.callback(connection.close)
            try:
                connection.request("GET", _target_of(url), headers=headers)
                answer = cleanup.enter_context(connection.getresponse())
                location = answer.headers.get("Location")
                if answer.status in _REDIRECTIONS and location:
                    url = _redirected(url, location, name)
                    continue
                if answer.status not in (200, 206):
                    is_missing = answer.status in (404, 410)
                    raise (FileMissing if is_missing else SourceUnreachable)(
                        f"{name} answers {answer.status} {answer.reason}. Check the "
                        "address and that the stream is running."
                    )
                yield url, answer
            except (OSError, http.client.HTTPException) as exc:
                raise SourceUnreachable(f"{name} broke off: {exc}.") from exc
        return
    raise SourceUnreachable(f"{url} is redirected in a circle.")


def _connect(url: str, resolve: Resolver) -> tuple[http.client.HTTPConnection, str]:
    parts = split_address(url, ("http", "https"))
    is_secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if is_secure else 80)
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    connection.sock = dial(host, port, resolve, tls=is_secure)
    connection.sock.settimeout(_TIMEOUT_S)
    return connection, without_password(parts)


def _redirected(url: str, location: str, name: str) -> str:
    # Headers are read as Latin-1, whatever they are.
    address = location.encode("latin-1", "replace").decode(errors="replace")
    try:
        return urljoin(url, address.replace(" ", "%20"))
    except ValueError as exc:
        raise SourceUnreachable(
            f"{name} redirects to an address that is none. Check the address."
        ) from exc


def _target_of(url: str) -> str:
    parts = split_address(url, ("http", "https"))
    query = f"?{parts.query}" if parts.query else ""
    return quote(f"{parts.path or '/'}{query}", safe=punctuation)

"""Opens connections to other machines, to checked addresses alone, with TLS or without.

FFmpeg never opens one: what it would follow, a redirection or a name that resolves to
something else the second time, was not checked.
"""

import select
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from model.errors import SourceUnreachable

Resolver = Callable[[str, int], Sequence[str]]
"""Host and port to the IP addresses that may be connected to, best first.

Raises `SourceUnreachable` if there are none, or if they may not be connected to.
"""

CONNECT_S = 5.0
_BUFFER_BYTES = 65536
_WRITE_S = 30.0


def resolve_any(host: str, port: int) -> list[str]:
    """Resolve a name to all its addresses, private ones included.

    Raises:
        SourceUnreachable: there is no such name.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise SourceUnreachable(
            f"There is no machine named {host}. Check the source's address."
        ) from exc
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def dial(host: str, port: int, resolve: Resolver, *, tls: bool) -> socket.socket:
    """Connect; with TLS what is read and written here is not encrypted.

    Raises:
        SourceUnreachable: no address answers, or the certificate is not the host's.
    """
    plain = _connect(host, port, resolve)
    return _with_tls(plain, host) if tls else plain


def tls_over(plain: socket.socket, host: str) -> ssl.SSLSocket:
    """Begin TLS on a connection and check the other side's certificate.

    Raises:
        SourceUnreachable: the certificate is not the host's, or it speaks no TLS.
    """
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    except (OSError, ValueError) as exc:
        plain.close()
        raise SourceUnreachable(f"No TLS with {host}: {exc}.") from exc


def _connect(host: str, port: int, resolve: Resolver) -> socket.socket:
    reasons = []
    for address in resolve(host, port):
        try:
            connected = socket.create_connection((address, port), timeout=CONNECT_S)
        except OSError as exc:
            reasons.append(f"{address}: {exc.strerror or exc}")
        else:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return connected
    raise SourceUnreachable(
        f"{host}:{port} does not answer ({'; '.join(reasons) or 'no address'}). Check "
        "the address and that the source is switched on."
    )


def _with_tls(plain: socket.socket, host: str) -> socket.socket:
    """Put a thread between an encrypted connection and a plain local one."""
    secure = tls_over(plain, host)
    near, far = socket.socketpair()
    threading.Thread(target=_pump, args=(secure, far), daemon=True).start()
    return near


def _pump(secure: ssl.SSLSocket, far: socket.socket) -> None:
    # In one thread: OpenSSL does not read and write one connection at once.
    with secure, far, suppress(OSError):
        while True:
            ready = [secure] if secure.pending() else _ready(secure, far)
            if secure in ready and not _decrypt(secure, far):
                return
            if far in ready:
                data = far.recv(_BUFFER_BYTES)
                if not data:
                    return
                secure.settimeout(_WRITE_S)
                secure.sendall(data)


def _ready(*sockets: socket.socket) -> list[socket.socket]:
    return select.select(sockets, [], [])[0]


def _decrypt(secure: ssl.SSLSocket, far: socket.socket) -> bool:
    """Pass on what has come; return whether more can."""
    secure.setblocking(False)
    try:
        data = secure.recv(_BUFFER_BYTES)
    except ssl.SSLWantReadError:
        return True  # Not a whole record yet, or one of TLS itself.
    far.sendall(data)
    return bool(data)

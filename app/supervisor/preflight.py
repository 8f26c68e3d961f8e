"""What must be so before the service starts; each refusal is one line with a remedy."""

import errno
import fcntl
import os
import shutil
import socket
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from app.core.errors import StartFailed
from app.core.settings import Settings
from app.core.tracing.start import check_tracing
from app.supervisor.api_server import BACKLOG

LEAST_FREE_BYTES = 200 * 2**20  # a new database alone takes 80 MB
NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def run_preflight_checks(settings: Settings) -> None:
    """Refuse early, in one line, what would fail later in many.

    Raises:
        StartFailed: a package is missing, or the disk is full.
    """
    _check_installed()
    check_tracing(settings)
    data_dir = settings.data_dir
    free = shutil.disk_usage(data_dir).free
    needed = max(LEAST_FREE_BYTES, settings.min_free_space)
    if free < needed:
        raise StartFailed(
            f"the disk of {data_dir} has {free / 2**20:,.0f} MB left and "
            f"{needed / 2**20:,.0f} MB are needed: free some, or set TOUCHLINE_DATA_DIR"
        )


def _check_installed() -> None:
    """Refuse the base install, which serves the API beside workers elsewhere."""
    for package in ("av", "openvino"):
        if find_spec(package) is None:
            raise StartFailed(
                f"{package} is not installed, so no worker could start: "
                "pip install 'touchline[worker]'"
            )


@contextmanager
def bound_sockets(settings: Settings) -> Iterator[list[socket.socket]]:
    """Take the port, at every address of the host's name; nobody is answered yet.

    Raises:
        StartFailed: the port is taken, or the host is none of this machine.
    """
    with ExitStack() as stack:
        try:
            sockets = [stack.enter_context(closing(found)) for found in _bind(settings)]
        except OSError as exc:
            raise _port_refused(settings, exc) from exc
        yield sockets


@contextmanager
def private_sockets(settings: Settings) -> Iterator[list[socket.socket]]:
    """Listen on a port of this machine for each API process, to ask it alone.

    On the port that all share nobody can tell who answers.

    Raises:
        StartFailed: no port is to be had.
    """
    with ExitStack() as stack:
        try:
            sockets = [
                stack.enter_context(
                    closing(_bind_one(socket.AF_INET, ("127.0.0.1", 0)))
                )
                for _ in range(settings.api_processes)
            ]
            for one in sockets:
                one.listen(BACKLOG)
        except OSError as exc:
            raise StartFailed(f"cannot listen on 127.0.0.1 ({exc.strerror})") from exc
        yield sockets


def listen(sockets: Iterable[socket.socket], settings: Settings) -> None:
    """Let connections come; they wait until somebody accepts them.

    Raises:
        StartFailed: somebody else took the port meanwhile.
    """
    try:
        for one in sockets:
            one.listen(BACKLOG)
    except OSError as exc:
        raise _port_refused(settings, exc) from exc


def _bind(settings: Settings) -> Iterator[socket.socket]:
    """Bind each address of the host, but for kinds that this machine has not."""
    found = socket.getaddrinfo(
        settings.host,
        settings.port,
        type=socket.SOCK_STREAM,
        flags=socket.AI_PASSIVE,
    )
    bound, trouble = 0, None
    for family, _, _, _, address in dict.fromkeys(found):
        try:
            one = _bind_one(family, address)
        except OSError as exc:
            if exc.errno not in NO_SUCH_ADDRESS:
                raise
            trouble = exc
            continue
        bound += 1
        if not has_own_sockets(settings):
            yield one
            continue
        one.close()  # Nobody else has the port; our own may now share it.
        for _ in range(settings.api_processes):
            yield _bind_one(family, address, is_shared=True)
    if trouble is not None and not bound:
        raise trouble


def has_own_sockets(settings: Settings) -> bool:
    """Whether each API process has sockets of its own on the one port.

    Linux then shares connections out evenly. Where several processes accept on one
    socket, whoever wakes up first takes most of a burst.
    """
    return settings.api_processes > 1 and sys.platform == "linux"


def _bind_one(
    family: socket.AddressFamily, address: Any, *, is_shared: bool = False
) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
    except OSError:
        one.close()
        raise
    return one


def _port_refused(settings: Settings, exc: OSError) -> StartFailed:
    return StartFailed(
        f"cannot listen on {settings.host} port {settings.port} "
        f"({exc.strerror}): stop what uses it, or set TOUCHLINE_PORT"
    )


@contextmanager
def exclusive_data_dir(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for this run alone.

    Raises:
        StartFailed: the directory's name cannot be passed on, the directory cannot be
            written, or another run holds it.
    """
    if not _is_plain(data_dir):
        raise StartFailed(
            f"the data directory {str(data_dir)!r} has a line break or a broken "
            "character in its name: set TOUCHLINE_DATA_DIR to another"
        )
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        (data_dir / "logs").mkdir(exist_ok=True)
        lock = (data_dir / "serve.lock").open("a+")
    except OSError as exc:
        raise StartFailed(
            f"cannot write to the data directory {data_dir} ({exc.strerror}): "
            "set TOUCHLINE_DATA_DIR to a folder of yours"
        ) from exc
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StartFailed(
                f"touchline already serves {data_dir} (process {lock.read().strip()}): "
                "stop it first, or set TOUCHLINE_DATA_DIR"
            ) from None
        with suppress(OSError):  # What a full disk means is told by a check.
            lock.truncate(0)
            os.write(lock.fileno(), f"{os.getpid()}\n".encode())
        yield


def _is_plain(path: Path) -> bool:
    """Whether a path can be written in lines of text and in URLs."""
    return not any(
        unicodedata.category(character) in ("Cc", "Cs") for character in str(path)
    )

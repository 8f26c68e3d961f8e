"""The process that reads a live source: what it may reach, and that nothing is left."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from model.video.landlock import version
from model.video.live import session
from model.video.live.pulling import PullSource
from model.video.live.rtmp_server import RtmpServer
from model.video.live.settings import LiveSettings
from model.video.live.sources import PipeSource
from model.video.process import ChildProcess, inspect_sandbox
from tests.live_streams import (
    AAC,
    FAST,
    X264,
    RtspServer,
    Segments,
    encoder,
    needs_ffmpeg,
    pictures,
    tone,
    wait_for_port,
    watch,
)
from tests.services import free_port

pytestmark = [
    needs_ffmpeg,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


@pytest.fixture(scope="module")
def missing() -> Mapping[str, str]:
    return inspect_sandbox().missing


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[ChildProcess]:
    """All decoding processes that are started, in order."""
    started: list[ChildProcess] = []

    class Noted(ChildProcess):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[arg-type]
            started.append(self)

    monkeypatch.setattr(session, "ChildProcess", Noted)
    return started


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/status")
    return stat.exists() and "zombie" not in stat.read_text()


def open_files() -> set[str]:
    return {one.name for one in Path("/proc/self/fd").iterdir()}


def test_bytes_are_read_with_every_layer_of_the_sandbox(
    children: list[ChildProcess], missing: Mapping[str, str]
) -> None:
    with encoder(*pictures(2), *X264, "-f", "mpegts", "-", pipe=True) as process:
        assert process.stdout is not None
        watch(PipeSource(process.stdout.fileno()), most_steps=2)

    report = children[0].sandbox
    assert report is not None
    assert report.missing == missing
    assert not is_alive(children[0].pid)


def test_a_protocol_is_spoken_in_an_empty_network(
    tmp_path: Path, children: list[ChildProcess], missing: Mapping[str, str]
) -> None:
    with RtspServer(tmp_path) as server:
        source = PullSource(f"rtsp://127.0.0.1:{server.port}/cam")
        with session.open_live(source, FAST) as events:
            next(events)
            namespace = Path(f"/proc/{children[0].pid}/ns/net").readlink()
            is_own = namespace != Path("/proc/self/ns/net").readlink()
        server.shutdown()

    report = children[0].sandbox
    assert report is not None
    assert report.missing == missing
    assert is_own or "network" in missing


def test_a_redirection_leads_nowhere(missing: Mapping[str, str]) -> None:
    if "network" in missing and ("landlock" in missing or version() < 4):
        pytest.skip(f"no network of its own: {missing['network']}")
    with (
        socket.create_server(("127.0.0.1", 0)) as secret,
        redirecting(f"rtsp://127.0.0.1:{secret.getsockname()[1]}/x") as port,
    ):
        settings = replace(FAST, start_timeout_s=1.5)
        seen = watch(PullSource(f"rtsp://127.0.0.1:{port}/cam"), settings)

        secret.setblocking(False)
        with pytest.raises(BlockingIOError):  # Nobody has connected.
            secret.accept()
    assert seen.error is not None


@contextmanager
def redirecting(target: str) -> Iterator[int]:
    """A server that sends every RTSP client elsewhere."""
    answer = f"RTSP/1.0 302 Found\r\nCSeq: {{}}\r\nLocation: {target}\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    for number in (1, 2):
                        if not client.recv(4096):
                            break
                        client.sendall(answer.format(number).encode())

        threading.Thread(target=serve, daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)


def test_a_server_that_restarts_is_connected_to_again(tmp_path: Path) -> None:
    port = free_port()
    address = f"rtmp://127.0.0.1:{port}/live/cam"
    coded = (*X264, "-g", "10", *AAC, "-f", "flv", "-listen", "1", address)

    def serve() -> None:
        for _ in range(2):
            with encoder(*pictures(1), *tone(1), *coded) as process:
                process.wait(60)

    thread = threading.Thread(target=serve)
    thread.start()
    wait_for_port(port)
    # A busy machine takes seconds to show a first frame.
    settings = LiveSettings(
        FAST.spec,
        give_up_s=40,
        stall_timeout_s=20,
        reconnect_s=(0.1, 0.2),
        segment_s=0.5,
    )
    taken = Segments()
    seen = watch(
        PullSource(address), settings, record=taken, folder=tmp_path, most_steps=15
    )
    thread.join()

    assert seen.reasons == ["reconnected"]
    assert seen.times_s == sorted(set(seen.times_s))
    assert [one[4] for one in taken.taken].count(True) == 1


def test_nothing_is_left_open_when_a_stream_is_stopped(
    children: list[ChildProcess], tmp_path: Path
) -> None:
    before = open_files()
    server = RtmpServer("127.0.0.1", 0)
    address = f"rtmp://127.0.0.1:{server.port}/live/abc"
    with encoder(*pictures(5), *X264, "-f", "flv", address):
        source = server.source("abc")
        watch(source, record=Segments(), folder=tmp_path, most_steps=3)
    server.close()

    deadline = time.monotonic() + 60
    while open_files() - before:
        assert time.monotonic() < deadline, open_files() - before
        time.sleep(0.05)
    assert not is_alive(children[0].pid)


ATTEMPTS = """
import socket, sys
from model.video.sandbox import enter_sandbox

def listen():
    global own
    own = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    own.bind(("127.0.0.1", 0))
    own.listen(1)
    return own.getsockname()[1]

report = enter_sandbox(listen=listen)
print("missing:", *report.missing)

def attempt(name, action):
    try:
        action()
    except OSError as exc:
        print(name, type(exc).__name__)
    else:
        print(name, "done")

def connect(port):
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).connect(("127.0.0.1", port))

attempt("own", lambda: connect(own.getsockname()[1]))
attempt("outside", lambda: connect(int(sys.argv[1])))
attempt("unix", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
attempt("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
attempt("ipv6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM))
attempt("file", lambda: open("/etc/hostname"))
"""


def test_with_sockets_nothing_outside_is_reached_and_no_file_is_opened() -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside:
        ran = subprocess.run(
            [sys.executable, "-c", ATTEMPTS, str(outside.getsockname()[1])],
            cwd=Path(__file__).parents[5],
            capture_output=True,
            text=True,
            timeout=60,
        )
    said = dict(line.split(maxsplit=1) for line in ran.stdout.splitlines()[1:])
    missing = ran.stdout.splitlines()[0].split()[1:]

    assert said["own"] == "done"
    if "network" not in missing or version() >= 4:
        assert said["outside"] != "done"
    if "seccomp" not in missing:
        assert said["unix"] == said["ipv6"] == said["udp"] == "PermissionError"
    if "seccomp" not in missing or "landlock" not in missing:
        assert said["file"] == "PermissionError"

"""Real live streams of a few seconds, for tests: ffmpeg encodes and pushes them."""

import contextlib
import shutil
import socket
import socketserver
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from model.video.frame_spec import FrameSpec
from model.video.live.connection import LiveSource
from model.video.live.session import open_live
from model.video.live.settings import (
    LiveGap,
    LiveSettings,
    LiveStep,
    SegmentSink,
    SourceFacts,
)

SPEC = FrameSpec(80, 48, fps=10.0)
FAST = LiveSettings(
    SPEC,
    start_timeout_s=15.0,
    sender_timeout_s=0.1,
    stall_timeout_s=1.0,
    give_up_s=1.5,
    reconnect_s=(0.1, 0.2),
    segment_s=0.5,
)
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac")
_FFMPEG = shutil.which("ffmpeg")
needs_ffmpeg = pytest.mark.skipif(_FFMPEG is None, reason="needs the ffmpeg program")


def pictures(
    seconds: float = 2, *, size: str = "160x96", rate: float = 25, live: bool = True
) -> list[str]:
    """Return ffmpeg's arguments for a moving test picture."""
    source = f"testsrc=s={size}:r={rate}:d={seconds}"
    return [*(["-re"] if live else []), "-f", "lavfi", "-i", source]


def tone(seconds: float = 2) -> list[str]:
    """Return ffmpeg's arguments for a sound."""
    return ["-f", "lavfi", "-i", f"sine=d={seconds}"]


@contextlib.contextmanager
def encoder(*arguments: str, pipe: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """Run ffmpeg; it is gone when the block ends."""
    process = subprocess.Popen(
        [str(_FFMPEG), "-nostdin", "-loglevel", "error", "-y", *arguments],
        stdout=subprocess.PIPE if pipe else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def encoded(*arguments: str) -> bytes:
    """Run ffmpeg to its end and return what it wrote."""
    command = [str(_FFMPEG), "-nostdin", "-loglevel", "error", *arguments, "-"]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


def wait_for_port(port: int, *, within_s: float = 60.0) -> None:
    """Wait until something listens, without connecting to it."""
    wanted = f"0100007F:{port:04X} 00000000:0000 0A"
    deadline = time.monotonic() + within_s
    while wanted not in Path("/proc/net/tcp").read_text():
        assert time.monotonic() < deadline, f"nothing listens at {port}"
        time.sleep(0.02)


@dataclass
class Segments(SegmentSink):
    """Keeps what is recorded."""

    taken: list[tuple[int, Path, float, float, bool]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def segment(
        self,
        number: int,
        path: Path,
        start_s: float,
        duration_s: float,
        is_after_gap: bool,
    ) -> None:
        """Keep a segment."""
        self.taken.append((number, path, start_s, duration_s, is_after_gap))

    def failed(self, why: str) -> None:
        """Keep the reason."""
        self.failures.append(why)


@dataclass
class Seen:
    """What came of a stream."""

    steps: list[LiveStep] = field(default_factory=list)
    gaps: list[LiveGap] = field(default_factory=list)
    facts: list[SourceFacts] = field(default_factory=list)
    error: Exception | None = None

    @property
    def times_s(self) -> list[float]:
        """The steps' times."""
        return [step.media_s for step in self.steps]

    @property
    def reasons(self) -> list[str]:
        """The gaps' reasons."""
        return [gap.reason for gap in self.gaps]


def watch(
    source: LiveSource,
    settings: LiveSettings = FAST,
    *,
    record: SegmentSink | None = None,
    folder: Path | None = None,
    most_steps: int | None = None,
) -> Seen:
    """Read a source until it ends, fails, or has given so many steps."""
    seen = Seen()
    try:
        with open_live(source, settings, record=record, folder=folder) as events:
            for event in events:
                if isinstance(event, LiveStep):
                    seen.steps.append(event)
                elif isinstance(event, LiveGap):
                    seen.gaps.append(event)
                else:
                    seen.facts.append(event)
                if most_steps is not None and len(seen.steps) >= most_steps:
                    break
    except Exception as exc:  # noqa: BLE001 - the test looks at it.
        seen.error = exc
    return seen


def check_times(times_s: Sequence[float], *, least: int) -> None:
    """Check that there are so many steps, each a tenth of a second after another."""
    assert len(times_s) >= least
    assert times_s[0] == pytest.approx(0, abs=0.05)
    distances = [b - a for a, b in pairwise(times_s)]
    assert all(0.05 < one < 0.15 for one in distances), distances


class RtspServer(socketserver.ThreadingTCPServer):
    """A camera: RTSP with RTP over the same connection, as ffmpeg encodes it.

    Attributes:
        port: where it listens.
        refusals: connections that are told that nobody sends yet.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, folder: Path, *, seconds: float = 3, refusals: int = 0) -> None:
        self.folder, self.seconds, self.refusals = folder, seconds, refusals
        super().__init__(("127.0.0.1", 0), _Camera)
        self.port = int(self.server_address[1])
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class _Camera(socketserver.StreamRequestHandler):
    server: RtspServer

    def handle(self) -> None:
        with contextlib.ExitStack() as cleanup:
            rtp = cleanup.enter_context(
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            )
            rtp.bind(("127.0.0.1", 0))
            while request := self._request():
                verb, url, sequence = request
                extra, body = "", ""
                if verb == "DESCRIBE" and self.server.refusals > 0:
                    self.server.refusals -= 1
                    self.wfile.write(
                        f"RTSP/1.0 404 Not Found\r\nCSeq: {sequence}\r\n\r\n".encode()
                    )
                    return
                if verb == "DESCRIBE":
                    body = self._describe(rtp.getsockname()[1], cleanup)
                    extra = f"Content-Type: application/sdp\r\nContent-Base: {url}/\r\n"
                elif verb == "SETUP":
                    extra = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
                self.wfile.write(
                    f"RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\nSession: 1\r\n{extra}"
                    f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
                )
                if verb == "PLAY":
                    self._play(rtp)
                    return

    def _request(self) -> tuple[str, str, str] | None:
        head = self.rfile.readline().decode().split()
        sequence = ""
        while (line := self.rfile.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            if name.lower() == "cseq":
                sequence = value.strip()
        return (head[0], head[1], sequence) if head else None

    def _describe(self, port: int, cleanup: contextlib.ExitStack) -> str:
        sdp = self.server.folder / f"{port}.sdp"
        cleanup.enter_context(
            encoder(
                *pictures(self.server.seconds),
                *(*X264, "-g", "12", "-f", "rtp", "-sdp_file", str(sdp)),
                f"rtp://127.0.0.1:{port}",
            )
        )
        deadline = time.monotonic() + 60
        while not (sdp.exists() and "rtpmap" in sdp.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        lines = sdp.read_text().splitlines()
        kept = ["m=video 0 RTP/AVP 96" if x.startswith("m=") else x for x in lines]
        kept = [line for line in kept if not line.startswith("SDP")]
        return "\r\n".join([*kept, "a=control:video", ""])

    def _play(self, rtp: socket.socket) -> None:
        rtp.settimeout(1.0)
        with contextlib.suppress(OSError):
            while True:
                packet = rtp.recv(65536)
                self.wfile.write(struct.pack(">cBH", b"$", 0, len(packet)) + packet)

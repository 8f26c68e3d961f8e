"""Live sources and spotters that do what a test says, and real segments."""

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import av
import numpy as np

from app.core.settings import Settings
from model.checkpoint.archive import Checkpoint
from model.checkpoint.library import find_named
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.video.segments import shifted
from worker.live_streams.parts import LoadedSpotter, Parts

FPS = 10.0
CHECKPOINT = {
    "name": "arena-rny002-live",
    "version": "1",
    "sha256": "f00d",
    "engine": "fake",
}


@dataclass(frozen=True)
class FakeChange:
    kind: Literal["provisional", "final", "retracted"]
    id: int
    label: str
    media_s: float
    score: float
    team: str | None = None


@dataclass(frozen=True)
class FakeStep:
    media_s: float
    wall: datetime
    decoded_at: float
    image: Any = None
    says: Sequence[FakeChange] = ()


@dataclass(frozen=True)
class FakeFacts:
    width: int = 64
    height: int = 48
    fps: float = FPS
    codec: str = "h264"
    format: str = "flv"
    sound: str | None = None
    is_copied: bool = True


@dataclass(frozen=True)
class FakeGap:
    from_s: float
    to_s: float
    reason: str
    is_hole: bool = True


class FakeSpotter:
    """Says what the step that is pushed says."""

    look_ahead_s, fps, frame_spec, engine = 0.5, FPS, None, "fake"

    def __init__(self) -> None:
        self.times: list[float] = []
        self.gaps = 0
        self.last_words: list[FakeChange] = []

    def push(self, picture: Any, media_s: float) -> Sequence[FakeChange]:
        self.times.append(media_s)
        said: Sequence[FakeChange] = picture.says
        return said

    def gap(self) -> Sequence[FakeChange]:
        self.gaps += 1
        return []

    def close(self) -> Sequence[FakeChange]:
        return self.last_words


@dataclass
class Script:
    """What a fake source sends, step by step, while the test goes on."""

    items: "queue.Queue[Any]" = field(default_factory=queue.Queue)
    spotter: FakeSpotter = field(default_factory=FakeSpotter)
    sink: Any = None
    failed: str | None = None
    pushed: "FakePush" = field(default_factory=lambda: FakePush())

    @property
    def parts(self) -> Parts:
        return Parts(
            load_spotter=self._load,
            open_live=self._open,
            pull=lambda url, nets: SimpleNamespace(name=url, nets=nets),
            listen=lambda host, port, key: SimpleNamespace(name=f"{host}:{port}/{key}"),
            push=lambda: self.pushed,
            udp=lambda host, port: SimpleNamespace(name=f"{host}:{port}"),
            file=lambda path: SimpleNamespace(name=path),
            relay=lambda url: SimpleNamespace(name=url),
        )

    def step(
        self, media_s: float, *says: FakeChange, wall: datetime | None = None
    ) -> None:
        now = datetime.now(UTC)
        step = FakeStep(media_s, wall or now, time.monotonic(), says=says)
        self.items.put(replace(step, image=step))

    def end(self) -> None:
        self.items.put(None)

    def segment(self, path: Path, start_s: float, duration_s: float) -> None:
        """Record a segment, as the recording's thread does."""
        try:
            self.sink.segment(0, path, start_s, duration_s, False)
        except OSError as exc:
            self.failed = exc.strerror
            self.sink.failed(str(exc.strerror))

    def _load(self, name: str, settings: Settings) -> LoadedSpotter:
        path = find_named(name, settings.data_dir / "models")
        labels = Checkpoint.open(path).manifest.labels
        options = SpottingOptions({label: LabelOptions(0.0, 0.5) for label in labels})
        return LoadedSpotter(self.spotter, dict(CHECKPOINT), options)

    @contextmanager
    def _open(
        self,
        _source: Any,
        _spec: Any,
        *,
        record: Any,
        folder: Path,  # as the real one
        on_wait: Callable[[], None],
    ) -> Iterator[Iterator[Any]]:
        self.sink = record
        yield self._items(on_wait)

    def _items(self, on_wait: Callable[[], None]) -> Iterator[Any]:
        while True:
            try:
                item = self.items.get(timeout=0.02)
            except queue.Empty:
                on_wait()
                continue
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            yield item


class FakePush:
    """Keeps what is pushed."""

    name = "the browser"

    def __init__(self) -> None:
        self.data = bytearray()
        self.restarts = 0
        self.pause_s = 0.0  # of each write, as of a model that does not keep up
        self.ends: list[int] = []  # bytes taken when each end came

    def write(self, data: bytes, restart: int) -> None:
        time.sleep(self.pause_s)
        self.data += data

    def finish(self) -> None:
        self.ends.append(len(self.data))

    def restart(self) -> int:
        self.restarts += 1
        return self.restarts


def draw_segment(path: Path, *, start_s: float, frames: int, fps: int = 25) -> Path:
    """Draw a fragmented MP4 that is complete by itself and begins at `start_s`."""
    with av.open(
        str(path),
        "w",
        format="mp4",
        options={"movflags": "frag_keyframe+empty_moov+default_base_moof"},
    ) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = {"preset": "ultrafast", "tune": "zerolatency"}
        for number in range(frames):
            picture = np.full((48, 64, 3), number * 5 % 255, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    path.write_bytes(shifted(path.read_bytes(), start_s))
    return path

"""The child's mouth: messages on the pipe, and images painted into the ring."""

import json
import os
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any

from model.video.frame_spec import FrameSpec
from model.video.picture import Image, Painter
from model.video.ring import Ring
from model.video.source import SourceFrame


class Line:
    """The pipe to the parent; whole messages, whichever thread sends them."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def send(self, **message: Any) -> None:
        """Send one message; end this process if nobody is there to read it."""
        data = memoryview(json.dumps(message).encode() + b"\n")
        try:
            with self._lock:
                while data:
                    data = data[os.write(self._descriptor, data) :]
        except BrokenPipeError:
            os._exit(0)


class StepSender:
    """Paints frames into the ring, with several hands if there are cores to spare.

    Steps are told in the order in which they came, each when its image is ready. On
    leaving the `with` block all that came are told, even if an error ends it.
    """

    def __init__(
        self,
        spec: FrameSpec,
        ring: Ring,
        line: Line,
        free: threading.Semaphore,
        *,
        painters: int,
    ) -> None:
        """Stand ready to paint.

        Args:
            spec: of the images.
            ring: where they go.
            line: where they are told of.
            free: counts the ring's free slots.
            painters: threads; 1 paints in the caller's own.
        """
        self._notify, self._line, self._free = ring, line, free
        self._spec = spec
        self._hand = threading.local()
        self._pool = ThreadPoolExecutor(painters) if painters > 1 else None
        self._most_pending = 2 * painters
        self._pending: deque[tuple[SourceFrame, Future[None]]] = deque()
        self._count = 0

    def __enter__(self) -> "StepSender":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tell(keep=0)
        if self._pool is not None:
            self._pool.shutdown()

    def send(self, chosen: SourceFrame) -> None:
        """Paint a frame into the next slot; wait while all slots are taken."""
        if not self._free.acquire(blocking=False):
            self._tell(keep=0)  # The parent frees only what it has been told of.
            self._free.acquire()
        out = self._notify.slot(self._count)
        self._count += 1
        if self._pool is None:
            self._paint(chosen, out)
            self._tell_of(chosen)
        else:
            self._pending.append((chosen, self._pool.submit(self._paint, chosen, out)))
            self._tell(keep=self._most_pending)

    def _paint(self, chosen: SourceFrame, out: Image) -> None:
        painter = getattr(self._hand, "painter", None)
        if painter is None:
            painter = self._hand.painter = Painter(self._spec)
        painter.paint(chosen.picture, out=out)

    def _tell(self, *, keep: int) -> None:
        while len(self._pending) > keep:
            chosen, painted = self._pending.popleft()
            painted.result()
            self._tell_of(chosen)

    def _tell_of(self, chosen: SourceFrame) -> None:
        self._line.send(
            kind="step",
            frame=chosen.frame,
            pts=chosen.pts,
            time_s=float(chosen.time_s),
        )

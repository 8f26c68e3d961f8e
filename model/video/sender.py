"""The child's side of the message channel: messages on the pipe, images in the ring."""

import json
import os
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any

from model.video.frame_spec import FrameSpec
from model.video.picture import FrameConverter, Image
from model.video.ring import Ring
from model.video.source import SourceFrame


class MessageChannel:
    """The pipe to the parent: whole messages, sent from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def send(self, **message: Any) -> None:
        """Send one message; end this process if the parent no longer reads."""
        data = memoryview(json.dumps(message).encode() + b"\n")
        try:
            with self._lock:
                while data:
                    data = data[os.write(self._descriptor, data) :]
        except BrokenPipeError:
            os._exit(0)


class StepSender:
    """Converts frames into the ring's slots, in several threads if asked to.

    Steps are announced in order, each when its image is ready. On leaving the `with`
    block all pending steps are announced, even if an error ends it.
    """

    def __init__(
        self,
        spec: FrameSpec,
        ring: Ring,
        channel: MessageChannel,
        free: threading.Semaphore,
        *,
        converter_threads: int,
        images_from: int = 0,
    ) -> None:
        """Prepare the threads.

        Args:
            spec: of the images.
            ring: holds the images.
            channel: carries the messages about them.
            free: counts the ring's free slots.
            converter_threads: 1 converts in the caller's own thread.
            images_from: the first step whose image is wanted; those before take no
                slot.
        """
        self._ring, self._channel, self._free = ring, channel, free
        self._spec = spec
        self._thread_local = threading.local()
        self._pool = (
            ThreadPoolExecutor(converter_threads) if converter_threads > 1 else None
        )
        self._max_pending = 2 * converter_threads
        self._pending: deque[tuple[SourceFrame, Future[None]]] = deque()
        self._count = 0
        self._to_skip = images_from

    def __enter__(self) -> "StepSender":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._flush(keep=0)
        if self._pool is not None:
            self._pool.shutdown()

    def send(self, chosen: SourceFrame) -> None:
        """Convert a frame into the next slot; wait while all slots are taken."""
        if self._to_skip:
            self._to_skip -= 1
            self._announce(chosen)
            return
        if not self._free.acquire(blocking=False):
            self._flush(keep=0)  # The parent frees only announced slots.
            self._free.acquire()
        out = self._ring.slot(self._count)
        self._count += 1
        if self._pool is None:
            self._convert(chosen, out)
            self._announce(chosen)
        else:
            self._pending.append(
                (chosen, self._pool.submit(self._convert, chosen, out))
            )
            self._flush(keep=self._max_pending)

    def _convert(self, chosen: SourceFrame, out: Image) -> None:
        converter = getattr(self._thread_local, "converter", None)
        if converter is None:
            converter = self._thread_local.converter = FrameConverter(self._spec)
        converter.convert(chosen.picture, out=out)

    def _flush(self, *, keep: int) -> None:
        while len(self._pending) > keep:
            chosen, converted = self._pending.popleft()
            converted.result()
            self._announce(chosen)

    def _announce(self, chosen: SourceFrame) -> None:
        self._channel.send(
            kind="step",
            frame=chosen.frame,
            pts=chosen.pts,
            time_s=float(chosen.time_s),
        )

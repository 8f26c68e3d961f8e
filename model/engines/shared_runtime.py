"""One network on a card for several videos at once: their chunks run as one batch.

A single video leaves a large card waiting for its decoder. Each video has a lane, used
from a thread of its own, which is a `Runtime` like any other.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from model.engines.fixed_chunks import FixedChunks
from model.engines.runtime import Floats, Frames
from model.engines.torch_engine import TorchRuntime
from model.errors import EngineError, EngineUnavailable

Chunk = tuple[Frames, Floats, Floats]

MAX_WAIT_S = 0.25


class SharedRuntime:
    """Collects the chunks of its lanes, and runs them together.

    A batch is run as soon as every open lane has given its chunk, or once the first
    has waited for `max_wait_s`: a lane whose decoder is slow holds up nobody for long.
    Scores of a video are those that it gets alone, but for rounding (1e-5 on a CPU).
    """

    def __init__(
        self, runtime: TorchRuntime, chunks: FixedChunks, *, max_wait_s: float
    ) -> None:
        """Take a runtime, whose head is used, and the trunk's buffers."""
        self._runtime, self._chunks, self._max_wait_s = runtime, chunks, max_wait_s
        self._changed = threading.Condition()
        self._head_lock = threading.Lock()
        self._free = list(range(chunks.lanes))
        self._waiting: dict[int, Chunk] = {}
        self._found: dict[int, Floats | Exception] = {}
        self.batches: list[int] = []  # How many lanes each had; for measuring.

    @contextmanager
    def lane(self) -> Iterator["Lane"]:
        """Take a lane for one video after another; it is given back at the end.

        Raises:
            EngineUnavailable: all are taken.
        """
        with self._changed:
            if not self._free:
                raise EngineUnavailable(
                    f"all {self._chunks.lanes} lanes of the card are taken"
                )
            number = self._free.pop(0)
        try:
            yield Lane(self, number, self._runtime)
        finally:
            with self._changed:
                self._free.append(number)
                self._waiting.pop(number, None)
                self._found.pop(number, None)
                self._changed.notify_all()

    def reset(self, lane: int) -> None:
        """Forget a lane's video."""
        with self._changed:
            self._chunks.reset(lane)

    def trunk(self, lane: int, chunk: Chunk) -> Floats:
        """Give a lane's chunk, and wait for its features."""
        with self._changed:
            self._waiting[lane] = chunk
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_due(lane), self._max_wait_s)
            if lane not in self._found:
                self._run()
            found = self._found.pop(lane)
        if isinstance(found, Exception):
            raise EngineError(f"the network failed: {found}") from found
        return found

    def head(self, features: Floats) -> dict[str, Floats]:
        """Run the head over windows, for one lane at a time."""
        with self._head_lock:
            return self._runtime.head(features)

    def _is_due(self, lane: int) -> bool:
        open_lanes = self._chunks.lanes - len(self._free)
        return lane in self._found or len(self._waiting) >= open_lanes

    def _run(self) -> None:
        chunks = [self._waiting.get(lane) for lane in range(self._chunks.lanes)]
        self._waiting.clear()
        self.batches.append(sum(chunk is not None for chunk in chunks))
        try:
            found = self._chunks.run(chunks)
            for lane, features in enumerate(found):
                if features is not None:
                    self._found[lane] = features.float().cpu().numpy().copy()
        except Exception as exc:  # noqa: BLE001 - each lane raises it in its own thread
            for lane, chunk in enumerate(chunks):
                if chunk is not None:
                    self._found[lane] = exc
        self._changed.notify_all()


class Lane:
    """A video's share of a card (see `model.engines.runtime.Runtime`)."""

    def __init__(
        self, shared: SharedRuntime, number: int, runtime: TorchRuntime
    ) -> None:
        self._shared, self._number = shared, number
        self.name = runtime.name
        self.chunk_len = runtime.chunk_len
        self.delay, self.feature_dim = runtime.delay, runtime.feature_dim

    def reset(self) -> None:
        """Forget the video so far."""
        self._shared.reset(self._number)

    def trunk(self, frames: Frames, is_video: Floats, is_not_padding: Floats) -> Floats:
        """Take the next chunk of the video."""
        return self._shared.trunk(self._number, (frames, is_video, is_not_padding))

    def head(self, features: Floats) -> dict[str, Floats]:
        """Run the head over windows."""
        return self._shared.head(features)


def share(
    runtime: TorchRuntime,
    *,
    size: tuple[int, int],
    lanes: int,
    max_wait_s: float = MAX_WAIT_S,
) -> SharedRuntime:
    """Give a torch runtime several lanes.

    Args:
        runtime: on its device; its memory was planned for `lanes` times its chunk.
        size: width and height of the frames.
        lanes: videos at once.
        max_wait_s: how long a chunk waits for those of other lanes.
    """
    chunks = FixedChunks(
        runtime.network, chunk_len=runtime.chunk_len, size=size, lanes=lanes
    )
    return SharedRuntime(runtime, chunks, max_wait_s=max_wait_s)

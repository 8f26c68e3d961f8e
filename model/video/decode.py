"""Video file in, steps out: the frames a network looks at, with their times.

`decode_in_child` decodes in a process of its own, and is what the product uses;
`iter_steps` in this process, for tests and benchmarks.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.errors import DecoderCrashed
from model.video.arrival import ComingFile
from model.video.frame_spec import FrameSpec
from model.video.frame_times import FrameTimes
from model.video.hardware import Hardware
from model.video.input_file import InputFile, open_input
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.picture import FrameConverter
from model.video.process import ChildProcess
from model.video.ring import Ring
from model.video.shared_memory import create_memory, shared_bytes
from model.video.source import SourceFrame, Tally, open_video
from model.video.step_index import Stretch
from model.video.time_messages import KIND, TimeReceiver

__all__ = [
    "DEFAULT_LIMITS",
    "MediaLimits",
    "Step",
    "StepStream",
    "choose_frames",
    "decode_in_child",
    "iter_chosen",
    "iter_steps",
]


@dataclass(frozen=True, slots=True)
class Step:
    """One frame that was taken.

    Attributes:
        frame: index in the source, 0-based.
        pts: presentation time as the file says, in the stream's time base.
        time_s: PTS minus the file's start time, in seconds: what a player shows.
        image: (H, W, 3) uint8 RGB, C-contiguous, of the spec's size.
    """

    frame: int
    pts: int
    time_s: float
    image: NDArray[np.uint8]


def iter_steps(
    path: Path,
    spec: FrameSpec,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    tally: Tally | None = None,
) -> Iterator[Step]:
    """Decode a video in this process, step by step.

    Step k is the frame nearest in time to k / spec.fps (see `choose_frames`). A
    frame that serves for several steps comes with the very same image each time.
    A `tally`, where given, is kept up to date.

    Raises:
        UnreadableVideo, UnsupportedMedia, NoVideoStream, VideoLimitExceeded: see
            `model.video.source`.
    """
    converter = FrameConverter(spec)
    step: Step | None = None
    with open_input(path) as file:
        for chosen in iter_chosen(file, spec, limits=limits, tally=tally):
            if step is None or step.frame != chosen.frame:
                image = converter.convert(chosen.picture)
                step = Step(chosen.frame, chosen.pts, float(chosen.time_s), image)
            yield step


def iter_chosen(
    file: InputFile,
    spec: FrameSpec,
    *,
    limits: MediaLimits,
    tally: Tally | None,
    device: str | None = None,
    note: Callable[[Iterator[SourceFrame]], Iterator[SourceFrame]] = iter,
) -> Iterator[SourceFrame]:
    """Decode a video and give the frames that its steps take, not yet converted.

    All frames pass through `note`, also those that are not taken.
    """
    with open_video(file, limits=limits, tally=tally, device=device) as source:
        yield from choose_frames(note(source.frames()), fps=spec.fps)


class StepStream:
    """The steps of one video as a decoding process sends them; an iterator.

    Attributes:
        pid: the process id of the decoding process.
        tally: what was in the file; None until the last step has come.
        frame_times: when each frame of the file is shown, also those that were not
            taken; None until the last step has come, and of a stretch.
    """

    def __init__(
        self,
        child: ChildProcess,
        ring: Ring,
        *,
        spec: FrameSpec,
        images_from: int,
        has_times: bool,
    ) -> None:
        self.pid = child.pid
        self.tally: Tally | None = None
        self.frame_times: FrameTimes | None = None
        self._times = TimeReceiver()
        self._has_times = has_times
        self._child = child
        self._ring = ring
        self._count = 0
        self._images_from = images_from
        self._no_image = np.zeros((spec.out_height, spec.out_width, 3), np.uint8)
        self._no_image.flags.writeable = False
        self._freed = 0
        self._batch = max(1, ring.slots // 4)

    def __iter__(self) -> "StepStream":
        return self

    def __next__(self) -> Step:
        """Return the next step; its image is a copy, the caller's to keep.

        Raises:
            DecoderStalled, DecoderCrashed, VideoError: see `decode_in_child`.
        """
        if self.tally is not None:
            raise StopIteration
        try:
            message = self._receive()
            if message["kind"] == "end":
                self._finish(message)
                raise StopIteration
            step = self._step_of(message)
        except (KeyError, TypeError, ValueError) as exc:
            raise DecoderCrashed(
                "The decoding process sent an invalid message."
            ) from exc
        self._count += 1
        if self._count > self._images_from:
            self._free_slots()
        return step

    def _receive(self) -> dict[str, Any]:
        """Wait for a message that is not of frames' times; those are kept."""
        while (message := self._child.receive())["kind"] == KIND:
            self._times.take(message)
        return message

    def _finish(self, message: dict[str, Any]) -> None:
        tally = Tally(**message["tally"])
        if self._has_times and (self._count or len(self._times)):
            self.frame_times = self._times.finish(until_s=tally.until_s)
        self.tally = tally

    def _free_slots(self) -> None:
        # In batches: each wakes the child. It never waits for one while the
        # parent waits for a step, for most slots are free then.
        self._freed += 1
        if self._freed >= self._batch:
            self._child.send(b"+" * self._freed)
            self._freed = 0

    def _step_of(self, message: dict[str, Any]) -> Step:
        has_image = self._count >= self._images_from
        slot = self._count - self._images_from
        return Step(
            frame=int(message["frame"]),
            pts=int(message["pts"]),
            time_s=float(message["time_s"]),
            image=self._ring.read(slot) if has_image else self._no_image,
        )


@contextmanager
def decode_in_child(
    path: Path,
    spec: FrameSpec,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    images_from: int = 0,
    stretch: Stretch | None = None,
    ring_steps: int = 64,
    converter_threads: int | None = None,
    stall_timeout_s: float = 30.0,
    on_wait: Callable[[], None] | None = None,
    hardware: Hardware = "off",
    coming: ComingFile | None = None,
) -> Iterator[StepStream]:
    """Decode a video in a process of its own: the same steps as `iter_steps`.

    The process runs ahead by at most `ring_steps` images, in memory of fixed size. It
    imports no torch, knows nothing of this process's environment, is limited in what
    it may use, and is gone when the `with` block ends, however it ends. Enter the
    block in the thread that uses it.

    Args:
        path: of the file.
        spec: what the network sees.
        limits: what is allowed.
        images_from: the first step whose image is wanted; those before are black.
        stretch: the steps wanted, from the key frame before them, or `CannotSplit`.
        ring_steps: images in shared memory.
        converter_threads: threads that scale; None is one for every four cores, at
            least one (on two cores a second one gains nothing).
        stall_timeout_s: how long it may show no progress while it is waited for.
        on_wait: called a few times a second while waiting; may raise to stop.
        hardware: a graphics card's decoder, `auto` for any. Where there is one, the
            driver needs what the sandbox takes (landlock, seccomp, the limit of
            memory). Where there is none, the frames are software's.
        coming: the file, if its bytes are still coming.

    Raises:
        DecoderStalled: no progress in `stall_timeout_s`.
        DecoderCrashed: the process died; the message names the signal.
        UnreadableVideo, UnsupportedMedia, NoVideoStream, VideoLimitExceeded: see
            `model.video.source`; raised by the step that meets the fault, most by
            the first.
    """
    request = {
        "verb": "decode",
        "path": str(path.absolute()),
        "coming": coming.request if coming else None,
        "limits": asdict(limits),
        "spec": spec.to_dict(),
        "slots": ring_steps,
        "images_from": images_from,
        "hardware": hardware,
        "converter_threads": converter_threads or max(1, (os.cpu_count() or 1) // 4),
    }
    with ExitStack() as cleanup:
        descriptor = create_memory(ring_steps * spec.step_bytes)
        try:
            ring = Ring(descriptor, spec, slots=ring_steps)
            cleanup.callback(ring.close)
            with shared_bytes(stretch.to_bytes() if stretch else None) as memory:
                child = ChildProcess(
                    {**request, "ring": descriptor, "stretch": memory},
                    limits=limits,
                    stall_timeout_s=stall_timeout_s,
                    share=(descriptor, *memory, *(coming.shared if coming else ())),
                    on_wait=on_wait,
                )
            cleanup.callback(child.close)
        finally:
            os.close(descriptor)
        yield StepStream(
            child, ring, spec=spec, images_from=images_from, has_times=stretch is None
        )


def choose_frames(
    frames: Iterator[SourceFrame], *, fps: float
) -> Iterator[SourceFrame]:
    """Choose for each k the frame nearest in time to k / fps; at a tie the earlier.

    A source slower than `fps` gives some frames twice, so that the network's clock
    stays true; a gap in the source repeats the frames at its edges. The last step is
    found as if one more frame followed, as far off as the last is from the one before.

    Args:
        frames: in order of time, each later than the one before.
        fps: steps a second.
    """
    interval_s = 1 / Fraction(fps).limit_denominator(1_000_000)
    wanted_s = Fraction(0)
    pending: SourceFrame | None = None
    gap_s = interval_s
    for frame in frames:
        if pending is not None:
            gap_s = frame.time_s - pending.time_s
            while 2 * wanted_s <= pending.time_s + frame.time_s:
                yield pending
                wanted_s += interval_s
        pending = frame
    if pending is not None:
        while wanted_s <= pending.time_s + gap_s / 2:
            yield pending
            wanted_s += interval_s

"""What the packets of a file tell that can be decoded in stretches: steps and times."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from model.errors import DecoderCrashed
from model.video.frame_times import FrameTimes
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.process import ChildProcess
from model.video.time_messages import KIND, TimeReceiver


@dataclass(frozen=True, slots=True)
class FileSteps:
    """What a file's packets tell.

    Attributes:
        steps: how many a network takes.
        until_s: when the last frame ends, as far as that can be known.
        longest_group_s: seconds between the two key frames that are farthest apart.
        frame_times: when each frame is shown; None if that was not asked for.
    """

    steps: int
    until_s: float
    longest_group_s: float
    frame_times: FrameTimes | None = None


def count_steps_in_child(
    path: Path,
    fps: float,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    stall_timeout_s: float = 30.0,
    on_wait: Callable[[], None] | None = None,
) -> int:
    """Count the steps of a file; see `read_steps_in_child`."""
    return read_steps_in_child(
        path, fps, limits=limits, stall_timeout_s=stall_timeout_s, on_wait=on_wait
    ).steps


def read_steps_in_child(
    path: Path,
    fps: float,
    *,
    wants_times: bool = False,
    limits: MediaLimits = DEFAULT_LIMITS,
    stall_timeout_s: float = 30.0,
    on_wait: Callable[[], None] | None = None,
) -> FileSteps:
    """Read a file's packets in a process of its own, and decode none.

    Raises:
        CannotSplit: it must be decoded in one piece (see `model.video.frame_index`).
        DecoderStalled, DecoderCrashed: see `model.video.process`.
        UnreadableVideo, UnsupportedMedia, NoVideoStream, VideoLimitExceeded: see
            `model.video.source`.
    """
    request = {
        "verb": "steps",
        "path": str(path.absolute()),
        "limits": asdict(limits),
        "fps": fps,
        "wants_times": wants_times,
    }
    child = ChildProcess(
        request, limits=limits, stall_timeout_s=stall_timeout_s, on_wait=on_wait
    )
    times = TimeReceiver()
    try:
        while (message := child.receive())["kind"] == KIND:
            times.take(message)
        until_s = float(message["until_s"])
        return FileSteps(
            int(message["steps"]),
            until_s,
            float(message["longest_group_s"]),
            times.finish(until_s=until_s) if wants_times else None,
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise DecoderCrashed("The decoding process sent an invalid message.") from exc
    finally:
        child.close()

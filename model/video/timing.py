"""The times of all frames of a file, for videos that no network looks at."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from model.errors import DecoderCrashed
from model.video.frame_times import FrameTimes
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.process import ChildProcess
from model.video.source import Tally
from model.video.time_messages import KIND, TimeReceiver


@dataclass(frozen=True, slots=True)
class TimedVideo:
    """What decoding a whole file tells of it.

    Attributes:
        frame_times: when each frame is shown.
        tally: what was in the file.
    """

    frame_times: FrameTimes
    tally: Tally


def time_frames_in_child(
    path: Path,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    stall_timeout_s: float = 30.0,
    on_time: Callable[[float], None] | None = None,
    on_wait: Callable[[], None] | None = None,
) -> TimedVideo:
    """Decode a file in a process of its own and tell when each frame is shown.

    The frames, their numbers and times are those that `decode_in_child` meets; the
    pictures are thrown away, not even converted.

    Args:
        path: of the file.
        limits: what is allowed.
        stall_timeout_s: how long the process may show no progress.
        on_time: called now and then with the time of the last frame so far, in
            seconds; may raise to stop.
        on_wait: called a few times a second while waiting; may raise to stop.

    Raises:
        DecoderStalled, DecoderCrashed: see `model.video.process`.
        UnreadableVideo, UnsupportedMedia, NoVideoStream, VideoLimitExceeded: see
            `model.video.source`.
    """
    child = ChildProcess(
        {"verb": "times", "path": str(path.absolute()), "limits": asdict(limits)},
        limits=limits,
        stall_timeout_s=stall_timeout_s,
        on_wait=on_wait,
    )
    times = TimeReceiver()
    try:
        while True:
            message = child.receive()
            if message["kind"] != KIND:
                tally = Tally(**message["tally"])
                return TimedVideo(times.finish(until_s=tally.until_s), tally)
            times.take(message)
            if on_time is not None:
                on_time(times.last_s)
    except (KeyError, TypeError, ValueError) as exc:
        raise DecoderCrashed("The decoding process sent an invalid message.") from exc
    finally:
        child.close()

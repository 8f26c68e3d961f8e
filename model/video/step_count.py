"""How many steps a network takes of a file that can be decoded in stretches."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from model.errors import DecoderCrashed
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.process import ChildProcess


def count_steps_in_child(
    path: Path,
    fps: float,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    stall_timeout_s: float = 30.0,
    on_wait: Callable[[], None] | None = None,
) -> int:
    """Read a file's packets in a process of its own, decode none, and count its steps.

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
    }
    child = ChildProcess(
        request, limits=limits, stall_timeout_s=stall_timeout_s, on_wait=on_wait
    )
    try:
        return int(child.receive()["steps"])
    except (KeyError, TypeError, ValueError) as exc:
        raise DecoderCrashed("The decoding process sent an invalid message.") from exc
    finally:
        child.close()

"""What the packets of a file tell that can be decoded in stretches: steps and times."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from model.errors import DecoderCrashed
from model.video.arrival import ComingFile
from model.video.index_messages import KIND, IndexReceiver
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.process import ChildProcess
from model.video.step_index import StepIndex


def read_steps_in_child(
    path: Path,
    fps: float,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    stall_timeout_s: float = 30.0,
    on_wait: Callable[[], None] | None = None,
    coming: ComingFile | None = None,
) -> StepIndex:
    """Read a file's packets in a process of its own, and decode none.

    Args:
        path: of the file.
        fps: steps a second.
        limits: what a file may ask of us.
        stall_timeout_s: how long it may show no progress.
        on_wait: called a few times a second; may raise to stop.
        coming: the file, if its bytes are still coming.

    Raises:
        CannotSplit: it must be decoded in one piece (see `model.video.frame_index`).
        DecoderStalled, DecoderCrashed: see `model.video.process`.
        UnreadableVideo, UnsupportedMedia, NoVideoStream, VideoLimitExceeded: see
            `model.video.source`.
    """
    request = {
        "verb": "steps",
        "path": str(path.absolute()),
        "coming": coming.request if coming else None,
        "limits": asdict(limits),
        "fps": fps,
    }
    child = ChildProcess(
        request,
        limits=limits,
        stall_timeout_s=stall_timeout_s,
        share=coming.shared if coming else (),
        on_wait=on_wait,
    )
    received = IndexReceiver()
    try:
        while (message := child.receive())["kind"] == KIND:
            received.take(message)
        return received.finish(message)
    except (KeyError, TypeError, ValueError) as exc:
        raise DecoderCrashed("The decoding process sent an invalid message.") from exc
    finally:
        child.close()

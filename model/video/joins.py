"""One video of several files: their packets behind each other, by a process of its own.

The parent's side of `join_copier`. What cannot be copied is encoded anew: `joining`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from model.errors import DecoderCrashed
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.process import ChildProcess

_HEAD_BYTES = 64 << 20
_GROWTH = 1.1
"""By how much the result may be larger than its parts."""

_SIZE = re.compile(r"([0-9]{1,6})x([0-9]{1,6})")

JoinMode = Literal["copied", "encoded"]


class PartFile(NamedTuple):
    """A file that is to become a part; `name` is what people call it."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class ProbedPart:
    """What a part is.

    Attributes:
        width: of its pictures, in pixels.
        height: of its pictures, in pixels.
        recorded_at: when its camera says that it was recorded, as ISO 8601.
        has_sound: whether there is any.
    """

    width: int
    height: int
    recorded_at: str | None
    has_sound: bool


@dataclass(frozen=True, slots=True)
class JoinedPart:
    """Where a part lies in the result; times in seconds.

    Attributes:
        start_s: when its first frame is shown.
        end_s: when its last frame gives way.
        offset_s: what is added to a time of the part's own file.
        frames: how many it has.
    """

    start_s: float
    end_s: float
    offset_s: float
    frames: int


@dataclass(frozen=True, slots=True)
class Joined:
    """What was made.

    Attributes:
        parts: in their order.
        mode: whether pictures were copied, or encoded anew.
        sound: the same of the sound; None: there is none.
        why: why pictures were encoded, in words.
        place: where the file begins in the target, and where it ends.
    """

    parts: tuple[JoinedPart, ...]
    mode: JoinMode
    sound: JoinMode | None
    place: tuple[int, int]
    why: str | None = None


def copy_in_child(
    parts: Sequence[PartFile],
    target: int,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    stall_timeout_s: float = 60.0,
    on_looked: Callable[[Sequence[ProbedPart]], None] | None = None,
    on_bytes: Callable[[int], None] | None = None,
    on_wait: Callable[[], None] | None = None,
) -> Joined:
    """Write one MP4 of several files without encoding their pictures.

    Args:
        parts: in their order.
        target: a descriptor that is open for reading and writing, of an empty file.
        limits: what is allowed, of the result, too.
        stall_timeout_s: how long the process may show no progress.
        on_looked: called once with what the parts are.
        on_bytes: called now and then with how many bytes of the parts are done; may
            raise to stop.
        on_wait: called a few times a second while waiting; may raise to stop.

    Raises:
        PartsDiffer: they must be encoded; the message says why.
        NoRoom: the file cannot grow.
        DecoderStalled, DecoderCrashed: see `model.video.process`.
        UnreadableVideo, UnsupportedMedia, NoVideoStream, VideoLimitExceeded: see
            `model.video.source`; the message names the part.
    """
    total = sum(part.path.stat().st_size for part in parts if part.path.is_file())
    child = ChildProcess(
        {
            "verb": "join",
            "limits": asdict(limits),
            "target": target,
            "parts": [
                {"path": str(part.path.absolute()), "name": part.name} for part in parts
            ],
            "file_bytes": int(total * _GROWTH) + _HEAD_BYTES,
        },
        limits=limits,
        stall_timeout_s=stall_timeout_s,
        share=(target,),
        on_wait=on_wait,
    )
    try:
        while (message := child.receive())["kind"] != "end":
            if message["kind"] == "looked":
                looked = [_looked_at(one) for one in message["parts"]]
                if len(looked) != len(parts):
                    raise ValueError("not all parts were looked at")
                if on_looked is not None:
                    on_looked(looked)
            elif on_bytes is not None:
                on_bytes(int(message["bytes"]))
        return _read(message, parts)
    except (KeyError, TypeError, ValueError) as exc:
        raise DecoderCrashed("The decoding process sent an invalid message.") from exc
    finally:
        child.close()


def _looked_at(one: Mapping[str, Any]) -> ProbedPart:
    size = _SIZE.fullmatch(str(one["size"]))
    if size is None:
        raise ValueError("no size")
    recorded_at = one["recorded_at"]
    return ProbedPart(
        width=int(size[1]),
        height=int(size[2]),
        recorded_at=None if recorded_at is None else str(recorded_at)[:64],
        has_sound=bool(one["has_sound"]),
    )


def _read(message: Mapping[str, Any], parts: Sequence[PartFile]) -> Joined:
    made = tuple(
        JoinedPart(
            start_s=float(one["start_s"]),
            end_s=float(one["end_s"]),
            offset_s=float(one["offset_s"]),
            frames=int(one["frames"]),
        )
        for one in message["parts"]
    )
    if len(made) != len(parts) or any(one.end_s <= one.start_s for one in made):
        raise ValueError("not all parts were written")
    sounds: Mapping[Any, JoinMode | None] = {
        None: None,
        "copied": "copied",
        "encoded": "encoded",
    }
    return Joined(
        parts=made,
        mode="copied",
        sound=sounds[message["sound"]],
        place=(0, int(message["size_bytes"])),
    )

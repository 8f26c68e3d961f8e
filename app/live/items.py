"""What a worker says of a stream that it holds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

ChangeKind = Literal["provisional", "final", "retracted"]


@dataclass(frozen=True, slots=True)
class Held:
    """A stream, and the lease that holds it."""

    video_id: UUID
    job_id: UUID
    token: UUID


@dataclass(frozen=True, slots=True)
class Change:
    """What is said of an event.

    Attributes:
        seq: of its row; the same for all changes of an event.
        frame: index in the source as far as its rate tells, 0-based.
        replaces: the frame of the provisional event that this one takes the place of.
        wall: when it happened.
        decoded_at: when the last picture that it needed was decoded; UTC, as is `wall`.
    """

    kind: ChangeKind
    seq: int
    label: str
    time_ms: int
    frame: int
    score: float
    team: str | None
    wall: datetime
    decoded_at: datetime
    replaces: int | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of which something is missing, in seconds of the stream.

    Attributes:
        from_wall, to_wall: the wall's clock at both ends; None: not known.
    """

    from_s: float
    to_s: float
    reason: str
    from_wall: datetime | None = None
    to_wall: datetime | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A stored piece of the recording; see `LiveSegment`.

    Attributes:
        wall: when its first picture was sent; None: not known.
    """

    key: str
    start_s: float
    duration_s: float
    size_bytes: int
    head_bytes: int
    head_sha256: str
    is_after_gap: bool
    wall: datetime | None = None

"""What the service answers, as frozen objects; names are those of the HTTP API.

Times are seconds from the start of a video (`_s`) or moments with a zone (`_at`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

Status = Literal["queued", "running", "succeeded", "failed", "canceled"]
VideoStatus = Literal[Status, "live"]

FINAL: frozenset[str] = frozenset({"succeeded", "failed", "canceled"})


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed.

    Attributes:
        code: for programs: `unreadable_video`.
        detail: for people.
        retryable: it may succeed when it is run again.
    """

    code: str
    detail: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class Job:
    """A run: an analysis of a video (`kind` is `spot`), a rendering of clips, ...

    Attributes:
        progress: 0 to 1.
        eta_s: how long it may still take; None if unknown.
        counts: events by type that an analysis found.
        stage_seconds: how long each stage took so far, over all its runs.
    """

    id: str
    kind: str
    video_id: str | None
    status: Status
    stage: str | None
    progress: float
    eta_s: float | None
    model: str | None
    counts: Mapping[str, int] | None
    stage_seconds: Mapping[str, float]
    error: JobError | None
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_final(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class Team:
    """A team of a match; `side` is what the model calls its events."""

    name: str
    colour: str | None = None
    side: str | None = None


@dataclass(frozen=True, slots=True)
class Half:
    """A stretch of play; times in the video, and what the match clock shows."""

    start_s: float
    end_s: float | None = None
    clock_start_s: float | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A file that a video is made of.

    Attributes:
        start_s: when its first frame is shown, in the video; None until it is joined.
        end_s: when its last frame gives way.
        offset_s: what to add to a time of its own file.
    """

    filename: str | None
    video_id: str | None
    start_s: float | None
    end_s: float | None
    offset_s: float | None


@dataclass(frozen=True, slots=True)
class Parts:
    """What a video is made of, in the order of play.

    Attributes:
        mode: whether pictures were `copied` or `encoded` anew; None until joined.
        warnings: what was noticed, by its kind.
    """

    kind: str
    mode: str | None
    warnings: Mapping[str, str]
    files: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Video:
    """A video and its latest job.

    Attributes:
        status, stage, progress, error: of the latest job that analyses it.
        counts: events by type in the timeline that is shown; None: there is none yet.
        facts_version: what `Client.change_video` compares.
        parts: the files that it is made of; None: one file, as it came.
    """

    id: str
    title: str | None
    filename: str | None
    date: date | None
    competition: str | None
    teams: tuple[Team, ...]
    halves: tuple[Half, ...]
    facts_version: int
    status: VideoStatus
    stage: str | None
    progress: float
    error: JobError | None
    counts: Mapping[str, int] | None
    size_bytes: int | None
    sha256: str | None
    dropped_at: datetime | None
    duplicate_of: str | None
    duration_s: float | None
    width: int | None
    height: int | None
    fps: float | None
    codec: str | None
    revision: int
    created_at: datetime
    job: Job
    parts: Parts | None = None

    @property
    def is_final(self) -> bool:
        """Whether its job has ended, in whatever way."""
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class Model:
    """A checkpoint that the service can run; `problem` says why it cannot."""

    name: str
    is_default: bool
    labels: tuple[str, ...]
    thresholds: Mapping[str, float]
    problem: str | None


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file that events can be had as; `path` ends its address.

    Attributes:
        provenance: what it can tell of where events come from.
    """

    name: str
    title: str
    suffix: str
    media_type: str
    provenance: Literal["all", "summary", "none"]
    path: str


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """A message of the service whose signature was right.

    Attributes:
        id: stays the same when a message is sent again.
        type: `video.completed`, `clip.failed`, ...
        timestamp: when it happened.
        data: as the service wrote it.
    """

    id: str
    type: str
    timestamp: datetime
    data: Mapping[str, Any]

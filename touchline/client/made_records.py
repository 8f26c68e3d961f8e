"""What the service makes when it is asked to: clips, reports, imports; frozen objects.

Names are those of the HTTP API; times are seconds (`_s`) or moments (`_at`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from touchline.client.records import FINAL, JobError, Status


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch of a clip; `clip_s` is where it begins in the clip."""

    video_id: str
    first_frame: int
    last_frame: int
    start_s: float
    end_s: float
    clip_s: float


@dataclass(frozen=True, slots=True)
class Clip:
    """Highlights: one reel, an archive of single clips, or a playlist.

    Attributes:
        video_id: None: it is the project's, and each cut has its own.
        mode: as it was asked for; `file["mode"]` is how it was made in truth.
        file: facts of what was rendered; None: nothing yet.
        is_part: it is of a search that found more than clips are made of at once.
        provenance: where the events come from, video by video, if that was asked for.
    """

    id: str
    video_id: str | None
    job_id: str | None
    status: Status
    progress: float
    error: JobError | None
    form: Literal["reel", "zip", "playlist"]
    mode: Literal["exact", "smart", "copy"]
    length_s: float
    cuts: tuple[Cut, ...]
    size_bytes: int | None
    file: Mapping[str, Any] | None
    is_part: bool
    provenance: tuple[Mapping[str, Any], ...]
    created_at: datetime

    @property
    def is_final(self) -> bool:
        """Whether its rendering has ended, in whatever way."""
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search under a name; `query` has the names of the API."""

    id: str
    name: str
    query: Mapping[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """A report of a match, made of the timeline as it was when somebody asked."""

    id: str
    video_id: str
    job_id: str
    status: Status
    progress: float
    error: JobError | None
    key_types: tuple[str, ...]
    stills: int
    only_confirmed: bool
    changes_ends: bool
    size_bytes: int | None
    created_at: datetime

    @property
    def is_final(self) -> bool:
        """Whether its making has ended, in whatever way."""
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class ImportProblem:
    """A part of a file that cannot be taken over."""

    where: str
    detail: str
    is_outside: bool


@dataclass(frozen=True, slots=True)
class UnknownImportType:
    """A type of a file that the video cannot have; map it with `rename`."""

    type: str
    count: int
    suggestion: str | None


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did or, with `is_preview`, would do.

    Attributes:
        counts: events of the file by type.
        added: what is new, by type.
        step: of undo; None: nothing was changed.
    """

    is_preview: bool
    format: str
    offset_s: float
    counts: Mapping[str, int]
    added: Mapping[str, int]
    added_count: int
    duplicate_count: int
    unknown_types: tuple[UnknownImportType, ...]
    problem_count: int
    problems: tuple[ImportProblem, ...]
    notes: tuple[str, ...]
    step: str | None
    revision: int

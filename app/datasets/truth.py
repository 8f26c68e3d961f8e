"""What is known to be true of a video: the events of its reviewed stretches.

There, a suggestion that nobody has rejected is an event, if whoever marked the stretch
has seen it; outside, nothing is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from app.annotations.merge import TimelineEvent
from app.annotations.provenance import provenance_of
from app.annotations.reviewed import reviewed_stretches
from app.annotations.reviewed_events import events_as_reviewed
from app.annotations.timelines import View
from app.core.storage.interface import Storage
from app.datasets.problems import ExportFailed
from app.timelines.found_events import event_facts
from app.timelines.queries import analyses_of
from app.timelines.tables import Analysis
from app.videos.parts import checksums_of
from app.videos.tables import Video
from model.data.formats.events import EventFacts
from model.data.formats.provenance import Provenance


@dataclass(frozen=True, slots=True)
class Rejected:
    """A suggestion that a person has rejected in a reviewed stretch."""

    label: str
    time_s: float
    frame: int
    score: float | None


@dataclass(frozen=True, slots=True)
class Truth:
    """A video, as far as somebody has reviewed it.

    Attributes:
        title: of the match, or the name of its file.
        filename: the client's; None if it gave none.
        container: of the file, as FFmpeg calls it.
        storage_key: where its bytes lie.
        sha256: of them; `size_bytes` how many.
        events: of the reviewed stretches, by time, without scores.
        rejected: suggestions there that are none.
        provenance: says what is reviewed, by whom, and what model suggested.
        joined_of: checksums of the files that it was made of, if there are several.
    """

    video_id: UUID
    title: str
    filename: str | None
    container: str | None
    storage_key: str
    sha256: str
    size_bytes: int
    played_on: date | None
    competition: str | None
    teams: tuple[str, ...]
    events: tuple[EventFacts, ...]
    rejected: tuple[Rejected, ...]
    provenance: Provenance
    joined_of: tuple[str, ...] = ()

    @property
    def reviewed_s(self) -> float:
        """How much is reviewed."""
        spans = self.provenance.spans_s or ()
        return sum(end - start for start, end in spans)


def read_truth(
    session: Session, storage: Storage, video_id: UUID, *, view: View
) -> Truth:
    """Read what is known of a video; in a snapshot.

    Raises:
        ExportFailed: it is gone, has no file, or nothing of it is reviewed.
    """
    video = session.get(Video, video_id)
    if video is None:
        raise ExportFailed("it has been deleted")
    if why := why_without_file(video):
        raise ExportFailed(why)
    if video.storage_key is None or video.sha256 is None:
        raise ValueError("a video with a file has a key and a checksum")
    shown = video.current_analysis_id
    analysis = None if shown is None else session.get(Analysis, shown)
    told = provenance_of(session, video, analysis, thresholds={})
    spans = told.spans_s
    if not spans:
        raise ExportFailed("nothing of it is reviewed")
    inside = events_as_reviewed(
        session,
        storage,
        video,
        stretches=reviewed_stretches(session, video.id),
        analyses=session.scalars(analyses_of([video.id])).all(),
        view=view,
    )
    return Truth(
        video_id=video.id,
        title=video.title or video.filename or str(video.id),
        filename=video.filename,
        container=video.container,
        storage_key=video.storage_key,
        sha256=video.sha256,
        size_bytes=video.size_bytes or 0,
        played_on=video.played_on,
        competition=video.competition,
        teams=tuple(team["name"] for team in video.teams or ()),
        events=_events(inside),
        rejected=tuple(
            Rejected(one.label, one.time_ms / 1000, one.frame, one.score)
            for one in inside
            if one.state == "rejected"
        ),
        provenance=told,
        joined_of=checksums_of(video.parts),
    )


def why_without_file(video: Video) -> str | None:
    """Say why a video has no file that could be learned from; None: it has one."""
    if video.dropped_at is not None:
        return "its file was removed by the rules of the project"
    if video.storage_key is None or video.sha256 is None:
        return "its file is not there yet"
    return None


def _events(inside: Sequence[TimelineEvent]) -> tuple[EventFacts, ...]:
    """Give the events that are true; what is true is no network's belief: no score."""
    return tuple(
        event_facts(one)._replace(score=None)
        for one in inside
        if one.state != "rejected"
    )

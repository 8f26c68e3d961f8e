"""What people have reviewed, counted: what a training would be made of.

Read with the statements of the timelines, without exporting anything; the counts are
those of the data set that an export would write.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from app.annotations.merge import TimelineEvent
from app.annotations.reviewed_events import events_as_reviewed
from app.annotations.stretches import Stretch, union
from app.annotations.tables import Annotation, ReviewedStretch
from app.annotations.timelines import View
from app.annotations.wire import line_item
from app.core.storage.interface import Storage
from app.datasets.agreement import Agreement, agreement_in
from app.datasets.naming import groups_of
from app.datasets.truth import why_without_file
from app.timelines.queries import analyses_of
from app.timelines.tables import Analysis
from app.videos.parts import checksums_of
from app.videos.service import video_not_found
from app.videos.tables import Video
from model.data.formats.provenance import Span
from model.data.labels import Event

NOTHING = "nothing of it is reviewed"


@dataclass(frozen=True, slots=True)
class TypeCount:
    """How often a type was found in reviewed stretches.

    Attributes:
        events: that are none of a person's rejections.
        rejected: suggestions that a person rejected: what looks like one and is none.
    """

    events: int = 0
    rejected: int = 0

    def __add__(self, other: "TypeCount") -> "TypeCount":
        return TypeCount(self.events + other.events, self.rejected + other.rejected)


Counts = Mapping[str, TypeCount]


@dataclass(frozen=True, slots=True)
class ReviewedVideo:
    """A video of which something is reviewed, as far as a training is concerned.

    Attributes:
        spans: what is reviewed, in seconds.
        counts: by type.
        events: that are none of a person's rejections, by time.
        joined_of: checksums of the files that it was made of, if there are several.
    """

    id: UUID
    title: str
    filename: str | None
    sha256: str
    played_on: date | None
    competition: str | None
    teams: tuple[str, ...]
    fps: float | None
    spans: tuple[Span, ...]
    counts: Counts
    events: tuple[Event, ...] = ()
    joined_of: tuple[str, ...] = ()

    @property
    def video_id(self) -> UUID:
        """Its id, as a data set calls it."""
        return self.id

    @property
    def reviewed_s(self) -> float:
        """How much is reviewed."""
        return sum(end - start for start, end in self.spans)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A video that cannot be used, and why."""

    id: UUID
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class ReviewedData:
    """All that a training could learn from.

    Attributes:
        videos: the oldest first.
        left_out: those that cannot be used.
        agreement: of people who decided the same events.
    """

    videos: Sequence[ReviewedVideo] = ()
    left_out: Sequence[LeftOut] = ()
    agreement: Agreement = field(default_factory=Agreement)

    @property
    def minutes(self) -> float:
        """How much is reviewed."""
        return sum(one.reviewed_s for one in self.videos) / 60

    @property
    def counts(self) -> Counts:
        """Count the events of all videos by type, the most frequent first."""
        return in_order(added(one.counts for one in self.videos))

    @property
    def match_of(self) -> Mapping[UUID, str]:
        """Name the match that each video is of; halves are of one."""
        groups = groups_of(self.videos)
        return {one.id: name for one, name in zip(self.videos, groups, strict=True)}

    @property
    def matches(self) -> set[str]:
        """Name the matches that the videos are of."""
        return set(self.match_of.values())


def added(many: Iterable[Counts]) -> dict[str, TypeCount]:
    """Add counts up, type by type."""
    total: dict[str, TypeCount] = {}
    for counts in many:
        for label, count in counts.items():
            total[label] = total.get(label, TypeCount()) + count
    return total


def in_order(counts: Counts) -> dict[str, TypeCount]:
    """Sort counts: the most frequent type first, equal ones by name."""
    return dict(sorted(counts.items(), key=lambda one: (-one[1].events, one[0])))


def mapped(counts: Counts, mapping: Mapping[str, str | None]) -> dict[str, TypeCount]:
    """Count types as what they become; those that become nothing are left out."""
    return added(
        {target: count}
        for label, count in counts.items()
        if (target := mapping.get(label, label)) is not None
    )


def read_reviewed(
    session: Session,
    storage: Storage,
    wanted: Collection[UUID] | None,
    *,
    view: View,
) -> ReviewedData:
    """Read what is reviewed; in a snapshot.

    Args:
        wanted: ids of videos; None: all of which something is reviewed.

    Raises:
        VideoNotFound: one that is wanted is not there.
    """
    videos = session.scalars(_videos(wanted)).all()
    if wanted is not None:
        for missing in sorted(set(wanted) - {one.id for one in videos}):
            raise video_not_found(missing)
    ids = [one.id for one in videos]
    stretches = _stretches(session, ids)
    analyses: dict[UUID, list[Analysis]] = {}
    for row in session.scalars(analyses_of(ids)):
        analyses.setdefault(row.video_id, []).append(row)
    left_out: list[LeftOut] = []
    found: list[ReviewedVideo] = []
    for video in videos:
        why = why_without_file(video) or (None if stretches.get(video.id) else NOTHING)
        if why is not None:
            left_out.append(LeftOut(video.id, _title(video), why))
            continue
        events = events_as_reviewed(
            session,
            storage,
            video,
            stretches=stretches[video.id],
            analyses=analyses.get(video.id, ()),
            view=view,
        )
        found.append(_reviewed_video(video, _spans(stretches[video.id]), events))
    agreement = _agreement(session, [one.id for one in found])
    return ReviewedData(found, left_out, agreement)


def _reviewed_video(
    video: Video, spans: tuple[Span, ...], inside: Sequence[TimelineEvent]
) -> ReviewedVideo:
    true = tuple(
        Event(one.label, one.time_ms / 1000)
        for one in inside
        if one.state != "rejected"
    )
    found = Counter(one.label for one in true)
    rejected = Counter(one.label for one in inside if one.state == "rejected")
    counts = {
        label: TypeCount(found[label], rejected[label])
        for label in {**found, **rejected}
    }
    return ReviewedVideo(
        id=video.id,
        title=_title(video),
        filename=video.filename,
        sha256=video.sha256 or "",
        played_on=video.played_on,
        competition=video.competition,
        teams=tuple(team["name"] for team in video.teams or ()),
        fps=video.fps,
        spans=spans,
        counts=in_order(counts),
        events=true,
        joined_of=checksums_of(video.parts),
    )


def _title(video: Video) -> str:
    return video.title or video.filename or str(video.id)


def _videos(wanted: Collection[UUID] | None) -> Select[Video]:
    ids = select(ReviewedStretch.video_id) if wanted is None else wanted
    return select(Video).where(Video.id.in_(ids)).order_by(Video.id)


def _stretches(
    session: Session, video_ids: Collection[UUID]
) -> dict[UUID, list[Stretch]]:
    """Read what is reviewed of videos; those of nothing are left out."""
    rows = session.scalars(
        select(ReviewedStretch).where(ReviewedStretch.video_id.in_(video_ids))
    )
    found: dict[UUID, list[Stretch]] = {}
    for row in rows:
        one = Stretch(row.from_ms, row.to_ms, row.author, row.created_at)
        found.setdefault(row.video_id, []).append(one)
    return found


def _spans(stretches: Iterable[Stretch]) -> tuple[Span, ...]:
    """Join stretches, in seconds."""
    joined = union((one.from_ms, one.to_ms) for one in stretches)
    return tuple((start / 1000, end / 1000) for start, end in joined)


def _agreement(session: Session, video_ids: Collection[UUID]) -> Agreement:
    """Compare what people say of the events that two or more have decided."""
    contested = (
        select(Annotation.video_id, Annotation.event_id)
        .where(Annotation.video_id.in_(video_ids))
        .group_by(Annotation.video_id, Annotation.event_id)
        .having(func.count(Annotation.author.distinct()) > 1)
    )
    lines = session.scalars(
        select(Annotation)
        .where(
            Annotation.video_id.in_(video_ids),
            tuple_(Annotation.video_id, Annotation.event_id).in_(contested),
        )
        .order_by(Annotation.video_id, Annotation.revision, Annotation.id)
    )
    return agreement_in(
        {"event_id": str(line.event_id), **line_item(line)} for line in lines
    )

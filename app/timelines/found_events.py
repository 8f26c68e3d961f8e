"""The events that a list or a file is made of."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy.orm import Session

from app.annotations.merge import TimelineEvent
from app.annotations.provenance import choice_of, provenance_of
from app.annotations.selection import EventQuery, select_events
from app.annotations.states import TEAM
from app.annotations.timelines import MergedTimeline, View, etag_of, read_timeline
from app.core.errors import InvalidCursor
from app.core.http.cursors import EventsCursor
from app.core.http.preconditions import is_same
from app.core.resources import Resources
from app.event_types.queries import type_names
from app.jobs.kinds import JobKind
from app.timelines.filters import check_teams, check_types
from app.timelines.shown import no_timeline
from app.timelines.tables import Analysis
from app.timelines.thresholds import check_thresholds, refuse_unknown
from app.videos.queries import video_with_jobs
from app.videos.service import video_not_found
from app.videos.tables import Video
from model.data.formats.events import EventFacts
from model.data.formats.provenance import Provenance


@dataclass(frozen=True, slots=True)
class EventsRequest:
    """What a request asks for.

    Attributes:
        is_raw: what the model said, whatever people made of it.
        start: where a page begins; None: the first one.
        thresholds: by type, in place of saved ones and the checkpoint's.
        ghosts: what lies below the thresholds, too.
        provenance: tell where the events come from.
    """

    video_id: UUID
    wanted: EventQuery
    is_raw: bool = False
    start: EventsCursor | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    ghosts: bool = False
    provenance: bool = False


@dataclass(frozen=True, slots=True)
class EventsResult:
    """What there is.

    Attributes:
        analysis_id: what the model's events are of; None: there is no analysis.
        is_known: the client has it already; `events` is empty then.
        provenance: where the events come from; None: that was not asked.
    """

    video: Video
    analysis_id: UUID | None
    events: Sequence[TimelineEvent]
    etag: str
    is_known: bool = False
    provenance: Provenance | None = None


def find_events(
    asked: EventsRequest,
    resources: Resources,
    *,
    limit: int | None,
    has: str | None = None,
) -> EventsResult:
    """Find the events that are asked for, at one moment.

    Args:
        has: `If-None-Match` of the request.

    Raises:
        VideoNotFound: no video has that id.
        NoTimeline: no job has come to its end yet, and nobody has said anything.
        InvalidCursor: the cursor's analysis is not one of this video.
        UnknownType, UnknownTeam: no event can pass the filter, or have the threshold.
        ScoresNotFound, AnalysisTooOld: the score curves are needed, and they are gone,
            or how to read them is not known.
    """
    return resources.read(
        lambda session: _find(session, asked, resources, limit=limit, has=has)
    )


def event_facts(event: TimelineEvent) -> EventFacts:
    """Read what every file tells of an event; attributes are texts there."""
    attributes = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in event.attributes.items()
        if name != TEAM
    }
    return EventFacts(
        *(str(event.id), event.label, event.time_ms, event.frame, event.score),
        *(event.team, attributes),
    )


def _find(
    session: Session,
    asked: EventsRequest,
    resources: Resources,
    *,
    limit: int | None,
    has: str | None,
) -> EventsResult:
    wanted, start = asked.wanted, asked.start
    view = View(resources.settings.match_tolerance, asked.thresholds, asked.ghosts)
    video, analysis = _to_read(session, asked)
    _check_thresholds(asked, analysis, resources)
    view = view.in_force(session, analysis)
    analysis_id = None if analysis is None else analysis.id
    etag = etag_of(video, analysis, view)
    if is_same(etag, has):
        return EventsResult(video, analysis_id, (), etag, is_known=True)
    timeline = read_timeline(session, resources.storage, video, analysis, view)
    _check_filter(session, wanted, timeline, analysis, resources)
    told = _provenance(session, asked, video, analysis)
    events = timeline.undecided if asked.is_raw else timeline.events
    after = None if start is None else (start.time_ms, start.id.int)
    found = select_events(events, wanted, after=after, limit=limit)
    return EventsResult(video, analysis_id, found, etag, provenance=told)


def _provenance(
    session: Session, asked: EventsRequest, video: Video, analysis: Analysis | None
) -> Provenance | None:
    """Tell where the events that are asked for come from."""
    if not asked.provenance:
        return None
    told = provenance_of(
        *(session, video, analysis), thresholds=asked.thresholds, is_raw=asked.is_raw
    )
    wanted = asked.wanted
    first_ms = 0 if wanted.from_ms is None else wanted.from_ms
    # The last moment that is asked for is included.
    end_s = math.inf if wanted.to_ms is None else (wanted.to_ms + 1) / 1000
    return replace(
        told.within((first_ms / 1000, end_s)), choice=choice_of(asked.wanted)
    )


def _to_read(session: Session, asked: EventsRequest) -> tuple[Video, Analysis | None]:
    """Find a video and the analysis that is read: the cursor's, else the shown one."""
    found = session.execute(video_with_jobs(asked.video_id)).one_or_none()
    if found is None:
        raise video_not_found(asked.video_id)
    video, latest, shown = found
    if asked.start is None:
        can_be_without = latest.kind != JobKind.SPOT or video.revision > 0
        if shown is None and (asked.is_raw or not can_be_without):
            raise no_timeline(latest)
        return video, shown
    if asked.start.analysis is None:
        return video, None
    analysis = session.get(Analysis, asked.start.analysis)
    if analysis is None or analysis.video_id != video.id:
        raise InvalidCursor("The cursor was made for another video.")
    return video, analysis


def _check_thresholds(
    asked: EventsRequest, analysis: Analysis | None, resources: Resources
) -> None:
    if not asked.thresholds:
        return
    if analysis is None:
        refuse_unknown(asked.thresholds, ())
    else:
        check_thresholds(asked.thresholds, analysis, resources.storage)


def _check_filter(
    session: Session,
    wanted: EventQuery,
    timeline: MergedTimeline,
    analysis: Analysis | None,
    resources: Resources,
) -> None:
    decided = [one.event for one in timeline.decisions.values()]
    if wanted.labels:
        in_use = {event.label for event in decided} | set(session.scalars(type_names()))
        check_types(wanted.labels, analysis, resources.storage, in_use=in_use)
    if wanted.teams:
        teams = {team for one in timeline.events if (team := one.team) is not None}
        check_teams(wanted.teams, analysis, in_use=teams)

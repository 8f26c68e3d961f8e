"""The merged timeline of a video, read at one moment and kept while nothing changes.

What is kept is named by all it depends on, so that it is never stale; a process keeps
a bounded number of events.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.annotations.merge import TimelineEvent, match, merged, undecided_events
from app.annotations.queries import decisions_of, decisions_on, touched_since
from app.annotations.states import Anchor, Decided, EventState
from app.core.lru import WeightedLru
from app.core.storage.interface import Storage
from app.timelines.problems import AnalysisTooOld, NoTimeline, ScoresNotFound
from app.timelines.suggestions import (
    Suggestion,
    stored_suggestions,
    suggestions_of,
)
from app.timelines.tables import Analysis
from app.timelines.thresholds import thresholds_in_force
from app.videos.tables import Video

MAX_KEPT_EVENTS = 150_000  # of all timelines together; about 100 MB
MOST_TOUCHED = 10_000  # that are read by their ids; of more, all are


@dataclass(frozen=True, slots=True)
class View:
    """How suggestions are looked at.

    Attributes:
        tolerance: how far a suggestion may lie from a decision that it is about.
        thresholds: by label, instead of saved ones and the checkpoint's.
        ghosts: show what lies below the thresholds, too.
        is_in_force: saved thresholds are among them already.
        is_asked: some were asked for, or ghosts; else what is saved is a wish.
    """

    tolerance: timedelta
    thresholds: Mapping[str, float] = field(default_factory=dict)
    ghosts: bool = False
    is_in_force: bool = False
    is_asked: bool = False

    def in_force(self, session: Session, analysis: Analysis | None) -> "View":
        """Add the thresholds that are saved, which a timeline is kept by as well."""
        if self.is_in_force or analysis is None:
            return self
        thresholds = thresholds_in_force(session, analysis, self.thresholds)
        is_asked = bool(self.thresholds) or self.ghosts
        return replace(self, thresholds=thresholds, is_in_force=True, is_asked=is_asked)

    @property
    def tolerance_ms(self) -> int:
        """The tolerance in milliseconds."""
        return round(self.tolerance.total_seconds() * 1000)

    @property
    def digest(self) -> str:
        """Name the view in an ETag."""
        thresholds = dict(self.thresholds)
        words = json.dumps([self.tolerance_ms, thresholds, self.ghosts], sort_keys=True)
        return hashlib.sha256(words.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class MergedTimeline:
    """A video's timeline as it stood at one revision; not to be changed.

    Attributes:
        events: by (time, id).
        suggestions: what the analysis says, by id.
        undecided: the same as events, as if nobody had decided anything.
        decisions: what people say, by the id of the event.
        taken: the decided event that a suggestion is shown as, by its id.
        version: of the analysis, which goes up while it is of a live stream.
    """

    events: list[TimelineEvent]
    suggestions: Mapping[UUID, Suggestion]
    undecided: list[TimelineEvent]
    decisions: Mapping[UUID, Decided]
    taken: Mapping[UUID, UUID]
    analysis_id: UUID | None
    revision: int
    version: int = 0
    by_id: Mapping[UUID, TimelineEvent] = field(default_factory=dict)

    def find(self, event_id: UUID) -> TimelineEvent | None:
        """Find an event by its id, or by that of the suggestion it takes."""
        return self.by_id.get(self.taken.get(event_id, event_id))

    def taken_by(self, event_ids: Iterable[UUID]) -> tuple[UUID, ...]:
        """List the suggestions that these decided events are shown for."""
        wanted = set(event_ids)
        return tuple(one for one, taker in self.taken.items() if taker in wanted)


def etag_of(video: Video, analysis: Analysis | None, view: View) -> str:
    """Name the state of a video's timeline."""
    shown = "none"
    if analysis is not None:
        of_live = f".{analysis.version}" if analysis.version else ""
        shown = f"{analysis.id}{of_live}"
    return f'"{shown}-{video.revision}-{view.digest}"'


def read_timeline(
    session: Session,
    storage: Storage,
    video: Video,
    analysis: Analysis | None,
    view: View,
) -> MergedTimeline:
    """Read the merged timeline of a video.

    Video and decisions must be read at one moment: in a snapshot, or with the video's
    row locked before anything was changed.

    Args:
        analysis: what the network says; None: only what people said.

    Raises:
        ScoresNotFound, AnalysisTooOld: ghosts or other thresholds are asked for, and
            the score curves are gone, or how to read them is not known.
        UnknownType: a threshold is of a type the analysis does not know.
    """
    view = view.in_force(session, analysis)
    analysis_id = None if analysis is None else analysis.id
    name = (video.id, analysis_id, view.digest, view.is_asked)
    kept = _TIMELINES.get(name)
    version = 0 if analysis is None else analysis.version
    if kept is not None and kept.version != version:
        kept = None
    if kept is not None and kept.revision == video.revision:
        return kept
    found = _read(session, storage, video, analysis, view, kept)
    if kept is None or kept.revision < found.revision:
        _TIMELINES.put(name, found, weight=len(found.events))
    return found


def _read(
    session: Session,
    storage: Storage,
    video: Video,
    analysis: Analysis | None,
    view: View,
    before: MergedTimeline | None,
) -> MergedTimeline:
    """Merge anew; of another revision the suggestions are the same."""
    if before is None:
        before = _without_decisions(session, storage, analysis, view)
    decisions = _read_decisions(session, video)
    decided = list(decisions.values())
    taken = match(
        list(before.suggestions.values()),
        decided,
        tolerance_ms=view.tolerance_ms,
        analysis_id=before.analysis_id,
    )
    events = merged(before.undecided, before.suggestions, decided, taken, before.by_id)
    return replace(
        before,
        events=events,
        decisions=decisions,
        taken=taken,
        revision=video.revision,
        by_id={event.id: event for event in events},
    )


def _without_decisions(
    session: Session, storage: Storage, analysis: Analysis | None, view: View
) -> MergedTimeline:
    suggestions: list[Suggestion] = []
    if analysis is not None:
        suggestions = _suggestions(session, storage, analysis, view)
    return MergedTimeline(
        events=[],
        suggestions={one.id: one for one in suggestions},
        undecided=undecided_events(suggestions),
        decisions={},
        taken={},
        analysis_id=None if analysis is None else analysis.id,
        revision=-1,
        version=0 if analysis is None else analysis.version,
    )


def _suggestions(
    session: Session, storage: Storage, analysis: Analysis, view: View
) -> list[Suggestion]:
    """List what an analysis suggests.

    Where saved thresholds cannot be applied any more, the events are those that were
    stored: what people say of them must be read and go on all the same.
    """
    try:
        return suggestions_of(
            *(session, storage, analysis),
            thresholds=view.thresholds,
            ghosts=view.ghosts,
        )
    except (ScoresNotFound, AnalysisTooOld, NoTimeline):
        if view.is_asked:
            raise
        return stored_suggestions(session, analysis)


def _read_decisions(session: Session, video: Video) -> Mapping[UUID, Decided]:
    """Read what was decided; of what is kept, only what steps since have touched."""
    kept = _DECISIONS.get(video.id)
    if kept is not None and kept[0] == video.revision:
        return kept[1]
    touched: set[UUID] | None = None
    if kept is not None and kept[0] < video.revision:
        touched = set(session.scalars(touched_since(video.id, kept[0])))
    if kept is None or touched is None or len(touched) > MOST_TOUCHED:
        rows = session.execute(decisions_of(video.id))
        found = {row.event_id: decided_by(row) for row in rows}
    else:
        changed = session.execute(decisions_on(video.id, touched)) if touched else ()
        found = {key: one for key, one in kept[1].items() if key not in touched}
        found.update({row.event_id: decided_by(row) for row in changed})
    if kept is None or kept[0] < video.revision:
        _DECISIONS.put(video.id, (video.revision, found), weight=len(found))
    return found


def decided_by(row: Any) -> Decided:
    """Read a row of the projection, of all its columns."""
    anchor = None
    if row.anchor_label is not None:
        anchor = Anchor(
            label=row.anchor_label,
            frame=row.anchor_frame or 0,
            time_ms=row.anchor_time_ms or 0,
            team=row.anchor_team,
            analysis_id=row.anchor_analysis_id,
        )
    event = EventState(
        event_id=row.event_id,
        state=row.state,
        label=row.label,
        frame=row.frame,
        time_ms=row.time_ms,
        score=row.score,
        attributes=row.attributes,
        anchor=anchor,
        author=row.author,
        decided_at=row.decided_at,
    )
    return Decided(event, row.revision)


# The last revision of each video, analysis and view; and what was decided of a video.
_TIMELINES: WeightedLru[tuple[UUID, UUID | None, str, bool], MergedTimeline] = (
    WeightedLru(MAX_KEPT_EVENTS)
)
_DECISIONS: WeightedLru[UUID, tuple[int, Mapping[UUID, Decided]]] = WeightedLru(
    MAX_KEPT_EVENTS
)

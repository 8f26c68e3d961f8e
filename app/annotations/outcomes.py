"""What a step left: its events as they now are, and those that are no more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.orm import Session

from app.annotations.editing import Transition
from app.annotations.lookup import UnshownSuggestions
from app.annotations.merge import TimelineEvent
from app.annotations.queries import rows_of_step
from app.annotations.service import Step, merged_timeline
from app.annotations.states import Decided, EventState
from app.annotations.timelines import View
from app.core.errors import EventNotFound
from app.core.storage.interface import Storage
from app.timelines.tables import Analysis
from app.videos.service import find_video
from app.videos.tables import Video


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step left.

    Attributes:
        events: those it is about, and suggestions that are shown again.
        gone: what is no longer shown: added and undone, or shown as another event.
    """

    step_id: UUID | None
    revision: int
    events: Sequence[TimelineEvent]
    gone: Sequence[UUID]


def outcome_of(
    session: Session, storage: Storage, video_id: UUID, step: Step, *, view: View
) -> Outcome:
    """Look at a video's events after a step, in a snapshot.

    Raises:
        VideoNotFound: it has been deleted meanwhile.
    """
    video = find_video(session, video_id)
    timeline = merged_timeline(session, storage, video, view=view)
    unshown = _unshown(session, storage, video)
    taken_back = {  # what lies below the thresholds is a ghost again
        one.event_id for one in step.transitions if one.before and one.before.anchor
    }
    ids = [*step.event_ids, *step.freed, *timeline.taken_by(step.event_ids)]
    events: dict[UUID, TimelineEvent] = {}
    gone: list[UUID] = []
    for event_id in dict.fromkeys(ids):
        found = timeline.by_id.get(event_id)
        if event_id in taken_back and found is None and event_id not in timeline.taken:
            ghost = unshown.find_ghost(event_id)
            found = None if ghost is None else TimelineEvent.of_suggestion(ghost)
        if found is None:
            gone.append(event_id)
        else:
            events[found.id] = found
    return Outcome(step.step_id, video.revision, list(events.values()), gone)


def find_event(
    session: Session, storage: Storage, video_id: UUID, event_id: UUID, *, view: View
) -> TimelineEvent:
    """Find an event of a video's timeline, or a suggestion that is not shown.

    Raises:
        VideoNotFound, EventNotFound: there is no such video or event.
    """
    video = find_video(session, video_id)
    timeline = merged_timeline(session, storage, video, view=view)
    found = timeline.find(event_id)
    if found is not None:
        return found
    unshown = _unshown(session, storage, video)
    ghost = unshown.find_ghost(event_id)
    if ghost is not None:
        return TimelineEvent.of_suggestion(ghost)
    state = unshown.find(timeline, event_id)
    if state is None:
        raise EventNotFound(f"The timeline of this video has no event {event_id}.")
    return as_event(state)


def step_again(
    session: Session, video_id: UUID, step_id: UUID | None, named: tuple[UUID, ...]
) -> Step:
    """Read a step from the log, for a request that is sent again.

    Args:
        step_id: null: it changed nothing.
        named: the events that the request names.
    """
    if step_id is None:
        return Step(None, named)
    transitions = tuple(
        Transition(
            line.event_id,
            before=_state(line.event_id, line.before),
            after=_state(line.event_id, line.after),
        )
        for line in session.scalars(rows_of_step(video_id, step_id))
    )
    ids = dict.fromkeys((*named, *(one.event_id for one in transitions)))
    return Step(step_id, tuple(ids), transitions)


def as_it_was(step: Step, event_id: UUID) -> TimelineEvent:
    """Show an event that is not in the timeline: as made, or as suggested."""
    for one in step.transitions:
        if one.event_id == event_id:
            if one.after is not None:
                return as_event(one.after)
            if one.before is not None and one.before.anchor is not None:
                return as_event(_suggested_again(one.before))
    raise EventNotFound(f"The timeline of this video has no event {event_id}.")


def as_event(state: EventState, version: int = 0) -> TimelineEvent:
    """Show an event by itself."""
    score = state.score if state.anchor else None
    return TimelineEvent.of_decision(Decided(state, version), score)


def _suggested_again(state: EventState) -> EventState:
    anchor = state.anchor
    if anchor is None:
        return state
    return replace(
        state,
        state="suggested",
        label=anchor.label,
        frame=anchor.frame,
        time_ms=anchor.time_ms,
        attributes=anchor.attributes,
        author=None,
        decided_at=None,
    )


def _unshown(session: Session, storage: Storage, video: Video) -> UnshownSuggestions:
    shown = video.current_analysis_id
    analysis = None if shown is None else session.get(Analysis, shown)
    return UnshownSuggestions(session, storage, video, analysis)


def _state(event_id: UUID, written: dict[str, object] | None) -> EventState | None:
    return None if written is None else EventState.from_json(event_id, written)

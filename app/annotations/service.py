"""What people say of events: every change is a step, written under the video's lock.

A step is one transaction: the lines of the log, the decisions they come to, and the
video's revision. What the network says is never touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.annotations.changes import Change
from app.annotations.editing import Editing, Transition
from app.annotations.queries import forget_decisions, history_of, lock_for_edit
from app.annotations.states import Action
from app.annotations.step_rows import copy_decisions, copy_lines
from app.annotations.tables import Annotation
from app.annotations.timelines import MergedTimeline, View, read_timeline
from app.core.db.base import new_id
from app.core.errors import (
    RequestProblem,
)
from app.core.storage.interface import Storage
from app.timelines.tables import Analysis
from app.videos.service import video_not_found
from app.videos.tables import Video


@dataclass(frozen=True, slots=True)
class Step:
    """What one request did.

    Attributes:
        step_id: null: nothing was to be changed.
        event_ids: the events that it is about, in the order they were named.
        transitions: what became of those that changed.
        freed: suggestions that those were shown as before.
    """

    step_id: UUID | None
    event_ids: tuple[UUID, ...]
    transitions: tuple[Transition, ...] = ()
    freed: tuple[UUID, ...] = ()


def lock_video(session: Session, video_id: UUID) -> Video:
    """Hold a video for one step; others wait for its end.

    Raises:
        VideoNotFound: it is not there, or has been deleted meanwhile.
    """
    video = session.scalar(lock_for_edit(video_id))
    if video is None:
        raise video_not_found(video_id)
    return video


def apply_changes(
    session: Session,
    video: Video,
    changes: Sequence[Change],
    *,
    storage: Storage,
    view: View,
    author: str,
    now: datetime,
    action: Action | None = None,
) -> Step:
    """Apply changes to a locked video's events, all or none, as one step.

    Args:
        view: how the suggestions are seen that are spoken on.
        action: for the log; else what happened to each event.

    Raises:
        RequestProblem: what is wrong with the first bad change; of several changes it
            has `index`, from 0. Nothing is written.
    """
    editing = Editing(session, storage, video, view, author, now)
    for index, change in enumerate(changes):
        try:
            editing.apply(change)
        except RequestProblem as problem:
            if len(changes) > 1:
                problem.extra["index"] = index
                problem.detail = f"changes[{index}]: {problem.detail}"
            raise
    transitions = editing.transitions()
    freed = editing.taken_by(one.event_id for one in transitions)
    step = write_step(
        session, video, transitions, author=author, now=now, action=action
    )
    return replace(step, event_ids=tuple(editing.named), freed=freed)


def write_step(
    session: Session,
    video: Video,
    transitions: Sequence[Transition],
    *,
    author: str,
    now: datetime,
    action: Action | None = None,
    reverts: UUID | None = None,
) -> Step:
    """Write what happens to events: log, decisions and revision together."""
    event_ids = tuple(one.event_id for one in transitions)
    if not transitions:
        return Step(None, event_ids)
    video.revision += 1
    step_id = new_id()
    session.flush()
    copy_lines(
        session,
        transitions,
        video_id=video.id,
        revision=video.revision,
        step_id=step_id,
        author=author,
        now=now,
        action=action,
        reverts=reverts,
    )
    decided = [one.event_id for one in transitions if one.before is not None]
    if decided:
        session.execute(forget_decisions(video.id, decided))
    events = [one.after for one in transitions if one.after is not None]
    copy_decisions(session, events, video_id=video.id, revision=video.revision)
    return Step(step_id, event_ids, tuple(transitions))


def merged_timeline(
    session: Session,
    storage: Storage,
    video: Video,
    *,
    view: View,
) -> MergedTimeline:
    """Read what a video shows, with what people said; in a snapshot."""
    shown = video.current_analysis_id
    analysis = None if shown is None else session.get(Analysis, shown)
    return read_timeline(session, storage, video, analysis, view)


def history(
    session: Session, video_id: UUID, event_id: UUID, *, since: int = 0
) -> Sequence[Annotation]:
    """List what was done to an event after a revision, the oldest first."""
    return session.scalars(history_of(video_id, event_id, after=since)).all()

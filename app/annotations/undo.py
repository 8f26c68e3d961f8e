"""Undo and redo, each author by themselves: a new step that inverts an earlier one.

The log tells what can be undone. A step that reverts none is a change; one that
reverts a change undoes it, one that reverts an undoing redoes it, and so on. Undoing
inverts the last change or redoing that still holds; a new change leaves nothing to
redo.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.orm import Session

from app.annotations.editing import Transition
from app.annotations.problems import NothingToRedo, NothingToUndo, UndoConflict
from app.annotations.queries import decisions_on, rows_of_step, steps_of
from app.annotations.service import Step, merged_timeline, write_step
from app.annotations.states import EventState
from app.annotations.tables import Annotation
from app.annotations.timelines import View, decided_by
from app.core.storage.interface import Storage
from app.videos.tables import Video

Direction = Literal["undo", "redo"]


@dataclass(slots=True)
class Walk:
    """Where an author stands among their own steps.

    Attributes:
        can_undo: the steps that undoing inverts, the last one first to go.
        can_redo: the undoings that redoing inverts, likewise.
    """

    can_undo: list[UUID] = field(default_factory=list)
    can_redo: list[UUID] = field(default_factory=list)

    @classmethod
    def of(cls, steps: Iterable[tuple[UUID, UUID | None]]) -> "Walk":
        """Follow an author's steps, oldest first, each with the one it reverts."""
        walk = cls()
        undoings: set[UUID] = set()
        for step_id, reverts in steps:
            if reverts is None:
                walk.can_undo.append(step_id)
                walk.can_redo.clear()
            elif reverts in undoings:
                walk.can_redo.remove(reverts)
                walk.can_undo.append(step_id)
            else:
                walk.can_undo.remove(reverts)
                walk.can_redo.append(step_id)
                undoings.add(step_id)
        return walk


def revert(
    session: Session,
    video: Video,
    direction: Direction,
    *,
    storage: Storage,
    view: View,
    author: str,
    now: datetime,
) -> Step:
    """Undo an author's last step on a locked video, or redo the last undone one.

    Raises:
        NothingToUndo, NothingToRedo: there is no such step.
        UndoConflict: somebody else has changed its events since; nothing is done.
    """
    steps = [tuple(row) for row in session.execute(steps_of(video.id, author))]
    walk = Walk.of(steps)  # type: ignore[arg-type]  # rows of two columns
    last = _last_of(walk, direction)
    lines = session.scalars(rows_of_step(video.id, last)).all()
    transitions = [_inverse(line) for line in lines]
    _check_untouched(session, video.id, transitions)
    timeline = merged_timeline(session, storage, video, view=view)
    freed = timeline.taken_by(one.event_id for one in transitions)
    step = write_step(session, video, transitions, author=author, now=now, reverts=last)
    return replace(step, freed=freed)


def _last_of(walk: Walk, direction: Direction) -> UUID:
    if direction == "undo":
        if not walk.can_undo:
            raise NothingToUndo("You have changed nothing here that is not undone.")
        return walk.can_undo[-1]
    if not walk.can_redo:
        raise NothingToRedo("You have undone nothing since your last change.")
    return walk.can_redo[-1]


def _inverse(line: Annotation) -> Transition:
    return Transition(
        line.event_id,
        before=_state(line.event_id, line.after),
        after=_state(line.event_id, line.before),
    )


def _state(event_id: UUID, written: dict[str, object] | None) -> EventState | None:
    return None if written is None else EventState.from_json(event_id, written)


def _check_untouched(
    session: Session, video_id: UUID, transitions: Sequence[Transition]
) -> None:
    """Refuse to change what is not as the step left it.

    Raises:
        UndoConflict: names the events, and who decided them since.
    """
    ids = [one.event_id for one in transitions]
    found = [decided_by(row) for row in session.execute(decisions_on(video_id, ids))]
    now = {decided.event.event_id: decided for decided in found}
    conflicts = []
    for one in transitions:
        decided = now.get(one.event_id)
        if (decided.event if decided else None) != one.before:
            conflicts.append(
                {
                    "event_id": str(one.event_id),
                    "author": decided.event.author if decided else None,
                    "version": decided.revision if decided else 0,
                }
            )
    if conflicts:
        others = sorted({str(one["author"]) for one in conflicts if one["author"]})
        by = ", ".join(others) or "somebody who took a decision back"
        raise UndoConflict(
            f"{len(conflicts)} of its events were changed since by {by}; nothing was "
            "done. Change the events themselves.",
            conflicts=conflicts,
        )

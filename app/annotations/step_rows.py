"""The rows of a step, written with COPY: an import has tens of thousands of them."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.annotations.editing import Transition
from app.annotations.states import Action, EventState, action_between
from app.annotations.tables import Annotation, Decision
from app.core.db.base import new_id
from app.core.db.copying import copy_rows

LINES = (
    *("id", "video_id", "revision", "step_id", "event_id", "author", "action"),
    *("before", "after", "reverts", "created_at"),
)
DECISIONS = (
    *("video_id", "event_id", "state", "source", "label", "frame", "time_ms"),
    *("score", "attributes", "anchor_label", "anchor_frame", "anchor_time_ms"),
    *("anchor_team", "anchor_analysis_id", "revision", "author", "decided_at"),
)


def copy_lines(
    session: Session,
    transitions: Iterable[Transition],
    *,
    video_id: UUID,
    revision: int,
    step_id: UUID,
    author: str,
    now: datetime,
    action: Action | None,
    reverts: UUID | None,
) -> None:
    """Write the lines of the log; see `write_step`."""
    rows = (
        (
            *(new_id(), video_id, revision, step_id, one.event_id, author),
            action or action_between(one.before, one.after),
            *(_json(one.before), _json(one.after), reverts, now),
        )
        for one in transitions
    )
    copy_rows(session, Annotation.__tablename__, LINES, rows)


def copy_decisions(
    session: Session, events: Iterable[EventState], *, video_id: UUID, revision: int
) -> None:
    """Write what was decided of events that have no decision yet."""
    rows = (_decision(event, video_id, revision) for event in events)
    copy_rows(session, Decision.__tablename__, DECISIONS, rows)


def _decision(event: EventState, video_id: UUID, revision: int) -> Sequence[object]:
    anchor = event.anchor
    said: Sequence[object] = (None,) * 5
    if anchor is not None:
        said = (
            *(anchor.label, anchor.frame, anchor.time_ms, anchor.team),
            anchor.analysis_id,
        )
    return (
        *(video_id, event.event_id, event.state, event.source, event.label),
        *(event.frame, event.time_ms, event.score, json.dumps(dict(event.attributes))),
        *said,
        *(revision, event.author, event.decided_at),
    )


def _json(event: EventState | None) -> str | None:
    return None if event is None else json.dumps(event.to_json())

"""Events and lines of the log as JSON has them."""

from typing import Any

from app.annotations.merge import TimelineEvent
from app.annotations.tables import Annotation

SCORE_PLACES = 4


def event_item(event: TimelineEvent) -> dict[str, object]:
    """Give the JSON object of an event; see `app.timelines.schemas.Event`."""
    score = event.score
    return {
        "id": str(event.id),
        "type": event.label,
        "time_s": event.time_ms / 1000,
        "frame": event.frame,
        "score": None if score is None else round(score, SCORE_PLACES),
        "team": event.team,
        "state": event.state,
        "source": event.source,
        "attributes": event.attributes,
        "is_ghost": event.is_ghost,
        "is_provisional": event.is_provisional,
        "version": event.version,
        "decided_by": event.author,
        "decided_at": event.decided_at.isoformat() if event.decided_at else None,
    }


def line_item(line: Annotation) -> dict[str, Any]:
    """Give the JSON object of a line of the log; see `schemas.HistoryEntry`."""
    return {
        "revision": line.revision,
        "step": str(line.step_id),
        "action": line.action,
        "author": line.author,
        "before": _content(line.before),
        "after": _content(line.after),
        "reverts": str(line.reverts) if line.reverts else None,
        "created_at": line.created_at.isoformat(),
    }


def _content(written: dict[str, Any] | None) -> dict[str, Any] | None:
    if written is None:
        return None
    return {
        "state": written["state"],
        "type": written["label"],
        "time_s": written["time_ms"] / 1000,
        "frame": written["frame"],
        "attributes": written["attributes"],
        "decided_by": written["author"],
        "decided_at": written["decided_at"],
    }

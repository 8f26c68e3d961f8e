"""Changes, gaps and states of live streams as JSON has them; see docs/live.md."""

from typing import Literal

from app.jobs.tables import Job
from app.live.service import state_of
from app.live.tables import LiveChange, LiveGap, LiveStream

PLACES = 4  # of scores


def change_item(change: LiveChange) -> dict[str, object]:
    """Give the JSON object of a change, as docs/live.md has it."""
    return {
        "number": change.number,
        "id": str(change.event_id),
        "type": change.label,
        "time_s": change.time_ms / 1000,
        "wall": change.wall.isoformat(),
        "frame": change.frame,
        "score": round(change.score, PLACES),
        "team": change.team,
        "is_provisional": change.kind == "provisional",
        "replaces": None if change.replaces is None else str(change.replaces),
    }


def gap_item(gap: LiveGap) -> dict[str, object]:
    """Give the JSON object of a gap."""
    return {
        "from_s": round(gap.from_s, 3),
        "to_s": round(gap.to_s, 3),
        "reason": gap.reason,
        "from_wall": None if gap.from_wall is None else gap.from_wall.isoformat(),
        "to_wall": None if gap.to_wall is None else gap.to_wall.isoformat(),
    }


def recording_of(stream: LiveStream) -> Literal["on", "off", "stopped"]:
    """Tell whether a stream is recorded."""
    if not stream.record:
        return "off"
    return "on" if stream.recording_problem is None else "stopped"


def status_of(stream: LiveStream, job: Job) -> dict[str, object]:
    """Tell how a stream stands, for those who watch it."""
    return {
        "state": state_of(stream, job),
        "edge_s": round(stream.edge_s, 3),
        "recorded_s": round(stream.recorded_s, 3),
        "changes": stream.changes,
        "recording": recording_of(stream),
        "look_ahead_s": stream.look_ahead_s,
        "error": job.error_code if job.status == "failed" else None,
    }

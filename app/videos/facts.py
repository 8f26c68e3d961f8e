"""Match facts of a video: changed in transactions given to it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.errors import InvalidRequest
from app.core.http.preconditions import is_seen
from app.videos.problems import FactsChanged
from app.videos.service import video_not_found
from app.videos.tables import HalfFacts, Video

ROUNDED_S = 0.5
"""How far a half may reach beyond the end: clients round a video's length."""


def change_facts(
    session: Session,
    video_id: UUID,
    changes: Mapping[str, Any],
    *,
    if_match: str | None = None,
) -> Video:
    """Change title and match facts; their version goes up if one has another value.

    Args:
        changes: new values, by the column's name; None clears.
        if_match: the header of that name; None: whatever there is may be changed.

    Raises:
        VideoNotFound: no video has that id.
        FactsChanged: somebody else has changed them meanwhile.
        InvalidRequest: a half lies beyond the video's end.
    """
    video = session.get(Video, video_id, with_for_update={"key_share": True})
    if video is None:
        raise video_not_found(video_id)
    if not is_seen(if_match, version=video.facts_version):
        raise FactsChanged(
            "Title or match facts were changed meanwhile; nothing was saved. Load the "
            "video anew and repeat the change.",
            facts_version=video.facts_version,
        )
    _check_within(video.duration_s, changes.get("halves") or ())
    new = {
        name: value for name, value in changes.items() if getattr(video, name) != value
    }
    for name, value in new.items():
        setattr(video, name, value)
    video.facts_version += bool(new)
    return video


def _check_within(duration_s: float | None, halves: Sequence[HalfFacts]) -> None:
    """Refuse what lies beyond the end, where the probe has told it."""
    if duration_s is None:
        return
    for index, half in enumerate(halves):
        end_s = half["end_s"]
        name, last_s = (
            ("start_s", half["start_s"]) if end_s is None else ("end_s", end_s)
        )
        if last_s > duration_s + ROUNDED_S:
            words = f"the video ends at {duration_s:.3f} s"
            raise InvalidRequest(
                f"Half {index + 1} lies beyond the end: {words}.",
                errors=[
                    {
                        "in": "body",
                        "pointer": f"#/halves/{index}/{name}",
                        "detail": words,
                    }
                ],
            )

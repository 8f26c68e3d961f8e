"""The end of a review: when reviewed stretches come to cover all of a video."""

import math
from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.orm import Session

from app.annotations.reviewed import reviewed_stretches
from app.annotations.stretches import difference
from app.annotations.timelines import View, read_timeline
from app.core.resources import Resources
from app.timelines.tables import Analysis
from app.videos.tables import Video
from app.webhooks.service import announce

FRAME_MS = 40  # where the frame rate is not known

Span = tuple[int, int]  # from and to, in ms


def covers_all(spans: Iterable[Span], video: Video) -> bool:
    """Whether spans leave no frame of a video out; False while its length is unknown.

    Gaps shorter than a frame hold none: ends of spans are rounded.
    """
    if not video.duration_s:
        return False
    frame_ms = math.ceil(1000 / video.fps) if video.fps else FRAME_MS
    whole = [(0, round(video.duration_s * 1000))]
    return all(end - start < frame_ms for start, end in difference(whole, spans))


def announce_end(
    session: Session,
    resources: Resources,
    video: Video,
    wanted: Iterable[Span],
    *,
    author: str,
    adds: bool,
) -> UUID | None:
    """Write `review.completed` if a locked video is about to be reviewed all over.

    Call it before the stretches are changed: the timeline is read as it is now.

    Args:
        wanted: what is to be reviewed.
        adds: beside what is; else in its place.

    Returns:
        A webhook message to announce; None: there is none.
    """
    before = reviewed_stretches(session, video.id)
    spans = [(one.from_ms, one.to_ms) for one in before]
    after = [*wanted, *(spans if adds else ())]
    if covers_all(spans, video) or not covers_all(after, video):
        return None
    return announce(
        session,
        "review.completed",
        project_id=video.project_id,
        video_id=video.id,
        data={
            "video_id": str(video.id),
            "revision": video.revision + 1,
            **_counts(session, resources, video),
            "reviewers": sorted({author, *(one.author for one in before)}),
            "links": _links(video, base_url=resources.settings.base_url),
        },
    )


def _counts(
    session: Session, resources: Resources, video: Video
) -> dict[str, dict[str, int]]:
    """Count the events that are shown, by type, and all of them, by their state."""
    analysis = None
    if video.current_analysis_id is not None:
        analysis = session.get(Analysis, video.current_analysis_id)
    timeline = read_timeline(
        *(session, resources.storage, video, analysis),
        View(resources.settings.match_tolerance),
    )
    shown = (one.label for one in timeline.events if one.state != "rejected")
    return {
        "events": dict(Counter(shown)),
        "states": dict(Counter(one.state for one in timeline.events)),
    }


def _links(video: Video, *, base_url: str) -> dict[str, str]:
    link = f"{base_url}/videos/{video.id}"
    return {
        "video": link,
        "events": f"{link}/events",
        "reviewed": f"{link}/reviewed",
    }

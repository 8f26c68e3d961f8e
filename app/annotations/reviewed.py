"""Which stretches of a video people have reviewed: only these count as truth."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.annotations.problems import VersionNeeded
from app.annotations.stretches import Stretch, difference, set_to
from app.annotations.tables import ReviewedStretch
from app.core.errors import RULE, InvalidRequest
from app.timelines.queries import analyses_of
from app.videos.tables import Video


def reviewed_stretches(session: Session, video_id: UUID) -> list[Stretch]:
    """List a video's reviewed stretches in order of time; none overlap."""
    rows = session.scalars(
        select(ReviewedStretch)
        .where(ReviewedStretch.video_id == video_id)
        .order_by(ReviewedStretch.from_ms)
    )
    return [Stretch(row.from_ms, row.to_ms, row.author, row.created_at) for row in rows]


def etag_of(stretches: Sequence[Stretch]) -> str:
    """Name what is reviewed; the same stretches have the same name."""
    words = ";".join(f"{one.from_ms}-{one.to_ms}-{one.author}" for one in stretches)
    return f'"{hashlib.sha256(words.encode()).hexdigest()[:16]}"'


def set_reviewed(
    session: Session,
    video: Video,
    spans: Iterable[tuple[int, int]],
    *,
    author: str,
    now: datetime,
    has_seen: bool,
) -> list[Stretch]:
    """Make exactly these spans of a locked video reviewed.

    Args:
        spans: from and to, in ms.
        has_seen: the author knows what is reviewed now.

    Raises:
        InvalidRequest: a span is empty, or begins after the end of the video.
        VersionNeeded: it would take away what others reviewed, unseen.
    """
    before = reviewed_stretches(session, video.id)
    wanted = [_within(span, video) for span in spans]
    others = [(one.from_ms, one.to_ms) for one in before if one.author != author]
    if not has_seen and difference(others, wanted):
        names = sorted({one.author for one in before if one.author != author})
        raise VersionNeeded(
            f"This would take away what {', '.join(names)} reviewed: send If-Match "
            "with the ETag you saw."
        )
    return _write(session, video, before, wanted, author=author, now=now)


def add_reviewed(
    session: Session, video: Video, span: tuple[int, int], *, author: str, now: datetime
) -> list[Stretch]:
    """Make a span of a locked video reviewed, beside what is.

    Raises:
        InvalidRequest: it is empty, or begins after the end of the video.
    """
    before = reviewed_stretches(session, video.id)
    wanted = [(one.from_ms, one.to_ms) for one in before]
    wanted.append(_within(span, video))
    return _write(session, video, before, wanted, author=author, now=now)


def seen_at(
    session: Session, video: Video, analysis_id: UUID | None, *, now: datetime
) -> datetime:
    """Tell when suggestions were looked at, at the latest.

    Args:
        analysis_id: theirs; None: they are shown now.

    Returns:
        Now, or the last moment before another analysis was there to be shown.

    Raises:
        InvalidRequest: the video has no such analysis.
    """
    if analysis_id is None:
        return now
    there = session.scalars(analyses_of([video.id])).all()
    seen = next((one for one in there if one.id == analysis_id), None)
    if seen is None:
        raise InvalidRequest(
            f"analysis_id: the video has no analysis {analysis_id}. Send its "
            "current_analysis_id, or leave it out.",
            kind=RULE,
        )
    later = [
        one.created_at - timedelta(microseconds=1)
        for one in there
        if (one.requested_at, one.id) > (seen.requested_at, seen.id)
    ]
    return min([now, *later])


def _within(span: tuple[int, int], video: Video) -> tuple[int, int]:
    """Cut a span at the end of the video, if that is known."""
    start, end = span
    if start >= end:
        raise InvalidRequest("A reviewed stretch must end after it begins.", kind=RULE)
    if video.duration_s is None:
        return start, end
    last = round(video.duration_s * 1000)
    if start >= last:
        raise InvalidRequest(
            f"A reviewed stretch begins at {start / 1000:g} s, but the video ends at "
            f"{last / 1000:g} s.",
            kind=RULE,
        )
    return start, min(end, last)


def _write(
    session: Session,
    video: Video,
    before: Sequence[Stretch],
    wanted: Iterable[tuple[int, int]],
    *,
    author: str,
    now: datetime,
) -> list[Stretch]:
    changes = [one.created_at for one in session.scalars(analyses_of([video.id]))]
    after = set_to(before, wanted, author=author, now=now, changes=changes)
    if after == list(before):
        return after
    video.revision += 1
    session.flush()
    session.execute(
        delete(ReviewedStretch)
        .where(ReviewedStretch.video_id == video.id)
        .execution_options(synchronize_session=False)
    )
    rows = [
        {
            "video_id": video.id,
            "from_ms": one.from_ms,
            "to_ms": one.to_ms,
            "author": one.author,
            "created_at": one.created_at,
        }
        for one in after
    ]
    if rows:
        session.execute(insert(ReviewedStretch), rows)
    return after

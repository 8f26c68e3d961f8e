"""What the worker that holds a stream writes of it, each time under its lease.

The events of a stream are rows of an analysis that grows, shown from the beginning; a
log of changes beside it is what watchers are sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.core.db.base import utc_now
from app.core.db.clock import database_now
from app.jobs.attempts import LeaseLost
from app.jobs.tables import Job
from app.live.items import Change, Gap, Held, Segment
from app.live.queries import CHANNEL, held_stream, note_version
from app.live.tables import LiveChange, LiveGap, LiveSegment, LiveStream
from app.timelines.queries import show_analysis
from app.timelines.suggestions import suggestion_id
from app.timelines.tables import SPOTTING, Analysis, Event
from app.videos.tables import Video
from model.checkpoint.spotting_options import SpottingOptions

PTS_PER_MS = 90  # as MPEG-TS and HLS count


def hold_video(session: Session, held: Held) -> None:
    """Hold a stream's video against its deletion, before anything of it is locked.

    Raises:
        LeaseLost: it has been deleted.
    """
    its = select(Video.id).where(Video.id == held.video_id)
    found = session.scalar(its.with_for_update(read=True, key_share=True))
    if found is None:
        raise LeaseLost


def note_facts(
    session: Session, held: Held, facts: Mapping[str, object], *, fps: float
) -> None:
    """Note what the source sends, for the stream and its video.

    Args:
        fps: by which frames are counted.

    Raises:
        LeaseLost: the stream is somebody else's now.
    """
    note(session, held, facts=dict(facts))
    shown = {name: facts[name] for name in ("width", "height", "codec")}
    session.execute(
        update(Video)
        .where(Video.id == held.video_id)
        .values(fps=fps, **shown)
        .execution_options(synchronize_session=False)
    )


def begin_analysis(
    session: Session,
    held: Held,
    checkpoint: Mapping[str, object],
    spotting: SpottingOptions,
) -> None:
    """Show an empty timeline, which grows; one of an earlier run goes on.

    Args:
        checkpoint: name, version, sha256 and engine of what runs.
        spotting: its labels and thresholds.

    Raises:
        LeaseLost: the stream is somebody else's now.
    """
    hold_video(session, held)
    note(session, held, checkpoint=dict(checkpoint))
    if session.get(Analysis, held.job_id) is not None:
        return
    analysis = Analysis(
        id=held.job_id,
        video_id=held.video_id,
        job_id=held.job_id,
        checkpoint={**checkpoint, SPOTTING: spotting.to_dict()},
        event_counts={},
        warnings={},
        requested_at=session.get_one(Job, held.job_id).created_at,
        created_at=database_now(session),
    )
    session.add(analysis)
    session.flush()
    session.execute(show_analysis(analysis))


def note(session: Session, held: Held, **values: Any) -> LiveStream:
    """Note how a stream stands, and tell its watchers.

    Raises:
        LeaseLost: the stream is somebody else's now.
    """
    statement = held_stream(held.video_id, held.job_id, held.token).values(**values)
    found = session.scalars(statement.returning(LiveStream)).one_or_none()
    if found is None:
        raise LeaseLost
    _tell(session, held.video_id)
    return found


def add_changes(
    session: Session, held: Held, changes: Sequence[Change], counts: Mapping[str, int]
) -> None:
    """Write what is said of events: rows as they stand now, and the log.

    Args:
        counts: events by type, as they stand afterwards.

    Raises:
        LeaseLost: the stream is somebody else's now.
    """
    stream = note(session, held, changes=LiveStream.changes + len(changes))
    first = stream.changes - len(changes) + 1
    rows = [
        _logged(held.video_id, number, one)
        for number, one in enumerate(changes, start=first)
    ]
    session.execute(insert(LiveChange), rows)
    for one in changes:
        _apply(session, held, one)
    session.execute(note_version(held.job_id, dict(counts), len(changes)))


def add_gap(session: Session, held: Held, gap: Gap) -> None:
    """Mark what is missing.

    Raises:
        LeaseLost: the stream is somebody else's now.
    """
    number = note(session, held, gaps=LiveStream.gaps + 1).gaps
    values = {**asdict(gap), "video_id": held.video_id, "number": number}
    session.execute(insert(LiveGap).values(**values))


def add_segment(session: Session, held: Held, segment: Segment) -> None:
    """Add a stored piece to the recording; it counts as stored by the project.

    Raises:
        LeaseLost: the stream is somebody else's now.
    """
    stream = note(
        session,
        held,
        segments=LiveStream.segments + 1,
        recorded_s=segment.start_s + segment.duration_s,
    )
    number = stream.segments - 1
    row = LiveSegment(video_id=held.video_id, number=number, **asdict(segment))
    session.add(row)
    session.flush()
    size_bytes = func.coalesce(Video.parts_bytes, 0) + segment.size_bytes
    session.execute(
        update(Video)
        .where(Video.id == held.video_id)
        .values(parts_bytes=size_bytes)
        .execution_options(synchronize_session=False)
    )


def provisional_events(session: Session, held: Held) -> Sequence[Event]:
    """List what an earlier run left undecided."""
    statement = select(Event).where(
        Event.video_id == held.video_id,
        Event.analysis_id == held.job_id,
        Event.is_provisional,
    )
    return session.scalars(statement.order_by(Event.seq)).all()


def last_seq(session: Session, held: Held) -> int:
    """Tell the highest number that a row of an event has; -1: there is none."""
    found = session.scalar(
        select(func.max(Event.seq)).where(
            Event.video_id == held.video_id, Event.analysis_id == held.job_id
        )
    )
    return -1 if found is None else found


def last_event_s(session: Session, held: Held) -> float:
    """Tell the time of the latest event that stands, in seconds; 0: there is none."""
    found = session.scalar(
        select(func.max(Event.time_ms)).where(
            Event.video_id == held.video_id, Event.analysis_id == held.job_id
        )
    )
    return (found or 0) / 1000


def end_stream(session: Session, held: Held) -> None:
    """Note that a stream is over, in the transaction that ends its job."""
    stream = session.get_one(LiveStream, held.video_id)
    stream.ended_at, stream.push, stream.ingest = utc_now(), None, None
    session.get_one(Video, held.video_id).parts_bytes = None
    session.flush()
    _tell(session, held.video_id)


def _logged(video_id: UUID, number: int, one: Change) -> dict[str, object]:
    replaces = None
    if one.replaces is not None:
        replaces = suggestion_id(video_id, one.label, one.replaces)
    return {
        "video_id": video_id,
        "number": number,
        "kind": one.kind,
        "event_id": suggestion_id(video_id, one.label, one.frame),
        "replaces": replaces,
        "label": one.label,
        "time_ms": one.time_ms,
        "frame": one.frame,
        "score": one.score,
        "team": one.team,
        "wall": one.wall,
        "decoded_at": one.decoded_at,
    }


def _apply(session: Session, held: Held, one: Change) -> None:
    place = (
        Event.video_id == held.video_id,
        Event.analysis_id == held.job_id,
        Event.seq == one.seq,
    )
    if one.kind == "retracted":
        gone = delete(Event).where(*place)
        session.execute(gone.execution_options(synchronize_session=False))
        return
    said = {
        "time_ms": one.time_ms,
        "pts": one.time_ms * PTS_PER_MS,
        "frame": one.frame,
        "label": one.label,
        "score": one.score,
        "team": one.team,
        "is_provisional": one.kind == "provisional",
    }
    key = {"video_id": held.video_id, "analysis_id": held.job_id, "seq": one.seq}
    row = upsert(Event).values(**key, **said)
    session.execute(row.on_conflict_do_update(index_elements=list(key), set_=said))


def _tell(session: Session, video_id: UUID) -> None:
    """Wake those who watch the stream, once this is committed."""
    session.execute(select(func.pg_notify(CHANNEL, str(video_id))))

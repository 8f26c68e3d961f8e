"""Streams: asked for, found, stopped; in transactions given to it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.broker.notifier import LIVE_QUEUE
from app.core.db.base import new_id
from app.core.settings import Settings
from app.health.checks import SILENT_BEATS
from app.health.queries import living_workers
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.service import cancel
from app.jobs.tables import Job, JobStatus
from app.live.addresses import LiveAddress
from app.live.problems import (
    LiveCapacityReached,
    LiveHasEnded,
    LiveNameTaken,
    LiveNotFound,
    NoLiveWorker,
)
from app.live.queries import count_open, open_of_title, stream_with_job
from app.live.tables import LiveStream, Phase
from app.videos.tables import Video

State = Literal[
    "waiting", "connecting", "live", "interrupted", "ending", "ended", "failed"
]
ASKING_LOCK = 0x6C69_7665  # so that two at once cannot pass the limits together
RETRY_AFTER_S = 60


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """What somebody asks for; see the request's schema.

    Attributes:
        model: the checkpoint's name, with its version.
    """

    address: LiveAddress
    name: str
    model: str
    record: bool
    analyse_after: bool
    analyse_model: str | None
    webhook_batch_s: float | None


def add_stream(
    session: Session, wanted: LiveRequest, *, settings: Settings, now: datetime
) -> UUID:
    """Make a stream with its video, and queue its job; notify after the commit.

    Raises:
        NoLiveWorker, LiveCapacityReached: nobody can follow it now.
        LiveNameTaken: an open stream of the project is called so.
    """
    session.execute(select(func.pg_advisory_xact_lock(ASKING_LOCK)))
    _admit(session, settings)
    if session.scalars(open_of_title(wanted.name)).first() is not None:
        raise LiveNameTaken(
            f"A stream that is called {wanted.name!r} is open: stop it, or give "
            "another name."
        )
    video = Video(
        id=new_id(),
        title=wanted.name,
        source={"live": wanted.address.shown},
        created_at=now,
    )
    session.add(video)
    session.flush()
    job = request(
        session,
        kind=JobKind.LIVE,
        video_id=video.id,
        params={"model": wanted.model},
    )
    stream = LiveStream(
        video_id=video.id,
        job_id=job.id,
        source=wanted.address.text,
        kind=wanted.address.kind,
        model=wanted.model,
        record=wanted.record,
        analyse_after=wanted.analyse_after,
        analyse_model=wanted.analyse_model,
        webhook_batch_s=wanted.webhook_batch_s,
        created_at=now,
    )
    session.add(stream)
    session.flush()
    return video.id


def _admit(session: Session, settings: Settings) -> None:
    """Refuse one more stream than the workers can follow."""
    within = max(settings.heartbeat * SILENT_BEATS, timedelta(seconds=5))
    workers = session.scalars(living_workers(LIVE_QUEUE, within=within)).all()
    if not workers:
        raise NoLiveWorker(
            "No worker that follows live streams has been heard of: start one with "
            "`touchline worker live` (`touchline serve` does so where a live model is "
            "installed)."
        )
    places = sum(_places(one.info) for one in workers)
    taken = session.scalars(count_open()).one()
    if taken >= places:
        raise LiveCapacityReached(
            f"{taken} streams are open, and {len(workers)} workers can follow {places} "
            "together. Stop one, start another worker, or raise "
            "TOUCHLINE_LIVE_STREAMS if the machine has cores to spare.",
            retry_after_s=RETRY_AFTER_S,
        )


def _places(info: dict[str, object]) -> int:
    places = info.get("streams")
    return places if isinstance(places, int) else 0


def find_stream(session: Session, video_id: UUID) -> tuple[LiveStream, Video, Job]:
    """Load a stream with its video and job.

    Raises:
        LiveNotFound: no stream has that id.
    """
    found = session.execute(stream_with_job(video_id)).one_or_none()
    if found is None:
        raise LiveNotFound(f"No live stream has the id {video_id}.")
    return found[0], found[1], found[2]


def state_of(stream: LiveStream, job: Job) -> State:
    """Tell where a stream stands."""
    match JobStatus(job.status):
        case JobStatus.FAILED:
            return "failed"
        case JobStatus.SUCCEEDED | JobStatus.CANCELED:
            return "ended"
        case JobStatus.QUEUED:
            return "waiting" if stream.phase == Phase.WAITING else "interrupted"
    if job.is_lease_over:
        return "interrupted"
    return state_of_phase(stream.phase)


def state_of_phase(phase: str) -> State:
    """Tell what a worker does with a stream that it holds."""
    known: dict[str, State] = {
        Phase.LIVE: "live",
        Phase.ENDING: "ending",
        Phase.WAITING: "connecting",
        Phase.CONNECTING: "connecting",
    }
    return known[phase]


def stop_stream(session: Session, video_id: UUID, *, settings: Settings) -> UUID | None:
    """End a stream: one that waits at once, one that runs within a second or two.

    Returns:
        The webhook message to announce, if any.

    Raises:
        LiveNotFound: no stream has that id.
        LiveHasEnded: it is over already.
    """
    stream, _, job = find_stream(session, video_id)
    if JobStatus(job.status).is_final:
        raise LiveHasEnded("The stream has ended already.")
    stream.stop_requested = True
    session.flush()
    # One that has recorded something ends in order: a worker makes its file.
    if job.status == JobStatus.QUEUED and stream.began_at is None:
        _, delivery_id = cancel(session, job.id, settings=settings)
        return delivery_id
    return None


def stop_instead(session: Session, job: Job) -> bool:
    """End the stream of a job that is to be canceled in order, the first time.

    Returns:
        Whether it does: a stream that has begun keeps what was recorded. False: it has
        not begun, or was asked for before; cancel the job.
    """
    if job.kind != JobKind.LIVE or JobStatus(job.status).is_final:
        return False
    stream = session.get(LiveStream, job.video_id, with_for_update=True)
    if stream is None or stream.began_at is None or stream.stop_requested:
        return False
    stream.stop_requested = True
    return True

"""How much a project may store and have waiting, and how much it does.

Stored are the files of its videos, and the whole of each upload that was announced, for
which room is kept. What the service derives from a video (proxies, pictures, clips)
does not count. Queued are the hours of video that wait for a model or are analysed; a
batch fills what is left, and what it fills keeps nothing else out.
"""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select, true
from sqlalchemy.orm import Session

from app.jobs.kinds import KINDS, NO_MODEL, JobKind
from app.jobs.tables import Job, JobStatus
from app.projects.problems import QueueQuotaReached, StoredQuotaReached
from app.projects.tables import Project
from app.uploads.tables import ResumableUpload
from app.videos.queries import own_bytes
from app.videos.tables import Video

UNKNOWN_HOURS = 1.5  # of a video that no job has looked at yet
RETRY_AFTER_S = 300
SOURCES = [kind for kind, spec in KINDS.items() if spec.is_source]
OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)


class Use(NamedTuple):
    """What a project uses now."""

    stored_bytes: int
    queued_hours: float


@dataclass(frozen=True, slots=True)
class Quotas:
    """What a project may use; None: as much as there is."""

    project: str
    stored_bytes: int | None
    queued_hours: float | None


def use_of(session: Session, project_id: UUID) -> Use:
    """Tell what a project uses now."""
    stored = session.scalars(_stored(project_id)).one()
    queued = session.scalars(_queued(project_id)).one()
    return Use(int(stored), float(queued or 0.0))


def quotas_of(session: Session, project_id: UUID, *, lock: bool = False) -> Quotas:
    """Read a project's quotas.

    Args:
        lock: be alone with them until the transaction ends, if it has any: who checks
            and adds sees what others have added.
    """
    columns = (Project.name, Project.max_stored_bytes, Project.max_queued_hours)
    asked = select(*columns).where(Project.id == project_id)
    found = Quotas(*session.execute(asked).one())
    if not lock or (found.stored_bytes is None and found.queued_hours is None):
        return found
    locked = asked.with_for_update(key_share=True)  # Rows of the project may be added.
    return Quotas(*session.execute(locked).one())


def left_bytes(session: Session, project_id: UUID) -> int | None:
    """Tell how much more a project may store now; None: as much as there is."""
    limit = quotas_of(session, project_id).stored_bytes
    if limit is None:
        return None
    return max(0, limit - int(session.scalars(_stored(project_id)).one()))


def take_stored(
    session: Session, project_id: UUID, size_bytes: int, *, lock: bool = True
) -> None:
    """Make sure that a project may store so much more.

    Args:
        lock: False: only a first look, before anything has come.

    Raises:
        StoredQuotaReached: it may not.
    """
    quotas = quotas_of(session, project_id, lock=lock)
    limit = quotas.stored_bytes
    if limit is None:
        return
    used = int(session.scalars(_stored(project_id)).one())
    if used + size_bytes > limit:
        raise StoredQuotaReached(
            f"The project {quotas.project!r} may store {size_text(limit)}; "
            f"{size_text(used)} are taken, also by uploads under way, and this needs "
            f"{size_text(size_bytes)}. Nothing was kept: delete videos or give up "
            "uploads, or have the operator raise the quota (touchline projects limit).",
            limit_bytes=limit,
            used_bytes=used,
        )


def take_queue(
    session: Session,
    project_id: UUID,
    *,
    duration_s: float | None = None,
    is_of_batch: bool = False,
    lock: bool = True,
) -> None:
    """Make sure that a project may have one more video waiting for analysis.

    Where nothing waits one always may, however long it is.

    Args:
        duration_s: of the video; None: not known yet.
        is_of_batch: everything that waits is in its way; elsewhere batches are not.

    Raises:
        QueueQuotaReached: it may not.
    """
    quotas = quotas_of(session, project_id, lock=lock)
    limit = quotas.queued_hours
    if limit is None:
        return
    in_the_way = _queued(project_id, with_batches=is_of_batch)
    used = float(session.scalars(in_the_way).one() or 0.0)
    hours = UNKNOWN_HOURS if duration_s is None else duration_s / 3600
    if used > 0 and used + hours > limit:
        raise QueueQuotaReached(
            f"The project {quotas.project!r} may have {limit:g} hours of video waiting "
            f"for analysis; {used:.1f} wait or are analysed, and this adds "
            f"{hours:.1f}. Try again when some are done, cancel jobs, send "
            "model=none before the file to keep it without an analysis, or have the "
            "operator raise the quota (touchline projects limit).",
            limit_hours=limit,
            queued_hours=round(used, 3),
            retry_after_s=RETRY_AFTER_S,
        )


def _stored(project_id: UUID) -> Select[int]:
    """Add up files, what is announced, and files that wait to be joined.

    One statement sees them at one moment: what is announced becomes a file.
    """
    own = func.sum(own_bytes() + func.coalesce(Video.parts_bytes, 0))
    files = select(own).where(Video.project_id == project_id)
    coming = select(func.sum(ResumableUpload.size_bytes)).where(
        ResumableUpload.project_id == project_id, ResumableUpload.video_id.is_(None)
    )
    found = [func.coalesce(one.scalar_subquery(), 0) for one in (files, coming)]
    return select(found[0] + found[1])


def _queued(project_id: UUID, *, with_batches: bool = True) -> Select[float | None]:
    hours = func.coalesce(Video.duration_s / 3600, UNKNOWN_HOURS)
    is_analysed_next = and_(
        Job.kind.in_(SOURCES),
        func.coalesce(Job.params["model"].astext, "") != NO_MODEL,
    )
    return (
        select(func.sum(hours))
        .select_from(Job)
        .join(Video, Video.id == Job.video_id)
        .where(
            Job.project_id == project_id,
            Job.status.in_(OPEN),
            true() if with_batches else Job.batch_id.is_(None),
            or_(Job.kind == JobKind.SPOT, is_analysed_next),
        )
    )


def size_text(size_bytes: int) -> str:
    """Write a size for people: `1.5 GB`."""
    for unit, name in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size_bytes >= unit:
            return f"{size_bytes / unit:.4g} {name}"
    return f"{size_bytes} bytes"

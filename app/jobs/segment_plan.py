"""Into how many segments a video is cut: the setting, and what speaks against it."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.settings import Settings
from app.jobs.kinds import KINDS, JobKind, kinds_of
from app.jobs.needs import is_offered, needs_of
from app.jobs.refusals import workers_of
from app.jobs.tables import Job, JobStatus

# A segment decodes up to a group of pictures before it that others decode, too.
GROUPS_IN_SEGMENT = 2
LEAST_AUTO_S = 300.0  # shorter segments are not worth what each costs
MOST_AUTO = 16

SegmentSetting = int | Literal["auto"]


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers that run segments, and what is in their way.

    Attributes:
        idle: those that live and run nothing.
        waiting: jobs that wait for one of them.
    """

    idle: int
    waiting: int


def parts_by_length(duration_s: float, longest_group_s: float, *, at_most: int) -> int:
    """Tell into how many segments a video can be cut that are worth it; 1: into none.

    Args:
        duration_s: of the video.
        longest_group_s: between the two key frames that are farthest apart.
        at_most: so many are wanted.
    """
    least_s = GROUPS_IN_SEGMENT * longest_group_s
    if least_s <= 0:
        return 1
    return max(min(at_most, int(duration_s / least_s)), 1)


def parts_wanted(wanted: SegmentSetting, *, duration_s: float, workers: Workers) -> int:
    """Tell into how many segments a video is to be cut; 1: it is not.

    Args:
        wanted: a number, or `auto`: one for this worker and each idle one that nothing
            else waits for, and none shorter than five minutes.
        duration_s: of the video.
        workers: are looked at for `auto` alone.
    """
    if wanted != "auto":
        return max(wanted, 1)
    free = max(workers.idle - workers.waiting, 0)
    return max(min(free + 1, int(duration_s / LEAST_AUTO_S), MOST_AUTO), 1)


def count_workers(session: Session, job_id: UUID, *, settings: Settings) -> Workers:
    """Count the workers beside the one that runs a job, and the jobs beside it."""
    kinds = kinds_of(KINDS[JobKind.SPOT_SEGMENT].queue)
    needs = needs_of(JobKind.SPOT_SEGMENT)
    able = {
        one.owner
        for one in workers_of(session, JobKind.SPOT_SEGMENT, settings)
        if one.offers is not None and is_offered(needs, one.offers)
    }
    running = select(Job.lease_owner).where(
        Job.status == JobStatus.RUNNING, Job.lease_owner.is_not(None)
    )
    waiting = select(func.count()).where(
        Job.status == JobStatus.QUEUED,
        Job.kind.in_(kinds),
        Job.stage.is_(None),  # or it waits for segments of its own
        Job.id != job_id,
        ~Job.cancel_requested,
    )
    busy = set(session.scalars(running))
    return Workers(idle=len(able - busy), waiting=session.scalar(waiting) or 0)

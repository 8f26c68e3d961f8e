"""Ended jobs of no video stay as long as what they were asked for with."""

from sqlalchemy import func, select, update

from app.batches.service import BatchRequest, create_batch, delete_batch
from app.batches.tables import BatchStatus
from app.clips.stored_clips import remove_clip
from app.clips.tables import Clip
from app.core.db.base import new_id, utc_now
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.tables import Job, JobStatus
from worker.lost_jobs import forget_jobs

JOBS = select(func.count()).select_from(Job)


def test_jobs_go_with_the_clip_of_several_matches_and_with_the_batch(
    sessions: Sessions, settings: Settings
) -> None:
    clip_id = new_id()
    wanted = BatchRequest({"imports": ""}, model="tiny", weights={}, priority=-5)
    with sessions.begin() as session:
        batch = create_batch(session, wanted, [])
        params = {"clip_id": str(clip_id)}
        job = request(session, kind=JobKind.CLIPS, video_id=None, params=params)
        session.add(
            Clip(
                **{"id": clip_id, "job_id": job.id, "form": "reel", "mode": "exact"},
                **{"options": {}, "events": [], "cuts": [], "created_at": utc_now()},
            )
        )
        session.flush()
        session.execute(update(Job).values(status=JobStatus.SUCCEEDED))
        batch.status = BatchStatus.COMPLETED

    kept = forget_jobs(sessions)
    with sessions.begin() as session:
        remove_clip(session, clip_id, settings=settings)
        delete_batch(session, batch.id)
    gone = forget_jobs(sessions)

    assert (kept, gone) == (0, 2)
    with sessions() as session:
        assert session.scalar(JOBS) == 0

"""A service with reviewed matches, and trainings asked for behind the API's back."""

import threading
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from app.core.broker.notifier import MEDIA_QUEUE
from app.core.principal import DEFAULT_PROJECT_ID
from app.core.settings import Settings
from app.jobs.tables import Job, JobStatus
from app.trainings.options import TrainingOptions
from app.trainings.service import add_training
from app.trainings.tables import Training, TrainingLine, TrainingPoint
from app.videos.tables import Video
from tests.api_server import RunningApi
from tests.reviewed_toys import review_matches
from worker.job_task import load_handlers
from worker.outcomes import WorkerContext
from worker.runner import run_job
from worker.training.scratch import scratch_of


@dataclass(frozen=True)
class Asked:
    """A training and its rows."""

    id: UUID
    job_id: UUID
    api: RunningApi

    def job(self) -> Job:
        with self.api.service.sessions() as session:
            return session.get_one(Job, self.job_id)

    def row(self) -> Training:
        with self.api.service.sessions() as session:
            return session.get_one(Training, self.id)

    def points(self) -> list[TrainingPoint]:
        query = select(TrainingPoint).where(TrainingPoint.training_id == self.id)
        with self.api.service.sessions() as session:
            return list(session.scalars(query.order_by(TrainingPoint.number)))

    def log(self) -> str:
        query = select(TrainingLine.text).where(TrainingLine.training_id == self.id)
        with self.api.service.sessions() as session:
            lines = session.scalars(query.order_by(TrainingLine.number)).all()
        return "\n".join(lines)

    @property
    def scratch(self) -> Path:
        return scratch_of(self.api.data_dir, self.id)

    @property
    def has_ended(self) -> bool:
        return JobStatus(self.job().status).is_final


def context_of(api: RunningApi, **changes: object) -> WorkerContext:
    """Give what runs of jobs in the test's own process share."""
    service = api.service
    settings: Settings = service.settings.model_copy(
        update={"min_free_space": 0, **changes}
    )
    return WorkerContext(
        settings=settings,
        sessions=service.sessions,
        storage=service.storage,
        predictors=None,
        notifier=service.notifier,
        node="train@test",
        leaving=threading.Event(),
    )


def reviewed_library(api: RunningApi, folder: Path, *, count: int = 3) -> list[UUID]:
    """Fill the service with reviewed matches; returns their ids."""
    context, handlers = context_of(api), load_handlers(MEDIA_QUEUE)

    def run(job_id: UUID) -> None:
        status = run_job(job_id, context=context, handlers=handlers)
        assert status is JobStatus.SUCCEEDED

    return review_matches(api.client, folder, count=count, run=run)


def ask_for_training(
    api: RunningApi,
    *,
    name: str = "hall",
    base: str | None = "tiny",
    options: TrainingOptions | None = None,
) -> Asked:
    """Queue a training."""
    options = options or TrainingOptions(
        start="trunk" if base else "noise", types=("DRIBBLE", "BASKET"), minutes=0.3
    )
    with api.service.sessions.begin() as session:
        training, job = add_training(session, name=name, base=base, options=options)
        job.project_id = training.project_id = DEFAULT_PROJECT_ID
        session.flush()
        return Asked(training.id, job.id, api)


def statuses(api: RunningApi) -> dict[UUID, str | None]:
    """Tell the status of each video's latest job that speaks for it."""
    with api.service.sessions() as session:
        ids = session.scalars(select(Video.id)).all()
    return {
        one: api.client.get(f"/videos/{one}").json()["status"] for one in sorted(ids)
    }

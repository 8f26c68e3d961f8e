"""Where trainings keep their state on the machine of their worker, until they end.

    DATA_DIR/trainings/ID/dataset     what is taught, by reference to the storage
    DATA_DIR/trainings/ID/state       frames, features, weights: `model.teaching`'s own

Whatever is lost here costs a training its head start, nothing more.
"""

import shutil
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy import select

from app.core.resources import Resources
from app.jobs.tables import Job, JobStatus
from app.trainings.tables import Training

FOLDER = "trainings"

log = structlog.get_logger(__name__)


def scratch_of(data_dir: Path, training_id: UUID) -> Path:
    """Name the folder of a training; it need not be there."""
    return data_dir / FOLDER / str(training_id)


def sweep_scratch(resources: Resources) -> None:
    """Remove the folders of trainings that have ended, or were deleted."""
    found = _folders(resources.settings.data_dir / FOLDER)
    if not found:
        return
    with resources.sessions() as session:
        is_open = Job.status.in_((JobStatus.QUEUED, JobStatus.RUNNING))
        needed = set(
            session.scalars(
                select(Training.id)
                .join(Job, Job.id == Training.job_id)
                .where(Training.id.in_(found), is_open)
            )
        )
    for training_id in found.keys() - needed:
        # What is being written just now is found by the next sweep.
        shutil.rmtree(found[training_id], ignore_errors=True)
        log.info("scratch_removed", training=str(training_id))


def _folders(parent: Path) -> dict[UUID, Path]:
    """List the folders of trainings; anything else there is not ours."""
    found = {}
    if parent.is_dir():
        for path in parent.iterdir():
            try:
                found[UUID(path.name)] = path
            except ValueError:
                continue
    return found

"""Jobs whose training was deleted."""

from app.jobs.kinds import JobKind
from app.jobs.owners import JobOwner
from app.trainings.tables import Training

JOBS = JobOwner(JobKind.TRAIN, Training.job_id)

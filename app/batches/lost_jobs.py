"""Jobs that listed the source of a batch that was deleted, or listed it once more."""

from app.batches.tables import Batch
from app.jobs.kinds import JobKind
from app.jobs.owners import JobOwner

JOBS = JobOwner(JobKind.BATCH, Batch.listing_job_id)

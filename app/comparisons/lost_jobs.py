"""Jobs whose comparison was deleted."""

from app.comparisons.tables import Comparison
from app.jobs.kinds import JobKind
from app.jobs.owners import JobOwner

JOBS = JobOwner(JobKind.COMPARE, Comparison.job_id)

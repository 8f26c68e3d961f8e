"""Jobs of clips of several matches that were deleted; others go with their match."""

from app.clips.tables import Clip
from app.jobs.kinds import JobKind
from app.jobs.owners import JobOwner

JOBS = JobOwner(JobKind.CLIPS, Clip.job_id)

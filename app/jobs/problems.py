"""Why a job fails, as far as only jobs know it."""

from app.core.errors import JobFailure


class NoCapableWorker(JobFailure):
    """No living worker offers what the job needs; it waits."""

    code = "no_capable_worker"
    retryable = True

"""Why a job fails, as far as only jobs know it."""

from app.core.errors import JobFailure


class NoCapableWorker(JobFailure):
    """No living worker offers what the job needs; it waits."""

    code = "no_capable_worker"
    retryable = True


class TooManyAttempts(JobFailure):
    """Each run of the job failed in a way that might have passed."""

    code = "too_many_attempts"


class WorkerDied(JobFailure):
    """Workers died again and again while they ran the job: the server's problem."""

    code = "worker_died"
    retryable = True

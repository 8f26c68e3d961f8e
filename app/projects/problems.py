"""What a project's quotas refuse."""

from app.core.errors import JobFailure, RequestProblem


class StoredQuotaReached(RequestProblem):
    """The project's videos would take more than its quota; nothing of it is kept."""

    status, slug, title = 413, "stored-quota-reached", "Quota of storage reached"


class QueueQuotaReached(RequestProblem):
    """The project has as many hours of video waiting for analysis as it may."""

    status, slug, title = 429, "queue-quota-reached", "Quota of queued hours reached"


class QuotaReached(JobFailure):
    """What the job brought does not fit into the project's quota; nothing is kept."""

    code = "quota_reached"


QUOTA_PROBLEMS = (StoredQuotaReached, QueueQuotaReached)

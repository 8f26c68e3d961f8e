"""What can go wrong with reports."""

from app.core.errors import JobFailure, NotFound, RequestProblem


class ReportNotFound(NotFound):
    """No report has that id."""

    slug, title = "report-not-found", "Report not found"


class ReportNotReady(RequestProblem):
    """The report has no file: it is still being made, or could not be."""

    status, slug, title = 409, "report-not-ready", "Report not ready"


class ReportDeleted(JobFailure):
    """The report was deleted before it was made."""

    code = "report_deleted"

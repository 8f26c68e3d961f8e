"""What can be wrong with what is asked of a batch."""

from app.core.errors import NotFound, RequestProblem


class BatchNotFound(NotFound):
    """No batch has that id."""

    slug, title = "batch-not-found", "Batch not found"


class BatchIsFinished(RequestProblem):
    """The batch has ended; it can be resumed."""

    status, slug, title = 409, "batch-is-finished", "Batch is finished"


class BatchNotOpen(RequestProblem):
    """Items are added to a batch that was asked for as open, until it is closed."""

    status, slug, title = 409, "batch-not-open", "Batch not open"


class BatchIsCanceling(RequestProblem):
    """The batch is being canceled; it can be resumed once that is done."""

    status, slug, title = 409, "batch-is-canceling", "Batch is being canceled"


class BatchIsUnderWay(RequestProblem):
    """The batch has not ended; only one that has can be deleted."""

    status, slug, title = 409, "batch-is-under-way", "Batch is under way"


class ParquetNotInstalled(RequestProblem):
    """The service lacks the package that writes Parquet; CSV and JSON lines work."""

    status, slug, title = 501, "parquet-not-installed", "Parquet not installed"

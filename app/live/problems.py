"""What can go wrong with live streams."""

from app.core.errors import NotFound, RequestProblem


class LiveNotFound(NotFound):
    """No live stream has that id."""

    slug, title = "live-not-found", "Live stream not found"


class NotLive(RequestProblem):
    """The model looks at what comes after; the detail names those that need not."""

    status, slug, title = 422, "not-live", "Not a live model"


class NoLiveWorker(RequestProblem):
    """No worker that follows live streams has been heard of."""

    status, slug, title = 409, "no-live-worker", "No live worker"


class LiveCapacityReached(RequestProblem):
    """The workers follow as many streams as they can."""

    status, slug, title = 429, "live-capacity-reached", "No room for another stream"


class LiveNameTaken(RequestProblem):
    """An open stream of the project has that name."""

    status, slug, title = 409, "live-name-taken", "Name of a live stream taken"


class LiveHasEnded(RequestProblem):
    """The stream is over."""

    status, slug, title = 409, "live-has-ended", "Live stream has ended"


class NotRecorded(RequestProblem):
    """Nothing of the stream is recorded, or nothing yet."""

    status, slug, title = 409, "not-recorded", "Not recorded"


class SegmentNotFound(NotFound):
    """The recording has no such segment."""

    slug, title = "segment-not-found", "Segment not found"

"""What can go wrong with a stream."""

from app.core.errors import RequestProblem


class TooManyStreams(RequestProblem):
    """As many streams of changes are open as the service allows."""

    status, slug, title = 503, "too-many-streams", "Too many streams"

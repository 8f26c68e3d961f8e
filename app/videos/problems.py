"""What can go wrong with a video and its match facts."""

from app.core.errors import NotFound, RequestProblem


class FactsChanged(RequestProblem):
    """Title or match facts were changed since the `ETag` in `If-Match`."""

    status, slug, title = 412, "facts-changed", "Match facts changed"


class NoProxy(NotFound):
    """The video has no copy that browsers play: none is needed, or none made yet."""

    slug, title = "no-proxy", "No proxy"

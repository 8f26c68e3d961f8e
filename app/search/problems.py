"""What can go wrong with saved searches."""

from app.core.errors import NotFound, RequestProblem


class SearchNotFound(NotFound):
    """No saved search has that id."""

    slug, title = "search-not-found", "Search not found"


class SearchNameTaken(RequestProblem):
    """Another saved search of the project has that name."""

    status, slug, title = 409, "search-name-taken", "Name taken"


class SearchChanged(RequestProblem):
    """The saved search was changed since the `ETag` in `If-Match`."""

    status, slug, title = 412, "search-changed", "Search changed"

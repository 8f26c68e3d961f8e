"""What can go wrong with the types of events."""

from app.core.errors import RequestProblem


class TypesChanged(RequestProblem):
    """The types of events were changed since the `ETag` in `If-Match`."""

    status, slug, title = 412, "types-changed", "Event types changed"

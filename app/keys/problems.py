"""What can be wrong with a key that is to be made."""

from app.core.errors import NotFound, RequestProblem


class ExpiryPassed(RequestProblem):
    """The key would have expired before it was made."""

    status, slug, title = 422, "expiry-passed", "Expiry passed"


class KeyNotFound(NotFound):
    """No key has that id."""

    slug, title = "key-not-found", "Key not found"

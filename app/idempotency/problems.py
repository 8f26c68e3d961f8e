"""What can go wrong with a request that is sent again."""

from app.core.errors import RequestProblem


class SecretToldBefore(RequestProblem):
    """An earlier request with this Idempotency-Key made it; its answer alone told the
    secret.
    """

    status, slug, title = 409, "secret-told-before", "Secret told before"

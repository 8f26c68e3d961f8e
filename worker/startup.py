"""How a worker process starts, or refuses to."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.core.errors import StartFailed


@contextmanager
def stop_if_unfit() -> Iterator[None]:
    """End the process in one clear line when a start fails.

    Of what the receiver of a signal raises, Celery lets only an exit through; anything
    else it logs, and goes on.
    """
    try:
        yield
    except StartFailed as exc:
        raise SystemExit(f"error: {exc}") from exc

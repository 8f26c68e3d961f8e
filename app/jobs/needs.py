"""What a job needs of the worker that runs it, and what the workers of a release offer.

Both are words, `KIND/VERSION`. A job's needs stand on its row, so that a worker of an
older release, which does not offer them, leaves it to others.
"""

from collections.abc import Collection, Iterable
from importlib.metadata import PackageNotFoundError, version

from app.jobs.kinds import KINDS, JobKind


def needs_of(kind: JobKind) -> list[str]:
    """List what a job of a kind needs that this release asks for."""
    return [f"{kind}/{KINDS[kind].version}"]


def offers_of(kinds: Iterable[JobKind]) -> list[str]:
    """List what a worker of this release offers that runs jobs of some kinds."""
    return [
        f"{kind}/{number}"
        for kind in kinds
        for number in range(1, KINDS[kind].version + 1)
    ]


def is_offered(needs: Collection[str], offers: Collection[str] | None) -> bool:
    """Whether a worker offers what a job needs.

    Args:
        offers: as its heartbeat tells; None: of a release that told nothing of it, and
            knew the first version of everything.
    """
    if offers is None:
        return all(need.endswith("/1") for need in needs)
    return set(needs) <= set(offers)


def release() -> str:
    """Name the version of Touchline that is installed here."""
    try:
        return version("touchline")
    except PackageNotFoundError:
        return "unknown"

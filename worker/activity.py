"""What the thread that works does now, for the threads that watch it."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID


class Activity:
    """The job under way and its signs of progress.

    One thread writes; what others read may be a moment old.

    Attributes:
        job: what is being run; None: nothing.
        signs: counts the signs of progress; it stands still while the thread hangs.
        runs: counts the runs that were begun.
    """

    def __init__(self) -> None:
        self.job: UUID | None = None
        self.signs = 0
        self.runs = 0

    @contextmanager
    def running(self, job_id: UUID) -> Iterator[None]:
        """Name the job that is run until the block ends."""
        self.runs += 1
        self.job = job_id
        try:
            yield
        finally:
            self.job = None

    def touch(self) -> None:
        """Say that the run goes on."""
        self.signs += 1


class Stalled:
    """Tells when a run has shown no progress for too long.

    Only time between two looks counts, each for no more than it should take: a machine
    that slept, or a process that was stopped as a whole, has not stalled.
    """

    def __init__(self, activity: Activity, *, limit_s: float) -> None:
        self._activity = activity
        self._limit_s = limit_s
        self._seen: tuple[UUID | None, int, int] = (None, 0, 0)
        self._quiet_s = 0.0

    def look(self, *, passed_s: float) -> UUID | None:
        """Look again; tells the job that has stalled, None while all is well."""
        now = (self._activity.job, self._activity.runs, self._activity.signs)
        is_quiet = now[0] is not None and now == self._seen
        self._quiet_s = self._quiet_s + passed_s if is_quiet else 0.0
        self._seen = now
        return now[0] if self._quiet_s >= self._limit_s else None

"""Where a run of a live stream keeps files, on the machine of its worker, as it works.

    DATA_DIR/live-scratch/TOKEN      what is being recorded, and joined in the end

It goes with the run; what a run left that was killed is found by a sweep.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy import select

from app.core.resources import Resources
from app.jobs.tables import Job, JobStatus

FOLDER = "live-scratch"

log = structlog.get_logger(__name__)


@contextmanager
def scratch_of(data_dir: Path, token: UUID) -> Iterator[Path]:
    """Give a run's own folder, and remove it with the block.

    Where there is no room for a folder it is the parent: only recording needs it.
    """
    path = data_dir / FOLDER / str(token)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        log.warning("no_live_scratch", error=str(exc))
        path = data_dir
    try:
        yield path
    finally:
        if path != data_dir:
            shutil.rmtree(path, ignore_errors=True)


def sweep_scratch(resources: Resources) -> None:
    """Remove the folders of runs that have ended, however they ended."""
    found = _folders(resources.settings.data_dir / FOLDER)
    if not found:
        return
    with resources.sessions() as session:
        running = select(Job.lease_token).where(
            Job.status == JobStatus.RUNNING, Job.lease_token.in_(found)
        )
        needed = set(session.scalars(running))
    for token in found.keys() - needed:
        shutil.rmtree(found[token], ignore_errors=True)
        log.info("scratch_removed", run=str(token))


def _folders(parent: Path) -> dict[UUID, Path]:
    """List the folders of runs; anything else there is not ours."""
    found = {}
    if parent.is_dir():
        for path in parent.iterdir():
            try:
                found[UUID(path.name)] = path
            except ValueError:
                continue
    return found

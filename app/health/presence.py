"""Whether a worker that not every service has is meant to run."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.process_identity import ProcessIdentity
from app.core.process_report import is_running, read_report
from app.core.settings import Settings
from app.core.workers import WorkerSpec
from app.health.tables import WorkerHeartbeat


def is_expected(spec: WorkerSpec, session: Session, settings: Settings) -> bool:
    """Whether a worker is missed where it is not: `/readyz` then asks for it.

    One that a service can do without is expected where `touchline serve` keeps it
    running, and where one has been heard of that did not leave in order.

    Raises:
        SQLAlchemyError: the database does not answer.
    """
    if not spec.is_optional:
        return True
    report = read_report(settings.data_dir)
    is_served = report is not None and is_running(report.supervisor)
    if is_served and report is not None and report.find(spec.title) is not None:
        return True
    names = session.scalars(
        select(WorkerHeartbeat.name).where(WorkerHeartbeat.kind == spec.kind)
    ).all()
    # What an earlier run of `touchline serve` left is of no worker that it is to have.
    return any(not (is_served and _is_dead(name)) for name in names)


def _is_dead(name: str) -> bool:
    """Whether a heartbeat is of a process of this machine that is gone."""
    process = ProcessIdentity.parse(name.rpartition(" ")[2])
    return process is not None and process.is_dead

"""Whether anybody here can train a model, and what to do if not."""

from dataclasses import dataclass
from importlib.util import find_spec

from sqlalchemy.orm import Session

from app.core.broker.notifier import TRAIN_QUEUE
from app.core.settings import Settings
from app.health.checks import SILENT_BEATS
from app.health.queries import living_workers

NEEDED = ("torch", "lightning")  # of the extra `train`
HOW_TO_INSTALL = (
    "Install what trains and start its worker: `make serve EXTRAS=train`, or "
    "`pip install 'touchline[train]'` and `touchline serve`."
)


@dataclass(frozen=True, slots=True)
class WorkerState:
    """The worker that trains.

    Attributes:
        installed: what trains is installed here, or runs elsewhere.
        running: a worker was heard of lately.
        detail: in words, with what to do.
    """

    installed: bool
    running: bool
    detail: str


def worker_state(session: Session, settings: Settings) -> WorkerState:
    """Look for a worker that trains, which may be on another machine."""
    within = settings.heartbeat * SILENT_BEATS
    workers = session.scalars(living_workers(TRAIN_QUEUE, within=within)).all()
    problems = [str(one.info.get("problem") or "") for one in workers]
    if workers and not all(problems):
        return WorkerState(True, True, "A worker that trains is running.")
    if workers:
        return WorkerState(True, True, f"The worker that trains says: {problems[0]}")
    if is_installed():
        return WorkerState(
            installed=True,
            running=False,
            detail="What trains is installed, but no worker for it has been heard of: "
            "trainings wait until one runs (`touchline serve` starts it, unless "
            "TOUCHLINE_TRAIN_WORKER is false).",
        )
    return WorkerState(False, False, f"Nothing here can train. {HOW_TO_INSTALL}")


def is_installed() -> bool:
    """Whether what trains is installed beside the API; nothing of it is loaded."""
    return all(find_spec(name) is not None for name in NEEDED)

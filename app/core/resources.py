"""The parts of a running service, made once by an entry and passed on."""

from dataclasses import dataclass, field

from anyio import CapacityLimiter

from app.checkpoints.catalogue import Catalogue
from app.core.broker.notifier import JobNotifier
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage

UPLOAD_THREADS = 16
RESOLVER_THREADS = 8


@dataclass(frozen=True, slots=True)
class Service:
    """What routes and uploads work with.

    Attributes:
        upload_threads: for the rows of uploads. Theirs and the resolver's threads are
            not the routes', so that a slow disk or name server delays nobody else.
        resolver_threads: for looking up the hosts of callbacks.
    """

    settings: Settings
    sessions: Sessions
    storage: Storage
    catalogue: Catalogue
    notifier: JobNotifier
    upload_threads: CapacityLimiter = field(
        default_factory=lambda: CapacityLimiter(UPLOAD_THREADS)
    )
    resolver_threads: CapacityLimiter = field(
        default_factory=lambda: CapacityLimiter(RESOLVER_THREADS)
    )

"""The parts of a running service, made once by an entry and passed on."""

from dataclasses import dataclass

from app.core.catalogue import Catalogue
from app.core.db.session import Sessions
from app.core.queue import Doorbell
from app.core.settings import Settings
from app.core.storage import Storage


@dataclass(frozen=True, slots=True)
class Service:
    """What routes and uploads work with."""

    settings: Settings
    sessions: Sessions
    storage: Storage
    catalogue: Catalogue
    doorbell: Doorbell

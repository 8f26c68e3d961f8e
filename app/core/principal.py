"""Who makes a request: the user of this machine, or an API key."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

DEFAULT_PROJECT_ID = UUID(int=1)  # its row is made by a migration
ALL_SCOPES = frozenset({"read", "write"})


@dataclass(frozen=True, slots=True)
class Principal:
    """Made once a request, where access is checked; `str` is what rows keep of it.

    Attributes:
        kind: `local`, for whoever sits at this machine while no key is set, or `key`.
        id: of the key.
        project_id: the project whose rows it sees, and what it makes belongs to.
        scopes: what it may do.
    """

    kind: Literal["local", "key"]
    id: str = ""
    project_id: UUID = DEFAULT_PROJECT_ID
    scopes: frozenset[str] = ALL_SCOPES

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else self.kind


LOCAL = Principal("local")
DEFAULT_KEY = Principal("key", "default")  # TOUCHLINE_API_KEY

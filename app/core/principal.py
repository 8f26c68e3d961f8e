"""Who makes a request: the user of this machine, or an API key."""

from dataclasses import dataclass
from typing import Literal, Self, get_args
from uuid import UUID

DEFAULT_PROJECT_ID = UUID(int=1)  # its row is made by a migration

# read: look at everything of the project. review: correct timelines. write: upload,
# analyse, delete. admin: all of it, and keys. Each of them may read.
KeyScope = Literal["read", "review", "write", "admin"]
ALL_SCOPES: frozenset[KeyScope] = frozenset(get_args(KeyScope))


@dataclass(frozen=True, slots=True)
class Principal:
    """Made once a request, where access is checked; `str` is what rows keep of it.

    Attributes:
        kind: `local`, for whoever sits at this machine while no key is set, or `key`.
        id: of the key.
        project_id: the project whose rows it sees, and what it makes belongs to.
        scopes: what it may do.
        name: of the key, for people.
        rate_per_minute: most requests of it in a minute; None: no limit.
    """

    kind: Literal["local", "key"]
    id: str = ""
    project_id: UUID = DEFAULT_PROJECT_ID
    scopes: frozenset[KeyScope] = ALL_SCOPES
    name: str = ""
    rate_per_minute: int | None = None

    @classmethod
    def parse(cls, text: str, *, project_id: UUID) -> Self:
        """Read what `str` wrote of the principal of a row."""
        kind, _, key = text.partition(":")
        return cls("key" if kind == "key" else "local", key, project_id)

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else self.kind

    def may(self, scope: KeyScope) -> bool:
        """Whether it may do what takes a scope."""
        if scope == "read":
            return bool(self.scopes)
        return scope in self.scopes or "admin" in self.scopes


LOCAL = Principal("local", name="this machine")
DEFAULT_KEY = Principal("key", "default", name="TOUCHLINE_API_KEY")

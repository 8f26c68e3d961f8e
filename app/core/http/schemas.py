"""What every feature sends: pages of lists, and problems."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.core.http.public_prefix import public_path

Item = TypeVar("Item")


class Links(BaseModel):
    """Addresses that belong to a thing, as clients see them."""

    @field_validator("*")
    @classmethod
    def _as_seen(cls, address: object) -> object:
        return public_path(address) if isinstance(address, str) else address


class Page(BaseModel, Generic[Item]):
    """One answer of a list."""

    items: list[Item]
    next_cursor: str | None = Field(
        description="Where the next page begins; null on the last one."
    )


class ProblemKind(BaseModel):
    """What a kind of problem means."""

    type: str
    title: str
    status: int
    meaning: str


class Problem(BaseModel):
    """What went wrong, RFC 9457; some kinds add members of their own."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="One stable name a case; GET it to read what it means.",
        examples=["/problems/video-too-large"],
    )
    title: str
    status: int
    detail: str
    instance: str
    request_id: str | None = Field(
        default=None, description="Of a 500: what to look for in the server's log."
    )

"""What is sent of keys and of sessions."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from app.core.http.schemas import Page
from app.core.principal import KeyScope

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)
]


class Key(BaseModel):
    """A key that was handed out, without its secret."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(examples=["9f2c4be01a77"])
    name: str = Field(examples=["scoreboard"])
    scopes: list[KeyScope]
    rate_per_minute: int | None = Field(description="Null: no limit.")
    created_by: str = Field(examples=["key:default"])
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")


class KeyPage(Page[Key]):
    """Keys, by id."""


class NewKey(BaseModel):
    """A key to make."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Name, Field(examples=["scoreboard"])]
    scopes: Annotated[
        list[KeyScope],
        Field(min_length=1, max_length=4, examples=[["read", "write"]]),
    ] = ["read"]
    expires_at: AwareDatetime | None = None
    rate_per_minute: Annotated[int | None, Field(ge=1, le=1_000_000)] = None


class MadeKey(Key):
    """A key that was made; this answer alone tells the key itself."""

    key: str = Field(examples=["touchline_9f2c4be01a77_…"])


class SignIn(BaseModel):
    """A key, to sign in with."""

    model_config = ConfigDict(extra="forbid")

    key: Annotated[
        str,
        StringConstraints(min_length=1, max_length=500),
        Field(examples=["touchline_9f2c4be01a77_…"]),
    ]


class SessionFacts(BaseModel):
    """Who asks, and what they may do."""

    principal: str = Field(examples=["key:9f2c4be01a77", "local"])
    name: str
    scopes: list[KeyScope]
    project_id: UUID
    csrf_token: str | None = Field(
        description="Of a browser that signed in: it sends this as X-CSRF-Token with "
        "every change."
    )

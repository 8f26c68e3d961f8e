"""What is sent of webhooks."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from app.core.http.fields import one_line
from app.core.http.schemas import Page
from app.webhooks.callbacks import MAX_URL_CHARS
from app.webhooks.message_types import FILTERS
from app.webhooks.tables import Webhook as WebhookRow

MAX_OVERLAP_S = 7 * 86400
EVENTS = f"Which messages it gets: {', '.join(f'`{one}`' for one in FILTERS)}."

Url = Annotated[str, StringConstraints(min_length=1, max_length=MAX_URL_CHARS)]
Description = Annotated[
    str, StringConstraints(max_length=200), AfterValidator(one_line)
]
Filter = Annotated[  # one that is unknown is refused in words, by `check_filters`
    str, Field(max_length=64, json_schema_extra={"enum": list(FILTERS)})
]
Filters = Annotated[
    list[Filter],
    Field(min_length=1, max_length=50, description=EVENTS, examples=[["video.*"]]),
]
DeliveryStatusName = Literal["pending", "delivered", "failed", "gone", "held"]


class Disabled(BaseModel):
    """Since when nothing is sent to a webhook, and why."""

    at: datetime
    reason: str


class Webhook(BaseModel):
    """An address that messages of the project are sent to."""

    id: UUID
    url: str = Field(examples=["https://example.org/touchline"])
    description: str | None
    events: list[str] = Field(description=EVENTS, examples=[["video.*"]])
    enabled: bool
    disabled: Disabled | None = Field(
        description="Null: messages are sent. Else it was switched off, by hand or "
        "because it took no message for days or answered 410."
    )
    failing_since: datetime | None = Field(
        description="The first attempt that failed since a message has arrived."
    )
    previous_secret_until: datetime | None = Field(
        description="The secret before signs as well until then."
    )
    created_by: str = Field(examples=["key:default"])
    created_at: datetime

    @classmethod
    def of(cls, row: WebhookRow) -> Self:
        """Read a row."""
        return cls.model_validate(facts_of(row))


class WebhookPage(Page[Webhook]):
    """Webhooks, the newest first."""


class WebhookSecret(BaseModel):
    """A webhook's new secret; this answer alone tells it."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    previous_secret_until: datetime | None = Field(
        description="The secret before signs as well until then."
    )


class MadeWebhook(Webhook):
    """A webhook that was made; this answer alone tells its secret."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class NewWebhook(BaseModel):
    """A webhook to make."""

    model_config = ConfigDict(extra="forbid")

    url: Url
    description: Description | None = None
    events: Filters = ["*"]


class WebhookChange(BaseModel):
    """What to change of a webhook; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    description: Description | None = None
    events: Filters | None = None
    enabled: bool | None = None

    @model_validator(mode="after")
    def _has_no_null(self) -> Self:
        for name in self.model_fields_set - {"description"}:
            if getattr(self, name) is None:
                raise ValueError(f"{name} cannot be null; leave it out")
        return self


class Rotation(BaseModel):
    """How to rotate a secret."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: Annotated[
        int,
        Field(
            ge=0,
            le=MAX_OVERLAP_S,
            description="How long the secret before signs as well.",
        ),
    ] = 86400


class Replay(BaseModel):
    """Which messages to send again: those made in a stretch of time."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime = Field(description="Included; at most 30 days ago.")
    until: AwareDatetime | None = Field(default=None, description="Not included.")
    statuses: Annotated[
        list[Literal["delivered", "failed", "gone", "held"]],
        Field(
            min_length=1,
            max_length=4,
            description="What came of them; if left out, all but `delivered`.",
        ),
    ] = ["failed", "gone", "held"]


class Replayed(BaseModel):
    """What a replay has made due."""

    queued: int = Field(description="How many messages, the oldest of those asked for.")
    next_since: datetime | None = Field(
        description="There are more: ask again with this as `since`; null: no more."
    )


def facts_of(row: WebhookRow) -> dict[str, object]:
    """Read what is told of a row."""
    disabled = None
    if row.disabled_at is not None:
        disabled = {"at": row.disabled_at, "reason": row.disabled_reason or ""}
    return {
        "id": row.id,
        "url": row.url,
        "description": row.description,
        "events": row.events,
        "enabled": disabled is None,
        "disabled": disabled,
        "failing_since": row.failing_since,
        "previous_secret_until": row.previous_until,
        "created_by": row.created_by,
        "created_at": row.created_at,
    }

"""What a webhook says: the body of a delivery, written once and sent as it stands."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.core.db.base import new_id
from app.webhooks.queries import last_delivery_status
from app.webhooks.tables import DELIVERY_LIFETIME, Delivery, DeliveryStatus

MessageType = Literal["video.completed", "video.failed", "video.canceled"]
EndStatus = Literal["succeeded", "failed", "canceled"]

_TYPES: Mapping[EndStatus, MessageType] = {
    "succeeded": "video.completed",
    "failed": "video.failed",
    "canceled": "video.canceled",
}


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How a job ended, as far as a webhook tells it.

    Attributes:
        events: how many of each type were found.
        error: `code`, `detail`, `retryable` of a failed job.
    """

    video_id: UUID
    job_id: UUID
    status: EndStatus
    events: Mapping[str, int]
    error: Mapping[str, object] | None = None

    @property
    def message_type(self) -> MessageType:
        return _TYPES[self.status]


def add_delivery(
    session: Session, outcome: JobOutcome, *, url: str, base_url: str, now: datetime
) -> UUID | None:
    """Write a message to be sent; tells which to ring for, None: the endpoint is gone.

    An endpoint that answered 410 gets nothing more of its video: the message is kept,
    closed, and can be sent again by hand. If that arrives, the next ones go out.
    """
    delivery = make_delivery(outcome, url=url, base_url=base_url, now=now)
    last = session.scalar(last_delivery_status(video_id=outcome.video_id, url=url))
    session.add(delivery)
    if last != DeliveryStatus.GONE:
        return delivery.id
    delivery.close(DeliveryStatus.GONE)
    return None


def make_delivery(
    outcome: JobOutcome, *, url: str, base_url: str, now: datetime
) -> Delivery:
    """Make the row of a message that is due at once."""
    return Delivery(
        id=new_id(),
        video_id=outcome.video_id,
        job_id=outcome.job_id,
        type=outcome.message_type,
        url=url,
        body=message_body(outcome, base_url=base_url, now=now),
        next_attempt_at=func.now(),
        expires_at=func.now() + DELIVERY_LIFETIME,
        created_at=now,
    )


def message_body(outcome: JobOutcome, *, base_url: str, now: datetime) -> str:
    """Write the JSON that is signed and sent."""
    video = f"{base_url}/videos/{outcome.video_id}"
    data: dict[str, object] = {
        "video_id": str(outcome.video_id),
        "job_id": str(outcome.job_id),
        "status": outcome.status,
        "events": dict(outcome.events),
        "links": {
            "video": video,
            "events": f"{video}/events",
            "timeline": f"{video}/timeline",
            "job": f"{base_url}/jobs/{outcome.job_id}",
        },
    }
    if outcome.error is not None:
        data["error"] = dict(outcome.error)
    message = {
        "type": outcome.message_type,
        "timestamp": now.isoformat().replace("+00:00", "Z"),
        "data": data,
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))

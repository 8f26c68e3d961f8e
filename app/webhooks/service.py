"""What a webhook says, and to whom: the body is written once and sent as it stands."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.batches.tables import Batch
from app.core.db.base import new_id, utc_now
from app.core.tracing.context import (
    TraceContext,
    current_trace,
    current_traceparent,
)
from app.jobs.tables import Job
from app.videos.tables import Video
from app.webhooks.message_types import TO_CALLBACKS, MessageType, fits
from app.webhooks.queries import last_delivery_status
from app.webhooks.tables import (
    DELIVERY_LIFETIME,
    Delivery,
    DeliveryStatus,
    Webhook,
)
from app.webhooks.webhook_queries import webhooks_to_tell

EndStatus = Literal["succeeded", "failed", "canceled"]
HELD_FOR = timedelta(days=30)  # then a webhook that is switched off misses messages

_ENDS: Mapping[EndStatus, str] = {
    "succeeded": "completed",
    "failed": "failed",
    "canceled": "canceled",
}


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How a job ended, as far as a webhook tells it.

    Attributes:
        video_id: None: the job is of no single video.
        events: how many of each type were found.
        error: `code`, `detail`, `retryable` of a failed job.
        subject: what the message is about: video, clip or training.
        subject_id: of a clip or training.
    """

    video_id: UUID | None
    job_id: UUID
    status: EndStatus
    events: Mapping[str, int]
    error: Mapping[str, object] | None = None
    subject: str = "video"
    subject_id: str | None = None

    @property
    def message_type(self) -> str:
        return f"{self.subject}.{_ENDS[self.status]}"

    def data(self, *, base_url: str) -> dict[str, object]:
        """Write what the message tells."""
        data: dict[str, object] = {
            "video_id": None if self.video_id is None else str(self.video_id),
            "job_id": str(self.job_id),
            "status": self.status,
            "events": dict(self.events),
            "links": self._links(base_url),
        }
        if self.subject_id is not None:
            data[f"{self.subject}_id"] = self.subject_id
        if self.error is not None:
            data["error"] = dict(self.error)
        return data

    def _links(self, base_url: str) -> dict[str, str]:
        links: dict[str, str] = {}
        if self.video_id is not None:
            links["video"] = f"{base_url}/videos/{self.video_id}"
        if self.subject_id is not None:
            own = f"{base_url}/{self.subject}s/{self.subject_id}"
            links[self.subject] = own
            if self.subject == "clip":
                links["file"] = f"{own}/file"
        elif self.video_id is not None:
            links["events"] = f"{links['video']}/events"
            links["timeline"] = f"{links['video']}/timeline"
        links["job"] = f"{base_url}/jobs/{self.job_id}"
        return links


@dataclass(frozen=True, slots=True)
class About:
    """What a message is about; with a video it goes when the video is deleted."""

    video_id: UUID | None = None
    job_id: UUID | None = None
    traceparent: str | None = None
    batch_id: UUID | None = None


def announce(
    session: Session,
    message_type: str,
    *,
    project_id: UUID,
    data: Mapping[str, object],
    video_id: UUID | None = None,
    job: Job | None = None,
    batch: Batch | None = None,
    now: datetime | None = None,
) -> UUID | None:
    """Write a message to whoever wants it: each webhook of the project, and the
    callback URL of the video if it is about a video or a clip, or of the batch.

    Returns:
        A message to announce, which has the sender find them all; None: nobody is told.
    """
    now = now or utc_now()
    body = write_body(message_type, data, now=now)
    about = About(video_id, batch_id=None if batch is None else batch.id)
    if job is not None:
        about = About(video_id, job.id, _trace_of(job))
    messages = [
        _tell_webhook(session, webhook, message_type, body, about, now=now)
        for webhook in session.scalars(webhooks_to_tell(project_id, HELD_FOR))
        if fits(message_type, webhook.events)
    ]
    if video_id is not None and message_type.startswith(TO_CALLBACKS):
        video = session.get(Video, video_id)
        if video is not None and video.callback_url is not None:
            made = _delivery(message_type, body, about, video.callback_url, now=now)
            messages.append(_tell_callback(session, made))
    if batch is not None and batch.callback_url is not None:
        made = _delivery(message_type, body, about, batch.callback_url, now=now)
        messages.append(_tell_callback(session, made))
    return next((one for one in messages if one is not None), None)


def add_delivery(
    session: Session, outcome: JobOutcome, *, url: str, base_url: str, now: datetime
) -> UUID | None:
    """Write a message to a callback URL; tells which to announce, None: it is gone."""
    made = make_delivery(outcome, url=url, base_url=base_url, now=now)
    return _tell_callback(session, made)


def make_delivery(
    outcome: JobOutcome, *, url: str, base_url: str, now: datetime
) -> Delivery:
    """Make the row of a message to a callback URL that is due at once."""
    body = message_body(outcome, base_url=base_url, now=now)
    about = About(outcome.video_id, outcome.job_id)
    return _delivery(outcome.message_type, body, about, url, now=now)


def make_ping(webhook: Webhook, *, now: datetime) -> Delivery:
    """Make the row of a message that only asks whether any arrive; tried once."""
    message_type: MessageType = "ping"
    body = write_body(message_type, {"webhook_id": str(webhook.id)}, now=now)
    ping = _delivery(message_type, body, About(), webhook.url, now=now)
    ping.webhook_id, ping.attempts_allowed = webhook.id, 1
    return ping


def message_body(outcome: JobOutcome, *, base_url: str, now: datetime) -> str:
    """Write the JSON that is signed and sent."""
    return write_body(outcome.message_type, outcome.data(base_url=base_url), now=now)


def write_body(message_type: str, data: Mapping[str, object], *, now: datetime) -> str:
    """Write a message as it is signed and sent."""
    message = {
        "type": message_type,
        "timestamp": now.isoformat().replace("+00:00", "Z"),
        "data": dict(data),
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def _delivery(
    message_type: str, body: str, about: About, url: str, *, now: datetime
) -> Delivery:
    return Delivery(
        id=new_id(),
        video_id=about.video_id,
        job_id=about.job_id,
        batch_id=about.batch_id,
        type=message_type,
        url=url,
        body=body,
        traceparent=about.traceparent or current_traceparent(),
        next_attempt_at=func.now(),
        expires_at=func.now() + DELIVERY_LIFETIME,
        created_at=now,
    )


def _trace_of(job: Job) -> str | None:
    """Tell where in the trace that asked for a job its end is told.

    Whoever ends it may work for another trace: a sweep, or a request that cancels.
    """
    asked, here = TraceContext.parse(job.traceparent), current_trace()
    is_same = asked is not None and here is not None and asked.trace_id == here.trace_id
    if here is not None and (asked is None or is_same):
        return str(here)
    return job.traceparent


def _tell_callback(session: Session, delivery: Delivery) -> UUID | None:
    """Add a message to a callback URL.

    An endpoint that answered 410 gets nothing more of its video: the message is kept,
    closed, and can be sent again by hand. If that arrives, the next ones go out.
    """
    last = None
    if delivery.video_id is not None:
        query = last_delivery_status(video_id=delivery.video_id, url=delivery.url)
        last = session.scalar(query)
    session.add(delivery)
    if last != DeliveryStatus.GONE:
        return delivery.id
    delivery.close(DeliveryStatus.GONE)
    return None


def _tell_webhook(
    session: Session,
    webhook: Webhook,
    message_type: str,
    body: str,
    about: About,
    *,
    now: datetime,
) -> UUID | None:
    """Add a message to a webhook; one that is switched off has it held."""
    delivery = _delivery(message_type, body, about, webhook.url, now=now)
    delivery.webhook_id = webhook.id
    session.add(delivery)
    if webhook.disabled_at is None:
        return delivery.id
    delivery.close(DeliveryStatus.HELD)
    return None

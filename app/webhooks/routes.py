"""Webhook messages: what was sent, what came of it, and sending it again."""

from fastapi import APIRouter

from app.core.db.snapshot import snapshot
from app.core.errors import (
    InvalidCursor,
    VideoNotFound,
)
from app.core.http.dependencies import ResourcesDep, VideoId
from app.core.http.pagination import PagingDep
from app.core.http.problems import problem_responses
from app.core.http.routing import guarded_router
from app.videos.service import find_video
from app.webhooks.path_ids import DeliveryId
from app.webhooks.problems import DeliveryNotFound
from app.webhooks.queries import (
    deliveries_page,
    delivery_with_attempts,
    resume_endpoint,
)
from app.webhooks.schemas import (
    BatchMessage,
    CreatedMessage,
    Delivery,
    DeliveryPage,
    PingMessage,
    ReviewMessage,
    WebhookMessage,
)

router = guarded_router("webhooks")
messages = APIRouter()  # what we send: the section `webhooks` of the OpenAPI document

SIGNATURE = {
    "parameters": [
        {
            "name": name,
            "in": "header",
            "required": True,
            "schema": {"type": "string"},
            "description": words,
        }
        for name, words in (
            ("webhook-id", "Stays the same when a message is sent again."),
            ("webhook-timestamp", "Seconds since 1970, of this attempt."),
            (
                "webhook-signature",
                "v1,base64(hmac_sha256(secret, '{id}.{timestamp}.{body}')); while a "
                "secret is rotated there are two, with a space between. A webhook's "
                "secret is told when it is made, that of callback URLs by "
                "`touchline keys webhook`.",
            ),
        )
    ]
}
ANSWERS: dict[int | str, dict[str, str]] = {
    200: {"description": "Any 2xx ends it; anything else is tried again, with pauses."},
    410: {"description": "Gone: neither this message nor a later one of the video."},
}


@router.get(
    "/videos/{video_id}/deliveries",
    responses=problem_responses(VideoNotFound, InvalidCursor),
)
def list_deliveries(
    paging: PagingDep,
    video_id: VideoId,
    resources: ResourcesDep,
) -> DeliveryPage:
    """List the messages to a video's callback URL with every attempt, newest first.

    Those to the project's webhooks are listed with the webhook.
    """
    before = paging.before("deliveries")
    wanted = deliveries_page(video_id, before=before, limit=paging.limit)
    with snapshot(resources) as session:
        find_video(session, video_id)
        found = session.scalars(wanted).all()
    page, next_cursor = paging.newest_first(
        "deliveries", found, id_of=lambda delivery: delivery.id
    )
    items = [Delivery.of(delivery) for delivery in page]
    return DeliveryPage(items=items, next_cursor=next_cursor)


@router.post(
    "/deliveries/{delivery_id}/retry",
    status_code=202,
    responses=problem_responses(DeliveryNotFound),
)
def retry_delivery(delivery_id: DeliveryId, resources: ResourcesDep) -> Delivery:
    """Send a message to a callback URL again now, whatever came of it before."""
    with resources.sessions.begin() as session:
        delivery = session.scalars(
            delivery_with_attempts(delivery_id).with_for_update()
        ).one_or_none()
        if delivery is None:
            raise DeliveryNotFound(f"No delivery has the id {delivery_id}.")
        delivery.send_again()
        session.flush()
        session.refresh(delivery, ["next_attempt_at"])
        session.execute(resume_endpoint(delivery.endpoint))
    resources.notifier.notify_delivery(delivery.id)
    return Delivery.of(delivery)


@messages.post("video.completed", openapi_extra=SIGNATURE, responses=ANSWERS)
def video_completed(body: WebhookMessage) -> None:
    """Sent to callback_url and webhooks when a job has succeeded."""


@messages.post("video.failed", openapi_extra=SIGNATURE, responses=ANSWERS)
def video_failed(body: WebhookMessage) -> None:
    """Sent to callback_url and webhooks when a job has failed for good."""


@messages.post("video.canceled", openapi_extra=SIGNATURE, responses=ANSWERS)
def video_canceled(body: WebhookMessage) -> None:
    """Sent to callback_url and webhooks when a job has been canceled.

    Nothing is sent for a video that is deleted: its jobs and messages go with it.
    """


@messages.post("clip.completed", openapi_extra=SIGNATURE, responses=ANSWERS)
def clip_completed(body: WebhookMessage) -> None:
    """Sent to callback_url and webhooks when a clip is rendered; see `clip_id`."""


@messages.post("clip.failed", openapi_extra=SIGNATURE, responses=ANSWERS)
def clip_failed(body: WebhookMessage) -> None:
    """Sent to callback_url and webhooks when a clip could not be rendered."""


@messages.post("clip.canceled", openapi_extra=SIGNATURE, responses=ANSWERS)
def clip_canceled(body: WebhookMessage) -> None:
    """Sent to callback_url and webhooks when a clip's job has been canceled."""


@messages.post("training.completed", openapi_extra=SIGNATURE, responses=ANSWERS)
def training_completed(body: WebhookMessage) -> None:
    """Sent to webhooks when a training has made a model; see `training_id`."""


@messages.post("training.failed", openapi_extra=SIGNATURE, responses=ANSWERS)
def training_failed(body: WebhookMessage) -> None:
    """Sent to webhooks when a training could not be brought to its end."""


@messages.post("training.canceled", openapi_extra=SIGNATURE, responses=ANSWERS)
def training_canceled(body: WebhookMessage) -> None:
    """Sent to webhooks when a training has been canceled."""


@messages.post("batch.completed", openapi_extra=SIGNATURE, responses=ANSWERS)
def batch_completed(body: BatchMessage) -> None:
    """Sent when every item of a batch has ended; `counts` tells how many failed.

    Goes to webhooks and to the batch's own callback_url. Sent again when a batch that
    was resumed has ended once more.
    """


@messages.post("batch.failed", openapi_extra=SIGNATURE, responses=ANSWERS)
def batch_failed(body: BatchMessage) -> None:
    """Sent when the source of a batch could not be listed to its end."""


@messages.post("batch.canceled", openapi_extra=SIGNATURE, responses=ANSWERS)
def batch_canceled(body: BatchMessage) -> None:
    """Sent when a batch has been canceled and nothing of it runs any more."""


@messages.post("review.completed", openapi_extra=SIGNATURE, responses=ANSWERS)
def review_completed(body: ReviewMessage) -> None:
    """Sent to webhooks when a video has been reviewed from its start to its end.

    Sent again only after a stretch was taken back and reviewed anew.
    """


@messages.post("event.created", openapi_extra=SIGNATURE, responses=ANSWERS)
def event_created(body: CreatedMessage) -> None:
    """Sent to webhooks when events of a live stream have become final.

    One by one, or those of some seconds together, as the stream was asked for.
    """


@messages.post("ping", openapi_extra=SIGNATURE, responses=ANSWERS)
def ping(body: PingMessage) -> None:
    """Sent to one webhook when somebody asks for it; tried once."""

"""Webhooks of the project: make, list, change, rotate, delete."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Response
from sqlalchemy.orm import Session

from app.core.db.base import utc_now
from app.core.errors import (
    CallbackRefused,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidCursor,
    InvalidRequest,
)
from app.core.http.dependencies import (
    IdempotencyKey,
    PrincipalDep,
    ResourcesDep,
)
from app.core.http.pagination import PagingDep
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import AdminRoute, guarded_router
from app.core.resources import Resources
from app.idempotency.fingerprints import edit_fingerprint
from app.idempotency.problems import SecretToldBefore
from app.idempotency.service import made_before, make_once
from app.webhooks.checking import check_address
from app.webhooks.message_types import check_filters
from app.webhooks.path_ids import WebhookId
from app.webhooks.problems import (
    TooManyWebhooks,
    WebhookNotFound,
)
from app.webhooks.secrets import ServiceSecretChanged
from app.webhooks.signing import webhook_secret
from app.webhooks.tables import Webhook as WebhookRow
from app.webhooks.webhook_queries import webhooks_page
from app.webhooks.webhook_schemas import (
    MadeWebhook,
    NewWebhook,
    Rotation,
    Webhook,
    WebhookChange,
    WebhookPage,
    WebhookSecret,
    facts_of,
)
from app.webhooks.webhook_service import (
    create_webhook,
    find_webhook,
    lock_webhook,
    move_webhook,
    rotate_secret,
    secret_of,
    switch_webhook,
)

router = guarded_router("webhooks", AdminRoute)

Result = TypeVar("Result")


@router.post(
    "/webhooks",
    status_code=201,
    responses=problem_responses(
        *(CallbackRefused, InvalidRequest, TooManyWebhooks, SecretToldBefore),
        WebhookNotFound,  # an earlier request's, deleted since
        *(IdempotencyKeyInUse, IdempotencyKeyReused, *WITH_JSON),
    ),
)
async def add_webhook(
    wanted: NewWebhook,
    response: Response,
    principal: PrincipalDep,
    resources: ResourcesDep,
    idempotency_key: IdempotencyKey = None,
) -> MadeWebhook:
    """Have messages of this project sent to an address.

    This answer alone tells the secret that signs them (Standard Webhooks).
    """
    check_filters(wanted.events)
    fingerprint = edit_fingerprint(
        "POST /webhooks", str(principal), wanted.model_dump(mode="json")
    )
    before = partial(made_before, fingerprint=fingerprint)
    threads = resources.upload_threads
    earlier = await run_sync(
        before, resources.sessions, idempotency_key, limiter=threads
    )
    if earlier is None:
        await check_address(wanted.url, resources, name="url")
    service_secret = webhook_secret(resources.settings)

    def create(session: Session) -> MadeWebhook:
        def make() -> UUID:
            return create_webhook(
                session,
                url=wanted.url,
                description=wanted.description,
                events=wanted.events,
                service_secret=service_secret,
                now=utc_now(),
            ).id

        webhook_id, _ = make_once(
            session, idempotency_key, make, fingerprint=fingerprint
        )
        return _made(find_webhook(session, webhook_id), service_secret)

    made = await _in_transaction(resources, create)
    response.headers["cache-control"] = "no-store"
    response.headers["location"] = f"/webhooks/{made.id}"
    return made


def _made(row: WebhookRow, service_secret: str) -> MadeWebhook:
    """Tell of a webhook with its secret, as often as the request is sent."""
    try:
        secret = secret_of(row, service_secret)
    except ServiceSecretChanged as exc:
        raise SecretToldBefore(
            f"The webhook {row.id} is there already; {exc}."
        ) from exc
    return MadeWebhook.model_validate({**facts_of(row), "secret": secret})


@router.get("/webhooks", responses=problem_responses(InvalidCursor))
def list_webhooks(
    paging: PagingDep,
    resources: ResourcesDep,
) -> WebhookPage:
    """List the webhooks of this project, the newest first."""
    before = paging.before("webhooks")
    with resources.sessions() as session:
        found = session.scalars(webhooks_page(before=before, limit=paging.limit)).all()
    page, next_cursor = paging.newest_first("webhooks", found, id_of=lambda row: row.id)
    return WebhookPage(items=[Webhook.of(row) for row in page], next_cursor=next_cursor)


@router.get("/webhooks/{webhook_id}", responses=problem_responses(WebhookNotFound))
def get_webhook(webhook_id: WebhookId, resources: ResourcesDep) -> Webhook:
    """Tell of a webhook; also whether it was switched off, and why."""
    with resources.sessions() as session:
        return Webhook.of(find_webhook(session, webhook_id))


@router.patch(
    "/webhooks/{webhook_id}",
    responses=problem_responses(
        *(WebhookNotFound, CallbackRefused, InvalidRequest), *WITH_JSON
    ),
)
async def change_webhook(
    webhook_id: WebhookId,
    wanted: WebhookChange,
    principal: PrincipalDep,
    resources: ResourcesDep,
) -> Webhook:
    """Change a webhook, or switch it off and on.

    While it is off its messages are held for a replay, for 30 days.
    """
    if wanted.events is not None:
        check_filters(wanted.events)
    if wanted.url is not None:
        await check_address(wanted.url, resources, name="url")

    def change(session: Session) -> Webhook:
        row = lock_webhook(session, webhook_id)
        if "description" in wanted.model_fields_set:
            row.description = wanted.description
        if wanted.events is not None:
            row.events = check_filters(wanted.events)
        if wanted.url is not None:
            move_webhook(session, row, wanted.url)
        if wanted.enabled is not None:
            switch_webhook(session, row, on=wanted.enabled, by=str(principal))
        session.flush()
        session.refresh(row)
        return Webhook.of(row)

    return await _in_transaction(resources, change)


@router.delete(
    "/webhooks/{webhook_id}",
    status_code=204,
    responses=problem_responses(WebhookNotFound),
)
def delete_webhook(webhook_id: WebhookId, resources: ResourcesDep) -> Response:
    """Delete a webhook and its messages; nothing more is sent there."""
    with resources.sessions.begin() as session:
        session.delete(lock_webhook(session, webhook_id))
    return Response(status_code=204)


@router.post(
    "/webhooks/{webhook_id}/rotate",
    responses=problem_responses(WebhookNotFound, *WITH_JSON),
)
def rotate_webhook_secret(
    webhook_id: WebhookId,
    response: Response,
    resources: ResourcesDep,
    wanted: Rotation | None = None,
) -> WebhookSecret:
    """Make a new secret; for a while messages are signed by the one before as well."""
    wanted = wanted or Rotation()
    with resources.sessions.begin() as session:
        row = lock_webhook(session, webhook_id)
        secret = rotate_secret(
            session,
            row,
            service_secret=webhook_secret(resources.settings),
            overlap=timedelta(seconds=wanted.overlap_s),
        )
        until = row.previous_until
    response.headers["cache-control"] = "no-store"
    return WebhookSecret(secret=secret, previous_secret_until=until)


async def _in_transaction(
    resources: Resources, work: Callable[[Session], Result]
) -> Result:
    """Do something with the database in a thread."""

    def do() -> Result:
        with resources.sessions.begin() as session:
            return work(session)

    return await run_sync(do, limiter=resources.upload_threads)

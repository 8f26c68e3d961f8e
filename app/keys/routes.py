"""Keys: hand out, list, revoke; and signing in with one from a browser."""

from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import Path, Request, Response

from app.core.db.base import utc_now
from app.core.errors import (
    CrossSiteRefused,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidCursor,
    NotAuthenticated,
)
from app.core.http.access import SESSION_COOKIE, principal_of_key
from app.core.http.cursors import KeysCursor
from app.core.http.dependencies import (
    AllProjectsResourcesDep,
    IdempotencyKey,
    PrincipalDep,
    ResourcesDep,
    key_ring_of,
)
from app.core.http.pagination import PagingDep
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.public_prefix import public_path
from app.core.http.routing import AdminRoute, OpenRoute, ReadableRoute, guarded_router
from app.core.principal import Principal
from app.idempotency.fingerprints import edit_fingerprint
from app.idempotency.problems import SecretToldBefore
from app.idempotency.service import mark_used, used_before
from app.keys.browser_sessions import LASTS, SignedIn, sign_in, sign_out
from app.keys.problems import ExpiryPassed, KeyNotFound
from app.keys.queries import keys_page, revoke
from app.keys.schemas import Key, KeyPage, MadeKey, NewKey, SessionFacts, SignIn
from app.keys.service import create_key

router = guarded_router("keys", AdminRoute)
sign_in_router = guarded_router("keys", OpenRoute)
session_router = guarded_router("keys", ReadableRoute)

KeyId = Annotated[str, Path(max_length=64, examples=["9f2c4be01a77"])]


@router.post(
    "/keys",
    status_code=201,
    responses=problem_responses(
        *(ExpiryPassed, SecretToldBefore),
        *(IdempotencyKeyInUse, IdempotencyKeyReused, *WITH_JSON),
    ),
)
def add_key(
    wanted: NewKey,
    response: Response,
    principal: PrincipalDep,
    resources: ResourcesDep,
    idempotency_key: IdempotencyKey = None,
) -> MadeKey:
    """Hand out a key of this project; this answer alone tells it.

    Sent again with the same `Idempotency-Key`, it makes no second key, and cannot tell
    the first one again.
    """
    fingerprint = edit_fingerprint(
        "POST /keys", str(principal), wanted.model_dump(mode="json")
    )
    with resources.sessions.begin() as session:
        if used_before(session, idempotency_key, fingerprint=fingerprint) is not None:
            raise SecretToldBefore(
                f"An earlier request with this Idempotency-Key made the key "
                f"{wanted.name!r}, and only its answer told it. If that was lost, "
                "revoke the key (GET /keys lists it) and ask with a new "
                "Idempotency-Key."
            )
        made = create_key(
            session,
            name=wanted.name,
            scopes=wanted.scopes,
            project_id=principal.project_id,
            now=utc_now(),
            expires_at=wanted.expires_at,
            rate_per_minute=wanted.rate_per_minute,
        )
        mark_used(session, idempotency_key, fingerprint=fingerprint, video_id=None)
    response.headers["cache-control"] = "no-store"
    response.headers["location"] = f"/keys/{made.row.id}"
    facts = Key.model_validate(made.row).model_dump()
    return MadeKey(**facts, key=made.text)


@router.get("/keys", responses=problem_responses(InvalidCursor))
def list_keys(
    paging: PagingDep,
    resources: ResourcesDep,
) -> KeyPage:
    """List the keys of this project, also those that are revoked."""
    start = paging.start(KeysCursor)
    after = None if start is None else start.after
    with resources.sessions() as session:
        found = session.scalars(keys_page(after=after, limit=paging.limit)).all()
    page, next_cursor = paging.cut(
        found, cursor_after=lambda row: KeysCursor(after=row.id)
    )
    return KeyPage(
        items=[Key.model_validate(row) for row in page], next_cursor=next_cursor
    )


@router.delete(
    "/keys/{key_id}", status_code=204, responses=problem_responses(KeyNotFound)
)
def revoke_key(key_id: KeyId, resources: ResourcesDep) -> Response:
    """Revoke a key at once; who signed in with it is out as well."""
    with resources.sessions.begin() as session:
        if session.execute(revoke(key_id)).one_or_none() is None:
            raise KeyNotFound(f"No key has the id {key_id!r}.")
    return Response(status_code=204)


@sign_in_router.post(
    "/session",
    status_code=201,
    responses=problem_responses(NotAuthenticated, CrossSiteRefused, *WITH_JSON),
)
async def create_session(
    wanted: SignIn,
    request: Request,
    response: Response,
    resources: AllProjectsResourcesDep,
) -> SessionFacts:
    """Sign a browser in with a key: a cookie that no script can read.

    With every change the browser then sends `csrf_token` as `X-CSRF-Token`.
    """
    settings = resources.settings
    principal = await principal_of_key(wanted.key, settings, key_ring_of(request))

    def open_session() -> SignedIn:
        with resources.sessions.begin() as session:
            return sign_in(session, principal, wanted.key, now=utc_now())

    opened = await run_sync(open_session, limiter=resources.upload_threads)
    response.set_cookie(
        SESSION_COOKIE,
        opened.token,
        max_age=int(LASTS.total_seconds()),
        path=public_path("/"),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https" or settings.base_url.startswith("https:"),
    )
    response.headers["cache-control"] = "no-store"
    return _facts(principal, opened.csrf_token)


@session_router.get("/session", responses=problem_responses())
async def get_session(
    request: Request, response: Response, principal: PrincipalDep
) -> SessionFacts:
    """Tell who asks, and what they may do."""
    response.headers["cache-control"] = "no-store"
    return _facts(principal, getattr(request.state, "csrf_token", None))


@session_router.delete("/session", status_code=204, responses=problem_responses())
def delete_session(request: Request, resources: ResourcesDep) -> Response:
    """Sign out; without a session nothing happens."""
    token = request.cookies.get(SESSION_COOKIE)
    if token:
        with resources.sessions.begin() as session:
            sign_out(session, token)
    answer = Response(status_code=204)
    answer.delete_cookie(
        SESSION_COOKIE, path=public_path("/"), httponly=True, samesite="strict"
    )
    return answer


def _facts(principal: Principal, csrf_token: str | None) -> SessionFacts:
    return SessionFacts(
        principal=str(principal),
        name=principal.name,
        scopes=sorted(principal.scopes),
        project_id=principal.project_id,
        csrf_token=csrf_token,
    )

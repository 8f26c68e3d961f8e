"""Saved searches: save, look at, change and delete them; what they find."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import Field

from app.core.db.base import utc_now
from app.core.errors import IdempotencyKeyInUse, IdempotencyKeyReused, InvalidCursor
from app.core.http.cursors import Cursor
from app.core.http.dependencies import (
    CursorText,
    IdempotencyKey,
    Limit,
    ResourcesDep,
)
from app.core.http.openapi import WITH_ETAG
from app.core.http.pagination import PagingDep, json_answer
from app.core.http.precondition_headers import IfMatch
from app.core.http.preconditions import etag_of
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import ReviewRoute, guarded_router
from app.core.resources import Resources
from app.idempotency.fingerprints import edit_fingerprint
from app.idempotency.service import make_once
from app.search.answers import (
    DEFAULT_MARGINS,
    M3U8,
    PENDING,
    PENDING_HEADER,
    Form,
    MarginsDep,
    TellsProvenance,
    answer_in_form,
    answer_playlist,
    documented_forms,
    refresh,
)
from app.search.hits import every_hit
from app.search.parameters import SearchId
from app.search.playlist import MOST_ENTRIES, entries_of
from app.search.problems import SearchChanged, SearchNameTaken, SearchNotFound
from app.search.saved import (
    add_search,
    change_search,
    find_search,
    list_searches,
    remove_search,
)
from app.search.saved_schemas import (
    NewSearch,
    Playlist,
    PlaylistEntry,
    SavedSearch,
    SavedSearchPage,
    SearchChanges,
)
from app.search.schemas import FoundEvents, FoundSequences

router = guarded_router("searches", ReviewRoute)


class SearchesCursor(Cursor):
    """After a saved search, by name."""

    list: Literal["searches"] = "searches"
    after: str = Field(max_length=100)


@router.post(
    "/searches",
    status_code=201,
    responses={
        201: WITH_ETAG,
        **problem_responses(
            *(SearchNameTaken, SearchNotFound),  # an earlier request's, deleted since
            *(IdempotencyKeyInUse, IdempotencyKeyReused, *WITH_JSON),
        ),
    },
)
def create_search(
    response: Response,
    wanted: NewSearch,
    resources: ResourcesDep,
    idempotency_key: IdempotencyKey = None,
) -> SavedSearch:
    """Save a search under a name that no other one of the project has."""
    query = wanted.query.model_dump(mode="json", exclude_defaults=True)
    with resources.sessions.begin() as session:

        def make() -> UUID:
            return add_search(session, name=wanted.name, query=query, now=utc_now()).id

        search_id, _ = make_once(
            *(session, idempotency_key, make),
            fingerprint=edit_fingerprint("POST /searches", "", [wanted.name, query]),
        )
        answer = SavedSearch.of(find_search(session, search_id))
    response.headers["location"] = f"/searches/{answer.id}"
    response.headers["etag"] = etag_of(answer.version)
    return answer


@router.get(
    "/searches", name="list_searches", responses=problem_responses(InvalidCursor)
)
def get_searches(
    paging: PagingDep,
    resources: ResourcesDep,
) -> SavedSearchPage:
    """List the project's saved searches by name."""
    start = paging.start(SearchesCursor)
    after = None if start is None else start.after
    with resources.sessions() as session:
        found = list_searches(session, after=after, limit=paging.limit + 1)
    page, next_cursor = paging.cut(
        found, cursor_after=lambda row: SearchesCursor(after=row.name)
    )
    return SavedSearchPage(
        items=[SavedSearch.of(row) for row in page], next_cursor=next_cursor
    )


@router.get(
    "/searches/{search_id}",
    responses={200: WITH_ETAG, **problem_responses(SearchNotFound)},
)
def get_search(
    response: Response, search_id: SearchId, resources: ResourcesDep
) -> SavedSearch:
    """Look at a saved search."""
    answer = _saved(search_id, resources)
    response.headers["etag"] = etag_of(answer.version)
    return answer


@router.patch(
    "/searches/{search_id}",
    responses={
        200: WITH_ETAG,
        **problem_responses(
            *(SearchNotFound, SearchNameTaken, SearchChanged, *WITH_JSON)
        ),
    },
)
def update_search(
    response: Response,
    search_id: SearchId,
    changes: SearchChanges,
    resources: ResourcesDep,
    if_match: IfMatch = None,
) -> SavedSearch:
    """Give a saved search another name, another query, or both."""
    query = None
    if changes.query is not None:
        query = changes.query.model_dump(mode="json", exclude_defaults=True)
    with resources.sessions.begin() as session:
        row = change_search(
            *(session, search_id),
            name=changes.name,
            query=query,
            if_match=if_match,
            now=utc_now(),
        )
        answer = SavedSearch.of(row)
    response.headers["etag"] = etag_of(answer.version)
    return answer


@router.delete(
    "/searches/{search_id}",
    status_code=204,
    responses=problem_responses(SearchNotFound, SearchChanged),
)
def delete_search(
    search_id: SearchId, resources: ResourcesDep, if_match: IfMatch = None
) -> Response:
    """Delete a saved search; what it found stays."""
    with resources.sessions.begin() as session:
        remove_search(session, search_id, if_match=if_match)
    return Response(status_code=204)


@router.get(
    "/searches/{search_id}/events",
    name="list_search_hits",
    response_model=FoundEvents | FoundSequences,
    responses={
        **documented_forms(),
        **problem_responses(SearchNotFound, InvalidCursor),
    },
)
def get_search_hits(
    request: Request,
    response: Response,
    search_id: SearchId,
    resources: ResourcesDep,
    limit: Limit = 50,
    cursor: CursorText = None,
    form: Form = "json",
    margins: MarginsDep = DEFAULT_MARGINS,
    provenance: TellsProvenance = False,
) -> Response:
    """Find what a saved search finds now, as `GET /events` would with its query."""
    saved = _saved(search_id, resources)
    return answer_in_form(
        *(request, response, resources, saved.query.wanted),
        form=form,
        margins=margins,
        name=saved.name,
        limit=limit,
        cursor=cursor,
        provenance=provenance,
    )


@router.get(
    "/searches/{search_id}/playlist",
    response_model=Playlist,
    responses={
        200: {
            "headers": PENDING_HEADER,
            "description": "`Playlist` for format=json, else a file.",
            "content": {M3U8: {"schema": {"type": "string"}}},
        },
        **problem_responses(SearchNotFound),
    },
)
def get_search_playlist(
    response: Response,
    search_id: SearchId,
    resources: ResourcesDep,
    form: Annotated[
        Literal["m3u8", "json"],
        Query(alias="format", description="m3u8: for VLC and its like."),
    ] = "m3u8",
    margins: MarginsDep = DEFAULT_MARGINS,
) -> Response:
    """List where the first 1,000 hits of a saved search are played; nothing is
    rendered.
    """
    saved = _saved(search_id, resources)
    wanted = saved.query.wanted
    if form == "m3u8":
        return answer_playlist(resources, wanted, margins, name=saved.name)
    response.headers[PENDING] = str(refresh(resources))
    hits = every_hit(resources.read, wanted, most=MOST_ENTRIES)
    entries = entries_of(hits, margins, base_url=resources.settings.base_url)
    shown = [PlaylistEntry.of(one) for one in entries]
    return json_answer(
        Playlist.model_construct(name=saved.name, entries=shown), response
    )


def _saved(search_id: SearchId, resources: Resources) -> SavedSearch:
    with resources.sessions() as session:
        return SavedSearch.of(find_search(session, search_id))

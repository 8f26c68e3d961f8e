"""A search's answer in each of its forms: pages in JSON, a table, a playlist."""

import time
from collections.abc import Iterator
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from app.annotations.timelines import View
from app.core.errors import RULE, InvalidCursor, InvalidRequest
from app.core.http.cursors import Cursor
from app.core.http.pagination import json_answer, tell_next
from app.core.http.routing import IS_HEAD
from app.core.resources import Resources
from app.search.criteria import EventSearch
from app.search.hits import Position, every_hit, find_hits
from app.search.hits_table import to_lines
from app.search.playlist import MOST_ENTRIES, entries_of
from app.search.provenance import provenance_line
from app.search.schemas import found_page
from app.search.service import refresh_stale
from app.timelines.parameters import ClipMargins, Order
from model.data.formats.events import LAG_S, LEAD_S
from model.video.playlist import write_m3u8

REFRESH_S = 2.0  # a search spends so long on matches that have changed
CSV, M3U8 = "text/csv", "application/vnd.apple.mpegurl"
CHUNK_CHARS = 2**16
PENDING = "touchline-pending-videos"  # of a file: what it may lack; see `FoundEvents`
PENDING_HEADER: dict[str, Any] = {
    "Touchline-Pending-Videos": {
        "description": "Of a table or a playlist. Matches that have changed and are in "
        "the file as they were, or not yet.",
        "schema": {"type": "integer"},
    }
}

Form = Annotated[
    Literal["json", "csv", "m3u8"],
    Query(
        alias="format",
        description="csv: all hits as a table, a line an event; m3u8: the first "
        f"{MOST_ENTRIES:,} as a playlist for VLC and its like.",
    ),
]


def _margins(
    lead_s: Annotated[
        float, Query(ge=0, le=600, description="Of a playlist: play so long before.")
    ] = LEAD_S,
    lag_s: Annotated[
        float, Query(ge=0, le=600, description="Of a playlist: play so long after.")
    ] = LAG_S,
) -> ClipMargins:
    return ClipMargins(lead_s, lag_s)


MarginsDep = Annotated[ClipMargins, Depends(_margins)]
DEFAULT_MARGINS = ClipMargins()

TellsProvenance = Annotated[
    bool,
    Query(
        alias="provenance",
        description="Of a table: tell in a last column, in the first row of each "
        "match, which model, thresholds and people its events come from, and what was "
        "reviewed.",
    ),
]


class SearchCursor(Cursor):
    """After an event of a match."""

    list: Literal["search"] = "search"
    order: Order
    video: UUID
    time_ms: int = Field(ge=-(2**53), le=2**53)
    id: UUID
    step: int | None = Field(None, ge=0)  # of a sequence: it is looked for around it


def documented_forms() -> dict[int | str, dict[str, Any]]:
    """Describe the answers that are not JSON."""
    text = {"schema": {"type": "string"}}
    return {
        200: {
            "headers": PENDING_HEADER,
            "description": "`FoundEvents`, with a sequence `FoundSequences`; a table "
            "for format=csv, a playlist for format=m3u8.",
            "content": {CSV: text, M3U8: text},
        }
    }


def refresh(resources: Resources) -> int:
    """Copy what has changed, for a while; tells how many matches are left."""
    until = time.monotonic() + REFRESH_S
    return refresh_stale(
        *(resources.read, resources.sessions, resources.storage),
        View(resources.settings.match_tolerance),
        has_time=lambda: time.monotonic() < until,
    )


def answer_page(
    request: Request,
    response: Response,
    resources: Resources,
    wanted: EventSearch,
    *,
    limit: int,
    cursor: str | None,
) -> Response:
    """Send a page of hits in JSON.

    Raises:
        InvalidCursor: it is not of this search.
    """
    start = _start(cursor, wanted)
    pending = refresh(resources)
    hits = resources.read(
        lambda session: find_hits(session, wanted, start=start, limit=limit)
    )
    next_cursor = None
    if hits.following is not None:
        next_cursor = tell_next(
            _cursor(hits.following, wanted), request=request, response=response
        )
    body = found_page(
        hits.found,
        is_sequence=wanted.sequence is not None,
        next_cursor=next_cursor,
        pending=pending,
    )
    return json_answer(body, response)


def answer_table(
    request: Request,
    resources: Resources,
    wanted: EventSearch,
    *,
    name: str,
    provenance: bool = False,
) -> Response:
    """Send all hits as a table, while they are read.

    Args:
        name: of the file, without its suffix.
        provenance: tell where the events of each match come from.
    """
    headers = _as_file(f"{name}.csv")
    if request.scope.get(IS_HEAD):
        return Response(media_type=CSV, headers=headers)
    headers[PENDING] = str(refresh(resources))
    line_of = provenance_line(wanted, resources) if provenance else None
    lines = to_lines(every_hit(resources.read, wanted), line_of)
    return StreamingResponse(_chunks(lines), media_type=CSV, headers=headers)


def answer_playlist(
    resources: Resources, wanted: EventSearch, margins: ClipMargins, *, name: str
) -> Response:
    """Send the first hits as a playlist."""
    pending = refresh(resources)
    hits = every_hit(resources.read, wanted, most=MOST_ENTRIES)
    base_url = resources.settings.base_url
    entries = entries_of(hits, margins, base_url=base_url)
    return Response(
        write_m3u8((one.stretch for one in entries), title=name),
        media_type=M3U8,
        headers={**_as_file(f"{name}.m3u8"), PENDING: str(pending)},
    )


def answer_in_form(
    request: Request,
    response: Response,
    resources: Resources,
    wanted: EventSearch,
    *,
    form: Form,
    margins: ClipMargins,
    name: str,
    limit: int,
    cursor: str | None,
    provenance: bool = False,
) -> Response:
    """Send what is found, as it is asked for.

    Raises:
        InvalidCursor: it is not of this search.
        InvalidRequest: only a table tells the provenance.
    """
    if provenance and form != "csv":
        raise InvalidRequest(
            "Only format=csv tells where the events of a search come from; of one "
            "match each format does: GET /videos/{id}/events?provenance=true.",
            kind=RULE,
        )
    if form == "csv":
        return answer_table(
            request, resources, wanted, name=name, provenance=provenance
        )
    if form == "m3u8":
        return answer_playlist(resources, wanted, margins, name=name)
    return answer_page(request, response, resources, wanted, limit=limit, cursor=cursor)


def _start(cursor: str | None, wanted: EventSearch) -> Position:
    if cursor is None:
        return Position()
    start = SearchCursor.decode(cursor)
    if start.order != _order(wanted):
        raise InvalidCursor("The cursor was made for the other order.")
    steps = 0 if wanted.sequence is None else len(wanted.sequence.labels)
    if (start.step is not None) != (steps > 0) or (start.step or 0) > max(steps - 1, 0):
        raise InvalidCursor("The cursor was made for another sequence.")
    return Position((start.video, start.time_ms, start.id), start.step)


def _cursor(position: Position, wanted: EventSearch) -> SearchCursor:
    if position.after is None:
        raise ValueError("the start needs no cursor")
    video, time_ms, event = position.after
    return SearchCursor(
        order=_order(wanted), video=video, time_ms=time_ms, id=event, step=position.step
    )


def _order(wanted: EventSearch) -> Order:
    return "desc" if wanted.is_descending else "asc"


def _chunks(lines: Iterator[str]) -> Iterator[str]:
    """Join lines, so that a turn of a thread sends many."""
    waiting: list[str] = []
    size = 0
    for line in lines:
        waiting.append(line)
        size += len(line)
        if size >= CHUNK_CHARS:
            yield "".join(waiting)
            waiting, size = [], 0
    yield "".join(waiting)


def _as_file(name: str) -> dict[str, str]:
    return {"content-disposition": f"attachment; filename*=UTF-8''{quote(name, '')}"}

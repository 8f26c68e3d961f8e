"""Answers in JSON, and the pages of lists: where does the next one begin?"""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TypeVar

from fastapi import Request, Response
from pydantic import BaseModel
from pydantic_core import to_json

from app.core.http.cursors import Cursor

Row = TypeVar("Row")


def paginate(
    found: Sequence[Row],
    *,
    limit: int,
    cursor_after: Callable[[Row], Cursor],
    request: Request,
    response: Response,
) -> tuple[Sequence[Row], str | None]:
    """Cut a page of `limit` rows out of up to `limit + 1` that were found.

    Returns:
        The rows of the page and its `next_cursor`, which also goes into the header
        `Link` as rel="next", with the other parameters of the request kept.
    """
    if len(found) <= limit:
        return found, None
    page = found[:limit]
    return page, tell_next(cursor_after(page[-1]), request=request, response=response)


def tell_next(cursor: Cursor, *, request: Request, response: Response) -> str:
    """Write where the next page begins, also into the header `Link`."""
    text = cursor.encode()
    following = request.url.include_query_params(cursor=text)
    response.headers["link"] = f'<{following.path}?{following.query}>; rel="next"'
    return text


def json_answer(
    body: BaseModel | Mapping[str, object],
    response: Response,
    *,
    status_code: int = HTTPStatus.OK,
) -> Response:
    """Write an answer at once, with the headers that were set so far.

    FastAPI would validate what we have just made, in another turn of a thread; worth
    it where requests are many.
    """
    return Response(
        to_json(body),
        status_code,
        media_type="application/json",
        headers=response.headers,
    )

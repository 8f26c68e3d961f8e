"""One page of a list: cut off the row too many, and say where the next page begins."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from fastapi import Request, Response

from app.api.cursors import Cursor

Row = TypeVar("Row")


def cut_page(
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
    cursor = cursor_after(page[-1]).encode()
    following = request.url.include_query_params(cursor=cursor)
    response.headers["link"] = f'<{following.path}?{following.query}>; rel="next"'
    return page, cursor

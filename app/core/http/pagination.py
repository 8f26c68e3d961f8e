"""Answers in JSON, and the pages of lists: where does the next one begin?"""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import BaseModel
from pydantic_core import to_json

from app.core.errors import InvalidCursor
from app.core.http.cursors import FOREIGN, Cursor, NewestFirstCursor
from app.core.http.dependencies import CursorText, Limit

Row = TypeVar("Row")
CursorOfList = TypeVar("CursorOfList", bound=Cursor)


class Paging:
    """The page of a list that a request asks for, and how its answer tells the next.

    The next one also goes into the header `Link` as rel="next", with the other
    parameters of the request kept.
    """

    def __init__(
        self,
        request: Request,
        response: Response,
        limit: Limit = 50,
        cursor: CursorText = None,
    ) -> None:
        self._request, self._response, self._cursor = request, response, cursor
        self.limit = limit

    def start(self, kind: type[CursorOfList]) -> CursorOfList | None:
        """Read where the page begins; None: at the beginning.

        Raises:
            InvalidCursor: the cursor was not made by this list.
        """
        return kind.decode(self._cursor) if self._cursor else None

    def cut(
        self, found: Sequence[Row], *, cursor_after: Callable[[Row], Cursor]
    ) -> tuple[Sequence[Row], str | None]:
        """Cut the page out of up to `limit + 1` rows that were found.

        Returns:
            The rows of the page and its `next_cursor`.
        """
        return paginate(
            found,
            limit=self.limit,
            cursor_after=cursor_after,
            request=self._request,
            response=self._response,
        )

    def before(self, name: str) -> UUID | None:
        """Read after which row of a list that goes back in time the page begins.

        Raises:
            InvalidCursor: the cursor was not made by the list of this name.
        """
        start = self.start(NewestFirstCursor)
        if start is None:
            return None
        if start.list != name:
            raise InvalidCursor(FOREIGN)
        return start.before

    def newest_first(
        self, name: str, found: Sequence[Row], *, id_of: Callable[[Row], UUID]
    ) -> tuple[Sequence[Row], str | None]:
        """Cut the page out of a list that goes back in time, as `cut` does."""
        return self.cut(
            found,
            cursor_after=lambda row: NewestFirstCursor(list=name, before=id_of(row)),
        )


PagingDep = Annotated[Paging, Depends()]


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

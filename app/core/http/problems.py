"""Exceptions become RFC 9457 problem documents here and nowhere else."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, InterfaceError, OperationalError, TimeoutError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from app.core.errors import (
    BadRequest,
    BodyTooLarge,
    CrossSiteRefused,
    FileChanged,
    HeadersTooLarge,
    HostRefused,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    NotReady,
    RangeNotSatisfiable,
    RequestProblem,
    RequestTimeout,
    ScopeMissing,
    TooManyConnections,
    TooManyRequests,
)
from app.core.http.paths import rivals_of
from app.core.http.request_id import current_request_id
from app.core.http.safe_headers import HEADERS as SAFE_HEADERS
from app.core.storage.interface import (
    ObjectChanged,
    StorageRefused,
    StorageUnavailable,
)

MEDIA_TYPE = "application/problem+json"
OF_THE_SERVER = (RequestTimeout, HeadersTooLarge, TooManyConnections, InternalError)
EVERYWHERE = (  # where a key is asked for and the database
    *(NotAuthenticated, HostRefused, CrossSiteRefused, ScopeMissing, TooManyRequests),
    *(InvalidRequest, NotReady),
)
WITH_JSON = (BadRequest, BodyTooLarge)  # of routes that take a JSON body
TRY_AGAIN_AFTER_S = "5"
PASSING = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.INSUFFICIENT_STORAGE,
)
MAX_ERRORS = 20  # of one request, told one by one

log = structlog.get_logger(__name__)


def add_problem_handlers(app: FastAPI) -> None:
    """Make the app answer every error with a problem document."""
    app.add_exception_handler(RequestProblem, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_starlette)
    app.add_exception_handler(DataError, _of_text)
    for kind in (OperationalError, InterfaceError, TimeoutError):
        app.add_exception_handler(kind, _of_database)
    for trouble in (StorageUnavailable, StorageRefused):
        app.add_exception_handler(trouble, _of_storage)
    app.add_exception_handler(ObjectChanged, _of_changed_object)
    app.add_exception_handler(Exception, _of_bug)


def problem_type(kind: type[RequestProblem]) -> str:
    """Name a kind of problem; `GET` on it says in words what it means."""
    return f"/problems/{kind.slug}"


def all_problems(
    root: type[RequestProblem] = RequestProblem,
) -> list[type[RequestProblem]]:
    """List every kind of problem there is."""
    return [
        kind
        for child in root.__subclasses__()
        for kind in (child, *all_problems(child))
    ]


def problem_document(problem: RequestProblem, *, instance: str) -> dict[str, Any]:
    """Write the document: the class's fixed facts and the instance's particulars."""
    document = {
        "type": problem_type(type(problem)),
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        **problem.extra,
    }
    if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        document["request_id"] = current_request_id()  # what to look for in the log
    return document


def retry_headers(problem: RequestProblem) -> dict[str, str]:
    """Say when to try again, of a problem that passes by itself."""
    if "retry_after_s" in problem.extra:
        return {"retry-after": str(problem.extra["retry_after_s"])}
    return {"retry-after": TRY_AGAIN_AFTER_S} if problem.status in PASSING else {}


def problem_responses(
    *kinds: type[RequestProblem], everywhere: bool = True
) -> dict[int | str, dict[str, Any]]:
    """Describe a route's problems for OpenAPI (`responses=`), one entry a status.

    Args:
        everywhere: add those of every route that is guarded; those of the server
            itself may meet any request.
    """
    by_status: dict[int, list[type[RequestProblem]]] = defaultdict(list)
    for kind in (*kinds, *(EVERYWHERE if everywhere else ()), *OF_THE_SERVER):
        if kind not in by_status[kind.status]:
            by_status[kind.status].append(kind)
    return {
        status: {
            "description": " · ".join(kind.title for kind in kinds_of_status),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {kind.slug: _example(kind) for kind in kinds_of_status},
                }
            },
        }
        for status, kinds_of_status in sorted(by_status.items())
    }


def _example(kind: type[RequestProblem]) -> dict[str, Any]:
    words = (kind.__doc__ or kind.title).strip()
    document = problem_document(kind(words), instance="/videos")
    return {"summary": kind.title, "value": document}


async def _of_ours(request: Request, exc: Exception) -> JSONResponse:
    if not isinstance(exc, RequestProblem):
        raise exc
    headers = retry_headers(exc)
    if isinstance(exc, NotAuthenticated):
        headers["www-authenticate"] = "Bearer"
    if isinstance(exc, ScopeMissing):
        headers["www-authenticate"] = (
            f'Bearer error="insufficient_scope", scope="{exc.extra["scope"]}"'
        )
    if isinstance(exc, RangeNotSatisfiable):
        headers["content-range"] = f"bytes */{exc.extra['size_bytes']}"
    if "location" in exc.extra:
        headers["location"] = str(exc.extra["location"])
    return _answer(request, exc, headers)


async def _of_validation(request: Request, exc: Exception) -> JSONResponse:
    if not isinstance(exc, RequestValidationError):
        raise exc
    errors = [
        {
            "in": str(where),
            "pointer": _pointer(path),
            "detail": error["msg"],
            "kind": error["type"],
        }
        for error in exc.errors()[:MAX_ERRORS]
        for where, *path in [error["loc"]]
    ]
    words = "; ".join(f"{error['pointer'][1:]}: {error['detail']}" for error in errors)
    return _answer(request, InvalidRequest(f"{words}.", errors=errors))


async def _of_starlette(request: Request, exc: Exception) -> JSONResponse:
    if not isinstance(exc, HTTPException):
        raise exc
    problem: RequestProblem
    headers = {name.lower(): value for name, value in (exc.headers or {}).items()}
    if exc.status_code == HTTPStatus.NOT_FOUND:
        problem = NotFound(f"Nothing has the address {request.url.path[:200]}.")
    elif exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        problem = MethodNotAllowed(
            f"{request.method} is not for {request.url.path[:200]}."
        )
        headers["allow"] = _allowed_methods(request) or headers.get("allow", "")
    elif exc.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        # What FastAPI says of a body that its JSON parser cannot take.
        problem = BadRequest("The body is not JSON in UTF-8, or is nested too deeply.")
    else:
        problem = InternalError(_TELLS_NOTHING)
    return _answer(request, problem, headers)


async def _of_database(request: Request, exc: Exception) -> JSONResponse:
    log.error("database_unreachable", path=request.url.path, error=str(exc))
    problem = NotReady("The database does not answer; try again in a moment.")
    return await _of_ours(request, problem)


async def _of_text(request: Request, exc: Exception) -> JSONResponse:
    """Answer what no text in Postgres may hold; any other such error is ours."""
    if not isinstance(exc, DataError) or not any(
        words in str(exc.orig) for words in _OF_NUL
    ):
        raise exc
    return _answer(
        request,
        InvalidRequest(
            "The request holds the character NUL (\\u0000, %00), which no text may "
            "have; send it without. Nothing was kept."
        ),
    )


async def _of_storage(request: Request, exc: Exception) -> JSONResponse:
    log.error("storage_unreachable", path=request.url.path, error=str(exc))
    problem = NotReady("The storage of videos does not answer; try again in a moment.")
    return await _of_ours(request, problem)


async def _of_changed_object(request: Request, exc: Exception) -> JSONResponse:
    log.warning("object_changed", path=request.url.path, error=str(exc))
    problem = FileChanged(
        "The video's file was replaced in its bucket since the video was made: make a "
        "new video of it, or put the old file back."
    )
    return await _of_ours(request, problem)


async def _of_bug(request: Request, exc: Exception) -> JSONResponse:
    # The server logs the traceback; this line says whose it is.
    log.error(
        "bug", method=request.method, path=request.url.path, error=type(exc).__name__
    )
    # Starlette answers this outside of every middleware and raises it again, so that
    # uvicorn closes the connection: a client that is not told would send its next
    # request into it, and lose it.
    headers = {**SAFE_HEADERS, "connection": "close"}
    return _answer(request, InternalError(_TELLS_NOTHING), headers)


def _allowed_methods(request: Request) -> str:
    """List the methods of an address; each is a route of its own, the app knows all."""
    paths = request.app.openapi()["paths"]
    asked = request.url.path
    fitting = [path for path in paths if compile_path(path)[0].match(asked)]
    methods = {
        method.upper()
        for path in fitting
        if not any(one.match(asked) for one in rivals_of(path, frozenset(paths)))
        for method in paths[path]
    }
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))


def _answer(
    request: Request, problem: RequestProblem, headers: Any = None
) -> JSONResponse:
    return JSONResponse(
        problem_document(problem, instance=request.url.path),
        status_code=problem.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def _pointer(path: Sequence[object] | Iterable[object]) -> str:
    pointer = "#/" + "/".join(str(part) for part in path)
    return pointer.encode("utf-8", "replace").decode()  # JSON may hold half characters


# What psycopg says of it, and what Postgres does where it stands in JSON.
_OF_NUL = ("cannot contain NUL", "\\u0000 cannot be converted to text")
_TELLS_NOTHING = "Something broke inside; the server's log tells what."

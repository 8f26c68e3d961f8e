"""How these routes authorize and refuse: as OpenSportsLab's tool expects it.

The tool has no field for a key, but sends what its server address holds before an `@`
as Basic credentials; the password is taken as the key. A problem document carries the
members by which the tool reads errors, too.
"""

from http import HTTPStatus
from typing import ClassVar

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError

from app.core.errors import InvalidRequest, RequestProblem
from app.core.http.problems import PASSING
from app.core.http.routing import GuardedRoute, Handler

AGAIN = (*PASSING, 408, 423, 460)  # which a second try may not meet
AGAIN_SLUGS = (
    *("offset-mismatch", "upload-interrupted", "idempotency-key-in-use"),
    "video-not-stored",
)


class OslRoute(GuardedRoute):
    """A route of `/api/v1`."""

    accepts_basic: ClassVar[bool] = True

    def get_route_handler(self) -> Handler:
        answer = super().get_route_handler()

        async def answer_or_explain(request: Request) -> Response:
            try:
                return await answer(request)
            except RequestValidationError as exc:
                first = exc.errors()[0]
                place = ".".join(str(part) for part in first["loc"])
                raise explained(InvalidRequest(f"{place}: {first['msg']}")) from exc
            except RequestProblem as problem:
                raise explained(problem) from problem.__cause__

        return answer_or_explain


def explained(problem: RequestProblem) -> RequestProblem:
    """Add `code`, `message`, `details` and `retryable` to a problem."""
    is_passing = problem.status in AGAIN or problem.slug in AGAIN_SLUGS
    details = dict(problem.extra)
    problem.extra |= {
        "code": problem.slug.replace("-", "_"),
        "message": problem.detail,
        "details": details,
        "retryable": is_passing or problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR,
    }
    return problem

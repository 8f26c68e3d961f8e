"""The body of `POST /videos` that names where a video is, instead of bringing it."""

from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app.core.http.routing import SmallRequest
from app.sources.schemas import NewVideo

MEDIA_TYPE = "application/json"
SCHEMA: dict[str, Any] = NewVideo.model_json_schema()


def is_json(request: Request) -> bool:
    """Whether a request says that its body is JSON."""
    said = request.headers.get("content-type", "").partition(";")[0].strip()
    return said.lower() == MEDIA_TYPE


async def read_new_video(request: Request) -> NewVideo:
    """Read the body.

    Raises:
        RequestValidationError: it is not what it must be.
        BodyTooLarge, RequestTimeout, BadRequest: it did not come as it must.
    """
    body = await SmallRequest(request.scope, request.receive).body()
    try:
        return NewVideo.model_validate_json(body)
    except ValidationError as exc:
        raise RequestValidationError(
            [{**error, "loc": ("body", *error["loc"])} for error in exc.errors()]
        ) from exc

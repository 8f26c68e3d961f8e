"""The OpenAPI document and the page that shows it, from this machine's files alone."""

import base64
import hashlib
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI
from fastapi import Path as PathPart
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles

from app.core.errors import NotFound, StartFailed
from app.core.http.problems import (
    PASSING,
    all_problems,
    problem_responses,
    problem_type,
)
from app.core.http.routing import HeadRoute
from app.core.http.schemas import Problem, ProblemKind

router = APIRouter(route_class=HeadRoute)

ASSETS = "/docs/assets"
FAVICON = "data:,"  # none, rather than FastAPI's from the net
INTRODUCTION = """\
1. `POST /videos` with the file: the answer names the video and its job.
2. Look at `GET /videos/{video_id}` until its `status` is final, or await the webhook.
3. Read `GET /videos/{video_id}/events?type=DRIVE`.
4. Correct it: `PATCH /videos/{video_id}/events/{event_id}`; what you say stays.

Lists are `{"items": [...], "next_cursor": ...}`; errors are RFC 9457 problem documents
whose `type` is stable, also those of an unknown address (404) and of a method that an
address does not have (405). Times are seconds from the start of the video. `HEAD` works
wherever `GET` does. Every answer has an `X-Request-Id`, the one you sent or a new one;
give it when you report a fault.
"""
HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "Names the request in the server's log.",
        "schema": {"type": "string", "maxLength": 128},
    },
    "Link": {
        "description": '`rel="next"`: where the next page is; absent on the last one.',
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "The address of what was made.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "ETag": {
        "description": "Names the version of what is answered.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait before another try.",
        "schema": {"type": "integer", "minimum": 0},
    },
}
WITH_ETAG: dict[str, Any] = {"headers": {"ETag": {"$ref": "#/components/headers/ETag"}}}
WITH_LOCATION: dict[str, Any] = {  # those that take an Idempotency-Key have it anyway
    "headers": {"Location": {"$ref": "#/components/headers/Location"}}
}
INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
POLICY = (
    "default-src 'none'; script-src 'self' {scripts}; style-src 'self'; "
    "img-src 'self' data: blob:; media-src blob:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def add_docs(app: FastAPI, *, webhook_messages: APIRouter) -> None:
    """Serve `/docs` and `/openapi.json`.

    Raises:
        StartFailed: the package that brings Swagger UI's files is not installed.
    """
    app.mount(ASSETS, StaticFiles(directory=_swagger_files()), name="docs-assets")
    app.include_router(router)
    app.webhooks.include_router(webhook_messages)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]  # FastAPI's way


def operation_id(route: APIRoute) -> str:
    """Name an operation by its function: stable, whatever its path becomes."""
    return route.name


@router.get("/docs", include_in_schema=False)
async def docs_page() -> HTMLResponse:
    """Show the API; works without any network."""
    page = get_swagger_ui_html(
        openapi_url="openapi.json",  # Relative: the service may have a prefix.
        title="Touchline API",
        swagger_js_url=f"{ASSETS[1:]}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS[1:]}/swagger-ui.css",
        swagger_favicon_url=FAVICON,
        swagger_ui_parameters={"validatorUrl": None, "persistAuthorization": True},
    )
    page.headers["content-security-policy"] = _policy_of(bytes(page.body).decode())
    return page


@router.get(
    "/problems/{slug}",
    tags=["health"],
    responses=problem_responses(NotFound, everywhere=False),
)
async def explain_problem(
    slug: Annotated[str, PathPart(examples=["video-not-found"])],
) -> ProblemKind:
    """Say what a kind of problem means; each problem's `type` leads here."""
    for kind in all_problems():
        if kind.slug == slug:
            return ProblemKind(
                type=problem_type(kind),
                title=kind.title,
                status=kind.status,
                meaning=(kind.__doc__ or "").strip(),
            )
    raise NotFound(f"No problem is called {slug[:64]!r}.")


def _policy_of(html: str) -> str:
    """Allow the page's own inline scripts, by their hashes, and no other."""
    digests = [
        hashlib.sha256(script.encode()).digest()
        for script in INLINE_SCRIPT.findall(html)
    ]
    hashes = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
    return POLICY.format(scripts=" ".join(hashes))


def _document(app: FastAPI) -> dict[str, Any]:
    """Write the OpenAPI document once, with our problems in place of FastAPI's own."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=INTRODUCTION,
            tags=app.openapi_tags,
            routes=app.routes,
            webhooks=app.webhooks.routes,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        )
        schemas = document["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas["Problem"] = Problem.model_json_schema(
            ref_template="#/components/schemas/{model}"
        )
        document["components"]["headers"] = HEADERS
        prefix = app.state.resources.settings.public_prefix
        if prefix:
            document["servers"] = [{"url": prefix}]
        for operations in (*document["paths"].values(), *document["webhooks"].values()):
            for operation in operations.values():
                _drop_fastapis_problem(operation["responses"])
        for operations in document["paths"].values():
            for operation in operations.values():
                _name_headers(operation)
                for parameter in operation.get("parameters", ()):
                    _drop_null(parameter)
        app.openapi_schema = document
    return app.openapi_schema


def _drop_fastapis_problem(responses: dict[str, Any]) -> None:
    """Take out the 422 FastAPI adds by itself where a route names none."""
    if "application/json" in responses.get("422", {}).get("content", {}):
        del responses["422"]


def _drop_null(parameter: dict[str, Any]) -> None:
    """Take out the null of a parameter that may be left out: none can be sent."""
    schema = parameter["schema"]
    choices = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(choices) == 1:
        parameter["schema"] = {
            **choices[0],
            **{name: value for name, value in schema.items() if name != "anyOf"},
        }


def _name_headers(operation: dict[str, Any]) -> None:
    """Say which headers its answers carry, besides those that its route names."""
    takes = {one["name"] for one in operation.get("parameters", ())}
    for status, answer in operation["responses"].items():
        names = ["X-Request-Id"]
        if status == "200" and "cursor" in takes:
            names.append("Link")
        if status in ("201", "202") and "idempotency-key" in takes:
            names.append("Location")
        if int(status) in PASSING:
            names.append("Retry-After")
        refs = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
        answer["headers"] = {**refs, **answer.get("headers", {})}


def _swagger_files() -> Path:
    """Find Swagger UI 5 (older ones cannot show OpenAPI 3.1) in fastapi-offline."""
    package = find_spec("fastapi_offline")
    if package is None or package.origin is None:
        raise StartFailed("the docs page is not installed: pip install fastapi-offline")
    return Path(package.origin).parent / "static"

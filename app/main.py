"""The API process: `uvicorn app.main:create_app --factory`."""

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from anyio.to_thread import current_default_thread_limiter, run_sync
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp

from app.checkpoints import routes as models
from app.clips import routes as clips
from app.core.http.early_responses import EarlyResponseMiddleware
from app.core.http.openapi import add_docs, operation_id
from app.core.http.problems import add_problem_handlers
from app.core.http.request_id import RequestIdMiddleware
from app.core.http.safe_headers import SafeHeaders
from app.core.http.server import HttpLimits, allow_open_files
from app.core.logging import configure_logging
from app.core.resources import Resources, open_resources
from app.core.settings import Settings
from app.health import routes as health
from app.idempotency.service import free_keys_of_the_dead
from app.jobs import routes as jobs
from app.page import routes as page
from app.timelines import routes as events
from app.videos import routes as videos
from app.videos.cleanup import adopt_earlier_layout, clean_up
from app.webhooks import routes as webhooks

THREADS = 40  # connections to the database that are kept open
# Python runs one thread at a time: more of them, and long turns, make answers late.
ROUTE_THREADS = 3
THREAD_TURN_S = 0.0005

TAGS = [
    {"name": name, "description": words}
    for name, words in (
        ("videos", "Upload match video; look at it, play it, delete it."),
        ("events", "What happened in a video, and the score curves behind it."),
        ("jobs", "Analyses that wait, run or have ended."),
        ("webhooks", "Messages to a video's callback URL, and sending them again."),
        ("models", "The checkpoints that can analyse a video."),
        ("health", "Whether the service lives and is ready; what a problem means."),
    )
]

log = structlog.get_logger(__name__)


class Api(FastAPI):
    """The app, with what goes around all of it: also around its answers to bugs."""

    def build_middleware_stack(self) -> ASGIApp:
        return RequestIdMiddleware(SafeHeaders(super().build_middleware_stack()))


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the API; without settings this is the entry, which reads them itself.

    Raises:
        StartFailed: no database is named and none runs in the data directory, or other
            machines could come in without a key.
    """
    if settings is None:
        settings = Settings()
        configure_logging(settings.log_format)
    settings.require_key_if_exposed()
    app = Api(
        title="Touchline",
        summary="Match video in, a timeline of events out.",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_tags=TAGS,
        generate_unique_id_function=operation_id,
        lifespan=_lifespan,
    )
    app.state.resources = open_resources(settings, pool_size=THREADS)
    add_problem_handlers(app)
    for module in (videos, clips, events, jobs, webhooks, models, health, page):
        app.include_router(module.router)
    app.include_router(videos.file_router)
    add_docs(app, webhook_messages=webhooks.messages)
    app.mount("/page", page.files, name="page")
    app.add_middleware(EarlyResponseMiddleware)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[dict[str, HttpLimits]]:
    """Clear away what a killed process left; let go of connections in the end.

    What is yielded reaches the server's protocol, see `app.core.http.server`.
    """
    resources: Resources = app.state.resources
    _share_interpreter()
    limits = allow_open_files(HttpLimits.of(resources.settings))
    await run_sync(_clear_away, resources)
    yield {HttpLimits.KEY: limits}
    resources.engine.dispose()


def _share_interpreter() -> None:
    """Let requests take short turns, and the collector pass over what stays."""
    current_default_thread_limiter().total_tokens = ROUTE_THREADS
    sys.setswitchinterval(THREAD_TURN_S)
    gc.collect()
    gc.freeze()


def _clear_away(resources: Resources) -> None:
    settings, sessions = resources.settings, resources.sessions
    adopt_earlier_layout(sessions=sessions, data_dir=settings.data_dir)
    clean_up(
        sessions=sessions,
        storage=resources.storage,
        upload_idle=settings.upload_idle,
        is_start=True,
    )
    try:
        free_keys_of_the_dead(resources.sessions)
    except SQLAlchemyError as exc:  # Each is freed when it is asked for.
        log.warning("idempotency_keys_not_freed", error=str(exc))

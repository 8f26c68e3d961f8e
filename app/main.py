"""The API process: `uvicorn app.main:create_app --factory`."""

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog
from anyio.to_thread import current_default_thread_limiter, run_sync
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp

from app.api import ROUTERS, TAGS
from app.core.errors import StartFailed
from app.core.http.cross_origin import CrossOrigin
from app.core.http.early_responses import EarlyResponseMiddleware
from app.core.http.openapi import add_docs, operation_id
from app.core.http.problems import add_problem_handlers
from app.core.http.public_prefix import PublicPrefix
from app.core.http.rate_limits import RateLimits
from app.core.http.request_id import RequestIdMiddleware
from app.core.http.routing import HeadRoute
from app.core.http.safe_headers import SafeHeaders
from app.core.http.server import ON_SHUTDOWN, HttpLimits, allow_open_files
from app.core.http.traces import Traces
from app.core.logging import configure_logging
from app.core.resources import Resources, open_resources
from app.core.settings import Settings
from app.core.tracing.spans import close_recorder
from app.core.tracing.start import start_tracing
from app.idempotency.service import free_keys_of_the_dead
from app.keys.ring import DatabaseKeyRing
from app.live.hub import LiveHub
from app.metrics.http_requests import HttpFigures, HttpMetrics
from app.page import routes as page
from app.streams.hub import StreamHub
from app.timelines.spotting_options import find_lost_options
from app.uploads.headers import TusHeaders
from app.uploads.protocol import GIVEN_HEADERS, TAKEN_HEADERS
from app.videos.cleanup import adopt_earlier_layout, clean_up
from app.webhooks import routes as webhooks

THREADS = 40  # connections to the database that are kept open
# Python runs one thread at a time: more of them, and long turns, make answers late.
ROUTE_THREADS = 3
THREAD_TURN_S = 0.0005

log = structlog.get_logger(__name__)


class Api(FastAPI):
    """The app, with what goes around all of it: also around its answers to bugs."""

    def build_middleware_stack(self) -> ASGIApp:
        settings: Settings = self.state.resources.settings
        inner = CrossOrigin(
            Traces(super().build_middleware_stack()),
            origins=settings.cors_origins,
            taken=TAKEN_HEADERS,
            given=GIVEN_HEADERS,
        )
        prefixed = PublicPrefix(inner, prefix=settings.public_prefix)
        return RequestIdMiddleware(SafeHeaders(prefixed))


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the API; without settings this is the entry, which reads them itself.

    Raises:
        StartFailed: no database is named and none runs in the data directory, or other
            machines could come in without a key.
    """
    if settings is None:
        settings = Settings()
        configure_logging(settings.log_format)
        start_tracing(settings, process="api")
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
    app.state.key_ring = DatabaseKeyRing(app.state.resources)
    app.state.rate_limits = RateLimits()
    app.state.http_figures = HttpFigures()
    app.state.streams = StreamHub(
        app.state.resources.sessions, max_streams=settings.max_streams
    )
    app.state.live = LiveHub(
        app.state.resources.sessions, max_watches=settings.max_streams
    )
    add_problem_handlers(app)
    for router in ROUTERS:
        app.include_router(router)
    add_docs(app, webhook_messages=webhooks.messages)
    _refuse_own_prefix(settings)
    app.mount("/page", page.files, name="page")
    app.add_middleware(HttpMetrics, figures=app.state.http_figures)
    app.add_middleware(EarlyResponseMiddleware)
    app.add_middleware(TusHeaders, settings=settings)
    return app


def _refuse_own_prefix(settings: Settings) -> None:
    """Refuse a public prefix that could not be told from the API's own addresses.

    Raises:
        StartFailed: so it is.
    """
    first = settings.public_prefix.partition("/")[2].partition("/")[0]
    own = {path.split("/")[1] for path in HeadRoute.all_paths} | {"page"}
    if first in own - {""}:
        raise StartFailed(
            f"TOUCHLINE_PUBLIC_URL={settings.public_url}: /{first} is an address of "
            "the API; serve it under another path, such as /touchline"
        )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[dict[str, object]]:
    """Clear away what a killed process left; let go of connections in the end.

    What is yielded reaches the server's protocol, see `app.core.http.server`.
    """
    resources: Resources = app.state.resources
    _share_interpreter()
    limits = allow_open_files(HttpLimits.of(resources.settings))
    await run_sync(_clear_away, resources)
    yield {HttpLimits.KEY: limits, ON_SHUTDOWN: partial(_end_streams, app)}
    resources.close()
    await run_sync(close_recorder)


def _end_streams(app: FastAPI) -> None:
    """End all server-sent events, so that the server can end."""
    app.state.streams.close()
    app.state.live.close()


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
        find_lost_options(sessions, settings)
    except SQLAlchemyError as exc:  # The next start finds them.
        log.warning("spotting_options_not_found", error=str(exc))
    try:
        free_keys_of_the_dead(resources.sessions)
    except SQLAlchemyError as exc:  # Each is freed when it is asked for.
        log.warning("idempotency_keys_not_freed", error=str(exc))

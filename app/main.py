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

from app.annotations import import_routes as imports
from app.annotations import review_plan_routes as review_plan
from app.annotations import reviewed_routes as reviewed
from app.annotations import routes as annotations
from app.batches import events_routes as batch_events
from app.batches import routes as batches
from app.checkpoints import default_routes, keeping_routes
from app.checkpoints import routes as models
from app.clips import clip_file_routes as clip_files
from app.clips import clip_routes as highlights
from app.clips import match_clip_routes as match_clips
from app.clips import proxy_routes as proxies
from app.clips import routes as clips
from app.comparisons import routes as comparisons
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
from app.event_types import routes as types
from app.health import routes as health
from app.idempotency.service import free_keys_of_the_dead
from app.jobs import many_routes
from app.jobs import routes as jobs
from app.keys import routes as keys
from app.keys.ring import DatabaseKeyRing
from app.live import hls_routes as live_recordings
from app.live import push_routes as live_pushes
from app.live import routes as live
from app.live import stream_routes as live_events
from app.live.hub import LiveHub
from app.metrics import routes as metrics
from app.metrics.http_requests import HttpFigures, HttpMetrics
from app.osl import routes as osl
from app.page import routes as page
from app.projects import routes as projects
from app.reports import routes as reports
from app.retention import routes as retention
from app.search import routes as search
from app.search import saved_routes as saved_searches
from app.sources import routes as sources
from app.statistics import routes as statistics
from app.streams import routes as streams
from app.streams.hub import StreamHub
from app.timelines import format_routes as formats
from app.timelines import routes as events
from app.timelines import threshold_routes as thresholds
from app.timelines.spotting_options import find_lost_options
from app.trainings import readiness_routes as training_readiness
from app.trainings import routes as trainings
from app.uploads import routes as uploads
from app.uploads.headers import TusHeaders
from app.uploads.protocol import GIVEN_HEADERS, TAKEN_HEADERS
from app.videos import facts_routes as facts
from app.videos import file_routes as files
from app.videos import frames_routes as frames
from app.videos import routes as videos
from app.videos import sample_routes as sample
from app.videos.cleanup import adopt_earlier_layout, clean_up
from app.webhooks import delivery_routes, webhook_routes
from app.webhooks import routes as webhooks

THREADS = 40  # connections to the database that are kept open
# Python runs one thread at a time: more of them, and long turns, make answers late.
ROUTE_THREADS = 3
THREAD_TURN_S = 0.0005

TAGS = [
    {"name": name, "description": words}
    for name, words in (
        ("uploads", "Upload a video by tus, in a way that can be resumed."),
        ("videos", "Upload match video; look at it, play it, delete it."),
        ("events", "What happened in a video, and the score curves behind it."),
        ("review", "What people say of events: corrections, undo, what is reviewed."),
        ("searches", "Searches over all matches that were saved under a name."),
        ("statistics", "What a match's timeline comes to in numbers."),
        ("reports", "A match as one HTML file, for people without the service."),
        ("clips", "Highlights: reels, single clips and playlists of events."),
        ("jobs", "Analyses that wait, run or have ended."),
        ("batches", "Many videos with one model, behind what is uploaded."),
        ("live", "Live sources: events while they are played, and what is recorded."),
        ("streams", "Changes as they happen, by server-sent events."),
        ("webhooks", "Messages to webhooks and callback URLs, and sending them again."),
        ("models", "The checkpoints that can analyse a video, and the default one."),
        ("comparisons", "Models held against each other on what people reviewed."),
        ("trainings", "Make a model of what people reviewed; what is missing for it."),
        ("types", "The types of events that people tag, with keys and colours."),
        ("projects", "The project of a key: its quotas, and what is used of them."),
        ("keys", "Keys of the API, and signing in with one from a browser."),
        ("retention", "How long a project keeps videos and their files."),
        ("osl", "Remote inference for OpenSportsLab's annotation tool."),
        ("health", "Whether the service lives and is ready; what a problem means."),
    )
]

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
    features = (
        *(videos, facts, sample, frames, clips, proxies, events, annotations),
        *(highlights, reviewed, jobs, streams, webhooks, models, types, keys),
        projects,
    )
    for module in (*features, health, metrics, page):
        app.include_router(module.router)
    for router in (
        *(files.router, thresholds.router, thresholds.models_router),
        *(sources.router, uploads.router, uploads.open_router),
        *(formats.router, keys.sign_in_router, keys.session_router),
        *(review_plan.router, imports.router, statistics.router),
        *(match_clips.router, clip_files.router, search.router, retention.router),
        *(webhook_routes.router, delivery_routes.router),
        *(reports.router, reports.file_router),
        saved_searches.router,
        training_readiness.router,
        trainings.router,
        *(batches.router, batch_events.router),
        osl.router,
        *(models.file_router, default_routes.router, default_routes.admin_router),
        *(keeping_routes.router, comparisons.router, many_routes.router),
        *(live.router, live_events.router, live_recordings.router, live_pushes.router),
    ):
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
    resources.engine.dispose()
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

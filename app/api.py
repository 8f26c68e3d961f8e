"""Every feature of the API: its routers, and words for their tags.

A new feature is an import and a line in each of the two lists.
"""

from fastapi import APIRouter

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
from app.event_types import routes as types
from app.health import routes as health
from app.jobs import bulk_routes
from app.jobs import routes as jobs
from app.keys import routes as keys
from app.live import hls_routes as live_recordings
from app.live import push_routes as live_pushes
from app.live import routes as live
from app.live import stream_routes as live_events
from app.metrics import routes as metrics
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
from app.timelines import format_routes as formats
from app.timelines import routes as events
from app.timelines import threshold_routes as thresholds
from app.trainings import readiness_routes as training_readiness
from app.trainings import routes as trainings
from app.uploads import presigned_routes as presigned_uploads
from app.uploads import routes as uploads
from app.videos import facts_routes as facts
from app.videos import file_routes as files
from app.videos import frames_routes as frames
from app.videos import routes as videos
from app.videos import sample_routes as sample
from app.webhooks import delivery_routes, webhook_routes
from app.webhooks import routes as webhooks

ROUTERS: tuple[APIRouter, ...] = (
    videos.router,
    facts.router,
    sample.router,
    frames.router,
    clips.router,
    proxies.router,
    events.router,
    annotations.router,
    highlights.router,
    reviewed.router,
    jobs.router,
    streams.router,
    webhooks.router,
    models.router,
    types.router,
    keys.router,
    projects.router,
    health.router,
    metrics.router,
    page.router,
    files.router,
    thresholds.router,
    thresholds.models_router,
    sources.router,
    uploads.router,
    uploads.open_router,
    presigned_uploads.router,
    formats.router,
    keys.sign_in_router,
    keys.session_router,
    review_plan.router,
    imports.router,
    statistics.router,
    match_clips.router,
    clip_files.router,
    search.router,
    retention.router,
    webhook_routes.router,
    delivery_routes.router,
    reports.router,
    reports.file_router,
    saved_searches.router,
    training_readiness.router,
    trainings.router,
    batches.router,
    batch_events.router,
    osl.router,
    models.file_router,
    default_routes.router,
    default_routes.admin_router,
    keeping_routes.router,
    comparisons.router,
    bulk_routes.router,
    live.router,
    live_events.router,
    live_recordings.router,
    live_pushes.router,
)

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

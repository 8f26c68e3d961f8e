"""The kinds of jobs, each with its queue and handler; a new one is added here alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.core.broker.notifier import (
    BACKGROUND_QUEUE,
    GPU_QUEUE,
    LIVE_QUEUE,
    MEDIA_QUEUE,
    TRAIN_QUEUE,
)

# What a client may ask for; higher ones run first, and 0 is usual.
LOWEST_PRIORITY, USUAL_PRIORITY, HIGHEST_PRIORITY = -10, 0, 10
NO_MODEL = "none"  # what an upload gives as its model if none is to analyse it


class JobKind(StrEnum):
    """What a job does."""

    SPOT = "spot"  # finds the events of a video
    THUMBNAILS = "thumbnails"  # makes a poster and stills of a video
    DOWNLOAD = "download"  # brings a video's file from an address
    IMPORT = "import"  # brings a video's file from the folder of imports
    JOIN = "join"  # makes a video's file of several
    PROBE = "probe"  # tells what a video is that no model is to analyse
    PROXY = "proxy"  # makes a copy that browsers play
    CLIPS = "clips"  # renders clips of events
    REPORT = "report"  # makes a report of a match as one file
    TRAIN = "train"  # makes a model out of what people reviewed
    COMPARE = "compare"  # holds models against each other
    LIVE = "live"  # follows a live source: events while it is played
    BATCH = "batch"  # lists the videos of a batch


@dataclass(frozen=True, slots=True)
class KindSpec:
    """What sets a kind apart.

    Attributes:
        handler: the function that does its work, as `module:name`; only the worker
            imports it.
        queue: where its jobs wait; the workers that listen there run them.
        speaks_for_video: the latest such job gives the video's status, and its end is
            told to the video's webhook.
        is_source: it brings the file of a video, which has none before, and then asks
            for the jobs that speak for it: its success is told to no webhook.
        stage: what all such jobs do, shown while they wait, too.
        subject: what else than the video its end is told of to the webhook.
        waits_for_room: a full disk is no failure of such a job: it is tried again until
            there is room. Otherwise somebody waits for it who can ask again.
        own_route: where it is asked for, if not by `POST /videos/{video_id}/jobs`.
        version: raised when workers of the release before cannot run what this one asks
            for; they leave such jobs alone then.
    """

    handler: str
    queue: str
    speaks_for_video: bool = False
    is_source: bool = False
    stage: str | None = None
    subject: str | None = None
    waits_for_room: bool = True
    own_route: str | None = None
    version: int = 1


KINDS: Mapping[JobKind, KindSpec] = {
    JobKind.SPOT: KindSpec(
        "worker.handlers.spot:spot", GPU_QUEUE, speaks_for_video=True
    ),
    JobKind.THUMBNAILS: KindSpec(
        "worker.handlers.thumbnails:make_thumbnails", MEDIA_QUEUE
    ),
    JobKind.DOWNLOAD: KindSpec(
        "worker.handlers.download:download",
        BACKGROUND_QUEUE,
        speaks_for_video=True,
        is_source=True,
        stage="download",
    ),
    JobKind.IMPORT: KindSpec(
        "worker.handlers.import_file:import_file",
        BACKGROUND_QUEUE,
        speaks_for_video=True,
        is_source=True,
        stage="copy",
    ),
    JobKind.JOIN: KindSpec(
        "worker.handlers.join:join_parts",
        MEDIA_QUEUE,
        speaks_for_video=True,
        is_source=True,
        stage="join",
    ),
    JobKind.PROBE: KindSpec(
        "worker.handlers.probe:probe_video", MEDIA_QUEUE, speaks_for_video=True
    ),
    JobKind.PROXY: KindSpec("worker.handlers.proxy:make_proxy", MEDIA_QUEUE),
    JobKind.CLIPS: KindSpec(
        "worker.handlers.clips:render_clip",
        MEDIA_QUEUE,
        subject="clip",
        waits_for_room=False,
        own_route="/videos/{video_id}/clips",
    ),
    JobKind.REPORT: KindSpec(
        "worker.handlers.report:make_report",
        MEDIA_QUEUE,
        own_route="/videos/{video_id}/reports",
    ),
    # It waits for room: an hour's work is not to be lost to a disk that was full.
    JobKind.TRAIN: KindSpec(
        "worker.handlers.train:train_model",
        TRAIN_QUEUE,
        subject="training",
        own_route="/trainings",
    ),
    JobKind.COMPARE: KindSpec(
        "worker.handlers.compare:compare",
        GPU_QUEUE,
        waits_for_room=False,
        own_route="/comparisons",
    ),
    # Its recording becomes the video's file; what speaks for the video comes then.
    JobKind.LIVE: KindSpec(
        "worker.live_streams.run:run_live",
        LIVE_QUEUE,
        speaks_for_video=True,
        is_source=True,
        stage="live",
        own_route="/live",
    ),
    JobKind.BATCH: KindSpec(
        "worker.handlers.list_batch:list_batch",
        BACKGROUND_QUEUE,
        stage="list",
        own_route="/batches",
    ),
}


def kinds_of(queue: str) -> tuple[JobKind, ...]:
    """List the kinds whose jobs wait in a queue."""
    return tuple(kind for kind, spec in KINDS.items() if spec.queue == queue)


def stage_of(kind: str, status: str, stage: str | None) -> str | None:
    """Tell what a job is shown to do; None once it has ended, or before it began.

    Args:
        stage: what its run said last.
    """
    usual = KINDS[JobKind(kind)].stage
    shown = {"queued": usual, "running": stage or usual}
    return shown.get(status)

"""The kinds of jobs, each with its queue and handler; a new one is a member here."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

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


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSpec:
    """What sets a kind apart.

    Attributes:
        does: for people: what such a job does.
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
        options: what `POST /videos/{video_id}/jobs` takes for this kind, but not for
            all: `model`, `encode`.
        own_route: where it is asked for, if not by `POST /videos/{video_id}/jobs`.
        is_part: only another job asks for it, as a part of its own work; lists show it
            to those alone who name it.
        version: raised when workers of the release before cannot run what this one asks
            for; they leave such jobs alone then.
    """

    does: str
    handler: str
    queue: str
    speaks_for_video: bool = False
    is_source: bool = False
    stage: str | None = None
    subject: str | None = None
    waits_for_room: bool = True
    options: frozenset[str] = frozenset()
    own_route: str | None = None
    is_part: bool = False
    version: int = 1


class JobKind(StrEnum):
    """What a job does; a member is all that registers a kind."""

    spec: KindSpec

    def __new__(cls, value: str, spec: KindSpec | None = None) -> Self:
        if spec is None:  # only for mypy, which takes a look-up for this call
            raise TypeError("a kind has a spec")
        kind = str.__new__(cls, value)
        kind._value_ = value
        kind.spec = spec
        return kind

    SPOT = (
        "spot",
        KindSpec(
            does="finds the events of a video",
            handler="worker.handlers.spot:spot",
            queue=GPU_QUEUE,
            speaks_for_video=True,
            options=frozenset({"model"}),
        ),
    )
    SPOT_SEGMENT = (
        "spot_segment",
        KindSpec(
            does="scores a segment of a video for the job that finds its events",
            handler="worker.handlers.spot_segment:spot_one_segment",
            queue=GPU_QUEUE,
            own_route="/videos/{video_id}/jobs",
            is_part=True,
        ),
    )
    THUMBNAILS = (
        "thumbnails",
        KindSpec(
            does="makes a poster and stills of a video",
            handler="worker.handlers.thumbnails:make_thumbnails",
            queue=MEDIA_QUEUE,
        ),
    )
    DOWNLOAD = (
        "download",
        KindSpec(
            does="brings a video's file from an address",
            handler="worker.handlers.download:download",
            queue=BACKGROUND_QUEUE,
            speaks_for_video=True,
            is_source=True,
            stage="download",
        ),
    )
    IMPORT = (
        "import",
        KindSpec(
            does="brings a video's file from the folder of imports",
            handler="worker.handlers.import_file:import_file",
            queue=BACKGROUND_QUEUE,
            speaks_for_video=True,
            is_source=True,
            stage="copy",
        ),
    )
    JOIN = (
        "join",
        KindSpec(
            does="makes a video's file of several",
            handler="worker.handlers.join:join_parts",
            queue=MEDIA_QUEUE,
            speaks_for_video=True,
            is_source=True,
            stage="join",
            options=frozenset({"encode"}),
        ),
    )
    PROBE = (
        "probe",
        KindSpec(
            does="tells what a video is that no model is to analyse",
            handler="worker.handlers.probe:probe_video",
            queue=MEDIA_QUEUE,
            speaks_for_video=True,
        ),
    )
    PROXY = (
        "proxy",
        KindSpec(
            does="makes a copy that browsers play",
            handler="worker.handlers.proxy:make_proxy",
            queue=MEDIA_QUEUE,
        ),
    )
    CLIPS = (
        "clips",
        KindSpec(
            does="renders clips of events",
            handler="worker.handlers.clips:render_clip",
            queue=MEDIA_QUEUE,
            subject="clip",
            waits_for_room=False,
            own_route="/videos/{video_id}/clips",
        ),
    )
    REPORT = (
        "report",
        KindSpec(
            does="makes a report of a match as one file",
            handler="worker.handlers.report:make_report",
            queue=MEDIA_QUEUE,
            own_route="/videos/{video_id}/reports",
        ),
    )
    # It waits for room: an hour's work is not to be lost to a disk that was full.
    TRAIN = (
        "train",
        KindSpec(
            does="makes a model out of what people reviewed",
            handler="worker.handlers.train:train_model",
            queue=TRAIN_QUEUE,
            subject="training",
            own_route="/trainings",
        ),
    )
    COMPARE = (
        "compare",
        KindSpec(
            does="compares models on what people reviewed",
            handler="worker.handlers.compare:compare",
            queue=GPU_QUEUE,
            waits_for_room=False,
            own_route="/comparisons",
        ),
    )
    # Its recording becomes the video's file; what speaks for the video comes then.
    LIVE = (
        "live",
        KindSpec(
            does="follows a live source: events while it is played",
            handler="worker.live_streams.run:run_live",
            queue=LIVE_QUEUE,
            speaks_for_video=True,
            is_source=True,
            stage="live",
            own_route="/live",
        ),
    )
    BATCH = (
        "batch",
        KindSpec(
            does="lists the videos of a batch",
            handler="worker.handlers.list_batch:list_batch",
            queue=BACKGROUND_QUEUE,
            stage="list",
            own_route="/batches",
        ),
    )


KINDS: Mapping[JobKind, KindSpec] = {kind: kind.spec for kind in JobKind}


def kinds_of(queue: str) -> tuple[JobKind, ...]:
    """List the kinds whose jobs wait in a queue."""
    return tuple(kind for kind, spec in KINDS.items() if spec.queue == queue)


def stage_of(kind: str, status: str, stage: str | None) -> str | None:
    """Tell what a job is shown to do; None once it has ended, or before it began.

    Args:
        stage: what its run said last; of one that waits: what its segments do.
    """
    usual = KINDS[JobKind(kind)].stage
    shown = {"queued": stage or usual, "running": stage or usual}
    return shown.get(status)

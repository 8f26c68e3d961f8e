"""The kinds of jobs: one line each says what sets a kind apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.core.broker.notifier import GPU_QUEUE, MEDIA_QUEUE

# What a client may ask for; higher ones run first, and 0 is usual.
LOWEST_PRIORITY, HIGHEST_PRIORITY = -10, 10


class JobKind(StrEnum):
    """What a job does."""

    SPOT = "spot"  # finds the events of a video
    THUMBNAILS = "thumbnails"  # makes a poster and stills of a video


@dataclass(frozen=True, slots=True)
class KindSpec:
    """What sets a kind apart.

    Attributes:
        queue: where its jobs wait; the workers that listen there run them.
        speaks_for_video: the latest such job gives the video's status, and its end is
            told to the video's webhook.
    """

    queue: str
    speaks_for_video: bool = False


KINDS: Mapping[JobKind, KindSpec] = {
    JobKind.SPOT: KindSpec(queue=GPU_QUEUE, speaks_for_video=True),
    JobKind.THUMBNAILS: KindSpec(queue=MEDIA_QUEUE),
}


def kinds_of(queue: str) -> tuple[JobKind, ...]:
    """List the kinds whose jobs wait in a queue."""
    return tuple(kind for kind, spec in KINDS.items() if spec.queue == queue)

"""Clips asked for over HTTP, and rendered by a media worker in the test's process."""

import io
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import av
import numpy as np

from app.core.broker.notifier import MEDIA_QUEUE, JobNotifier
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.core.storage.keys import video_prefix
from app.jobs.tables import JobStatus
from tests.api_server import RunningApi
from tests.videos import read_number
from worker.job_task import load_handlers
from worker.outcomes import WorkerContext
from worker.runner import run_job

EVENTS = [("PASS", 30), ("SHOT", 60), ("PASS", 66), ("SHOT", 180)]


def media_worker(
    settings: Settings, sessions: Sessions, storage: Storage, notifier: JobNotifier
) -> WorkerContext:
    """Make what a worker of the media queue has; it leaves no room on the disk."""
    return WorkerContext(
        settings=settings.model_copy(update={"min_free_space": 0}),
        sessions=sessions,
        storage=storage,
        predictors=None,
        notifier=notifier,
        node="media@test",
        leaving=threading.Event(),
    )


def tagged(
    api: RunningApi,
    context: WorkerContext,
    path: Path,
    events: Sequence[tuple[str, int]] = EVENTS,
) -> str:
    """Upload a video without a model, look at it, and tag events; its address."""
    with path.open("rb") as file:
        answer = api.client.post(
            "/videos", files={"file": (path.name, file)}, data={"model": "none"}
        )
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert run(UUID(body["job"]["id"]), context) is JobStatus.SUCCEEDED
    address = f"/videos/{body['id']}"
    types = [{"name": "PASS"}, {"name": "SHOT"}]
    assert api.client.put("/types", json={"items": types}).status_code == 200
    for label, frame in events:
        event = {"type": label, "frame": frame}
        made = api.client.post(f"{address}/events", json=event)
        assert made.status_code == 201, made.text
    return address


def run(job_id: UUID, context: WorkerContext) -> JobStatus | None:
    return run_job(job_id, context=context, handlers=load_handlers(MEDIA_QUEUE))


def ask(api: RunningApi, match: str, **wanted: Any) -> dict[str, Any]:
    answer = api.client.post(f"{match}/clips", json=wanted)
    assert answer.status_code == 202, answer.text
    clip: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/clips/{clip['id']}"
    return clip


def rendered(
    api: RunningApi, match: str, context: WorkerContext, **wanted: Any
) -> dict[str, Any]:
    clip = ask(api, match, **wanted)
    assert run(UUID(clip["job_id"]), context) is JobStatus.SUCCEEDED
    done: dict[str, Any] = api.client.get(f"/clips/{clip['id']}").json()
    return done


def numbers(data: bytes) -> list[int]:
    with av.open(io.BytesIO(data), "r") as container:
        return [
            read_number(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            for frame in container.decode(video=0)
        ]


def bounds(clip: dict[str, Any]) -> list[tuple[int, int]]:
    return [(cut["first_frame"], cut["last_frame"]) for cut in clip["cuts"]]


def clip_files(storage: Storage, match: str) -> list[str]:
    prefix = f"{video_prefix(UUID(match.rpartition('/')[2]))}/clips"
    return [one.key for one in storage.list(prefix)]

"""Corrections while a real worker analyses the same video again, and dies of it."""

import os
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.core.broker.notifier import JobNotifier, make_celery
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.jobs.tables import Job
from tests.api_server import RunningApi, running_api
from tests.integration.test_api_corrections import add, change, events, history
from tests.integration.uploaded import Uploaded, upload
from tests.integration.worker_processes import gpu_worker, wait_until
from tests.videos import draw_video
from worker.sweeper import sweep

pytestmark = pytest.mark.costly


def test_a_worker_killed_while_somebody_edits_loses_and_doubles_nothing(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    models: Path,
    redis_url: str,
    tmp_path: Path,
) -> None:
    settings = settings.model_copy(update={"redis_url": redis_url})
    notifier = JobNotifier(make_celery(settings))
    draw_video(tmp_path / "long.mp4", frames=1200, fps=15, size=(96, 54))
    first = upload(tmp_path / "long.mp4", sessions=sessions, storage=storage)
    video, log = first.video_id, tmp_path / "gpu.log"

    def swept_until_done(job: Uploaded) -> bool:
        sweep(settings=settings, sessions=sessions, storage=storage, notifier=notifier)
        return job.job().status not in ("queued", "running")

    with running_api(settings) as api:
        with gpu_worker("gpu-first@here", settings, log) as worker:
            notifier.notify_job(first.job_id)
            wait_until(lambda: swept_until_done(first), "there is a timeline", log)
            suggested = events(api, video, "limit=1000")
            said = say_something(api, video, suggested)
            before = [one["id"] for one in events(api, video, "state=all&limit=1000")]
            answer = api.client.post(f"/videos/{video}/jobs").json()
            second = Uploaded(video, UUID(answer["id"]), sessions)
            wait_until(lambda: second.job().progress > 0, "the job runs again", log)
            os.killpg(worker.pid, signal.SIGKILL)
        died = second.job()
        with (
            Editing(api, video, UUID(suggested[-1]["id"])) as editing,
            gpu_worker("gpu-second@here", settings, log),
        ):
            wait_until(lambda: swept_until_done(second), "it has ended", log)
        shown = events(api, video, "state=all&limit=1000")
        edits = history(api, video, suggested[-1]["id"])

    assert died.status == "running"
    with sessions() as session:
        row = session.get_one(Job, second.job_id)
    assert (row.status, row.interruptions) == ("succeeded", 1)
    assert second.is_shown()
    found = {one["id"]: one for one in shown}
    assert [one["id"] for one in shown] == before
    assert {key: found[key]["state"] for key in said} == said
    assert editing.count == len(edits) > 0
    assert found[suggested[-1]["id"]]["attributes"]["edit"] == editing.count
    raw = Counter((one.label, one.frame) for one in second.events())
    assert raw == Counter({(one["type"], one["frame"]): 2 for one in suggested})


def say_something(
    api: RunningApi, video: UUID, suggested: list[dict[str, Any]]
) -> dict[str, str]:
    """Decide three events in three ways; gives their states."""
    first, second = suggested[0]["id"], suggested[1]["id"]
    change(api, video, first, state="accepted")
    change(api, video, second, state="rejected")
    added = add(api, video, type=suggested[0]["type"], frame=1190).json()["id"]
    return {first: "accepted", second: "rejected", added: "added"}


class Editing:
    """Edits one event again and again, until the block ends."""

    def __init__(self, api: RunningApi, video: UUID, event: UUID) -> None:
        self.count = 0
        self._api, self._video, self._event = api, video, event
        self._is_done = threading.Event()
        self._thread = threading.Thread(target=self._edit)

    def __enter__(self) -> "Editing":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_done.set()
        self._thread.join(60)

    def _edit(self) -> None:
        while not self._is_done.wait(0.05):
            wanted = {"edit": self.count + 1}
            change(self._api, self._video, self._event, attributes=wanted)
            self.count += 1

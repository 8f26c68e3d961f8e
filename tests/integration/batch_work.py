"""Batches by the real API, worked on in this process as the workers would."""

import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app.core.broker.notifier import BACKGROUND_QUEUE, GPU_QUEUE
from app.jobs.tables import Job
from tests.api_server import RunningApi
from worker.batch_loop import step_once
from worker.job_loop import JobLoop
from worker.job_task import load_handlers
from worker.outcomes import WorkerContext
from worker.predictor_cache import PredictorCache

LONG_AGO_S = 1_600_000_000
ROUNDS = 400  # more than any test needs: a loop ends
Json = dict[str, Any]


@dataclass
class BatchWork:
    """The workers of a service: what feeds batches and brings files, and a model.

    Attributes:
        window: jobs of a batch that wait at a time.
    """

    api: RunningApi
    window: int = 200

    def __post_init__(self) -> None:
        service = self.api.service
        settings = service.settings.model_copy(update={"batch_window": self.window})
        self.context = WorkerContext(
            settings=settings,
            sessions=service.sessions,
            storage=service.storage,
            notifier=service.notifier,
            predictors=PredictorCache(settings),
            node="all@test",
            leaving=threading.Event(),
        )
        queues = (BACKGROUND_QUEUE, GPU_QUEUE)
        self._loops = [JobLoop(self.context, load_handlers(one)) for one in queues]

    def feed(self) -> None:
        """Take the batches a step further."""
        step_once(self.context)

    def run_one(self) -> bool:
        """Run a job, of whichever queue; False: nothing waits."""
        return any(loop.run_next() for loop in self._loops)

    def run_all(self) -> None:
        """Go on until nothing waits and no batch goes on."""
        for _ in range(ROUNDS):
            self.feed()
            if not self.run_one():
                break
        self.feed()


@contextmanager
def imports_of(api: RunningApi, checkpoint: Path, folder: Path) -> Iterator[Path]:
    """Let the module's API take videos from a folder, and have the model `tiny`."""
    before = api.service
    folder.mkdir()
    models = api.data_dir / "models"
    models.mkdir(parents=True, exist_ok=True)
    (models / checkpoint.name).symlink_to(checkpoint)
    settings = before.settings.model_copy(update={"import_dir": folder})
    api.app.state.resources = replace(before, settings=settings)
    yield folder
    api.app.state.resources = before


def put_matches(match: Path, *paths: Path) -> None:
    """Lay copies of a match down, each with bytes of its own."""
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(match, path)
        with path.open("ab") as file:
            file.write(b"\0\0\0\x0cfree" + number.to_bytes(4, "big"))
        os.utime(path, (LONG_AGO_S, LONG_AGO_S))


def start(api: RunningApi, asked: Mapping[str, object], **headers: str) -> Json:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = api.client.post("/batches", json=dict(asked), headers=sent)
    assert answer.status_code == 202, answer.text
    made: Json = answer.json()
    return made


def look(api: RunningApi, batch: Json) -> Json:
    found: Json = api.client.get(f"/batches/{batch['id']}").json()
    return found


def items(api: RunningApi, batch: Json, **wanted: object) -> list[Json]:
    path = f"/batches/{batch['id']}/items"
    answer = api.client.get(path, params=wanted)  # type: ignore[arg-type] # httpx has a narrower type
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["items"]
    return found


def count_jobs(api: RunningApi, batch: Json | None = None) -> int:
    """Count analyses and what brings files."""
    kinds = ("spot", "download", "import")
    query = select(func.count()).where(Job.kind.in_(kinds))
    if batch is not None:
        query = query.where(Job.batch_id == batch["id"])
    with api.service.sessions() as session:
        return session.scalars(query).one()

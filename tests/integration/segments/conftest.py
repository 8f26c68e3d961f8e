"""A short match, a checkpoint, and a worker that splits."""

import threading
from pathlib import Path

import pytest

from app.core.broker.notifier import JobNotifier
from app.core.db.session import Sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from model.spotting.predictor import Predictor, load_predictor
from tests.integration.segments.segment_jobs import FPS, FRAMES, PARTS, One
from tests.integration.uploaded import Uploaded, upload
from tests.videos import draw_video, match_picture
from worker.outcomes import WorkerContext


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "match.mp4"
    draw_video(path, frames=FRAMES, fps=FPS, size=(96, 54), paint=match_picture)
    return path


@pytest.fixture(scope="module")
def predictor(checkpoint: Path) -> Predictor:
    return load_predictor(checkpoint, engine="openvino", threads=1)


@pytest.fixture
def context(
    settings: Settings,
    sessions: Sessions,
    storage: Storage,
    notifier: JobNotifier,
    predictor: Predictor,
) -> WorkerContext:
    return WorkerContext(
        settings=settings.model_copy(update={"segments": PARTS}),
        sessions=sessions,
        storage=storage,
        predictors=One(predictor),
        notifier=notifier,
        node="gpu@test",
        leaving=threading.Event(),
    )


@pytest.fixture
def job(match: Path, sessions: Sessions, storage: Storage) -> Uploaded:
    return upload(
        match, sessions=sessions, storage=storage, callback_url="http://127.0.0.1:9/a"
    )

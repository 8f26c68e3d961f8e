"""The Python client and trainings, against the real API."""

import threading
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

import touchline
from app.core.settings import Settings
from app.jobs import service as jobs
from app.jobs.attempts import Held, JobProgress
from app.trainings.service import add_line, finish
from tests.api_server import RunningApi
from tests.integration.reviewed_matches import add_match
from touchline.client.errors import Conflict, InvalidRequest, NotFound
from touchline.client.training_records import Training

NEED = {"type": "PASS", "more": 12, "gain": 0.05, "low": 0.01, "text": "12 more"}


@pytest.fixture
def client(api: RunningApi) -> Iterator[touchline.Client]:
    with touchline.Client(api.url, retry_s=20) as client:
        yield client


@pytest.fixture
def match(api: RunningApi) -> str:
    return str(add_match(api))


def claim(api: RunningApi, training: Training) -> Held:
    """Take a training as a worker does."""
    with api.service.sessions.begin() as session:
        taken = jobs.claim(
            session,
            UUID(training.job_id),
            token=uuid4(),
            owner="train@here",
            settings=api.service.settings,
        )
    assert taken is not None
    return taken.held


def test_what_is_reviewed_and_would_be_held_out_is_told(
    client: touchline.Client, match: str
) -> None:
    found = client.training_readiness(videos=[match], holdout_share=0.3)
    none = client.training_readiness(holdout_videos=[match])

    assert found.counts["PASS"].events == 3
    assert found.holdout is not None
    assert found.holdout.videos[0].video_id == match
    assert {one.code for one in found.problems} >= {"few-events", "few-matches"}
    assert found.needs == ()
    assert "No training has ended" in str(found.needs_note)
    assert none.holdout is None
    assert not none.is_ready


@pytest.mark.usefixtures("match")
def test_a_training_is_asked_for_listed_canceled_and_deleted(
    client: touchline.Client,
) -> None:
    asked = client.create_training(
        "hall", base="none", types=["PASS"], minutes=5, holdout_share=0.3, seed=7
    )
    second = client.create_training("hall", mapping={"DRIVE": None})

    assert (asked.status, asked.base, asked.start) == ("queued", None, "imagenet")
    assert (asked.types, asked.minutes, asked.seed) == (("PASS",), 5, 7)
    assert (asked.queue_position, second.queue_position) == (1, 2)
    assert second.mapping == {"DRIVE": None}
    assert [one.id for one in client.trainings()] == [second.id, asked.id]
    assert client.cancel_training(asked).status == "canceled"
    with pytest.raises(Conflict):
        client.cancel_training(asked)
    with pytest.raises(touchline.JobFailed, match="ended as canceled"):
        client.wait_training(asked, timeout_s=20)
    client.delete_training(second)
    with pytest.raises(NotFound):
        client.training(second)


@pytest.mark.usefixtures("match")
def test_a_wait_tells_of_progress_and_gives_the_model(
    api: RunningApi, client: touchline.Client
) -> None:
    asked, seen = client.create_training("hall"), list[Training]()
    held, settings = claim(api, asked), api.service.settings
    with api.service.sessions.begin() as session:
        progress = JobProgress("head", 0.4, 90.0)
        jobs.renew(session, held, lease=settings.lease, progress=progress)
        for text in ("one", "two"):
            add_line(session, UUID(asked.id), text)

    def look(training: Training) -> None:
        if not seen:
            threading.Thread(target=end, args=(api, settings, held, asked)).start()
        seen.append(training)

    made = client.wait_training(asked, timeout_s=20, on_progress=look)

    assert (seen[0].stage, seen[0].progress, seen[0].eta_s) == ("head", 0.4, 90)
    assert made.model == "hall@1"
    assert [one.text for one in made.needs] == ["12 more"]
    assert [one.code for one in made.warnings][-1] == "no-cpu-form"
    assert made.curves is not None
    assert [one.text for one in client.training_log(made)] == ["one", "two"]


def end(api: RunningApi, settings: Settings, held: Held, asked: Training) -> None:
    """End a training well, as its worker does."""
    with api.service.sessions.begin() as session:
        jobs.succeed(
            session,
            held,
            settings=settings,
            result={},
            save=lambda session: finish(
                session,
                UUID(asked.id),
                model="hall@1",
                figures={"needs": [NEED]},
                warnings={"no-cpu-form": "It could not be made."},
            ),
        )


@pytest.mark.usefixtures("match")
def test_what_contradicts_itself_is_refused(client: touchline.Client) -> None:
    with pytest.raises(ValueError, match="either"):
        client.create_training("hall", holdout_videos=["x"], holdout_share=0.2)
    with pytest.raises(InvalidRequest):
        client.create_training("hall", minutes=0)

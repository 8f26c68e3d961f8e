"""Models are compared on reviewed stretches: real spotting, real rows, real files."""

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from app.comparisons.tables import ComparisonMoment
from app.core.broker.notifier import GPU_QUEUE, MEDIA_QUEUE
from app.jobs.tables import JobStatus
from app.trainings.options import TrainingOptions
from app.trainings.service import add_training, finish, note_data
from model.checkpoint.archive import Checkpoint, with_changes
from model.checkpoint.publish import publish_checkpoint
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from tests.api_server import RunningApi
from tests.videos import draw_video, match_picture
from worker.job_task import load_handlers
from worker.outcomes import WorkerContext
from worker.predictor_cache import PredictorCache
from worker.runner import run_job

pytestmark = pytest.mark.costly

API_SETTINGS = {"engine": "openvino", "min_free_space": 0}
FPS = 15
TIMES = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "match.mp4"
    draw_video(path, frames=10 * FPS, fps=FPS, paint=match_picture)
    return path


@pytest.fixture
def models(api: RunningApi, checkpoint: Path) -> Iterator[Path]:
    """The service's folder: `eager@1` sees events everywhere, `eager@2` none."""
    folder = api.data_dir / "models"
    shutil.rmtree(folder, ignore_errors=True)
    publish_checkpoint(checkpoint, "eager", folder)
    publish_checkpoint(strict(checkpoint, folder / "strict"), "eager", folder)
    (folder / "strict").unlink()
    yield folder
    shutil.rmtree(folder)


def strict(checkpoint: Path, path: Path) -> Path:
    """The same network, with thresholds that nothing reaches."""
    opened = Checkpoint.open(checkpoint)
    own = opened.manifest.spotting
    labels = {name: replace(one, threshold=1.0) for name, one in own.labels.items()}
    return with_changes(opened, path, spotting=replace(own, labels=labels)).path


def upload(api: RunningApi, film: Path, *, reviewed: bool = True) -> UUID:
    """A match whose first seven seconds are reviewed, with a PASS each second."""
    types = {"items": [{"name": "PASS"}]}
    api.client.put("/types", json=types).raise_for_status()
    with film.open("rb") as file:
        answer = api.client.post(
            "/videos",
            files={"file": (f"{uuid4()}.mp4", file)},
            data={"model": "none", "title": "A match"},
        )
    body = answer.json()
    run(api, UUID(body["job"]["id"]), MEDIA_QUEUE)
    for time_s in TIMES:
        event = {"type": "PASS", "frame": round(time_s * FPS)}
        added = api.client.post(f"/videos/{body['id']}/events", json=event)
        assert added.status_code == 201, added.text
    if reviewed:
        stretch = {"from_s": 0.5, "to_s": 7.5}
        api.client.post(f"/videos/{body['id']}/reviewed", json=stretch)
    return UUID(body["id"])


def run(api: RunningApi, job_id: UUID, queue: str = GPU_QUEUE) -> JobStatus | None:
    service = api.service
    context = WorkerContext(
        settings=service.settings,
        sessions=service.sessions,
        storage=service.storage,
        predictors=PredictorCache(service.settings),
        notifier=service.notifier,
        node="gpu@test",
        leaving=threading.Event(),
    )
    return run_job(job_id, context=context, handlers=load_handlers(queue))


def ask(api: RunningApi, **wanted: Any) -> dict[str, Any]:
    wanted = {"models": ["eager@1", "eager@2"], **wanted}
    answer = api.client.post("/comparisons", json=wanted)
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    return body


def finished(api: RunningApi, asked: dict[str, Any]) -> dict[str, Any]:
    assert run(api, UUID(asked["job_id"])) is JobStatus.SUCCEEDED
    body: dict[str, Any] = api.client.get(asked["links"]["self"]).json()
    return body


@pytest.mark.usefixtures("models")
def test_two_models_are_compared_and_what_went_wrong_is_listed(
    api: RunningApi, film: Path
) -> None:
    video = upload(api, film)
    asked = ask(api, models=["eager@1", "eager@2"])
    assert (asked["status"], asked["verdict"]) == ("queued", None)
    assert asked["holdout"]["minutes"] == pytest.approx(7 / 60, abs=0.01)

    told = finished(api, asked)

    assert told["status"] == "succeeded"
    assert [one["name"] for one in told["models"]] == ["eager@1", "eager@2"]
    assert all(one["sha256"] for one in told["models"])
    (passes, *_) = told["types"]
    assert (passes["type"], passes["events"]) == ("PASS", len(TIMES))
    eager, strict = passes["models"]
    assert eager["recall"] > strict["recall"] == 0
    assert eager["ap"] == strict["ap"]  # the same network
    verdict = told["verdict"]["by_type"][0]
    assert (verdict["against"], verdict["verdict"]) == ("eager@2", "too_few")
    assert passes["differences"][0]["f1"]["low"] is None  # of a single piece
    assert "eager@1 against eager@2" in told["verdict"]["text"]
    errors = api.client.get(told["links"]["errors"], params={"limit": 1000}).json()
    assert len(errors["items"]) == told["errors"] > 0
    missed = [one for one in errors["items"] if one["is_event"]]
    assert {one["video_id"] for one in errors["items"]} == {str(video)}
    assert {one["by"]["eager@2"]["kind"] for one in missed} == {"missed"}
    assert all(0.5 <= one["time_s"] < 7.5 for one in errors["items"])


@pytest.mark.nightly
@pytest.mark.usefixtures("models")
def test_errors_are_chosen_by_model_type_and_kind_and_paged(
    api: RunningApi, film: Path
) -> None:
    upload(api, film)
    told = finished(api, ask(api))
    address = told["links"]["errors"]

    def listed(**wanted: object) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            sent = {**wanted, "limit": 2, **cursor}
            page = api.client.get(address, params=sent).json()  # type: ignore[arg-type] # httpx takes texts and numbers
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = {"cursor": page["next_cursor"]}

    missed = listed(model="eager@2", type="PASS", kind="missed")
    alarms = listed(model="eager@1", kind="false_alarm")

    assert [one["time_s"] for one in missed] == list(TIMES)
    assert {one["kind"] for one in alarms} == {"false_alarm"}
    assert listed(model="eager@2", kind="false_alarm") == []
    stranger = api.client.get(address, params={"model": "arena-rny002"})
    assert stranger.status_code == 422
    assert "eager@1, eager@2" in stranger.json()["detail"]


@pytest.mark.nightly
@pytest.mark.usefixtures("models")
def test_a_video_that_is_deleted_meanwhile_is_left_out(
    api: RunningApi, film: Path
) -> None:
    kept, gone = upload(api, film), upload(api, film)
    asked = ask(api)
    api.client.delete(f"/videos/{gone}")

    told = finished(api, asked)

    assert told["holdout"]["videos"] == 1
    (left_out,) = told["holdout"]["left_out"]
    assert (left_out["video_id"], left_out["why"]) == (
        str(gone),
        "it has been deleted",
    )
    api.client.delete(f"/videos/{kept}")
    with api.service.sessions() as session:
        assert session.scalar(select(func.count()).select_from(ComparisonMoment)) == 0
    assert api.client.get(told["links"]["self"]).json()["errors"] > 0
    assert api.client.get(told["links"]["errors"]).json()["items"] == []


@pytest.mark.usefixtures("models")
def test_without_any_video_left_the_job_says_what_to_do(
    api: RunningApi, film: Path
) -> None:
    video = upload(api, film)
    asked = ask(api)
    api.client.delete(f"/videos/{video}")

    assert run(api, UUID(asked["job_id"])) is JobStatus.FAILED

    error = api.client.get(asked["links"]["self"]).json()["error"]
    assert error["code"] == "holdout_gone"
    assert "Review some stretches" in error["detail"]


def test_a_model_that_has_learned_from_the_stretches_is_warned_of(
    api: RunningApi, film: Path, models: Path
) -> None:
    video = upload(api, film)
    base = models / "eager@1.touchline"
    stretches = {"stretches": {str(video): [[0.5, 4.0]]}}
    publish_checkpoint(base, "own", models, lineage=stretches)
    publish_checkpoint(base, "child", models, lineage={"base": "own@1"})

    told = finished(api, ask(api, models=["child", "eager@1"]))

    (warning,) = told["warnings"]
    assert warning.startswith("child@1 or a base of it has learned from 0.1")
    details = api.client.get("/models/child@1").json()
    assert details["ancestors"] == ["own@1"]
    assert details["provenance"]["lineage"] == {"base": "own@1"}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["SHA"], "child@1 or a base of it has learned from 0.1 of the 0.1 minutes"),
        (["of the whole match", "SHA"], "child@1 or a base of it has learned from a"),
        (["another"], None),
    ],
    ids=["the same file", "a part of what it learned from", "another file"],
)
def test_a_model_that_has_learned_from_the_same_file_is_warned_of(
    api: RunningApi, film: Path, models: Path, files: list[str], words: str | None
) -> None:
    """Uploaded anew, or joined of halves, a match is another video."""
    sha256 = api.client.get(f"/videos/{upload(api, film)}").json()["sha256"]
    earlier = str(uuid4())
    lineage = {
        "stretches": {earlier: [[0.5, 7.5]]},
        "files": {earlier: [sha256 if one == "SHA" else one for one in files]},
    }
    publish_checkpoint(models / "eager@1.touchline", "child", models, lineage=lineage)

    told = finished(api, ask(api, models=["child", "eager@1"]))

    warnings = [one for one in told["warnings"] if one.startswith(words or "")]
    assert len(warnings) == len(told["warnings"]) == (words is not None)


def test_a_model_of_other_types_is_compared_on_the_common_ones(
    api: RunningApi, film: Path, models: Path, tmp_path: Path
) -> None:
    upload(api, film)
    plain = Checkpoint.open(models / "eager@1.touchline")
    manifest = plain.manifest
    labels = ("PASS", "TACKLE", "SAVE")
    options = dict.fromkeys(labels, LabelOptions(0.0))
    other = replace(
        manifest,
        name="other",
        labels=labels,
        spotting=SpottingOptions(options, temperature=1.5),
    )
    write(plain, other, models / "other.touchline")

    told = finished(api, ask(api, models=["other", "eager@1"]))

    assert [one["type"] for one in told["types"]] == ["PASS"]
    assert told["left_out"] == {"other": [], "eager@1": []}


def write(plain: Checkpoint, manifest: Any, path: Path) -> None:
    from model.checkpoint.archive import write_checkpoint

    engines = {
        name.removeprefix("engines/"): plain.read_member(name)
        for name in plain.manifest.files
        if name.startswith("engines/")
    }
    write_checkpoint(path, manifest, weights=plain.read_weights(), engines=engines)


@pytest.mark.usefixtures("models")
def test_what_cannot_be_compared_is_refused_with_what_to_do(
    api: RunningApi, film: Path
) -> None:
    def refused(**wanted: Any) -> tuple[int, str]:
        body = {"models": ["eager@1", "eager@2"], **wanted}
        answer = api.client.post("/comparisons", json=body)
        return answer.status_code, answer.json()["type"].rpartition("/")[2]

    assert refused() == (409, "nothing-to-compare-on")
    video = upload(api, film, reviewed=False)
    assert refused(videos=[str(video)]) == (409, "nothing-to-compare-on")
    assert refused(training_id=str(uuid4())) == (409, "nothing-to-compare-on")
    assert refused(videos=[str(uuid4())]) == (404, "video-not-found")
    assert refused(models=["eager@1", "gone"]) == (422, "unknown-model")
    assert refused(models=["eager", "eager@2"]) == (422, "invalid-request")
    assert refused(models=["eager@1"]) == (422, "invalid-request")
    both = {"training_id": str(uuid4()), "videos": [str(video)]}
    assert refused(**both) == (422, "invalid-request")
    assert api.client.get("/comparisons").json()["items"] == []


@pytest.mark.usefixtures("models")
def test_models_are_compared_on_what_a_training_without_a_base_held_out(
    api: RunningApi, film: Path
) -> None:
    video = upload(api, film)
    training = trained(api, holdout=[{"video_id": str(video), "spans": [[1.0, 4.0]]}])
    unended = trained(api, holdout=[], has_ended=False)

    asked = ask(api, training_id=str(training))
    refused = api.client.post(
        "/comparisons",
        json={"models": ["eager@1", "eager@2"], "training_id": str(unended)},
    )

    assert asked["training_id"] == str(training)
    assert asked["holdout"]["minutes"] == pytest.approx(3 / 60)
    assert refused.status_code == 409
    assert "Name videos instead" in refused.json()["detail"]


def trained(api: RunningApi, *, holdout: list[Any], has_ended: bool = True) -> UUID:
    """A training without a base, for which no comparison was asked."""
    with api.service.sessions.begin() as session:
        options = TrainingOptions(start="noise")
        training, _ = add_training(session, name="hall", base=None, options=options)
        note_data(session, training.id, {"holdout": holdout})
        if has_ended:
            finish(session, training.id, model="hall@1", figures={})
        return training.id


@pytest.mark.usefixtures("models")
def test_a_project_may_have_so_many_waiting(api: RunningApi, film: Path) -> None:
    upload(api, film)
    wanted = {"models": ["eager@1", "eager@2"]}
    last = [ask(api) for _ in range(20)][-1]

    refused = api.client.post("/comparisons", json=wanted)
    api.client.delete(last["links"]["self"]).raise_for_status()
    taken = api.client.post("/comparisons", json=wanted)

    assert refused.status_code == 429
    assert refused.json()["type"].endswith("too-many-comparisons")
    assert refused.headers["retry-after"] == "300"
    assert taken.status_code == 202


def test_a_request_that_is_sent_again_makes_one_comparison(
    api: RunningApi, film: Path, models: Path
) -> None:
    upload(api, film)
    sent = {"json": {"models": ["eager@1", "eager@2"]}}
    key = {"idempotency-key": "once"}

    first = api.client.post("/comparisons", headers=key, **sent).json()  # type: ignore[arg-type] # of httpx
    (models / "eager@2.touchline").unlink()
    second = api.client.post("/comparisons", headers=key, **sent).json()  # type: ignore[arg-type] # of httpx

    assert first["id"] == second["id"]
    listed = api.client.get("/comparisons").json()["items"]
    assert [one["id"] for one in listed] == [first["id"]]


@pytest.mark.usefixtures("models")
def test_a_deleted_comparison_cancels_its_job(api: RunningApi, film: Path) -> None:
    upload(api, film)
    asked = ask(api)

    gone = api.client.delete(asked["links"]["self"])

    assert gone.status_code == 204
    assert api.client.get(asked["links"]["self"]).status_code == 404
    assert api.client.get(asked["links"]["job"]).json()["status"] == "canceled"


def test_a_model_that_went_away_fails_the_job_and_says_so(
    api: RunningApi, film: Path, models: Path
) -> None:
    upload(api, film)
    asked = ask(api)
    (models / "eager@2.touchline").unlink()

    assert run(api, UUID(asked["job_id"])) is JobStatus.FAILED

    error = api.client.get(asked["links"]["self"]).json()["error"]
    assert "eager@2" in error["detail"]

"""`/trainings`: ask for one, watch it, cancel it, delete it."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import delete, select, update

from app.core.broker.notifier import TRAIN_QUEUE
from app.core.db.base import utc_now
from app.core.db.project_sessions import sessions_of
from app.core.principal import Principal
from app.jobs import service as jobs
from app.jobs.attempts import Failure, Held
from app.jobs.kinds import JobKind
from app.jobs.tables import Job
from app.projects.tables import Project
from app.trainings import worker_state
from app.trainings.options import TrainingOptions
from app.trainings.service import (
    Point,
    add_line,
    add_points,
    add_training,
    drop_points_after,
    finish,
    note_data,
)
from app.trainings.tables import Training
from app.videos.tables import Video
from app.webhooks.tables import Delivery
from model.checkpoint.publish import publish_checkpoint
from tests.api_server import RunningApi
from tests.integration.project_webhooks import NOWHERE, add, messages
from tests.integration.reviewed_matches import add_events, add_match, problem_of
from worker.lost_jobs import forget_jobs

API_SETTINGS = {"webhook_allow_nets": "127.0.0.0/8"}
Json = dict[str, Any]
OTHER = UUID(int=2)
LEASE = timedelta(seconds=60)


@pytest.fixture
def match(api: RunningApi) -> UUID:
    """A match of ten seconds that is reviewed: three passes and two drives."""
    return add_match(api)


def ask(api: RunningApi, key: str | None = None, **wanted: Any) -> httpx.Response:
    headers = {} if key is None else {"idempotency-key": key}
    return api.client.post(
        "/trainings", json={"name": "hall", **wanted}, headers=headers
    )


def asked(api: RunningApi, **wanted: Any) -> Json:
    answer = ask(api, **wanted)
    assert answer.status_code == 202, answer.text
    made: Json = answer.json()
    return made


def look(api: RunningApi, training: Json) -> Json:
    answer = api.client.get(f"/trainings/{training['id']}")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def claim(api: RunningApi, training: Json) -> Held:
    """Take a training as a worker does."""
    settings = api.service.settings
    with api.service.sessions.begin() as session:
        taken = jobs.claim(
            session,
            UUID(training["job_id"]),
            token=uuid4(),
            owner="train@here",
            settings=settings,
        )
    assert taken is not None
    assert taken.kind is JobKind.TRAIN
    assert taken.params == {"training_id": training["id"]}
    return taken.held


@pytest.mark.usefixtures("match")
def test_a_training_is_queued_with_what_was_asked(api: RunningApi) -> None:
    answer = ask(api, types=["PASS"], minutes=5, holdout={"share": 0.2}, seed=3)
    made = answer.json()

    assert answer.status_code == 202
    assert answer.headers["location"] == f"/trainings/{made['id']}"
    assert (made["name"], made["base"], made["start"]) == (
        *("hall", "arena-rny002", "base"),
    )
    assert (made["types"], made["minutes"], made["seed"]) == (["PASS"], 5, 3)
    assert made["holdout"] == {"videos": None, "share": 0.2}
    assert (made["videos"], made["mapping"]) == ("reviewed", {})
    assert (made["status"], made["queue_position"], made["stage"]) == (
        *("queued", 1, None),
    )
    assert {one["code"] for one in made["warnings"]} >= {"few-events", "one-type"}
    assert made["created_by"] == "local"
    job = api.client.get(made["links"]["job"]).json()
    assert (job["kind"], job["video_id"]) == ("train", None)
    seen = look(api, made)
    assert seen["curves"] == {"loss": [], "validation": [], "learning": []}
    assert {name: seen[name] for name in made} == made


@pytest.mark.usefixtures("match")
def test_workers_are_told_on_the_queue_of_trainings(api: RunningApi) -> None:
    before = api.service.notifier.waiting(TRAIN_QUEUE)

    asked(api)

    assert before is not None
    assert api.service.notifier.waiting(TRAIN_QUEUE) == before + 1


@pytest.mark.usefixtures("match")
def test_trainings_wait_in_their_order_and_are_listed_page_by_page(
    api: RunningApi,
) -> None:
    made = [asked(api)["id"] for _ in range(3)]

    first = api.client.get("/trainings", params={"limit": 2})
    cursor = first.json()["next_cursor"]
    last = api.client.get("/trainings", params={"limit": 2, "cursor": cursor}).json()

    items = [*first.json()["items"], *last["items"]]
    assert [one["id"] for one in items] == made[::-1]
    assert [one["queue_position"] for one in items] == [3, 2, 1]
    assert last["next_cursor"] is None
    wrong = api.client.get("/trainings", params={"cursor": "bm90aGluZw=="})
    problem_of(wrong, 422, "invalid-cursor")


@pytest.mark.usefixtures("match")
def test_a_request_sent_twice_makes_one_training(api: RunningApi) -> None:
    first, again = ask(api, "key-1").json(), ask(api, "key-1").json()
    other = ask(api, "key-1", minutes=7)

    assert first == again
    problem_of(other, 422, "idempotency-key-reused")
    assert len(api.client.get("/trainings").json()["items"]) == 1


def test_a_repeated_request_is_answered_even_if_the_data_is_gone(
    api: RunningApi, match: UUID
) -> None:
    first = ask(api, "key-1").json()
    assert api.client.delete(f"/videos/{match}").status_code == 204

    again = ask(api, "key-1")

    assert (again.status_code, again.json()["id"]) == (202, first["id"])


def test_a_training_outlives_the_video_it_names(api: RunningApi, match: UUID) -> None:
    made = asked(api, videos=[str(match)])
    assert api.client.delete(f"/videos/{match}").status_code == 204

    assert look(api, made)["videos"] == [str(match)]


@pytest.mark.usefixtures("match")
def test_a_waiting_training_is_canceled_at_once_and_told(api: RunningApi) -> None:
    webhook = add(api, NOWHERE, "training.*")
    made = asked(api)

    canceled = api.client.post(f"/trainings/{made['id']}/cancel")
    again = api.client.post(f"/trainings/{made['id']}/cancel")

    assert (canceled.status_code, canceled.json()["status"]) == (202, "canceled")
    told = problem_of(again, 409, "job-is-finished")
    assert told == "The job has been canceled already."
    (message,) = messages(api, webhook)
    assert message["type"] == "training.canceled"


@pytest.mark.usefixtures("match")
def test_a_running_training_is_asked_to_stop(api: RunningApi) -> None:
    made = asked(api)
    held = claim(api, made)

    answer = api.client.post(f"/trainings/{made['id']}/cancel")

    assert answer.json()["status"] == "running"
    with api.service.sessions.begin() as session:
        assert jobs.renew(session, held, lease=LEASE) is True


@pytest.mark.usefixtures("match")
def test_a_deleted_training_is_gone_and_its_job_ends(api: RunningApi) -> None:
    waiting, running = asked(api), asked(api)
    held = claim(api, running)

    for made in (waiting, running):
        gone = api.client.delete(f"/trainings/{made['id']}")
        assert gone.status_code == 204
        again = api.client.delete(f"/trainings/{made['id']}")
        problem_of(again, 404, "training-not-found")

    assert api.client.get(f"/jobs/{waiting['job_id']}").json()["status"] == "canceled"
    with api.service.sessions.begin() as session:
        assert jobs.renew(session, held, lease=LEASE) is True
        add_line(session, UUID(running["id"]), "what comes too late is dropped")
        add_points(session, UUID(running["id"]), [Point("loss", "head", 0, {})])
        finish(session, UUID(running["id"]), model="hall@1", figures={})


@pytest.mark.usefixtures("match")
def test_the_job_of_a_deleted_training_goes_once_it_has_ended(api: RunningApi) -> None:
    webhook = add(api, NOWHERE, "training.canceled")
    kept, waiting, running = asked(api), asked(api), asked(api)
    held, service = claim(api, running), api.service
    for made in (waiting, running):
        api.client.delete(f"/trainings/{made['id']}").raise_for_status()

    def there(made: Json) -> bool:
        return api.client.get(f"/jobs/{made['job_id']}").status_code == 200

    forget_jobs(service.sessions)
    before = [there(one) for one in (kept, waiting, running)]
    with service.sessions.begin() as session:
        jobs.release(session, held, settings=service.settings, counts_as_attempt=False)
    forget_jobs(service.sessions)
    after = [there(one) for one in (kept, waiting, running)]

    assert before == [True, False, True]
    assert after == [True, False, False]
    assert len(messages(api, webhook)) == 2


@pytest.mark.usefixtures("match")
def test_a_running_training_shows_curves_log_and_progress(api: RunningApi) -> None:
    made = asked(api)
    held = claim(api, made)
    training_id = UUID(made["id"])
    with api.service.sessions.begin() as session:
        session.execute(
            update(Job)
            .where(Job.id == held.job_id)
            .values(stage="paused", progress=0.25, eta_s=90.0)
        )
        add_points(
            session,
            training_id,
            [
                Point("loss", "head", 0, {"loss": 0.5}),
                Point("loss", "head", 1, {"loss": float("nan")}),
                Point("validation", "head", 1, {"PASS": 0.4, "mean": 0.4}),
                Point(
                    *("learning", "head", 0),
                    {"share": 0.5, "AP/PASS": 0.3, "events/PASS": 12},
                ),
            ],
        )
        for number in range(205):
            add_line(session, training_id, f"line {number}")
        add_line(session, training_id, "odd\0" + "x" * 5000)

    seen = look(api, made)

    assert (seen["status"], seen["stage"], seen["progress"], seen["eta_s"]) == (
        *("running", "paused", 0.25, 90.0),
    )
    assert seen["queue_position"] is None
    assert seen["curves"] == {
        "loss": [
            {"stage": "head", "step": 0, "value": 0.5},
            {"stage": "head", "step": 1, "value": None},
        ],
        "validation": [
            {"stage": "head", "step": 1, "values": {"PASS": 0.4, "mean": 0.4}}
        ],
        "learning": [{"share": 0.5, "events": {"PASS": 12}, "values": {"PASS": 0.3}}],
    }
    assert len(seen["log"]) == 200
    assert seen["log"][-2]["text"] == "line 204"
    assert seen["log"][-1]["text"] == "odd" + "x" * 1997


@pytest.mark.usefixtures("match")
def test_a_log_is_read_page_by_page(api: RunningApi) -> None:
    made = asked(api)
    with api.service.sessions.begin() as session:
        for number in range(5):
            add_line(session, UUID(made["id"]), f"line {number}")

    path: str | None = made["links"]["log"]
    found: list[str] = []
    cursor: Json = {}
    while True:
        page = api.client.get(str(path), params={"limit": 2, **cursor}).json()
        found += [one["text"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert found == [f"line {number}" for number in range(5)]
    wrong = api.client.get(str(path), params={"cursor": "e30="})
    problem_of(wrong, 422, "invalid-cursor")


@pytest.mark.usefixtures("match")
def test_the_loss_of_a_long_training_is_thinned_out(api: RunningApi) -> None:
    made = asked(api)
    points = [Point("loss", "head", step, {"loss": 1.0}) for step in range(2000)]
    with api.service.sessions.begin() as session:
        add_points(session, UUID(made["id"]), points)

    curve = look(api, made)["curves"]["loss"]

    assert len(curve) == 500
    assert [one["step"] for one in curve] == sorted(one["step"] for one in curve)
    assert curve[-1]["step"] == 1999


@pytest.mark.usefixtures("match")
def test_a_run_that_goes_on_replaces_what_came_after_its_saved_step(
    api: RunningApi,
) -> None:
    made = asked(api)
    training_id = UUID(made["id"])

    def losses(*steps: int, stage: str = "finetune") -> list[Point]:
        return [Point("loss", stage, step, {"loss": float(step)}) for step in steps]

    with api.service.sessions.begin() as session:
        add_points(session, training_id, losses(7, stage="head"))
        add_points(session, training_id, losses(0, 10, 20))
        learned = Point("learning", "finetune", 30, {"share": 1.0})
        add_points(session, training_id, [learned])
    with api.service.sessions.begin() as session:
        drop_points_after(session, training_id, stage="finetune", step=10)
        add_points(session, training_id, losses(15))

    curves = look(api, made)["curves"]
    assert [(one["stage"], one["step"]) for one in curves["loss"]] == [
        *(("head", 7), ("finetune", 0), ("finetune", 10), ("finetune", 15)),
    ]
    assert len(curves["learning"]) == 1


@pytest.mark.usefixtures("match")
def test_a_training_that_has_ended_tells_its_model_and_the_webhooks(
    api: RunningApi,
) -> None:
    webhook = add(api, NOWHERE, "training.completed")
    made = asked(api)
    held = claim(api, made)
    need = {"type": "SHOT", "more": 12, "gain": 0.04, "low": 0.01, "text": "12 more"}
    flat = {"type": "PASS", "more": 90, "gain": 0.01, "low": 0.0, "text": "hardly"}
    few = {"type": "GOAL", "more": 10, "gain": None, "text": "too few"}
    figures = {
        "types": {"PASS": {"ap": 0.7, "f1": float("nan")}},
        "needs": [need, flat, few],
    }
    data = {
        "minutes": 0.2,
        "counts": {"train": {"PASS": 2}, "val": {"PASS": 1}},
        "split": {"by": "stretches", "note": "Of one match."},
        "agreement": {"decided_twice": 0},
        "left_out": [{"video_id": "x", "why": "it was deleted meanwhile"}],
        "holdout": [{"video_id": "y", "spans": [[1.0, 2.5]]}],
    }
    comparison = uuid4()
    with api.service.sessions.begin() as session:
        note_data(session, UUID(made["id"]), data)
        jobs.succeed(
            session,
            held,
            settings=api.service.settings,
            result={"training_id": made["id"], "model": "hall@1"},
            save=lambda session: finish(
                session,
                UUID(made["id"]),
                model="hall@1",
                figures=figures,
                comparison_id=comparison,
                warnings={"no-cpu-form": "It could not be made."},
            ),
        )

    seen = look(api, made)

    lack = {"code": "no-cpu-form", "detail": "It could not be made."}
    assert seen["warnings"] == [*made["warnings"], lack]
    assert (seen["status"], seen["model"]) == ("succeeded", "hall@1")
    assert seen["figures"]["types"] == {"PASS": {"ap": 0.7, "f1": None}}
    assert seen["needs"] == [{**need, "outlook": "helps"}]
    others = [(one["type"], one["outlook"]) for one in seen["no_gain_seen"]]
    assert others == [("PASS", "hardly"), ("GOAL", "unknown")]
    assert seen["data"] == data
    assert seen["links"]["comparison"] == f"/comparisons/{comparison}"
    (message,) = messages(api, webhook)
    with api.service.sessions() as session:
        body = session.get_one(Delivery, UUID(message["id"])).body
    assert f'"training_id":"{made["id"]}"' in body
    assert (
        f'"training":"{api.service.settings.base_url}/trainings/{made["id"]}"' in body
    )


@pytest.mark.usefixtures("match")
def test_a_training_that_failed_says_why(api: RunningApi) -> None:
    webhook = add(api, NOWHERE, "training.failed", "video.failed")
    made = asked(api)
    held = claim(api, made)
    failure = Failure("training_failed", "The loss became NaN.", retryable=False)
    with api.service.sessions.begin() as session:
        jobs.fail(session, held, failure, settings=api.service.settings)

    assert look(api, made)["error"] == {
        "code": "training_failed",
        "detail": "The loss became NaN.",
        "retryable": False,
    }
    assert [one["type"] for one in messages(api, webhook)] == ["training.failed"]


def test_nothing_reviewed_is_refused_with_what_to_do(api: RunningApi) -> None:
    add_match(api, spans=())
    nothing = problem_of(ask(api), 409, "nothing-reviewed")
    add_match(api, spots=())
    no_event = problem_of(ask(api), 409, "nothing-reviewed")

    assert "mark the stretch as reviewed" in nothing
    assert "no event" in no_event
    assert api.client.get("/trainings").json()["items"] == []


@pytest.mark.usefixtures("match")
@pytest.mark.parametrize(
    ("name", "status", "slug"),
    [
        ("arena-rny002", 409, "model-name-taken"),
        ("ARENA-rny002", 409, "model-name-taken"),
        ("none", 422, "invalid-request"),
        ("Default", 422, "invalid-request"),
        ("hall@2", 422, "invalid-request"),
        ("../hall", 422, "invalid-request"),
        ("hall.touchline", 422, "invalid-request"),
        ("halle\u0301", 422, "invalid-request"),
        ("-hall", 422, "invalid-request"),
        ("h" * 81, 422, "invalid-request"),
        ("h" * 300, 422, "invalid-request"),
        ("", 422, "invalid-request"),
        (" ", 422, "invalid-request"),
    ],
)
def test_a_name_that_no_version_can_have_is_refused(
    api: RunningApi, name: str, status: int, slug: str
) -> None:
    problem_of(ask(api, name=name), status, slug)


@pytest.mark.usefixtures("match")
def test_a_name_of_an_installed_file_or_another_project_is_taken(
    api: RunningApi, checkpoint: Path
) -> None:
    models = api.data_dir / "models"
    models.mkdir()
    (models / "club.touchline").symlink_to(checkpoint)
    with api.service.sessions.begin() as session:
        if session.get(Project, OTHER) is None:
            session.add(Project(id=OTHER, name="other", created_at=utc_now()))
    theirs = sessions_of(api.service.sessions, Principal("key", "them", OTHER))
    with theirs.begin() as session:
        add_training(session, name="Hall", base=None, options=TrainingOptions())

    installed = problem_of(ask(api, name="club"), 409, "model-name-taken")
    trained = problem_of(ask(api, name="hall"), 409, "model-name-taken")

    with theirs.begin() as session:
        session.execute(delete(Training))
    publish_checkpoint(checkpoint, "Hall", models, lineage={"project": str(OTHER)})
    publish_checkpoint(checkpoint, "own", models, lineage={"project": str(uuid4())})
    kept = problem_of(ask(api, name="hall"), 409, "model-name-taken")

    assert "is installed" in installed
    assert "Another project" in trained
    assert "Another project" in kept
    assert asked(api, name="own")["name"] == asked(api, name="own")["name"] == "own"


@pytest.mark.usefixtures("match")
def test_a_base_that_cannot_be_used_is_refused(
    api: RunningApi, checkpoint: Path
) -> None:
    models = api.data_dir / "models"
    models.mkdir()
    (models / "broken.touchline").write_bytes(b"no checkpoint")

    unknown = problem_of(ask(api, base="nobody"), 422, "unknown-model")
    broken = problem_of(ask(api, base="broken"), 422, "unknown-model")

    assert "arena-rny002" in unknown
    assert "cannot be read" in broken


@pytest.mark.usefixtures("match")
@pytest.mark.parametrize(
    ("wanted", "base", "start"),
    [
        ({"base": "tiny"}, "tiny", "base"),
        ({"base": "tiny", "start": "trunk"}, "tiny", "trunk"),
        ({"base": "tiny", "start": "noise"}, "tiny", "noise"),
        ({"base": None}, None, "imagenet"),
        ({"base": None, "start": "noise"}, None, "noise"),
        ({"start": "noise"}, None, "noise"),
        ({"start": "trunk"}, "arena-rny002", "trunk"),
    ],
)
def test_what_it_starts_from_can_be_chosen(
    api: RunningApi, checkpoint: Path, wanted: Json, base: str | None, start: str
) -> None:
    (api.data_dir / "models").mkdir()
    (api.data_dir / "models" / checkpoint.name).symlink_to(checkpoint)

    made = asked(api, **wanted)

    assert (made["base"], made["start"]) == (base, start)


@pytest.mark.usefixtures("match")
@pytest.mark.parametrize(
    "wanted",
    [
        {"base": None, "start": "base"},
        {"base": None, "start": "trunk"},
        {"start": "scratch"},
        {"types": []},
        {"types": ["PASS", "pass"]},
        {"types": ["two\nlines"]},
        {"minutes": 0},
        {"minutes": 1e9},
        {"seed": -1},
        {"holdout": {}},
        {"holdout": {"share": 0.0}},
        {"holdout": {"share": 1.0}},
        {"holdout": {"share": 0.2, "videos": [str(uuid4())]}},
        {"holdout": {"videos": []}},
        {"holdout": {"videos": [str(uuid4())]}},
        {"videos": []},
        {"videos": "all"},
        {"mapping": {"CORNER": "PASS"}},
        {"mapping": {"PASS": "DRIVE", "DRIVE": "SHOT"}},
        {"mapping": {"DRIVE": "PASS"}, "types": ["SHOT"]},
        {"epochs": 3},
    ],
)
def test_what_contradicts_itself_or_the_data_is_refused(
    api: RunningApi, wanted: Json
) -> None:
    problem_of(ask(api, **wanted), 422, "invalid-request")

    assert api.client.get("/trainings").json()["items"] == []


@pytest.mark.usefixtures("match")
def test_types_must_be_in_the_data_or_the_base(api: RunningApi) -> None:
    neither = problem_of(ask(api, types=["PASS", "CORNER"]), 422, "unknown-type")
    dropped = ask(api, types=["SHOT"], start="trunk")
    mapped = asked(api, types=["TOUCH"], mapping={"PASS": "TOUCH", "DRIVE": "TOUCH"})
    kept = asked(api, types=["PASS", "SHOT"])

    assert "DRIVE, PASS" in neither
    problem_of(dropped, 422, "unknown-type")
    assert mapped["mapping"] == {"PASS": "TOUCH", "DRIVE": "TOUCH"}
    assert "type-not-reviewed" in {one["code"] for one in kept["warnings"]}


@pytest.mark.usefixtures("match")
def test_a_mapping_that_leaves_no_event_is_refused(api: RunningApi) -> None:
    none_left = ask(api, mapping={"PASS": None, "DRIVE": None})

    problem_of(none_left, 409, "nothing-reviewed")


def test_a_holdout_must_leave_something_and_have_events(
    api: RunningApi, match: UUID
) -> None:
    quiet = add_match(api, "quiet.mp4", spots=())
    first = add_match(api, "cup half 1.mp4")
    second = add_match(api, "cup half 2.mp4")

    every = ask(api, videos=[str(match)], holdout={"videos": [str(match)]})
    halves = ask(
        api,
        videos=[str(first), str(second)],
        holdout={"videos": [str(first)]},
    )
    empty = ask(api, holdout={"videos": [str(quiet)]})
    fine = asked(api, holdout={"videos": [str(match), str(match)]})

    assert "none is left" in problem_of(every, 422, "invalid-request")
    assert "other half" in problem_of(halves, 422, "invalid-request")
    assert "no event" in problem_of(empty, 422, "invalid-request")
    assert fine["holdout"] == {"videos": [str(match)], "share": None}


PASSES = [(1000, "PASS", 0.9), (4000, "PASS", 0.9)]
SHOTS = [(2000, "SHOT", 0.9), (5000, "SHOT", 0.9)]


def test_a_holdout_must_fit_the_types_that_are_asked_for(api: RunningApi) -> None:
    passes, shots = add_match(api, spots=PASSES), add_match(api, spots=SHOTS)
    hold_passes, hold_shots = ({"videos": [str(one)]} for one in (passes, shots))

    unjudged = ask(api, types=["SHOT"], holdout=hold_passes)
    dropped = ask(api, mapping={"PASS": None}, holdout=hold_passes)
    untaught = ask(api, types=["SHOT"], holdout=hold_shots)
    lost = ask(api, start="trunk", types=["PASS", "SHOT"], holdout=hold_shots)
    unasked = asked(api, start="trunk", holdout=hold_shots)
    carried = asked(api, types=["PASS", "SHOT"], holdout=hold_shots)

    assert "has no event of SHOT" in problem_of(unjudged, 422, "invalid-request")
    assert "has no event, so" in problem_of(dropped, 422, "invalid-request")
    nothing_left = problem_of(untaught, 422, "invalid-request")
    assert nothing_left.startswith("holdout: what is held out leaves no event of SHOT")
    assert "all 2 of it are held out" in problem_of(lost, 422, "invalid-request")
    for made in (unasked, carried):
        told = {one["code"]: one["detail"] for one in made["warnings"]}
        assert told["type-not-reviewed"].startswith("No event of SHOT would be learned")


def test_what_a_mapping_takes_away_is_not_asked_for(api: RunningApi) -> None:
    add_match(api, spots=[*PASSES, *SHOTS])

    merged = ask(api, types=["PASS", "SHOT"], mapping={"PASS": "SHOT"})
    dropped = ask(api, types=["PASS", "SHOT"], mapping={"PASS": None})

    assert "the mapping makes it 'SHOT'" in problem_of(merged, 422, "invalid-request")
    assert "the mapping drops it" in problem_of(dropped, 422, "invalid-request")


@pytest.mark.usefixtures("match")
def test_few_matches_are_no_matter_where_one_is_held_out(api: RunningApi) -> None:
    other = add_match(api, "other.mp4")

    split, held = asked(api), asked(api, holdout={"videos": [str(other)]})

    codes = [{one["code"] for one in made["warnings"]} for made in (split, held)]
    assert ["few-matches" in of for of in codes] == [True, False]


@pytest.mark.usefixtures("match")
def test_an_unknown_video_is_refused(api: RunningApi) -> None:
    problem_of(ask(api, videos=[str(uuid4())]), 404, "video-not-found")


def test_a_slower_video_than_the_base_is_told_of_and_not_refused(
    api: RunningApi, match: UUID
) -> None:
    with api.service.sessions.begin() as session:
        session.execute(update(Video).where(Video.id == match).values(fps=5.0))

    made = asked(api)

    told = {one["code"]: one["detail"] for one in made["warnings"]}
    assert "a.mp4 (5)" in told["frame-rate"]


@pytest.mark.usefixtures("match")
def test_where_nobody_can_train_it_says_what_to_install(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_state, "NEEDED", ("no_such_package",))

    refused = problem_of(ask(api), 409, "training-not-installed")

    assert "make serve EXTRAS=train" in refused
    assert "pip install 'touchline[train]'" in refused


@pytest.mark.usefixtures("match")
def test_a_project_may_have_so_many_waiting(api: RunningApi) -> None:
    with api.service.sessions.begin() as session:
        for _ in range(20):
            add_training(session, name="hall", base=None, options=TrainingOptions())

    refused = ask(api)

    assert "cancel those" in problem_of(refused, 429, "too-many-trainings")
    assert refused.headers["retry-after"] == "300"


def test_events_of_any_label_can_be_learned(api: RunningApi) -> None:
    video = add_match(api, spots=())
    add_events(api, video, {"BASKET": 25, "DRIBBLE": 30})

    made = asked(api, base=None)

    assert made["types"] is None
    assert {one["code"] for one in made["warnings"]}.isdisjoint(
        {"few-events", "one-type"}
    )


@pytest.mark.usefixtures("match")
def test_a_training_is_made_in_the_project_that_asked(api: RunningApi) -> None:
    made = asked(api)

    with api.service.sessions() as session:
        job = session.scalars(select(Job).where(Job.kind == JobKind.TRAIN)).one()
    assert str(job.id) == made["job_id"]

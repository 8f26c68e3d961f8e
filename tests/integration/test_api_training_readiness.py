"""`GET /trainings/readiness`: what is reviewed, and what is missing for a training."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, update

from app.core.db.base import utc_now
from app.core.principal import DEFAULT_PROJECT_ID
from app.core.storage.keys import scores_key
from app.datasets.export import export_dataset
from app.datasets.files import ExportOptions
from app.datasets.parts import Holdout
from app.health.tables import WorkerHeartbeat
from app.timelines.service import Findings, save_analysis
from app.trainings import worker_state
from app.trainings.options import TrainingOptions
from app.trainings.service import add_training, finish
from app.videos.tables import Video
from model.spotting.spots import Spot
from tests.api_server import RunningApi
from tests.integration.reviewed_matches import (
    add_events,
    add_match,
    analyse,
    decide,
    events_of,
    problem_of,
    review,
)

Json = dict[str, Any]


def readiness(api: RunningApi, **wanted: Any) -> Json:
    answer = api.client.get("/trainings/readiness", params=wanted)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def codes(found: Json, *, blocking: bool | None = None) -> set[str]:
    return {
        one["code"]
        for one in found["problems"]
        if blocking is None or one["is_blocking"] is blocking
    }


def test_where_nothing_is_reviewed_it_says_what_to_do(api: RunningApi) -> None:
    add_match(api, spans=())

    found = readiness(api)

    assert (found["minutes"], found["matches"], found["counts"]) == (0, [], {})
    assert found["split"] is None
    assert "nothing-reviewed" in codes(found, blocking=True)
    told = {one["code"]: one["detail"] for one in found["problems"]}
    assert "mark the stretch as reviewed" in told["nothing-reviewed"]


def test_only_what_lies_in_reviewed_stretches_is_counted(api: RunningApi) -> None:
    video = add_match(api, spans=((0, 3), (4, 5)))
    first = events_of(api, video)[0]
    decide(api, video, first, "Ada", state="rejected")

    found = readiness(api)

    (match,) = found["matches"]
    assert match["video_id"] == str(video)
    assert match["minutes"] == pytest.approx(4 / 60, abs=1e-3)
    counts = {
        label: (one["events"], one["rejected"])
        for label, one in found["counts"].items()
    }
    assert counts == {"PASS": (2, 1), "DRIVE": (1, 0)}
    assert match["counts"] == found["counts"]


def test_it_says_what_an_export_would_write(api: RunningApi, tmp_path: Path) -> None:
    one = add_match(api, "final half 1.mp4", spans=((0, 6),))
    two = add_match(api, "final half 2.mp4", spans=((2, 10),))
    for video in (one, two):
        add_events(api, video, {"TACKLE": 12})
    event = events_of(api, one)[0]
    decide(api, one, event, "Ada", state="rejected")
    decide(api, one, event, "Bo", state="accepted")

    found = readiness(api)
    card = export_dataset(
        tmp_path / "set",
        ExportOptions(DEFAULT_PROJECT_ID, mode="reference"),
        api.service,
        now=datetime(2026, 1, 2, tzinfo=UTC),
        touchline="0",
        report=print,
    )

    assert found["minutes"] == card["minutes_reviewed"]
    assert {t: n["events"] for t, n in found["counts"].items()} == card["counts"]
    assert (found["split"]["by"], found["split"]["note"]) == (
        *(card["split"]["by"], card["split"]["note"]),
    )
    assert found["split"]["matches"] == 1
    assert found["agreement"] == card["agreement"]
    assert found["agreement"]["decided_twice"] == 1


def test_a_suggestion_that_a_reviewer_left_is_true_and_a_later_ones_is_not(
    api: RunningApi, tmp_path: Path
) -> None:
    video = add_match(api, spans=((0, 5),))
    first, *rest = events_of(api, video)
    decide(api, video, first, "Ada", state="rejected")
    left = [one for one in rest if one["time_s"] < 5]
    before = readiness(api)
    analyse(api, video, [(300, "SHOT", 0.9), (1300, "SHOT", 0.9), (7000, "SHOT", 0.9)])

    again = readiness(api)
    review(api, video, 5, 10)
    more = readiness(api)
    card = export_dataset(
        tmp_path / "set",
        ExportOptions(DEFAULT_PROJECT_ID, mode="reference"),
        api.service,
        now=utc_now(),
        touchline="0",
        report=print,
    )

    assert sum(one["events"] for one in before["counts"].values()) == len(left)
    assert again["counts"] == before["counts"]
    assert more["counts"] == {
        **before["counts"],
        "SHOT": {"events": 1, "rejected": 0},
    }
    assert card["counts"] == {t: n["events"] for t, n in more["counts"].items()}


def test_a_mark_that_is_sent_late_is_of_the_suggestions_that_were_looked_at(
    api: RunningApi,
) -> None:
    """As of a page that was without a connection while an analysis ended."""
    video = add_match(api, spans=((0, 1),))
    seen = api.client.get(f"/videos/{video}").json()["current_analysis_id"]
    analyse(api, video, [(300, "SHOT", 0.9), (7000, "SHOT", 0.9)])
    address = f"/videos/{video}/reviewed"

    marked = {"from_s": 0, "to_s": 10, "analysis_id": seen}
    answer = api.client.post(address, json=marked)
    unknown = api.client.post(address, json={**marked, "analysis_id": str(uuid4())})

    assert answer.status_code == 200
    assert readiness(api)["counts"].keys() == {"PASS", "DRIVE"}
    assert unknown.status_code == 422
    assert "analysis_id" in unknown.json()["detail"]


def reviewed_video(api: RunningApi) -> tuple[UUID, UUID]:
    """Upload a video that nobody has analysed, add two GOALs and review all of it.

    Returns:
        The video, and the job that waits to analyse it.
    """
    body = api.client.post("/videos", files={"file": ("a.mp4", uuid4().bytes)}).json()
    video = UUID(body["id"])
    with api.service.sessions.begin() as session:
        known = update(Video).where(Video.id == video)
        session.execute(known.values(duration_s=10.0, fps=30.0))
    add_events(api, video, {"GOAL": 2})
    review(api, video, 0, 10)
    return video, UUID(body["job"]["id"])


def test_where_nothing_was_suggested_yet_only_what_people_added_is_true(
    api: RunningApi,
) -> None:
    video, _ = reviewed_video(api)

    analyse(api, video, [(3000, "SHOT", 0.9)])

    assert readiness(api)["counts"] == {"GOAL": {"events": 2, "rejected": 0}}


def test_what_was_seen_is_told_by_the_databases_clock(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two machines one says that it is half a minute earlier."""
    video, job = reviewed_video(api)

    early = utc_now() - timedelta(seconds=30)
    for place in ("app.timelines.service", "app.annotations.reviewed_routes"):
        monkeypatch.setattr(f"{place}.utc_now", lambda: early, raising=False)
    found = Findings(
        {"name": "drawn"},
        api.service.storage.put(scores_key(video, video, video), b"none"),
        [Spot("SHOT", 3.0, 0.9, 90, 90)],
        {},
    )
    with api.service.sessions.begin() as session:
        save_analysis(session, found, video_id=video, job_id=job)
    unseen = readiness(api)["counts"]
    api.client.put(f"/videos/{video}/reviewed", json={"intervals": []})
    review(api, video, 0, 10)

    assert unseen == {"GOAL": {"events": 2, "rejected": 0}}
    assert readiness(api)["counts"]["SHOT"] == {"events": 1, "rejected": 0}


def test_three_matches_are_split_whole(api: RunningApi) -> None:
    for number in range(3):
        add_match(api, f"match {number}.mp4")

    found = readiness(api)

    assert found["split"] == {"by": "matches", "note": None, "matches": 3}
    assert "few-matches" not in codes(found)


def test_videos_and_types_can_be_chosen(api: RunningApi) -> None:
    video, other = add_match(api), add_match(api)

    found = readiness(api, videos=str(other), types=["PASS", "CORNER"])

    assert [one["video_id"] for one in found["matches"]] == [str(other)]
    assert list(found["counts"]) == ["PASS"]
    assert "type-not-reviewed" in codes(found, blocking=False)
    both = readiness(api, videos=[str(video), str(other)])
    assert len(both["matches"]) == 2


def test_an_unknown_video_is_said_to_be_none(api: RunningApi) -> None:
    answer = api.client.get("/trainings/readiness", params={"videos": str(uuid4())})

    problem_of(answer, 404, "video-not-found")


def test_little_of_a_type_is_told_and_blocks_nothing(api: RunningApi) -> None:
    video = add_match(api, spots=())
    add_events(api, video, {"GOAL": 3})

    found = readiness(api)

    assert codes(found, blocking=True) == set()
    assert {"few-events", "one-type", "few-matches", "little-reviewed"} <= codes(found)
    told = {one["code"]: one["detail"] for one in found["problems"]}
    assert "GOAL: 3 events" in told["few-events"]


def test_reviewed_stretches_without_events_block(api: RunningApi) -> None:
    add_match(api, spots=())

    assert "no-events" in codes(readiness(api), blocking=True)


def test_videos_without_their_file_are_left_out(api: RunningApi) -> None:
    kept, dropped = add_match(api), add_match(api, "gone.mp4")
    with api.service.sessions.begin() as session:
        gone = update(Video).where(Video.id == dropped).values(dropped_at=utc_now())
        session.execute(gone)

    found = readiness(api)

    assert [one["video_id"] for one in found["matches"]] == [str(kept)]
    told = {one["code"]: one["detail"] for one in found["problems"]}
    assert "gone.mp4" in told["video-left-out"]


def test_people_who_contradict_each_other_are_told_of(api: RunningApi) -> None:
    video = add_match(api)
    for event in events_of(api, video):
        decide(api, video, event, "Ada", state="rejected")
        decide(api, video, event, "Bo", state="accepted")

    found = readiness(api)

    assert found["agreement"] == {
        "decided_twice": 5,
        "kept_verdict": 0,
        "kept_type": 0,
        "within_s": 0,
    }
    assert "reviewers-disagree" in codes(found, blocking=False)


def test_what_would_help_most_comes_from_the_newest_training(api: RunningApi) -> None:
    add_match(api)
    need = {"type": "SHOT", "more": 12, "gain": 0.04, "text": "12 more SHOTs"}
    told = [readiness(api)]
    flat = {"type": "PASS", "more": 90, "gain": 0.0, "low": 0.0, "text": "hardly"}
    for needs in ([], [flat], [need, flat]):
        with api.service.sessions.begin() as session:
            training, _ = add_training(
                session, name="hall", base=None, options=TrainingOptions()
            )
            finish(session, training.id, model="hall@1", figures={"needs": needs})
        told.append(readiness(api))

    assert [one["needs"] for one in told] == [
        *([], [], []),
        [{**need, "outlook": "helps"}],
    ]
    assert [one["outlook"] for one in told[-1]["no_gain_seen"]] == ["hardly"]
    before, without_curve, gainless, after = (one["needs_note"] for one in told)
    assert "No training has ended yet" in before
    assert "too little time or too few stretches" in without_curve
    assert gainless.endswith("no type of which more events would help for sure.")
    assert after is None


@pytest.mark.costly
def test_it_says_what_would_be_held_out_as_the_export_holds_it_out(
    api: RunningApi, tmp_path: Path
) -> None:
    videos = [add_match(api, f"match {number}.mp4") for number in range(4)]
    for count, video in enumerate(videos, 1):
        add_events(api, video, {"TACKLE": 3 * count})
    named, half = (str(videos[1]),), Holdout(share=0.5)

    asked = {
        "usual": (None, readiness(api)),
        "named": (Holdout(named), readiness(api, holdout_videos=named)),
        "half": (half, readiness(api, holdout_share=0.5, seed=0)),
    }

    for name, (holdout, found) in asked.items():
        card = export_dataset(
            tmp_path / name,
            ExportOptions(DEFAULT_PROJECT_ID, mode="reference", holdout=holdout),
            api.service,
            now=utc_now(),
            touchline="0",
            report=print,
        )
        parts = card["split"]["parts"]
        counts = Counter(parts["val"]["counts"]) + Counter(parts["test"]["counts"])
        assert found["holdout"]["counts"] == counts
        assert found["holdout"]["train"] == parts["train"]["counts"]
    shown = {name: found["holdout"] for name, (_, found) in asked.items()}
    assert [one["video_id"] for one in shown["named"]["videos"]] == list(named)
    assert shown["named"]["videos"][0]["spans"] == [[0.0, 10.0]]
    assert len(shown["half"]["videos"]) == 2


def test_stretches_that_would_be_held_out_of_one_match_are_told(
    api: RunningApi,
) -> None:
    add_match(api)

    found = readiness(api, holdout_share=0.3)

    (video,) = found["holdout"]["videos"]
    ((start, end),) = video["spans"]
    assert 2 < end - start < 3.1
    assert found["holdout"]["minutes"] == pytest.approx((end - start) / 60, abs=1e-3)


def test_a_hold_out_that_cannot_be_is_a_problem_that_blocks(api: RunningApi) -> None:
    video = str(add_match(api))

    every = readiness(api, holdout_videos=[video])
    both: Json = {"holdout_videos": video, "holdout_share": 0.2}
    refused = api.client.get("/trainings/readiness", params=both)
    unknown = api.client.get("/trainings/readiness", params={"base": "gone"})

    assert "no-holdout" in codes(every, blocking=True)
    assert every["holdout"] is None
    assert "name either" in problem_of(refused, 422, "invalid-request")
    problem_of(unknown, 422, "unknown-model")


def test_types_that_would_be_held_out_whole_are_told(api: RunningApi) -> None:
    add_match(api, spots=[(1000, "PASS", 0.9), (4000, "PASS", 0.9)])
    shots = str(add_match(api, spots=[(2000, "SHOT", 0.9)]))

    every = readiness(api, holdout_videos=shots)
    alone = readiness(api, holdout_videos=shots, types="SHOT")
    unjudged = readiness(api, holdout_videos=shots, types="PASS")

    told = {one["code"]: one["detail"] for one in every["problems"]}
    assert "its only one is held out" in told["type-not-reviewed"]
    assert codes(every, blocking=True) == set()
    for found in (alone, unjudged):
        assert codes(found, blocking=True) == {"no-holdout"}


def test_it_tells_whether_a_worker_can_train(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_state, "NEEDED", ("no_such_package",))
    missing = readiness(api)
    monkeypatch.setattr(worker_state, "NEEDED", ("json",))
    idle = readiness(api)
    beat(api)
    running = readiness(api)
    beat(api, name="second", problem="the disk is full")
    still = readiness(api)

    assert missing["worker"]["installed"] is False
    assert "make serve EXTRAS=train" in missing["worker"]["detail"]
    assert "training-not-installed" in codes(missing, blocking=True)
    assert (idle["worker"]["installed"], idle["worker"]["running"]) == (True, False)
    assert "train-worker-not-running" in codes(idle, blocking=False)
    assert (running["worker"]["installed"], running["worker"]["running"]) == (True,) * 2
    assert codes(running).isdisjoint({"train-worker-not-running"})
    assert still["worker"]["running"] is True


def beat(api: RunningApi, name: str = "train@here", **info: str) -> None:
    with api.service.sessions.begin() as session:
        session.add(
            WorkerHeartbeat(name=name, kind="train", seen_at=func.now(), info=info)
        )


def test_a_project_with_too_many_waiting_is_told(api: RunningApi) -> None:
    add_waiting(api, 20)

    assert "too-many-trainings" in codes(readiness(api), blocking=True)


def add_waiting(api: RunningApi, count: int) -> list[UUID]:
    """Queue trainings without looking at anything."""
    with api.service.sessions.begin() as session:
        return [
            add_training(session, name="hall", base=None, options=TrainingOptions())[
                0
            ].id
            for _ in range(count)
        ]

"""Rules of retention: what is due goes, what people decided stays."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from app.comparisons.service import ask_for_comparison
from app.core.db.project_sessions import sessions_of
from app.core.principal import DEFAULT_PROJECT_ID, Principal
from app.core.storage.keys import (
    live_segment_key,
    proxy_key,
    report_key,
    thumbnail_key,
)
from app.jobs.tables import Job
from app.live.tables import LiveSegment, LiveStream
from app.retention.service import apply_rules
from app.trainings.options import Holdout, TrainingOptions
from app.trainings.service import add_training
from app.videos.cleanup import clean_up
from app.videos.tables import Video
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from tests.api_server import RunningApi
from tests.integration.analyses import analyse
from tests.integration.uploaded import Uploaded
from tests.unit.model.spotting.test_spot_stream import draw_timeline

OPTIONS = SpottingOptions(dict.fromkeys(("PASS", "DRIVE"), LabelOptions(0.3, 0.25)))
FILE = b"the bytes of a video"


def test_at_first_all_is_kept_for_ever(api: RunningApi) -> None:
    video_id = _video(api, days_ago=36500)

    assert api.client.get("/retention").json() == {
        **{"file_days": None, "video_days": None, "stored_bytes": None}
    }
    assert apply_rules(api.service.sessions) == 0
    assert _status(api, video_id) == 200


def test_the_footage_goes_and_the_events_stay(api: RunningApi) -> None:
    old, new = _video(api, days_ago=91), _video(api, days_ago=89)
    storage = api.service.storage
    for key in (
        proxy_key(old, UUID(int=1)),
        thumbnail_key(old, UUID(int=2), "poster.jpg"),
        report_key(old, UUID(int=3), UUID(int=4)),
    ):
        storage.put(key, b"a picture")
    before = _events(api, old)
    scores = api.client.get(f"/videos/{old}/scores").json()
    _set(api, file_days=90)

    assert apply_rules(api.service.sessions) == 1
    assert apply_rules(api.service.sessions) == 0  # the next round finds no more
    clean_up(sessions=api.service.sessions, storage=storage)

    assert list((api.data_dir / "incoming").iterdir()) == []
    folders = {key.split("/")[2] for key in _keys(api, old)}
    assert folders == {"scores"}
    assert _events(api, old) == before != []
    assert api.client.get(f"/videos/{old}/scores").json() == scores
    gone = api.client.get(f"/videos/{old}/file")
    assert gone.status_code == 409
    assert gone.json()["type"].endswith("file-dropped")
    shown = api.client.get(f"/videos/{old}").json()
    assert shown["dropped_at"] is not None
    assert shown["playable"] == "none"
    for path in ("jobs", "proxy"):
        refused = api.client.post(f"/videos/{old}/{path}", json={})
        assert refused.status_code == 409, refused.text
    assert api.client.get(f"/videos/{new}/file").content == FILE


def test_a_file_that_is_gone_is_no_earlier_copy_of_one_that_comes(
    api: RunningApi,
) -> None:
    old = _video(api, days_ago=2)
    _set(api, file_days=1)
    apply_rules(api.service.sessions)

    again = api.client.post("/videos", files={"file": FILE}).json()

    assert again["duplicate_of"] is None
    assert api.client.get(f"/videos/{old}").json()["dropped_at"] is not None


def test_a_file_that_is_gone_is_not_fetched_again(api: RunningApi) -> None:
    video_id = _video(api, days_ago=2)
    with api.service.sessions.begin() as session:
        session.execute(update(Job).values(kind="download"))
    _set(api, file_days=1)
    apply_rules(api.service.sessions)

    answer = api.client.post(f"/videos/{video_id}/jobs", json={"kind": "download"})

    assert answer.status_code == 409
    assert answer.json()["type"].endswith("file-dropped")


def test_a_correction_can_be_made_without_the_footage(api: RunningApi) -> None:
    video_id = _video(api, days_ago=2)
    _set(api, file_days=1)
    apply_rules(api.service.sessions)
    event = _events(api, video_id)[0]

    path = f"/videos/{video_id}/events/{event['id']}"
    assert api.client.patch(path, json={"state": "accepted"}).status_code == 200


def test_all_of_a_video_goes(api: RunningApi) -> None:
    old, new = _video(api, days_ago=366), _video(api, days_ago=364)
    _set(api, video_days=365)

    assert apply_rules(api.service.sessions) == 1
    clean_up(sessions=api.service.sessions, storage=api.service.storage)

    assert (_status(api, old), _status(api, new)) == (404, 200)
    assert _keys(api, old) == []


def test_the_oldest_files_make_room(api: RunningApi) -> None:
    videos = [_video(api, days_ago=days) for days in (4, 3, 2, 1)]
    _set(api, stored_bytes=2 * len(FILE))

    assert apply_rules(api.service.sessions) == 2

    there = [api.client.get(f"/videos/{one}/file").status_code for one in videos]
    assert there == [409, 409, 200, 200]


def test_a_video_with_a_job_under_way_waits_for_its_end(api: RunningApi) -> None:
    video_id = _video(api, days_ago=10)
    assert api.client.post(f"/videos/{video_id}/jobs", json={}).status_code == 202
    _set(api, file_days=1, video_days=5)

    assert apply_rules(api.service.sessions) == 0

    with api.service.sessions.begin() as session:
        session.execute(update(Job).values(status="canceled"))
    assert apply_rules(api.service.sessions) == 1
    assert _status(api, video_id) == 404


def test_files_that_were_never_joined_go_as_footage_does(api: RunningApi) -> None:
    video_id = _parts(api, days_ago=91)
    assert len(_keys(api, video_id)) == 2
    _set(api, file_days=90)
    assert apply_rules(api.service.sessions) == 0  # the job may still join them
    _cancel_jobs(api)

    assert apply_rules(api.service.sessions) == 1
    assert apply_rules(api.service.sessions) == 0
    clean_up(sessions=api.service.sessions, storage=api.service.storage)

    assert _keys(api, video_id) == []
    shown = api.client.get(f"/videos/{video_id}").json()
    assert shown["dropped_at"] is not None
    assert [one["filename"] for one in shown["parts"]["files"]] == ["1.mp4", "2.mp4"]
    again = api.client.post(f"/videos/{video_id}/jobs", json={"kind": "join"})
    assert again.status_code == 409
    assert again.json()["type"].endswith("file-dropped")
    assert api.client.get("/project").json()["stored"]["used_bytes"] == 0


def test_what_was_recorded_of_a_stream_goes_as_footage_does(api: RunningApi) -> None:
    """A canceled stream keeps its recording, of which no file is made."""
    video_id = _video(api, days_ago=91)
    key = live_segment_key(video_id, UUID(int=1), 0)
    api.service.storage.put(key, FILE)
    piece = {"start_s": 0.0, "duration_s": 2.0, "size_bytes": len(FILE)}
    head = {"head_bytes": 4, "head_sha256": "0" * 64}
    with api.service.sessions.begin() as session:
        video = session.get_one(Video, video_id)
        video.storage_key, video.parts_bytes = None, len(FILE)
        job = session.query(Job).filter_by(video_id=video_id).first()
        assert job is not None
        said = {"source": "push", "kind": "push", "record": True}
        stream = LiveStream(
            video_id=video_id, job_id=job.id, analyse_after=False, **said
        )
        stream.created_at = stream.ended_at = video.created_at
        session.add(stream)
        session.flush()
        session.add(LiveSegment(video_id=video_id, number=0, key=key, **piece, **head))
    _set(api, file_days=90)
    assert api.client.get(f"/live/{video_id}/hls/seg0.mp4").content == FILE

    assert apply_rules(api.service.sessions) == 1
    clean_up(sessions=api.service.sessions, storage=api.service.storage)

    assert {one.split("/")[2] for one in _keys(api, video_id)} == {"scores"}
    for name in ("index.m3u8", "seg0.mp4"):
        gone = api.client.get(f"/live/{video_id}/hls/{name}")
        assert gone.status_code == 409
        assert gone.json()["type"].endswith("file-dropped")


def test_files_that_were_never_joined_take_room(api: RunningApi) -> None:
    parts = _parts(api, days_ago=3)
    _cancel_jobs(api)
    video = _video(api, days_ago=1)
    _set(api, stored_bytes=len(FILE))

    assert apply_rules(api.service.sessions) == 1

    clean_up(sessions=api.service.sessions, storage=api.service.storage)
    assert _keys(api, parts) == []
    assert api.client.get(f"/videos/{video}/file").status_code == 200


def test_a_video_that_is_being_joined_with_others_waits_for_that(
    api: RunningApi,
) -> None:
    videos = [str(_video(api, days_ago=10)), str(_video(api, days_ago=10))]
    body = {"videos": videos, "model": "none"}
    assert api.client.post("/videos", json=body).status_code == 202
    _set(api, file_days=5)

    assert apply_rules(api.service.sessions) == 0

    _cancel_jobs(api)
    assert apply_rules(api.service.sessions) == 2


def test_a_video_that_models_are_compared_on_waits_for_that(api: RunningApi) -> None:
    compared, other = _video(api, days_ago=10), _video(api, days_ago=10)
    with api.service.sessions.begin() as session:
        ask_for_comparison(
            session,
            project_id=DEFAULT_PROJECT_ID,
            models=["eager@1", "eager@2"],
            holdout={compared: [(0.0, 5.0)]},
        )
    _set(api, file_days=5, video_days=5)

    assert apply_rules(api.service.sessions) == 1
    assert (_status(api, compared), _status(api, other)) == (200, 404)

    _cancel_jobs(api)
    assert apply_rules(api.service.sessions) == 1


@pytest.mark.parametrize("named", ["all", "videos", "holdout"])
def test_a_video_that_a_training_needs_waits_for_its_end(
    api: RunningApi, named: str
) -> None:
    needed, other = _video(api, days_ago=10), _video(api, days_ago=10)
    asked = {
        "all": TrainingOptions(),
        "videos": TrainingOptions(videos=(str(needed),)),
        "holdout": TrainingOptions(videos=(), holdout=Holdout((str(needed),))),
    }
    if named == "all":
        stretch = {"from_s": 0.5, "to_s": 1.5}
        marked = api.client.post(f"/videos/{needed}/reviewed", json=stretch)
        assert marked.status_code == 200, marked.text
    sessions = sessions_of(api.service.sessions, Principal("local"))
    with sessions.begin() as session:
        add_training(session, name="hall", base=None, options=asked[named])
    _set(api, file_days=5, video_days=5)

    assert apply_rules(api.service.sessions) == 1
    assert (_status(api, needed), _status(api, other)) == (200, 404)

    _cancel_jobs(api)
    assert apply_rules(api.service.sessions) == 1


@pytest.mark.parametrize(
    "rules",
    [{"file_days": 0}, {"video_days": -1}, {"stored_bytes": "much"}, {"years": 1}],
)
def test_rules_that_are_none_are_refused(
    api: RunningApi, rules: dict[str, object]
) -> None:
    answer = api.client.put("/retention", json=rules)

    assert answer.status_code == 422
    assert set(api.client.get("/retention").json().values()) == {None}


def _video(api: RunningApi, *, days_ago: int) -> UUID:
    """Upload and analyse a match, and say that it was done that long ago."""
    body = api.client.post("/videos", files={"file": FILE}).json()
    video_id = UUID(body["id"])
    its = Uploaded(video_id, UUID(body["job"]["id"]), api.service.sessions)
    analyse(its, draw_timeline(1), OPTIONS, storage=api.service.storage)
    with api.service.sessions.begin() as session:
        at = Video.created_at - timedelta(days=days_ago)
        session.execute(update(Video).where(Video.id == video_id).values(created_at=at))
    _cancel_jobs(api)
    return video_id


def _parts(api: RunningApi, *, days_ago: int) -> UUID:
    """Upload a match in two files, and say that it was done that long ago."""
    files = [("file", ("1.mp4", b"one half")), ("file", ("2.mp4", b"the other"))]
    answer = api.client.post("/videos", files=files, data={"model": "none"})
    video_id = UUID(answer.json()["id"])
    with api.service.sessions.begin() as session:
        at = Video.created_at - timedelta(days=days_ago)
        session.execute(update(Video).where(Video.id == video_id).values(created_at=at))
    return video_id


def _cancel_jobs(api: RunningApi) -> None:
    with api.service.sessions.begin() as session:
        session.execute(
            update(Job).where(Job.status == "queued").values(status="canceled")
        )


def _set(api: RunningApi, **rules: int) -> None:
    answer = api.client.put("/retention", json=rules)
    assert answer.status_code == 200, answer.text
    assert api.client.get("/retention").json() == answer.json()


def _events(api: RunningApi, video_id: UUID) -> list[Any]:
    items: list[Any] = api.client.get(f"/videos/{video_id}/events").json()["items"]
    return items


def _status(api: RunningApi, video_id: UUID) -> int:
    return api.client.get(f"/videos/{video_id}").status_code


def _keys(api: RunningApi, video_id: UUID) -> list[str]:
    found = api.service.storage.list(f"videos/{video_id}")
    return sorted(Path(one.key).as_posix() for one in found)

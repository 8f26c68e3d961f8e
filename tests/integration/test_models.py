"""Models over HTTP: the default and the way back, files in and out, many analyses."""

import json
import shutil
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import numpy as np
import pytest
from sqlalchemy import select, text, update

import touchline
from app.checkpoints.queries import lock_choices
from app.core.db.base import utc_now
from app.core.principal import DEFAULT_PROJECT_ID
from app.jobs.tables import Job
from app.keys.service import create_key
from app.timelines.tables import Analysis
from app.videos.tables import Video
from model.checkpoint.archive import Checkpoint, write_checkpoint
from model.checkpoint.library import set_default
from model.checkpoint.publish import publish_checkpoint
from tests.api_server import RunningApi, make_settings, running_api
from tests.databases import PostgresOfTests
from tests.integration.test_api import SPOTS, _finish, _upload
from tests.unit.model.checkpoint.checkpoints import tiny_checkpoint, tiny_manifest

BUNDLED = "arena-rny002"


@pytest.fixture
def hall(api: RunningApi, tmp_path: Path) -> Iterator[Path]:
    """The service's folder, with the versions hall@1 to hall@3 of tiny checkpoints."""
    folder = api.data_dir / "models"
    shutil.rmtree(folder, ignore_errors=True)
    trained = tiny_checkpoint(tmp_path, "last").path
    for _ in range(3):
        publish_checkpoint(trained, "hall", folder)
    yield folder
    shutil.rmtree(folder)


def choose(api: RunningApi, name: str, **headers: str) -> httpx.Response:
    return api.client.put("/models/default", json={"name": name}, headers=headers)


def roll_back(api: RunningApi) -> httpx.Response:
    return api.client.post("/models/default/rollback")


def kind_of(answer: httpx.Response) -> str:
    problem: str = answer.json()["type"]
    return problem.rpartition("/")[2]


@pytest.mark.usefixtures("hall")
def test_a_person_chooses_the_default_and_goes_back_step_by_step(
    api: RunningApi,
) -> None:
    assert api.client.get("/models/default").json() == {
        "name": BUNDLED,
        "is_fixed": False,
        "rollback_to": None,
        "history": [],
    }
    assert kind_of(roll_back(api)) == "cannot-roll-back"

    chosen = [choose(api, name).json() for name in ("hall@1", "hall", "hall")]
    steps = [roll_back(api).json() for _ in range(2)]

    assert [one["name"] for one in chosen] == ["hall@1", "hall@3", "hall@3"]
    assert [one["rollback_to"] for one in chosen] == [BUNDLED, "hall@1", "hall@1"]
    assert [one["name"] for one in steps] == ["hall@1", BUNDLED]
    assert kind_of(roll_back(api)) == "cannot-roll-back"
    history = steps[-1]["history"]
    assert [(one["before"], one["name"]) for one in history] == [
        ("hall@1", BUNDLED),
        ("hall@3", "hall@1"),
        ("hall@1", "hall@3"),
        (BUNDLED, "hall@1"),
    ]
    assert {one["created_by"] for one in history} == {"local"}
    marked = [one["name"] for one in models_of(api) if one["is_default"]]
    assert marked == [BUNDLED]


def models_of(api: RunningApi) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.client.get("/models").json()["items"]
    return items


@pytest.mark.usefixtures("hall")
def test_who_has_not_seen_the_present_default_does_not_replace_it(
    api: RunningApi,
) -> None:
    seen = api.client.get("/models/default").headers["etag"]
    assert choose(api, "hall@1").status_code == 200

    late = choose(api, "hall@2", **{"if-match": seen})
    again = choose(api, "hall@2", **{"if-match": '"hall@1"'})

    assert (late.status_code, kind_of(late)) == (412, "default-changed")
    assert again.headers["etag"] == '"hall@2"'


def test_an_earlier_default_that_is_gone_is_not_gone_back_to(
    api: RunningApi, hall: Path
) -> None:
    choose(api, "hall@1")
    choose(api, "hall@2")
    (hall / "hall@1.touchline").unlink()

    answer = roll_back(api)

    assert (answer.status_code, kind_of(answer)) == (409, "cannot-roll-back")
    assert "hall@1" in answer.json()["detail"]
    assert api.client.get("/models/default").json()["name"] == "hall@2"


def test_the_default_is_not_archived_and_the_archived_not_the_default(
    api: RunningApi, hall: Path
) -> None:
    choose(api, "hall@2")

    in_use = api.client.post("/models/hall@2/archive")
    archived = api.client.post("/models/hall@3/archive").json()

    assert (in_use.status_code, kind_of(in_use)) == (409, "model-in-use")
    assert (archived["is_archived"], archived["version"]) == (True, 3)
    refused = choose(api, "hall@3")
    assert (refused.status_code, kind_of(refused)) == (409, "model-is-archived")
    assert (hall / "hall@3.touchline").is_file()
    assert choose(api, "hall").json()["name"] == "hall@2"
    assert not api.client.post("/models/hall@3/restore").json()["is_archived"]
    assert choose(api, "hall").json()["name"] == "hall@3"
    assert api.client.post("/models/hall/archive").status_code == 404


def test_a_model_that_is_just_being_made_the_default_is_not_archived(
    api: RunningApi, hall: Path
) -> None:
    waiting = text(
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock'"
    )

    def somebody_waits() -> bool:
        with api.service.sessions() as session:
            return bool(session.scalar(waiting))

    with ThreadPoolExecutor() as pool:
        with api.service.sessions.begin() as choosing:
            choosing.execute(lock_choices())
            archiving = pool.submit(api.client.post, "/models/hall@3/archive")
            while not (somebody_waits() or archiving.done()):
                time.sleep(0.02)
            assert not archiving.done()
            set_default("hall@3", user_dir=hall)
        answer = archiving.result()

    assert (answer.status_code, kind_of(answer)) == (409, "model-in-use")
    assert not api.client.get("/models/hall@3").json()["is_archived"]


def test_what_the_operator_chose_comes_first(
    postgres: PostgresOfTests, tmp_path: Path
) -> None:
    with postgres.fresh_database() as url:
        settings = make_settings(data_dir=tmp_path, database_url=url, model=BUNDLED)
        with running_api(settings) as api:
            told = api.client.get("/models/default").json()
            refused = choose(api, BUNDLED)

    assert told["is_fixed"]
    assert (refused.status_code, kind_of(refused)) == (409, "default-is-fixed")
    assert f"TOUCHLINE_MODEL={BUNDLED}" in refused.json()["detail"]


def test_only_an_administrator_chooses_imports_and_archives(
    api: RunningApi, hall: Path
) -> None:
    headers = {}
    with api.service.sessions.begin() as session:
        for scope in ("write", "admin"):
            made = create_key(
                session,
                name=scope,
                scopes=[scope],
                project_id=DEFAULT_PROJECT_ID,
                now=utc_now(),
            )
            headers[scope] = {"authorization": f"Bearer {made.text}"}

    for method, path, body in (
        ("PUT", "/models/default", {"name": "hall@1"}),
        ("POST", "/models/default/rollback", None),
        ("POST", "/models/hall@1/archive", None),
        ("POST", "/models/hall@1/restore", None),
        ("POST", "/models?name=guest", None),
    ):
        answer = api.client.request(method, path, json=body, headers=headers["write"])
        assert (answer.status_code, kind_of(answer)) == (403, "scope-missing"), path
    body = {"name": "hall@1"}
    api.client.put("/models/default", json=body, headers=headers["admin"])
    (choice,) = api.client.get("/models/default").json()["history"]
    assert choice["created_by"].startswith("key:")
    assert api.client.get("/models/hall@1", headers=headers["write"]).json()["chosen"]


def bring(api: RunningApi, name: str, content: bytes) -> httpx.Response:
    return api.client.post("/models", params={"name": name}, content=content)


def test_a_model_goes_out_as_a_file_and_in_elsewhere(
    api: RunningApi, hall: Path
) -> None:
    with api.client.stream("GET", "/models/hall@2/file") as answer:
        content = answer.read()
        assert "hall%402.touchline" in answer.headers["content-disposition"]
    assert content == (hall / "hall@2.touchline").read_bytes()

    answer = bring(api, "guest", content)

    assert answer.status_code == 201
    assert answer.headers["location"] == "/models/guest"
    made = api.client.get("/models/guest").json()
    assert (made["name"], made["problem"]) == ("guest", None)
    assert made["sha256"] == api.client.get("/models/hall@2").json()["sha256"]
    assert Checkpoint.open(hall / "guest.touchline").manifest.name == "guest"


def test_a_base_is_known_by_its_weights_and_not_by_its_name_alone(
    api: RunningApi, hall: Path, tmp_path: Path
) -> None:
    """`guest` was made elsewhere from a hall@1 that is not the one here."""
    own = weights_of(hall / "hall@1.touchline")
    weights = {"_features.a": np.ones((2, 3))}
    made = tmp_path / "made.touchline"
    write_checkpoint(made, tiny_manifest("made"), weights=weights)
    lineages = {
        "same": {"base": "hall@1", "base_sha256": own},
        "guest": {"base": "hall@1", "base_sha256": "0" * 64},
        "renamed": {"base": "club@4", "base_sha256": own},
        "told": {"base": "hall@1"},
    }
    grand = {"base": BUNDLED}
    publish_checkpoint(hall / "hall@1.touchline", "old", hall, lineage=grand)
    (hall / "hall@1.touchline").unlink()
    (hall / "old@1.touchline").rename(hall / "hall@1.touchline")

    for name, lineage in lineages.items():
        publish_checkpoint(made, name, hall, lineage=lineage)

    found = {name: api.client.get(f"/models/{name}").json() for name in lineages}
    assert {name: one["ancestors"] for name, one in found.items()} == {
        "same": ["hall@1", BUNDLED],
        "guest": ["hall@1"],
        "renamed": ["hall@1", BUNDLED],
        "told": ["hall@1", BUNDLED],
    }


def weights_of(path: Path) -> str:
    """The checksum of a file's weights."""
    return Checkpoint.open(path).manifest.files["weights.safetensors"].sha256


def newer(whole: Path, path: Path) -> bytes:
    """The same file, of a version that is yet to come."""
    with zipfile.ZipFile(whole) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = {**json.loads(members["manifest.json"]), "version": 9}
    members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path.read_bytes()


def test_a_file_that_is_no_model_is_refused_and_nothing_of_it_is_kept(
    api: RunningApi, hall: Path, tmp_path: Path
) -> None:
    whole = (hall / "hall@1.touchline").read_bytes()
    before = sorted(hall.iterdir())
    first = hall / "hall@1.touchline"

    answers = {
        "text": bring(api, "guest", b"no archive at all"),
        "empty": bring(api, "guest", b""),
        "truncated": bring(api, "guest", whole[: len(whole) // 2]),
        "newer": bring(api, "guest", newer(first, tmp_path / "newer")),
        "reserved": bring(api, "none", whole),
        "a path": bring(api, "../guest", whole),
    }

    assert {name: (one.status_code, kind_of(one)) for name, one in answers.items()} == (
        dict.fromkeys(answers, (422, "invalid-model"))
    )
    assert "update Touchline" in answers["newer"].json()["detail"]
    assert ".import." not in answers["truncated"].json()["detail"]
    assert sorted(hall.iterdir()) == before


def test_a_name_that_exists_is_refused(api: RunningApi, hall: Path) -> None:
    whole = (hall / "hall@1.touchline").read_bytes()

    for name in (BUNDLED, "hall", "hall@1", f"{BUNDLED}@2"):
        answer = bring(api, name, whole)
        assert (answer.status_code, kind_of(answer)) == (409, "model-exists"), name
    assert bring(api, "hall@9", whole).json()["version"] == 9


def test_all_videos_are_analysed_again_behind_what_is_uploaded(
    api: RunningApi, hall: Path
) -> None:
    done, waiting = (UUID(_upload(api)["id"]) for _ in range(2))
    for video in (done, waiting):
        _finish(api, video, SPOTS)
    event = api.client.get(f"/videos/{done}/events").json()["items"][0]
    address = f"/videos/{done}/events/{event['id']}"
    assert api.client.patch(address, json={"state": "rejected"}).status_code == 200
    stranger = uuid4()
    model = {"model": "hall"}

    first = api.client.post("/analyses", json={**model, "videos": [str(waiting)]})
    every = api.client.post("/analyses", json={**model, "videos": "all"})
    named = {**model, "videos": [str(done), str(stranger)]}
    again = api.client.post("/analyses", json=named).json()

    assert first.status_code == every.status_code == 202
    assert first.json()["model"] == "hall@3"
    assert [one["video_id"] for one in every.json()["jobs"]] == [str(done)]
    skipped = {one["video_id"]: one["why"] for one in every.json()["skipped"]}
    assert skipped == {str(waiting): "waits"}
    assert {one["video_id"]: one["why"] for one in again["skipped"]} == {
        str(done): "waits",
        str(stranger): "not_found",
    }
    job = api.client.get(f"/jobs/{every.json()['jobs'][0]['job_id']}").json()
    assert (job["kind"], job["priority"], job["model"]) == ("spot", -5, "hall@3")
    _finish(api, done, SPOTS)
    assert api.client.get(address).json()["state"] == "rejected"


def test_what_a_model_has_analysed_is_not_analysed_by_it_again(
    api: RunningApi, hall: Path
) -> None:
    video = UUID(_upload(api)["id"])
    _finish(api, video, SPOTS)
    manifest = Checkpoint.open(hall / "hall@1.touchline").manifest
    ran = {
        "name": "hall@1",
        "sha256": manifest.files["weights.safetensors"].sha256,
        "spotting": manifest.spotting.to_dict(),
    }
    with api.service.sessions.begin() as session:
        session.execute(update(Analysis).values(checkpoint=ran))

    same = api.client.post("/analyses", json={"model": "hall@1", "videos": "all"})
    other = api.client.post("/analyses", json={"model": "hall@2", "videos": "all"})

    assert [one["why"] for one in same.json()["skipped"]] == ["analysed"]
    assert [one["video_id"] for one in other.json()["jobs"]] == [str(video)]


def test_a_video_without_its_file_is_skipped_and_an_unknown_model_refused(
    api: RunningApi, hall: Path
) -> None:
    video = UUID(_upload(api)["id"])
    with api.service.sessions.begin() as session:
        session.execute(update(Video).values(dropped_at=utc_now()))

    named = {"model": "hall", "videos": [str(video)]}
    answer = api.client.post("/analyses", json=named).json()
    unknown = api.client.post("/analyses", json={**named, "model": "gone"})

    assert [one["why"] for one in answer["skipped"]] == ["no_file"]
    assert (unknown.status_code, kind_of(unknown)) == (422, "unknown-model")
    with api.service.sessions() as session:
        models = session.scalars(select(Job.params["model"].astext)).all()
    assert "hall@3" not in models


def test_the_python_client_chooses_goes_back_compares_and_analyses(
    api: RunningApi, hall: Path, tmp_path: Path
) -> None:
    video = _upload(api)["id"]
    api.client.post(f"/videos/{video}/reviewed", json={"from_s": 0, "to_s": 9})
    with touchline.Client(api.url) as client:
        assert client.set_default_model("hall").name == "hall@3"
        assert client.roll_back_model().name == client.default_model().name == BUNDLED
        assert client.archive_model("hall@3").name == "hall@3"
        assert client.restore_model("hall@3").problem is None
        file = client.download_model("hall@2", tmp_path / "out.touchline")
        asked = client.compare_models(["hall@2", "hall@1"], videos=[video])
        queued = client.analyse_all("hall", [video])

        assert Checkpoint.open(file).manifest.name == "hall@2"
        assert client.comparison(asked).status == "queued"
        assert (asked.verdict, asked.is_final) == (None, False)
        assert [one.video_id for one in queued.jobs] == [video]
        client.cancel(asked.job_id)
        with pytest.raises(touchline.JobFailed, match="ended as canceled"):
            client.wait_comparison(asked, timeout_s=20)


def test_a_model_tells_what_it_learned_but_not_of_whose_videos(
    api: RunningApi, hall: Path
) -> None:
    lineage = {
        "base": BUNDLED,
        "minutes": 4.5,
        "events": {"PASS": 40},
        "stretches": {str(uuid4()): [[0.0, 120.0]], str(uuid4()): [[3.0, 153.0]]},
        "project": str(DEFAULT_PROJECT_ID),
    }
    made = publish_checkpoint(hall / "hall@1.touchline", "club", hall, lineage=lineage)

    (listed,) = (
        one for one in api.client.get("/models").json()["items"] if one["name"] == made
    )
    told = api.client.get(f"/models/{made}").json()

    wanted = {"base": BUNDLED, "minutes": 4.5, "events": {"PASS": 40}, "videos": 2}
    assert listed["provenance"]["lineage"] == wanted
    assert told["provenance"]["lineage"] == wanted
    assert Checkpoint.open(hall / f"{made}.touchline").manifest.provenance.lineage == (
        lineage
    )

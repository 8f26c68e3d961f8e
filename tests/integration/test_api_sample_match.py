"""The sample match: one request adds it, analysed and played like any upload."""

import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import av
import pytest
from sqlalchemy import func, select

from app.core.errors import StorageFull
from app.core.storage.interface import StoredFile
from app.core.storage.local import LocalStorage
from app.jobs.tables import Job
from app.videos.sample_match import FILE, add_sample
from app.videos.tables import Upload, Video
from model.video.probe import probe_in_child
from tests.api_server import RunningApi, make_settings, running_api
from tests.integration.test_api import NOW, _problem

ROOT = Path(__file__).resolve().parents[2]


def count(api: RunningApi, table: type) -> int:
    with api.service.sessions() as session:
        found = session.scalar(select(func.count()).select_from(table))
    return found or 0


def test_the_sample_is_added_with_its_facts_and_queued(api: RunningApi) -> None:
    added = api.client.post("/videos/sample")

    body = added.json()
    assert added.status_code == 202
    assert added.headers["location"] == body["links"]["self"]
    assert (body["title"], body["status"], body["job"]["kind"]) == (
        *("Sample match", "queued", "spot"),
    )
    assert [team["side"] for team in body["teams"]] == ["left", "right"]
    assert all(team["name"] and team["colour"] for team in body["teams"])
    assert body["halves"] == [{"start_s": 2.3, "end_s": 120.0, "clock_start_s": 0.0}]
    assert api.client.get(body["links"]["self"]).json() == body
    assert api.client.get("/videos", params={"q": "sample"}).json()["items"] == [body]
    assert api.service.notifier.waiting("gpu") == 1
    played = api.client.get(body["links"]["file"])
    assert played.content == FILE.read_bytes()
    assert played.headers["content-type"] == "video/mp4"
    assert count(api, Upload) == 0
    kinds = api.client.get(body["links"]["jobs"], params={"kind": "all"}).json()
    assert {job["kind"] for job in kinds["items"]} == {"spot", "thumbnails"}


def test_asked_for_again_it_is_the_same_until_it_is_deleted(api: RunningApi) -> None:
    first = api.client.post("/videos/sample").json()
    api.client.patch(first["links"]["self"], json={"title": "Mine now"})

    again = api.client.post("/videos/sample")
    jobs = count(api, Job)
    api.client.delete(first["links"]["self"])
    anew = api.client.post("/videos/sample")

    assert again.status_code == 200
    assert again.headers["location"] == first["links"]["self"]
    assert (again.json()["id"], again.json()["title"]) == (first["id"], "Mine now")
    assert jobs == 2
    assert anew.status_code == 202
    assert anew.json()["id"] != first["id"]
    assert anew.json()["title"] == "Sample match"


def test_asked_for_by_many_at_once_it_is_one_video(api: RunningApi) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: api.client.post("/videos/sample"), range(6)))

    assert sorted(one.status_code for one in answers) == [200] * 5 + [202]
    assert len({one.json()["id"] for one in answers}) == 1
    assert (count(api, Video), count(api, Job)) == (1, 2)


def test_without_room_nothing_of_it_is_kept(
    database_url: str, tmp_path: Path, api: RunningApi
) -> None:
    settings = make_settings(
        data_dir=tmp_path, database_url=database_url, min_free_space=2**60
    )
    with running_api(settings) as full:
        problem = _problem(full.client.post("/videos/sample"), 507, "storage-full")
        listed = full.client.get("/videos").json()["items"]
        files = full.kept_files()

    assert "no room" in problem["detail"]
    assert [path for path in files if path.is_file()] == listed == []

    class Full(LocalStorage):
        """A disk that fills up while the file is written."""

        def put(self, key: str, data: bytes) -> StoredFile:
            super().put(key, data[:1000])
            raise StorageFull("The disk is full.")

    resources = replace(api.service, storage=Full(api.data_dir))
    with pytest.raises(StorageFull):
        add_sample(resources=resources, now=NOW)
    assert (count(api, Video), count(api, Upload)) == (0, 0)
    assert [path for path in api.kept_files() if path.is_file()] == []


def test_its_file_is_small_and_what_its_facts_say() -> None:
    facts = probe_in_child(FILE)
    with av.open(FILE) as container:
        packets = [one for one in container.demux(video=0) if one.pts is not None]

    assert FILE.stat().st_size < 6 * 2**20
    assert (facts.codec, facts.pixel_format) == ("h264", "yuv420p")
    assert (facts.width, facts.height, facts.fps) == (640, 360, 30.0)
    assert (facts.duration_s, facts.start_time_s) == (120.0, 0.0)
    assert (packets[0].is_keyframe, packets[0].pts) == (True, 0)
    assert len(packets) == 3600


@pytest.mark.costly
@pytest.mark.slow
def test_the_wheel_brings_it(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("app", "model", "touchline", "worker", "migrations"):
        shutil.copytree(
            ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)

    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet"),
            *("--no-build-isolation", "--wheel-dir", str(tmp_path), str(source)),
        ],
        check=True,
        timeout=250,
    )

    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("app/videos/sample/match.mp4") == FILE.read_bytes()

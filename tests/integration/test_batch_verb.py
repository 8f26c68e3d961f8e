"""`touchline batch` and the client's batches, on a service that works."""

import csv
import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

import touchline
from app.cli.main import touchline as verbs
from tests.api_server import make_settings
from tests.databases import PostgresOfTests
from tests.videos import draw_video, match_picture
from tests.working_service import WorkingService, working_service
from touchline.batching.state import alone_with, load_state, state_path
from touchline.client.errors import Conflict
from worker.batch_loop import step_once

STEP_EVERY_S = 0.1
LONG_AGO_S = 1_600_000_000


@pytest.fixture(scope="module")
def imports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("imports")


@pytest.fixture(scope="module")
def service(
    postgres: PostgresOfTests,
    checkpoint: Path,
    imports: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[WorkingService]:
    """A service whose jobs are run and whose batches go on."""
    data_dir = tmp_path_factory.mktemp("data")
    (data_dir / "models").mkdir()
    (data_dir / "models" / checkpoint.name).symlink_to(checkpoint)
    stop = threading.Event()
    with postgres.fresh_database() as url:
        settings = make_settings(
            data_dir=data_dir,
            database_url=url,
            model="tiny",
            engine="openvino",
            import_dir=imports,
            max_attempts=1,
        )
        with working_service(settings) as service:
            resources = service.api.service

            def go_on() -> None:
                while not stop.wait(STEP_EVERY_S):
                    step_once(resources)

            thread = threading.Thread(target=go_on)
            thread.start()
            yield service
            stop.set()
            thread.join()


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("match") / "match.mp4"
    draw_video(path, frames=30, fps=30, paint=match_picture)
    return path


@pytest.fixture
def client(service: WorkingService) -> Iterator[touchline.Client]:
    with touchline.Client(service.api.url) as client:
        yield client
        service.pause.clear()


def put(match: Path, *paths: Path) -> None:
    """Lay copies of a match down, each with bytes of its own."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(match, path)
        with path.open("ab") as file:
            file.write(b"\0\0\0\x18free" + uuid4().bytes)
        os.utime(path, (LONG_AGO_S, LONG_AGO_S))


def run(service: WorkingService, source: object, out: Path, *words: str) -> Result:
    command = ["batch", str(source), "--out", str(out), "--url", service.api.url]
    return CliRunner().invoke(verbs, [*command, *words])


@pytest.mark.slow
def test_a_folder_comes_back_as_a_table_and_only_new_files_are_analysed_again(
    service: WorkingService, client: touchline.Client, match: Path, tmp_path: Path
) -> None:
    folder, out = tmp_path / "season", tmp_path / "events.parquet"
    put(match, folder / "a.mp4", folder / "cup" / "b.mp4")

    first = run(service, folder, out, "--name", "Season")
    refused = run(service, folder, out)
    put(match, folder / "c.mp4")
    second = run(service, folder, out, "--force")

    assert first.exit_code == 0, first.stderr
    assert "2 of 2 analysed (0 before)" in first.stderr
    assert refused.exit_code == 2
    assert second.exit_code == 0, second.stderr
    assert "3 of 3 analysed (2 before)" in second.stderr
    table = pq.read_table(out)
    names = set(table["video_filename"].to_pylist())
    assert names == {"a.mp4", "b.mp4", "c.mp4"}
    assert table.schema.metadata[b"touchline.schema_version"] == b"1"
    assert not state_path(out).exists()
    later, earlier = list(client.batches())[:2]
    assert (earlier.name, earlier.status) == ("Season", "completed")
    assert (later.counts.skipped, later.counts.succeeded) == (2, 1)


@pytest.mark.costly
@pytest.mark.slow
def test_what_fails_is_reported_and_tried_again_by_the_same_command(
    service: WorkingService, imports: Path, match: Path, tmp_path: Path
) -> None:
    manifest, out = tmp_path / "matches.csv", tmp_path / "events.csv"
    name = f"{uuid4()}.mp4"
    put(match, imports / "good.mp4")
    manifest.write_text(f"import,title\ngood.mp4,Cup final\n{name},Semi-final\n")

    first = run(service, manifest, out)
    report = read_csv(tmp_path / "events.csv.failures.csv")
    put(match, imports / name)
    second = run(service, manifest, out, "--retry-failed", "--force")

    assert first.exit_code == 1
    assert "1 failed with import_missing" in first.stderr
    (line,) = report
    assert (line["address"], line["title"]) == (name, "Semi-final")
    assert (line["code"], line["retryable"]) == ("import_missing", "False")
    assert second.exit_code == 0, second.stderr
    assert "going on with batch" in second.stderr
    titles = {row["video_title"] for row in read_csv(out)}
    assert titles == {"Cup final", "Semi-final"}
    assert not state_path(out).exists()
    assert read_csv(tmp_path / "events.csv.failures.csv") == []


def test_two_runs_do_not_write_to_one_output(
    service: WorkingService, client: touchline.Client, tmp_path: Path
) -> None:
    out, before = tmp_path / "events.csv", len(list(client.batches()))

    with alone_with(out):
        refused = run(service, "imports:", out)
    left = list(tmp_path.iterdir())

    assert refused.exit_code == 2
    assert "another touchline batch" in refused.stderr
    assert len(list(client.batches())) == before
    assert left == []


@pytest.mark.nightly
@pytest.mark.slow
def test_what_came_since_is_analysed_although_something_failed_before(
    service: WorkingService, imports: Path, match: Path, tmp_path: Path
) -> None:
    out = tmp_path / "events.csv"
    put(match, imports / "nightly" / "a.mp4")
    put(match, imports / "nightly" / "broken.mp4")
    (imports / "nightly" / "broken.mp4").write_bytes(b"no video")
    os.utime(imports / "nightly" / "broken.mp4", (LONG_AGO_S, LONG_AGO_S))

    first = run(service, "imports:nightly", out)
    put(match, imports / "nightly" / "b.mp4")
    second = run(service, "imports:nightly", out, "--force")
    third = run(service, "imports:nightly", out, "--force", "--retry-failed")

    assert "1 of 2 analysed" in first.stderr
    assert "2 of 3 analysed (1 before)" in second.stderr
    assert "going on with batch" in third.stderr
    assert {first.exit_code, second.exit_code, third.exit_code} == {1}
    names = {row["video_filename"] for row in read_csv(out)}
    assert names == {"a.mp4", "b.mp4"}


@pytest.mark.nightly
@pytest.mark.slow
def test_a_file_that_cannot_be_sent_keeps_no_other_out(
    service: WorkingService, match: Path, tmp_path: Path
) -> None:
    folder, out = tmp_path / "season", tmp_path / "events.csv"
    put(match, folder / "b.mp4")
    (folder / "a.mp4").write_bytes(b"")

    first = run(service, folder, out)
    report = read_csv(tmp_path / "events.csv.failures.csv")
    put(match, folder / "a.mp4")
    second = run(service, folder, out, "--force")

    assert first.exit_code == 1
    assert "a.mp4 is left out" in first.stderr
    assert "1 of 1 analysed" in first.stderr
    (line,) = report
    assert (line["kind"], line["code"]) == ("file", "not_sent")
    assert line["address"] == str(folder / "a.mp4")
    assert "empty" in line["detail"]
    assert second.exit_code == 0, second.stderr
    assert "2 of 2 analysed (1 before)" in second.stderr
    names = {row["video_filename"] for row in read_csv(out)}
    assert names == {"a.mp4", "b.mp4"}
    assert read_csv(tmp_path / "events.csv.failures.csv") == []  # of that run


@pytest.mark.costly
@pytest.mark.slow
def test_a_run_that_was_ended_is_gone_on_with(
    service: WorkingService,
    client: touchline.Client,
    imports: Path,
    match: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "events.jsonl"
    put(match, imports / "season" / "a.mp4", imports / "season" / "b.mp4")
    asked: dict[str, object] = {
        **{"source": "imports:season", "model": None, "priority": -5, "again": False}
    }
    before = load_state(out, client.url, asked)
    batch = client.create_batch(imports="season", request_key=before.request_key)
    before.save(state_path(out))  # the answer was lost

    other = run(service, "imports:other", out)
    done = run(service, "imports:season", out)

    assert other.exit_code == 2
    assert "another batch" in other.stderr
    assert done.exit_code == 0, done.stderr
    assert batch.id in done.stderr
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["batch_id"] for row in rows} == {batch.id}
    assert {row["source_url"] for row in rows} == {"season/a.mp4", "season/b.mp4"}


@pytest.mark.costly
@pytest.mark.slow
def test_the_client_starts_cancels_and_resumes(
    service: WorkingService, client: touchline.Client, match: Path
) -> None:
    service.pause.set()
    video = client.upload(match, model="none")
    batch = client.create_batch([{"video": video.id}], is_open=True, name="Mine")

    client.cancel_batch(batch)
    stopped = client.wait_batch(batch, timeout_s=30)
    with pytest.raises(Conflict):
        client.cancel_batch(batch)
    resumed = client.resume_batch(batch)
    client.add_to_batch(batch, [], is_last=True)
    service.pause.clear()
    done = client.wait_batch(batch, timeout_s=60)

    assert (stopped.status, stopped.counts.canceled) == ("canceled", 1)
    assert resumed.status == "open"
    assert (done.status, done.counts.succeeded) == ("completed", 1)
    (item,) = client.batch_items(batch, state=["succeeded", "skipped"])
    assert item.video_id == video.id
    assert list(client.batch_items(batch, state="failed")) == []


@pytest.mark.parametrize(
    ("source", "out", "told"),
    [
        ("nowhere", "events.parquet", "there is no file or folder"),
        ("imports:", "events.xlsx", "end it in .parquet, .csv, .jsonl"),
        ("bad.txt", "events.parquet", "bad.txt, line 2: 'match 7' is no URL"),
        ("matches.csv", "matches.csv", "same file as the input"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_written(
    service: WorkingService, tmp_path: Path, source: str, out: str, told: str
) -> None:
    (tmp_path / "bad.txt").write_text("# ours\nmatch 7\n")
    (tmp_path / "matches.csv").write_text("url\nhttps://example.org/a.mp4\n")
    path = source if source.startswith("imports:") else tmp_path / source

    done = run(service, path, tmp_path / out)

    assert done.exit_code == 2
    words = " ".join(done.stderr.replace("│", " ").split())
    assert told in words
    assert not (tmp_path / "events.parquet").exists()


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))

"""`touchline dataset export`: what people reviewed becomes a data set that trains."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.core.broker.notifier import MEDIA_QUEUE
from app.core.principal import DEFAULT_PROJECT_ID
from app.datasets.export import export_dataset
from app.datasets.files import ExportOptions
from app.datasets.problems import ExportFailed
from app.jobs.tables import JobStatus
from model.data.labels import Match
from model.data.matches import find_matches
from model.data.splits import PARTS, read_split
from model.training.config import with_data
from model.training.subsets import find_subsets
from model.training.train import train
from model.video.timing import time_frames_in_child
from tests.api_server import RunningApi
from tests.unit.model.training.toys import FPS, toy_config, toy_match
from worker.job_task import load_handlers
from worker.outcomes import WorkerContext
from worker.runner import run_job

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SPANS = ((0.0, 8.0), (2.05, 10.0), (0.0, 16.0))


@dataclass(frozen=True)
class Library:
    """A service with three matches, each reviewed in part.

    Attributes:
        events: type and frame of every event of a match, by its folder in a data set.
        ids: of the videos, by the same.
    """

    api: RunningApi
    events: dict[str, list[tuple[str, int]]]
    ids: dict[str, UUID]

    def export(
        self, out: Path, *, report: Callable[[str], None] = print, **options: Any
    ) -> dict[str, Any]:
        """Export to a folder; returns the card."""
        wanted = ExportOptions(DEFAULT_PROJECT_ID, **options)
        return export_dataset(
            out, wanted, self.api.service, now=NOW, touchline="0", report=report
        )


@pytest.fixture(scope="module")
def library(
    shared_api: RunningApi, tmp_path_factory: pytest.TempPathFactory
) -> Library:
    return Library(shared_api, *_fill(shared_api, tmp_path_factory.mktemp("toys")))


def _fill(
    api: RunningApi, folder: Path
) -> tuple[dict[str, list[tuple[str, int]]], dict[str, UUID]]:
    """Upload matches, label them and mark what is reviewed."""
    types = [{"name": "DRIBBLE"}, {"name": "BASKET"}]
    assert api.client.put("/types", json={"items": types}).status_code == 200
    events, ids = {}, {}
    for number, span in enumerate(SPANS, start=1):
        match = toy_match(folder / f"match {number}", seed=number)
        with (match / "video.mp4").open("rb") as file:
            body = api.client.post(
                "/videos",
                files={"file": (f"toy {number}.mp4", file)},
                data={"model": "none", "title": f"Toy match {number}"},
            ).json()
        _run(api, UUID(body["job"]["id"]))
        labels = (match / "Labels-ball.json").read_bytes()
        author = {"touchline-author": "Ada" if number < 3 else "Bo"}
        address = f"/videos/{body['id']}"
        done = api.client.post(
            f"{address}/events:import", content=labels, headers=author
        )
        assert done.status_code == 200, done.text
        reviewed = {"from_s": span[0], "to_s": span[1]}
        api.client.post(
            f"{address}/reviewed", json=reviewed, headers=author
        ).raise_for_status()
        found = api.client.get(f"{address}/events?limit=100").json()["items"]
        name = f"toy-match-{number}"
        events[name] = [(one["type"], one["frame"]) for one in found]
        ids[name] = UUID(body["id"])
    return events, ids


def _run(api: RunningApi, job_id: UUID) -> None:
    service = api.service
    context = WorkerContext(
        settings=service.settings.model_copy(update={"min_free_space": 0}),
        sessions=service.sessions,
        storage=service.storage,
        predictors=None,
        notifier=service.notifier,
        node="media@test",
        leaving=threading.Event(),
    )
    handlers = load_handlers(MEDIA_QUEUE)
    assert run_job(job_id, context=context, handlers=handlers) is JobStatus.SUCCEEDED


def test_reviewed_stretches_become_a_data_set(library: Library, tmp_path: Path) -> None:
    out = tmp_path / "set"

    card = library.export(out, licence="CC BY 4.0")

    matches = {match.name: match for match in find_matches(out)}
    assert set(matches) == set(library.events)
    for (name, match), span in zip(sorted(matches.items()), SPANS, strict=True):
        assert match.labels.reviewed == (span,)
        assert labelled(match) == [
            one for one in library.events[name] if span[0] <= one[1] / FPS < span[1]
        ]
    split = read_split(out / "split.json")
    assert sorted(len(split.parts[part]) for part in PARTS) == [1, 1, 1]
    config = with_data(toy_config(tmp_path), out, split=out / "split.json")
    assert [len(part) for part in find_subsets(config.data)] == [1, 1]
    assert (out / "classes.txt").read_text().split() == card["classes"]
    assert json.loads((out / "dataset.json").read_text()) == card
    assert card["licence"] == "CC BY 4.0"
    people = {one["author"]: one["minutes_reviewed"] for one in card["people"]}
    assert people == {
        "local/Ada": pytest.approx(15.95 / 60, abs=1e-3),
        "local/Bo": pytest.approx(16 / 60, abs=1e-3),
    }
    readme = (out / "README.md").read_text()
    assert "CC BY 4.0" in readme
    assert "local/Ada" in readme
    sums = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=out, check=False
    )
    assert sums.returncode == 0
    assert not list(out.rglob(".*"))


@pytest.mark.costly
def test_one_match_is_split_by_stretches_and_training_reads_it_as_it_is(
    library: Library, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    one = str(library.ids["toy-match-3"])
    card = library.export(out, videos=[one], mode="reference")
    config = with_data(toy_config(tmp_path), out, split=out / "split.json")

    best = train(config, tmp_path / "run", report=print)

    assert best.is_file()
    assert card["split"]["by"] == "stretches"
    assert "how well the network knows these matches" in (out / "README.md").read_text()
    assert (out / "toy-match-3" / "video.mp4").is_symlink()


@pytest.mark.costly
def test_cut_videos_have_the_reviewed_frames_at_their_times(
    library: Library, tmp_path: Path
) -> None:
    out = tmp_path / "set"

    library.export(out, mode="cut")

    for match, span in zip(find_matches(out), SPANS, strict=True):
        name = match.name.removesuffix("/1")
        first, until = int(span[0] * FPS), int(span[1] * FPS)
        times = time_frames_in_child(match.video).frame_times
        assert len(times) == until - first
        assert times.time_of(30) - times.time_of(0) == pytest.approx(30 / FPS)
        start_s = max(0.0, span[0] - first / FPS)
        (reviewed,) = match.labels.reviewed or ()
        assert reviewed == pytest.approx((start_s, span[1] - first / FPS), abs=1e-6)
        assert labelled(match) == [
            (label, frame - first)
            for label, frame in library.events[name]
            if span[0] <= frame / FPS < span[1]
        ]


def test_nothing_is_overwritten_unasked(library: Library, tmp_path: Path) -> None:
    out, foreign = tmp_path / "set", tmp_path / "mine"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("all of it")
    library.export(out, mode="link")
    (out / "note.txt").write_text("mine")

    with pytest.raises(ExportFailed, match="--force"):
        library.export(out, mode="link")
    with pytest.raises(ExportFailed, match="left alone"):
        library.export(foreign, may_replace=True)
    assert (out / "note.txt").exists()
    library.export(out, mode="link", may_replace=True)

    assert not (out / "note.txt").exists()
    assert (foreign / "thesis.txt").read_text() == "all of it"
    assert (
        sorted(path.name for path in tmp_path.iterdir())
        == [
            ".mine.part",
            "mine",
            "set",
        ][1:]
    )
    stored = library.api.data_dir / "videos" / str(library.ids["toy-match-1"])
    linked = (out / "toy-match-1" / "video.mp4").stat()
    assert linked.st_ino in {path.stat().st_ino for path in stored.rglob("*")}


def test_what_was_replaced_goes_though_that_was_killed_in_the_middle(
    library: Library, tmp_path: Path
) -> None:
    out, old = tmp_path / "set", tmp_path / ".set.old"
    library.export(out, mode="reference")
    out.rename(old)  # and the new one was not put in its place

    library.export(out, mode="reference")

    assert (out / "dataset.json").is_file()
    assert [one.name for one in tmp_path.iterdir()] == ["set"]


def test_a_stopped_export_goes_on_where_it_was(
    library: Library, tmp_path: Path
) -> None:
    out = tmp_path / "set"

    def stop_at_the_third(line: str) -> None:
        if line.startswith("3/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.export(out, report=stop_at_the_third)
    kept = tmp_path / ".set.part" / "toy-match-1" / "video.mp4"
    before = kept.stat()
    assert not out.exists()

    library.export(out)

    after = (out / "toy-match-1" / "video.mp4").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert len(find_matches(out)) == 3
    assert not kept.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk is not allowed here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.costly
@pytest.mark.parametrize("mode", ["copy", "cut"])
def test_a_full_disk_keeps_what_is_done_for_the_next_run(
    library: Library, small_disk: Path, mode: str
) -> None:
    out, ballast = small_disk / "set", small_disk / "ballast"

    def fill(line: str) -> None:
        if line.startswith("2/"):
            with ballast.open("wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(bytes(4096))

    with pytest.raises(ExportFailed, match="is full: what is done is kept"):
        library.export(out, mode=mode, report=fill)
    assert not out.exists()
    ballast.unlink()
    card = library.export(out, mode=mode)

    assert card["left_out"] == []
    assert len(find_matches(out)) == 3


def test_copies_that_cannot_fit_are_not_begun(
    library: Library, small_disk: Path
) -> None:
    with (small_disk / "ballast").open("wb") as file:
        file.write(bytes(4 * 2**20 - 16384))

    with pytest.raises(ExportFailed, match="GB are free"):
        library.export(small_disk / "set")


def test_two_exports_to_one_folder_do_not_mix(library: Library, tmp_path: Path) -> None:
    out = tmp_path / "set"
    told: list[str] = []

    def begin_another(line: str) -> None:
        if line.startswith("2/"):
            with pytest.raises(ExportFailed, match="another export"):
                library.export(out)
            told.append(line)

    library.export(out, report=begin_another)

    assert told
    assert len(find_matches(out)) == 3


@pytest.mark.costly
def test_the_command_says_what_it_did_and_what_is_wrong(
    library: Library, tmp_path: Path
) -> None:
    out = tmp_path / "set"

    done = touchline(library, str(out), "--video-files", "reference")
    twice = touchline(library, str(out))

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(out)
    assert "2/3  toy-match-2  0.1 min" in done.stderr
    assert "3 videos, 0.5 minutes" in done.stderr
    assert len(find_matches(out)) == 3
    assert twice.returncode == 1
    assert twice.stderr.startswith("error: ")
    assert "--force" in twice.stderr
    with pytest.raises(ExportFailed, match="the project has no video"):
        library.export(tmp_path / "other", videos=[str(UUID(int=7))])
    assert not (tmp_path / "other").exists()


def test_a_video_deleted_meanwhile_is_reported(
    library: Library, tmp_path: Path
) -> None:
    """The last test: it takes a video away."""
    out = tmp_path / "set"
    gone = library.ids["toy-match-2"]

    def delete(line: str) -> None:
        if line.startswith("2/"):
            library.api.client.delete(f"/videos/{gone}").raise_for_status()

    card = library.export(out, report=delete)

    assert card["left_out"] == [
        {"video_id": str(gone), "why": "it was deleted meanwhile"}
    ]
    assert [match.name for match in find_matches(out)] == ["toy-match-1", "toy-match-3"]
    assert not (out / "toy-match-2").exists()
    assert card["split"]["by"] == "stretches"


def labelled(match: Match) -> list[tuple[str, int]]:
    """Give type and frame of a match's events."""
    return [(event.label, round(event.time_s * FPS)) for event in match.labels.events]


def touchline(library: Library, *words: str) -> subprocess.CompletedProcess[str]:
    """Type the command, on the service's database and folder."""
    settings = library.api.service.settings
    return subprocess.run(
        [sys.executable, "-m", "touchline", "dataset", "export", *words],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "TOUCHLINE_DATABASE_URL": str(settings.database_url),
            "TOUCHLINE_DATA_DIR": str(settings.data_dir),
        },
        timeout=60,
        check=False,
    )

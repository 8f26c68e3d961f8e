"""`touchline watch` on a service that works, and on one that goes and comes."""

import csv
import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pytest
from typer.testing import CliRunner

import touchline
from app.cli.main import touchline as verbs
from tests.api_server import eventually, make_settings
from tests.cutting_proxy import cutting_proxy
from tests.databases import PostgresOfTests
from tests.videos import draw_video, match_picture
from tests.working_service import WorkingService, working_service
from touchline.client.downloading import new_file
from touchline.client.uploading import UploadProgress
from touchline.watching.options import WatchOptions
from touchline.watching.watch import FolderWatch

pytestmark = pytest.mark.costly

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def service(
    postgres: PostgresOfTests,
    checkpoint: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[WorkingService]:
    data_dir = tmp_path_factory.mktemp("data")
    (data_dir / "models").mkdir()
    (data_dir / "models" / checkpoint.name).symlink_to(checkpoint)
    with postgres.fresh_database() as url:
        settings = make_settings(
            data_dir=data_dir, database_url=url, model="tiny", engine="openvino"
        )
        with working_service(settings) as service:
            yield service


@pytest.fixture(autouse=True)
def empty(service: WorkingService) -> Iterator[None]:
    """No test finds the videos of another, and none is left half done."""
    service.pause.clear()
    yield
    with touchline.Client(service.api.url) as client:
        for video in client.videos():
            client.delete_video(video)


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("watch") / "match.mp4"
    draw_video(path, frames=60, fps=30, paint=match_picture)
    return path


@pytest.fixture
def folder(tmp_path: Path, match: Path) -> Path:
    folder = tmp_path / "matches"
    (folder / "cup").mkdir(parents=True)
    shutil.copy(match, folder / "Final.MP4")
    (folder / "._Final.MP4").write_bytes(b"of macOS")
    return folder


@pytest.fixture
def client(service: WorkingService) -> Iterator[touchline.Client]:
    with touchline.Client(service.api.url, retry_s=0.5) as client:
        yield client


def watch_once(
    client: touchline.Client, folder: Path, **options: object
) -> tuple[FolderWatch, list[str]]:
    told: list[str] = []
    values = {"settle_s": 0.2, "poll_s": 0.1, **options}
    watch = FolderWatch(client, WatchOptions(folder, **values), told.append)  # type: ignore[arg-type]
    watch.run(once=True)
    return watch, told


def shown(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    )


def test_timelines_are_written_beside_their_matches_once(
    client: touchline.Client, folder: Path, match: Path
) -> None:
    (folder / "cup" / "semi.mov").write_bytes(match.read_bytes() + b"\0\0\0\x08free")

    watch, told = watch_once(
        client, folder, formats=("csv", "soccernet"), recursive=True
    )

    assert watch.problems == {}
    assert shown(folder) == [
        *("Final.MP4", "Final.MP4.csv", "Final.MP4.soccernet.json"),
        *("cup/semi.mov", "cup/semi.mov.csv", "cup/semi.mov.soccernet.json"),
    ]
    rows = list(csv.DictReader((folder / "Final.MP4.csv").read_text().splitlines()))
    videos = {video.filename: video for video in client.videos()}
    assert len(rows) == len(list(client.events(videos["Final.MP4"]))) > 0
    assert set(videos) == {"Final.MP4", "semi.mov"}
    again, told = watch_once(
        client, folder, formats=("csv", "soccernet"), recursive=True
    )
    assert (again.problems, told) == ({}, [])
    assert len(list(client.videos())) == 2


def test_a_watch_whose_memory_is_lost_sends_nothing_twice(
    client: touchline.Client, folder: Path
) -> None:
    watch_once(client, folder)
    before = (folder / "Final.MP4.csv").read_bytes()
    (folder / ".touchline-watch.json").unlink()
    shutil.copy(folder / "Final.MP4", folder / "copy.mp4")

    watch, told = watch_once(client, folder)

    assert watch.problems == {}
    assert len(list(client.videos())) == 1
    assert "Final.MP4: Final.MP4.csv is there already" in told
    assert (folder / "copy.mp4.csv").read_bytes() == before


def test_a_file_of_the_user_is_not_overwritten_unasked(
    client: touchline.Client, folder: Path
) -> None:
    mine = folder / "Final.MP4.csv"
    mine.write_text("mine")

    watch, _ = watch_once(client, folder)

    assert mine.read_text() == "mine"
    assert "--force replaces it" in watch.problems["Final.MP4"]
    watch, _ = watch_once(client, folder, overwrite=True)
    assert watch.problems == {}
    assert mine.read_text().startswith("id,")


def test_a_full_disk_is_waited_for(
    client: touchline.Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = iter([True])

    def write(path: Path, *, overwrite: bool) -> AbstractContextManager[BinaryIO]:
        if next(full, False):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return new_file(path, overwrite=overwrite)

    monkeypatch.setattr("touchline.watching.watch.new_file", write)
    told: list[str] = []
    options = WatchOptions(folder, settle_s=0.2, poll_s=0.1)
    watch = FolderWatch(client, options, told.append)

    with pytest.raises(KeyboardInterrupt):
        watch.run(is_stopped=lambda: (folder / "Final.MP4.csv").exists() or _many(told))

    assert shown(folder) == ["Final.MP4", "Final.MP4.csv"]
    assert watch.problems == {}
    assert any("No space left" in line and "trying again" in line for line in told)


def _many(told: list[str]) -> bool:
    """Whether a watch has said so much that it goes nowhere."""
    return bool(told) and "No space left" in told[-1] and "trying" not in told[-1]


def test_a_bad_video_is_told_of_and_the_others_go_on(
    client: touchline.Client, folder: Path
) -> None:
    (folder / "Bad.mp4").write_bytes(b"no video" * 99)
    (folder / "Empty.mp4").touch()

    watch, told = watch_once(client, folder)

    assert list(watch.problems) == ["Bad.mp4"]
    assert "ended as failed" in watch.problems["Bad.mp4"]
    assert any(line.startswith("Bad.mp4: ") for line in told)
    assert (folder / "Final.MP4.csv").exists()
    assert not (folder / "Bad.mp4.csv").exists()


def test_a_service_that_goes_during_an_upload_is_waited_for_and_resumed(
    service: WorkingService, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("touchline.watching.watch.FIRST_BACKOFF_S", 0.2)
    (folder / "Final.MP4").write_bytes(os.urandom(4 * 2**20))
    told: list[str] = []
    sent: list[int] = []
    with (
        cutting_proxy(service.api.url) as proxy,
        touchline.Client(proxy.url, retry_s=0.2) as client,
    ):
        proxy.cut_after = [3 * 2**20]

        def show(path: str, progress: UploadProgress) -> None:
            sent.append(progress.sent_bytes)
            proxy.is_away = not told[-1].endswith("s")

        def tell(line: str) -> None:
            told.append(line)
            proxy.is_away = False

        options = WatchOptions(folder, settle_s=0, poll_s=0.1)
        watch = FolderWatch(client, options, tell, show)
        with pytest.raises(StopWatching):
            _until_the_second_line_of(watch, "ended as failed")

    assert proxy.cuts == 1
    assert any("trying again in 0.2 s" in line for line in told)
    starts = [n for n, one in enumerate(sent) if one == 0]
    assert len(starts) == 1  # it was not begun anew
    with touchline.Client(service.api.url) as client:
        assert len(list(client.videos())) == 1


class StopWatching(Exception):
    """Raised by a test that has seen enough."""


def _until_the_second_line_of(watch: FolderWatch, words: str) -> None:
    tell = watch.tell

    def telling(line: str) -> None:
        tell(line)
        if words in line:
            raise StopWatching

    watch.tell = telling
    watch.run()


def test_once_ends_when_the_service_is_away(folder: Path) -> None:
    with (
        touchline.Client("http://127.0.0.1:9", retry_s=0.1) as client,
        pytest.raises(touchline.NotReachable),
    ):
        watch_once(client, folder)


@contextmanager
def run_cli(*args: str) -> "Iterator[subprocess.Popen[str]]":
    """Start the verb; it is killed if it has not ended when the block does."""
    command = [sys.executable, "-m", "touchline", "watch", *args]
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_ctrl_c_ends_the_verb_cleanly_and_the_next_one_goes_on(
    service: WorkingService, client: touchline.Client, folder: Path
) -> None:
    service.pause.set()
    args = (str(folder), "--url", service.api.url, "--settle", "0.2")

    with run_cli(*args) as process:
        eventually(lambda: any(client.videos()))
        with run_cli(*args) as second:
            _, refusal = second.communicate(timeout=120)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    service.pause.clear()
    with run_cli(*args, "--once") as after:
        after.communicate(timeout=120)

    assert process.returncode == 130
    assert said.splitlines()[-1] == "stopped; the next watch goes on from here"
    assert "Traceback" not in said
    assert "another touchline watch" in refusal
    assert second.returncode == 1
    assert after.returncode == 0
    assert len(list(client.videos())) == 1
    assert (folder / "Final.MP4.csv").exists()


def test_ctrl_c_that_a_finalizer_swallows_ends_the_verb_all_the_same(
    service: WorkingService, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[int] = []

    def step(_watch: FolderWatch) -> bool:
        rounds.append(len(rounds))
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return False

    monkeypatch.setattr(FolderWatch, "step", step)
    found = CliRunner().invoke(verbs, ["watch", str(folder), "--url", service.api.url])

    assert found.exit_code == 130
    assert rounds == [0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["nowhere"], "there is no folder nowhere"),
        ([".", "--format", "cvs"], "did you mean csv?"),
        ([".", "--url", "localhost"], "is no address of a service"),
    ],
)
def test_what_cannot_be_watched_is_told(args: list[str], words: str) -> None:
    found = CliRunner().invoke(verbs, ["watch", *args])

    assert found.exit_code == 2
    assert words in " ".join(found.output.replace("│", " ").split())


def test_a_model_that_the_service_does_not_have_is_told(
    service: WorkingService, folder: Path
) -> None:
    args = ["watch", str(folder), "--url", service.api.url, "--model", "x"]

    found = CliRunner().invoke(verbs, args)

    assert found.exit_code == 2
    assert "has no model 'x'" in " ".join(found.output.replace("│", " ").split())


def test_halves_become_one_match_with_one_timeline(
    client: touchline.Client, tmp_path: Path, match: Path
) -> None:
    folder = tmp_path / "halves"
    folder.mkdir()
    shutil.copy(match, folder / "1_match.mp4")
    draw_video(
        folder / "2_match.mp4",
        frames=30,
        fps=30,
        paint=lambda number, width, height: match_picture(60 + number, width, height),
    )
    shutil.copy(match, folder / "1_lonely.mp4")

    watch, told = watch_once(client, folder, join=True)
    again, told_again = watch_once(client, folder, join=True)

    assert watch.problems == again.problems == {}
    assert shown(folder) == [
        *("1_lonely.mp4", "1_match.mp4", "1_match.mp4.csv", "2_match.mp4"),
    ]
    (video,) = client.videos()
    assert video.duration_s == pytest.approx(3.0)
    assert [half.start_s for half in video.halves] == [0.0, pytest.approx(2.0)]
    waits = "1_lonely.mp4: waits for the other half, 2_lonely.mp4"
    assert waits in told
    assert told_again == [waits]

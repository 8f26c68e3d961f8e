"""Videos from the folder that the operator names, and nothing from outside of it."""

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.core.broker.notifier import BACKGROUND_QUEUE
from app.core.settings import Settings
from app.core.storage.keys import video_prefix
from app.sources.folder import ImportFolder
from tests.api_server import RunningApi, eventually
from tests.integration.test_downloads import context_of
from tests.integration.worker_processes import background_worker, wait_until
from worker.handlers import import_file as handler
from worker.job_loop import JobLoop
from worker.job_task import load_handlers

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
LONG_AGO_S = 1_600_000_000
CONTENT = os.urandom(3 * 2**20 + 5)


@pytest.fixture
def folder(api: RunningApi, tmp_path: Path) -> Iterator[Path]:
    """A folder of imports of the test's own, for the module's API."""
    found = tmp_path / "imports"
    found.mkdir()
    with _importing(api, found):
        yield found


@pytest.fixture
def work(api: RunningApi, folder: Path) -> Callable[[], bool]:
    """Run the next job of a background worker in this process."""
    return JobLoop(context_of(api), load_handlers(BACKGROUND_QUEUE)).run_next


def test_video_files_are_listed_by_path_and_nothing_else(
    api: RunningApi, folder: Path
) -> None:
    for path in ("b.mp4", "a.MOV", "cup/deep/final é.mkv", "cup.mp4", "notes.txt"):
        _write(folder / path)
    for path in (".hidden.mp4", ".trash/c.mp4"):
        _write(folder / path)
    outside = _write(folder.parent / "outside" / "secret.mp4")
    (folder / "link.mp4").symlink_to(outside)
    (folder / "linked").symlink_to(outside.parent)
    (folder / "gone.mp4").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.mp4")
    (folder / "folder.mp4").mkdir()

    answer = api.client.get("/imports").json()

    paths = ["a.MOV", "b.mp4", "cup.mp4", "cup/deep/final é.mkv"]
    assert [one["path"] for one in answer["items"]] == paths
    assert answer["items"][0]["size_bytes"] == len(CONTENT)
    assert answer["items"][0]["modified_at"] == "2020-09-13T12:26:40Z"
    assert answer["next_cursor"] is None


def test_a_long_list_comes_in_pages(api: RunningApi, folder: Path) -> None:
    names = [f"{number:03d}.mp4" for number in range(7)]
    for name in names:
        _write(folder / name)

    pages, cursor = [], None
    while True:
        query = {"limit": 3} if cursor is None else {"limit": 3, "cursor": cursor}
        page = api.client.get("/imports", params=query).json()
        pages.append([one["path"] for one in page["items"]])
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert pages == [names[:3], names[3:6], names[6:]]
    wrong = api.client.get("/imports", params={"cursor": "nonsense"})
    assert wrong.status_code == 422


def test_a_file_becomes_a_video_and_stays_where_it_is(
    api: RunningApi, folder: Path, work: Callable[[], bool]
) -> None:
    path = _write(folder / "cup" / "final.mp4")

    facts = {"date": "2026-05-31", "competition": "City Cup"}
    answer = _import(api, "cup/final.mp4", title="Cup final", **facts)
    asked = answer.json()
    work()
    path.write_bytes(b"changed later")
    video = api.client.get(asked["links"]["self"]).json()

    assert answer.status_code == 202
    assert (asked["status"], asked["stage"]) == ("queued", "copy")
    assert asked["job"]["kind"] == "import"
    assert video["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert (video["title"], video["filename"]) == ("Cup final", "final.mp4")
    assert (video["date"], video["competition"]) == ("2026-05-31", "City Cup")
    others = {"url": None, "join": None, "live": None}
    assert video["source"] == {"import": "cup/final.mp4", **others}
    assert (video["status"], video["job"]["kind"]) == ("queued", "spot")
    assert api.client.get(video["links"]["file"]).content == CONTENT


@pytest.mark.parametrize(
    "path",
    [
        *("../outside/secret.mp4", "/etc/passwd.mp4", "a/../../outside/secret.mp4"),
        *("linked/../b.mp4", "./b.mp4", "a//b.mp4", "", "nul\0.mp4", ".hidden.mp4"),
        "notes.txt",
    ],
)
def test_a_path_that_leads_out_or_names_no_video_is_refused(
    api: RunningApi, folder: Path, path: str
) -> None:
    for name in (".hidden.mp4", "notes.txt", "b.mp4"):
        _write(folder / name)
    _write(folder.parent / "outside" / "secret.mp4")

    answer = _import(api, path)

    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/source-refused"
    assert api.client.get("/videos").json()["items"] == []


@pytest.mark.parametrize(
    "path", ["link.mp4", "linked/secret.mp4", "none.mp4", "pipe.mp4", "b.mp4/c.mp4"]
)
def test_what_is_no_file_of_the_folder_is_not_found(
    api: RunningApi, folder: Path, path: str
) -> None:
    _write(folder / "b.mp4")
    outside = _write(folder.parent / "outside" / "secret.mp4")
    (folder / "link.mp4").symlink_to(outside)
    (folder / "linked").symlink_to(outside.parent)
    os.mkfifo(folder / "pipe.mp4")

    answer = _import(api, path)

    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/import-not-found"


def test_a_link_that_is_swapped_in_after_the_request_is_not_followed(
    api: RunningApi, folder: Path, work: Callable[[], bool]
) -> None:
    path = _write(folder / "a.mp4")
    outside = _write(folder.parent / "outside" / "secret.mp4")
    asked = _import(api, "a.mp4").json()
    path.unlink()
    path.symlink_to(outside)

    work()

    video = api.client.get(asked["links"]["self"]).json()
    assert (video["status"], video["error"]["code"]) == ("failed", "import_missing")
    assert video["sha256"] is None


def test_a_file_that_is_still_being_written_is_waited_for(
    api: RunningApi,
    folder: Path,
    work: Callable[[], bool],
) -> None:
    path = folder / "growing.mp4"
    path.write_bytes(CONTENT[:1000])
    asked = _import(api, "growing.mp4").json()
    running = threading.Thread(target=work)
    running.start()
    eventually(lambda: _job(api, asked)["status"] == "running")

    with path.open("ab") as file:
        for start in range(1000, len(CONTENT), 2**20):
            file.write(CONTENT[start : start + 2**20])
            file.flush()
            time.sleep(0.3)
    running.join(60)

    video = api.client.get(asked["links"]["self"]).json()
    assert video["sha256"] == hashlib.sha256(CONTENT).hexdigest()


def test_a_file_that_never_settles_is_told_and_can_be_asked_for_again(
    api: RunningApi,
    folder: Path,
    work: Callable[[], bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handler, "PATIENCE_S", 0.5)
    (folder / "a.mp4").write_bytes(CONTENT)
    asked = _import(api, "a.mp4").json()

    work()

    job = _job(api, asked)
    assert (job["status"], job["error"]["code"]) == ("queued", "import_unfinished")


def test_a_file_that_changes_while_it_is_copied_is_not_kept(
    api: RunningApi,
    folder: Path,
    work: Callable[[], bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = _write(folder / "a.mp4")
    asked = _import(api, "a.mp4").json()
    copy = handler._copy

    def change_meanwhile(*args: Any, **options: Any) -> Any:
        stored = copy(*args, **options)
        path.write_bytes(b"other")
        return stored

    monkeypatch.setattr(handler, "_copy", change_meanwhile)

    work()

    assert _job(api, asked)["error"]["code"] == "import_unfinished"
    assert list(api.service.storage.list(video_prefix(asked["id"]))) == []


def test_empty_files_are_refused(
    api: RunningApi, folder: Path, work: Callable[[], bool]
) -> None:
    _write(folder / "a.mp4", b"")
    asked = _import(api, "a.mp4").json()

    work()

    assert _job(api, asked)["error"]["code"] == "source_unusable"


def test_without_a_folder_the_operator_is_told_how_to_name_one(
    api: RunningApi,
) -> None:
    answers = [api.client.get("/imports"), _import(api, "a.mp4")]

    for answer in answers:
        assert answer.status_code == 404
        assert "TOUCHLINE_IMPORT_DIR" in answer.json()["detail"]


def test_a_folder_that_is_gone_is_told(api: RunningApi, folder: Path) -> None:
    folder.rmdir()

    answer = api.client.get("/imports")

    assert answer.status_code == 404
    assert "cannot be read" in answer.json()["detail"]


@pytest.mark.costly
def test_the_background_worker_imports_what_was_asked_for(
    api: RunningApi, api_settings: Settings, folder: Path, tmp_path: Path
) -> None:
    log = tmp_path / "background.log"
    _write(folder / "a.mp4")
    asked = _import(api, "a.mp4").json()
    environment = {"TOUCHLINE_IMPORT_DIR": str(folder)}

    with background_worker(
        "background@here", api_settings, log, environment=environment
    ):
        wait_until(
            lambda: _job(api, asked)["status"] == "succeeded", "it is imported", log
        )


def test_what_the_service_keeps_of_videos_is_not_in_the_folder(
    api: RunningApi, folder: Path
) -> None:
    own = folder / "service"
    path = "service/videos/of another project/proxy/a.mp4"
    _write(folder / path)
    _write(folder / "service/inbox/b.mp4")
    settings = api.service.settings.model_copy(update={"data_dir": own})
    before = _import(api, path).json()
    api.app.state.resources = replace(api.service, settings=settings)

    listed = api.client.get("/imports").json()["items"]
    asked = _import(api, path)
    run = JobLoop(context_of(api), load_handlers(BACKGROUND_QUEUE)).run_next

    assert [one["path"] for one in listed] == ["service/inbox/b.mp4"]
    assert (asked.status_code, asked.json()["type"]) == (
        404,
        "/problems/import-not-found",
    )
    assert run()
    assert _job(api, before)["error"]["code"] == "import_missing"


def test_a_folder_of_imports_that_is_the_services_own_has_no_files(
    tmp_path: Path,
) -> None:
    _write(tmp_path / "videos" / "one" / "a.mp4")
    folder = ImportFolder(tmp_path / "videos", data_dir=tmp_path)

    with pytest.raises(FileNotFoundError), folder.open("one/a.mp4"):
        pass
    assert list(folder.list()) == []


@pytest.mark.parametrize("second", [10**12, -(10**12)])
def test_a_file_of_a_time_that_no_calendar_has_is_listed_and_taken(
    api: RunningApi, second: int
) -> None:
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(dir=MEMORY))
        path = _write(Path(name) / "final.mp4")
        os.utime(path, (second, second))
        if path.stat().st_mtime != second:
            pytest.skip("this file system keeps no such times")
        stack.enter_context(_importing(api, path.parent))

        listed = api.client.get("/imports")
        taken = api.client.post("/videos", json={"import": "final.mp4"})

    assert [one["path"] for one in listed.json()["items"]] == ["final.mp4"]
    assert taken.status_code == 202, taken.text


def test_a_path_is_looked_up_part_by_part(tmp_path: Path) -> None:
    _write(tmp_path / "a" / "b.mp4")

    with ImportFolder(tmp_path).open("a/b.mp4") as file:
        assert file.read() == CONTENT
    before = _open_files()
    for _ in range(3):
        with pytest.raises(OSError), ImportFolder(tmp_path).open("a/none.mp4"):
            pass

    assert _open_files() == before


@contextmanager
def _importing(api: RunningApi, folder: Path) -> Iterator[None]:
    before = api.service
    settings = before.settings.model_copy(update={"import_dir": folder})
    api.app.state.resources = replace(before, settings=settings)
    yield
    api.app.state.resources = before


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _write(path: Path, content: bytes = CONTENT) -> Path:
    """Write a file that nobody has touched for long."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (LONG_AGO_S, LONG_AGO_S))
    return path


def _import(api: RunningApi, path: str, **wanted: object) -> Any:
    return api.client.post("/videos", json={"import": path, **wanted})


def _job(api: RunningApi, asked: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.client.get(asked["links"]["job"]).json()
    return found

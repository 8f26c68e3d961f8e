"""Whatever dies under `touchline serve` is started again; nothing is left behind."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from app.core.db.locate import running_url
from tests.acceptance.running import RunningService, those_alive
from tests.services import missing, open_folder

POSTMASTER, REAPER = "postgres -D", "app.supervisor.reaper"
PARTS = (
    "app.supervisor.api_server",
    "worker.gpu",
    "worker.media",
    "worker.background",
    REAPER,
    POSTMASTER,
)
DISK_BYTES = 400 * 2**20


def kill(process: psutil.Process) -> None:
    """Kill a process as the system does when memory runs out."""
    process.kill()
    process.wait(60)


def test_each_process_that_is_killed_is_replaced_and_none_is_left_in_the_end(
    service: RunningService, match: Path
) -> None:
    seen = service.everybody()
    for word in PARTS:
        victim = service.wait_for_child(word)

        kill(victim)

        service.wait_for_child(word, besides=victim)
        service.wait_until(service.is_ready, f"all is well without {word}")
        seen += service.everybody()
    kill(gpu_child(service))
    video_id = service.upload(match)["id"]
    assert service.wait_for_end(video_id)["status"] == "succeeded"
    seen += service.everybody()
    assert any(
        line.startswith("Postgres ended (signal 9); restarting in")
        for line in service.said
    )

    code = service.terminate()

    assert code == 0
    assert those_alive(seen) == []
    service.start()
    assert service.get(f"/videos/{video_id}")["status"] == "succeeded"


def gpu_child(service: RunningService) -> psutil.Process:
    """Find the process that holds the network."""
    (found,) = [
        child
        for child in service.worker().children()
        if "spawn_main" in " ".join(child.cmdline())
    ]
    return found


def test_an_upload_goes_on_and_the_api_comes_back_while_the_database_is_away(
    service: RunningService, match: Path
) -> None:
    video_id = service.upload(match)["id"]

    kill(service.wait_for_child(POSTMASTER))

    def answer() -> bool:
        return service.client.get("/videos").status_code == 200

    assert service.client.get("/healthz").status_code == 200
    service.wait_until(answer, "the API answers again")
    assert service.wait_for_end(video_id)["status"] == "succeeded"


def test_what_a_run_killed_with_its_reaper_left_is_ended_by_the_next(
    service: RunningService,
) -> None:
    left = service.everybody()
    videos = service.get("/videos", limit=100)["items"]
    reaper = service.wait_for_child(REAPER)
    service.process.suspend()  # So that it does not start another.
    reaper.kill()
    service.kill()
    assert len(those_alive(left)) > 3

    service.start()

    assert those_alive(left) == []
    assert any("ending what an earlier run left" in line for line in service.said)
    assert service.get("/videos", limit=100)["items"] == videos


def test_a_worker_that_cannot_start_leaves_the_rest_up_and_its_reason_is_told(
    tmp_path: Path, checkpoint: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'worker.gpu' in sys.orig_argv:\n"
        "    sys.exit('error: no card is in this machine')\n"
    )
    path = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}".rstrip(":")
    with own_service({"PYTHONPATH": path}) as lame:
        lame.launch()

        def words() -> str:
            with_reason: str = (
                lame.client.get("/readyz").json()["checks"].get("gpu", "")
            )
            return with_reason if "no card" in with_reason else ""

        lame.wait_until(lambda: bool(lame.shown), "the API is up")
        lame.wait_until(words, "/readyz tells why")
        lame.wait_until(
            lambda: len([line for line in lame.said if "gpu worker ended" in line]) > 2,
            "it has been tried a third time",
        )

        assert "no card is in this machine" in words()
        assert lame.get("/videos")["items"] == []


def test_a_full_disk_ends_nothing_for_good(checkpoint: Path, match: Path) -> None:
    environment = {
        "TOUCHLINE_MIN_FREE_SPACE": "0",
        "TOUCHLINE_MODEL": "tiny",
        "TOUCHLINE_API_PROCESSES": "2",
    }
    with own_service(environment, disk=DISK_BYTES, checkpoint=checkpoint) as small:
        small.start()
        video_id = small.upload(match)["id"]
        assert small.wait_for_end(video_id)["status"] == "succeeded"
        events = small.get(f"/videos/{video_id}/events")
        ballast = small.data_dir / "ballast"
        fill(ballast)
        write_log_until_the_database_ends(small)

        ballast.unlink()

        small.wait_until(small.is_ready, "the service has recovered")
        assert small.get(f"/videos/{video_id}/events") == events
        again = small.upload(match)["id"]
        assert small.wait_for_end(again)["status"] == "succeeded"


def write_log_until_the_database_ends(service: RunningService) -> None:
    """Use up the room that Postgres still has in its write-ahead log."""
    url = running_url(service.data_dir)
    assert url is not None

    def has_ended() -> bool:
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(
                    "select pg_logical_emit_message(false, 'ballast', 'x'),"
                    " pg_switch_wal()"
                )
        except psycopg.Error:
            pass
        ends = [line for line in service.said if "Postgres ended" in line]
        return len(ends) > 1

    service.wait_until(has_ended, "Postgres has ended, and ended again")


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(2**20)):
                pass
        except OSError:
            return


@contextmanager
def own_service(
    environment: dict[str, str],
    *,
    disk: int | None = None,
    checkpoint: Path | None = None,
) -> Iterator[RunningService]:
    """Make a service in a folder of an awkward name; on a disk of its own if asked."""
    with open_folder() as folder:
        data_dir = folder / 'Müller, Hans "100%"'
        data_dir.mkdir()
        with small_disk(data_dir, disk) if disk else nothing():
            if checkpoint is not None:
                (data_dir / "models").mkdir()
                (data_dir / "models" / checkpoint.name).symlink_to(checkpoint)
            found = RunningService(
                data_dir,
                {
                    "TOUCHLINE_ENGINE": "openvino",
                    "TOUCHLINE_HEARTBEAT": "PT3S",
                    "TOUCHLINE_LEASE": "PT15S",
                    "TOUCHLINE_SWEEP_EVERY": "PT1S",
                    **environment,
                },
            )
            try:
                yield found
            finally:
                found.stop()


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """Mount a disk in memory; skip where that is not allowed."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as exc:
        missing(f"a small disk cannot be mounted: {exc}")
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


@contextmanager
def nothing() -> Iterator[None]:
    """Do nothing."""
    yield

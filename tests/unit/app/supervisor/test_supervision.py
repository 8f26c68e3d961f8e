"""What ends is started again, whatever it was, and all ends in order."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from app.core.errors import StartFailed
from app.core.process_report import read_report
from app.supervisor.processes import Plan
from app.supervisor.reaper_client import Warden
from app.supervisor.supervision import LOUD_AFTER, Seat, Supervisor

PATIENCE_S = 60.0
SLEEP = "import time; time.sleep(600)"


class Running:
    """A supervisor with a reaper, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.warden = Warden(folder / "lock", say=self.said.append)
        self.supervisor = Supervisor(
            data_dir=folder, warden=self.warden, say=self.said.append
        )

    def plan(self, code: str, **options: object) -> Plan:
        command = [sys.executable, "-c", code]
        values = {"longest_pause_s": 0.0, **options}
        return Plan("toy", command, os.environ, self.folder / "toy.log", **values)  # type: ignore[arg-type]

    def step_until(self, look: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not look():
            assert time.monotonic() < deadline, self.said
            self.supervisor.step()
            time.sleep(0.01)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    found = Running(tmp_path)
    yield found
    found.supervisor.end_all()
    found.warden.close()


def lives(seat: Seat) -> bool:
    return seat.part is not None and seat.part.exit_code is None


def test_a_part_that_keeps_dying_is_started_for_ever_and_its_reason_is_told(
    running: Running,
) -> None:
    code = "print('an error was ignored'); raise OSError('no card')"

    seat = running.supervisor.start(running.plan(code))
    running.step_until(lambda: seat.backoff.deaths > LOUD_AFTER)

    quiet, loud = running.said[0], running.said[LOUD_AFTER - 1]
    assert quiet == "the toy ended (exit code 1): OSError: no card; restarting in 0 s"
    assert f"ended {LOUD_AFTER} times in a row: OSError: no card (see " in loud
    report = read_report(running.folder)
    assert report is not None
    (told,) = report.processes
    assert told.trouble is not None
    assert "OSError: no card" in told.trouble
    assert told.deaths >= LOUD_AFTER


def test_pauses_grow_up_to_the_parts_own_limit(running: Running) -> None:
    seat = running.supervisor.start(running.plan("", longest_pause_s=4.0))
    seat.backoff.deaths = 50

    running.step_until(lambda: bool(running.said))

    assert running.said[0].endswith("next try in 4 s")


def test_what_cannot_even_be_started_is_tried_again(running: Running) -> None:
    tries: list[int] = []

    def prepare() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise StartFailed("an earlier one is still there")

    seat = running.supervisor.start(running.plan(SLEEP, prepare=prepare))
    running.step_until(lambda: lives(seat))

    assert len(tries) == 3
    assert "the toy cannot be started: an earlier one is still there" in running.said[0]


def test_what_the_service_cannot_start_without_ends_the_start_but_no_later_run(
    running: Running,
) -> None:
    plan = running.plan("raise OSError('taken')", is_essential=True)

    seat = running.supervisor.start(plan)
    with pytest.raises(StartFailed, match="the toy does not start: OSError: taken"):
        running.step_until(lambda: False)

    seat.has_been_up = True
    running.step_until(lambda: seat.backoff.deaths > LOUD_AFTER)


def test_a_killed_reaper_is_replaced_and_told_what_to_watch(running: Running) -> None:
    seat = running.supervisor.start(running.plan(SLEEP))
    assert seat.part is not None
    process = psutil.Process(seat.part.group)
    earlier = running.warden.identity
    assert earlier is not None

    os.kill(earlier.pid, signal.SIGKILL)
    running.step_until(
        lambda: running.warden.identity not in (None, earlier) and bool(running.said)
    )
    later = running.warden.identity
    running.warden.close()  # As the death of this process does.

    assert later != earlier
    assert running.said == ["the reaper ended (signal 9); restarting it"]
    assert process.wait(PATIENCE_S) in (-signal.SIGTERM, None)


def test_all_ends_in_order_though_the_reaper_is_dead(running: Running) -> None:
    seat = running.supervisor.start(running.plan(SLEEP))
    assert seat.part is not None
    reaper = running.warden.identity
    assert reaper is not None
    os.kill(reaper.pid, signal.SIGKILL)
    psutil.Process(reaper.pid).wait(PATIENCE_S)

    running.supervisor.end_all()
    running.warden.close()

    assert seat.part.exit_code == -signal.SIGTERM

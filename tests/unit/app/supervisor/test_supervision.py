"""What ends is started again, whatever it was, and all ends in order."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.core.errors import StartFailed
from app.core.process_report import read_report
from app.supervisor import supervision
from app.supervisor.processes import ProcessSpec
from app.supervisor.reaper_client import Reaper
from app.supervisor.supervision import (
    GIVE_UP_AFTER,
    GIVE_UP_S,
    LOUD_AFTER,
    START_TRIES,
    SupervisedProcess,
    Supervisor,
)

PATIENCE_S = 60.0
SLEEP = "import time; time.sleep(600)"


class Running:
    """A supervisor with a reaper, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.reaper = Reaper(folder / "lock", report_line=self.said.append)
        self.supervisor = Supervisor(
            data_dir=folder, reaper=self.reaper, report_line=self.said.append
        )

    def spec(self, code: str, **options: Any) -> ProcessSpec:
        command = [sys.executable, "-c", code]
        values = {"longest_pause_s": 0.0, **options}
        log_path = self.folder / "toy.log"
        return ProcessSpec("toy", command, os.environ, log_path, **values)

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
    found.reaper.close()


def lives(supervised: SupervisedProcess) -> bool:
    return supervised.part is not None and supervised.part.exit_code is None


def test_a_part_that_keeps_dying_is_started_for_ever_and_its_reason_is_told(
    running: Running,
) -> None:
    code = "print('an error was ignored'); raise OSError('no card')"

    supervised = running.supervisor.start(running.spec(code))
    running.step_until(lambda: supervised.backoff.deaths > LOUD_AFTER)

    quiet, loud = running.said[0], running.said[LOUD_AFTER - 1]
    assert quiet == "the toy ended (exit code 1): OSError: no card; restarting in 0 s"
    assert f"(exit code 1), {LOUD_AFTER} times in a row: OSError: no card (see " in loud
    report = read_report(running.folder)
    assert report is not None
    (told,) = report.processes
    assert told.trouble is not None
    assert "OSError: no card" in told.trouble
    assert told.deaths >= LOUD_AFTER


def test_a_part_that_is_killed_again_and_again_is_said_to_be(running: Running) -> None:
    code = "import os; os.kill(os.getpid(), 9)"

    running.supervisor.start(running.spec(code))
    running.step_until(lambda: len(running.said) >= LOUD_AFTER)

    loud = running.said[LOUD_AFTER - 1]
    assert loud.startswith(f"the toy ended (signal 9), {LOUD_AFTER} times in a row (")


def test_pauses_grow_up_to_the_parts_own_limit(running: Running) -> None:
    supervised = running.supervisor.start(running.spec("", longest_pause_s=4.0))
    supervised.backoff.deaths = 50

    running.step_until(lambda: bool(running.said))

    assert running.said[0].endswith("next try in 4 s")


def test_what_cannot_even_be_started_is_tried_again(running: Running) -> None:
    tries: list[int] = []

    def prepare() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise StartFailed("an earlier one is still there")

    supervised = running.supervisor.start(running.spec(SLEEP, prepare=prepare))
    running.step_until(lambda: lives(supervised))

    assert len(tries) == 3
    assert "the toy cannot be started: an earlier one is still there" in running.said[0]


def test_what_the_service_cannot_start_without_ends_the_start_but_no_later_run(
    running: Running,
) -> None:
    spec = running.spec("raise OSError('taken')", is_essential=True)

    supervised = running.supervisor.start(spec)
    with pytest.raises(StartFailed, match="the toy does not start: OSError: taken"):
        running.step_until(lambda: False)

    supervised.has_been_up = True
    running.step_until(lambda: supervised.backoff.deaths > LOUD_AFTER)


@pytest.mark.costly
@pytest.mark.slow
def test_what_the_service_needs_and_cannot_live_ends_it_loudly(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervised = running.supervisor.start(
        running.spec("raise OSError('no page')", is_essential=True)
    )
    supervised.has_been_up = True

    running.step_until(lambda: supervised.backoff.deaths > GIVE_UP_AFTER)
    supervised.backoff.first_death -= GIVE_UP_S  # it has died for so long
    monkeypatch.setattr(supervision, "LEAST_FREE_BYTES", 2**62)
    before = supervised.backoff.deaths
    running.step_until(lambda: supervised.backoff.deaths > before)
    monkeypatch.setattr(supervision, "LEAST_FREE_BYTES", 1)

    with pytest.raises(StartFailed) as found:
        running.step_until(lambda: False)
    told = str(found.value)
    assert told.startswith("the toy ended (exit code 1), ")
    assert "OSError: no page. Giving up" in told
    assert str(running.folder / "toy.log") in told


@pytest.mark.costly
@pytest.mark.slow
def test_a_worker_that_cannot_live_never_ends_the_service(running: Running) -> None:
    supervised = running.supervisor.start(running.spec("raise OSError('no card')"))

    running.step_until(lambda: supervised.backoff.deaths > GIVE_UP_AFTER)
    supervised.backoff.first_death -= GIVE_UP_S
    before = supervised.backoff.deaths

    running.step_until(lambda: supervised.backoff.deaths > before + 1)


def test_what_is_killed_while_the_service_starts_gets_another_go_but_not_for_ever(
    running: Running,
) -> None:
    code = "import os; os.kill(os.getpid(), 9)"

    supervised = running.supervisor.start(running.spec(code, is_essential=True))
    with pytest.raises(StartFailed, match=r"not start: ended \(signal 9\)"):
        running.step_until(lambda: False)

    assert len(running.said) == supervised.backoff.deaths == START_TRIES - 1


@pytest.mark.slow
def test_a_killed_reaper_is_replaced_and_told_what_to_watch(running: Running) -> None:
    supervised = running.supervisor.start(running.spec(SLEEP))
    assert supervised.part is not None
    process = psutil.Process(supervised.part.group)
    earlier = running.reaper.identity
    assert earlier is not None

    os.kill(earlier.pid, signal.SIGKILL)
    running.step_until(
        lambda: running.reaper.identity not in (None, earlier) and bool(running.said)
    )
    later = running.reaper.identity
    running.reaper.close()  # As the death of this process does.

    assert later != earlier
    assert running.said == ["the reaper ended (signal 9); restarting it"]
    assert process.wait(PATIENCE_S) in (-signal.SIGTERM, None)


def test_all_ends_in_order_though_the_reaper_is_dead(running: Running) -> None:
    supervised = running.supervisor.start(running.spec(SLEEP))
    assert supervised.part is not None
    reaper = running.reaper.identity
    assert reaper is not None
    os.kill(reaper.pid, signal.SIGKILL)
    psutil.Process(reaper.pid).wait(PATIENCE_S)

    running.supervisor.end_all()
    running.reaper.close()

    assert supervised.part.exit_code == -signal.SIGTERM

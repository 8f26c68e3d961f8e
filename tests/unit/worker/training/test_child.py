"""A training's own process: what it leaves to its worker, and its signs of life."""

import errno
import fcntl
import signal
import subprocess
import time
from pathlib import Path

from model.errors import NoRoom, TrainingFailed
from worker.training.child import LEAST_WORK_S, Work, told_of
from worker.training.messages import from_line, to_line
from worker.training.process import COMMAND


def test_a_stop_of_all_processes_is_left_to_the_worker(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # so that it waits before it teaches
        with subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(to_line({"lock": str(path)}))
            child.stdin.flush()
            assert from_line(child.stdout.readline())["kind"] == "alive"

            child.send_signal(signal.SIGTERM)
            child.send_signal(signal.SIGINT)
            child.stdin.close()

            assert child.wait() == 1  # As its worker has gone; no signal ended it.


def test_a_disk_without_room_is_told_with_how_much_is_needed() -> None:
    told = told_of(NoRoom("it takes 9 GB"))

    assert told == {"kind": "failed", "error": "NoRoom", "detail": "it takes 9 GB"}


def test_a_disk_that_is_full_behind_another_error_is_known() -> None:
    error = TrainingFailed("the disk is full")
    error.__cause__ = OSError(errno.ENOSPC, "no room")

    assert told_of(error) == {"kind": "full"}


def test_only_a_process_that_computes_is_at_work() -> None:
    work = Work()
    until_s = time.process_time() + LEAST_WORK_S
    while time.process_time() < until_s:
        pass

    assert [work.was_done(), work.was_done()] == [True, False]

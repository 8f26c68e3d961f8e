"""A training's own process: what it leaves to its worker, and its signs of life."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from model.errors import NoRoom, TrainingFailed
from worker.training.child import LEAST_WORK_S, Work, _alone, told_of
from worker.training.messages import from_line, to_line
from worker.training.process import COMMAND

TAKE = """
import sys
from pathlib import Path
from worker.training import child
child.LOCK_WAIT_S = 1.0
with child._alone(Path(sys.argv[1])):
    pass
"""


def test_a_stop_of_all_processes_is_left_to_the_worker(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("ab") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)  # so that it waits before it teaches
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


def test_what_a_library_forks_of_it_does_not_hold_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    near, far = os.pipe()
    with _alone(path):
        forked = os.fork()
        if forked == 0:
            os.close(far)
            os.read(near, 1)  # until its parent lets it go
            os._exit(0)
    try:
        again = subprocess.run(
            [sys.executable, "-c", TAKE, str(path)], check=False, timeout=60
        )
    finally:
        os.close(far)
        os.waitpid(forked, 0)
        os.close(near)

    assert again.returncode == 0


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

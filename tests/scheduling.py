"""How pytest-xdist deals tests to processes: a file's tests to one of them."""

import contextlib
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

SHARING_A_SERVICE = ("test_bad_videos.py", "test_page.py", "test_walk.py")


class ByFileOrService(LoadFileScheduling):  # type: ignore[misc]  # untyped
    """Keep a file's tests in one process, and those that share the running service.

    So what a file or the service makes once is made once; Postgres and Redis start
    once a process.

    A process that dies costs the test that it ran. pytest-xdist 3.8 hangs after it, or
    runs that test again in the next process (its issues 1323, 1327, 1362, 1371).
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        folder, _, name = file.rpartition("/")
        is_shared = folder == "tests/acceptance" and name in SHARING_A_SERVICE
        return folder if is_shared else file

    def remove_node(self, node: Any) -> str | None:
        """Give what a dead process has not begun to others; return what it ran."""
        left = {
            scope: {test: False for test, is_done in unit.items() if not is_done}
            for scope, unit in self.assigned_work.pop(node).items()
        }
        units = {scope: unit for scope, unit in left.items() if unit}
        if not units:
            return None
        scope = next(iter(units))
        died_in: str = next(iter(units[scope]))
        del units[scope][died_in]
        self.workqueue.update({scope: unit for scope, unit in units.items() if unit})
        self._feed()
        return died_in

    def schedule(self) -> None:
        """Deal tests, also to a process that came for a dead one."""
        is_late = self.collection is not None
        super().schedule()
        if is_late:
            self._feed()

    def _feed(self) -> None:
        # A process begins its last test only when it has one more, or is told to end.
        for node in self.nodes:
            self._reschedule(node)

    def _reschedule(self, node: Any) -> None:
        if node in self.registered_collections:  # or it still collects
            # One that has just died keeps what it is given until `remove_node`.
            with contextlib.suppress(OSError):
                super()._reschedule(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Deal by file or service."""
    return ByFileOrService(config, log)

"""`pytest -p tests.processor_times`: which tests take the most of the processor.

With what their processes take, and fixtures that they are the first to use. The clock
would tell of tests that run at the same time as well.
"""

from collections import defaultdict
from collections.abc import Generator
from contextlib import suppress

import psutil
import pytest

SHOWN = 50
KEY = "processor_s"

_used: list[float] = [0.0]  # by this process, when it was last looked at
_of_tests: defaultdict[str, float] = defaultdict(float)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[
    None, pytest.TestReport, pytest.TestReport
]:
    """Note what a phase of a test took, in the process that ran it."""
    report = yield
    used_s = _used_s()
    report.user_properties.append((KEY, max(0.0, used_s - _used[-1])))
    _used[-1] = used_s
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add a phase to its test, in the process that shows the results."""
    for key, seconds in report.user_properties:
        if key == KEY:
            _of_tests[report.nodeid] += float(str(seconds))


def pytest_runtestloop() -> None:
    """Leave out what it took to import everything."""
    _used[-1] = _used_s()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the costliest."""
    whole_s = sum(_of_tests.values())
    terminalreporter.section(f"{whole_s:.0f} s of the processor")
    costliest = sorted(_of_tests.items(), key=lambda test: -test[1])
    for test, seconds in costliest[:SHOWN]:
        terminalreporter.write_line(f"{seconds:7.2f} s  {test}")


def _used_s() -> float:
    own = psutil.Process()
    total_s = 0.0
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.Error):  # it has just ended
            total_s += sum(process.cpu_times()[:4])  # its ended children's too
    return total_s

"""What is known of the processes survives in a file, or is plainly not there."""

from pathlib import Path

import pytest

from app.core.process_identity import ProcessIdentity
from app.core.process_report import (
    FILE_NAME,
    ProcessReport,
    ReportedProcess,
    is_running,
    read_report,
    remove_report,
    write_report,
)


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    here = ProcessIdentity.current()
    gpu = ReportedProcess(
        name="gpu worker",
        identity=here,
        stop_signal=15,
        stop_round=1,
        started_s=12.5,
        deaths=3,
        trouble="the gpu worker ended (signal 9)",
    )
    report = ProcessReport(supervisor=here, reaper=None, processes=(gpu,))

    assert write_report(tmp_path, report)

    assert read_report(tmp_path) == report
    assert report.find("gpu worker") == gpu
    assert report.find("API") is None
    assert is_running(report.supervisor)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"supervisor": 5}'])
def test_a_damaged_report_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)

    assert read_report(tmp_path) is None


def test_a_report_that_cannot_be_written_is_no_end(tmp_path: Path) -> None:
    assert not write_report(tmp_path / "gone", ProcessReport())
    remove_report(tmp_path / "gone")
    assert read_report(tmp_path / "gone") is None

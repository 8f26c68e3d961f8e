"""The report of what failed in a batch, as people open it."""

import csv
import os
from pathlib import Path

from touchline.batching.failures import NotSent, write_failures
from touchline.client.batch_records import BatchItem
from touchline.client.records import JobError


def failed(number: int, title: str) -> BatchItem:
    return BatchItem(
        number=number,
        kind="url",
        address=f"https://archive.example.org/{number}.mp4",
        title=title,
        size_bytes=None,
        state="failed",
        stage=None,
        progress=0.0,
        video_id=None,
        job_id=None,
        rounds=1,
        error=JobError("download_failed", "+1 is no host.", retryable=True),
        finished_at=None,
    )


def test_a_spreadsheet_computes_nothing_of_a_report(tmp_path: Path) -> None:
    path = tmp_path / "failures.csv"
    not_sent = [NotSent(Path("=1+1.mp4"), "It is empty.")]

    count = write_failures(
        [failed(7, "@SUM(1)")], path, not_sent=not_sent, overwrite=False
    )

    with path.open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert count == 2
    assert (first["kind"], first["address"]) == ("file", "'=1+1.mp4")
    assert (second["number"], second["title"]) == ("7", "'@SUM(1)")
    assert second["detail"] == "'+1 is no host."


def test_a_name_in_another_encoding_is_reported_as_well(tmp_path: Path) -> None:
    path = tmp_path / "failures.csv"
    name = os.fsdecode("Köln.mp4".encode("latin-1"))

    write_failures(
        [], path, not_sent=[NotSent(Path(name), "It is empty.")], overwrite=False
    )

    with path.open(newline="", encoding="utf-8") as file:
        (line,) = csv.DictReader(file)
    assert (line["address"], line["detail"]) == ("K\\udcf6ln.mp4", "It is empty.")


def test_an_earlier_report_is_emptied_where_it_may_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "failures.csv"
    assert write_failures([], path, overwrite=True) == 0
    assert not path.exists()
    write_failures([failed(1, "Final")], path, overwrite=False)

    kept = write_failures([], path, overwrite=False), path.read_text().count("\n")
    emptied = write_failures([], path, overwrite=True), path.read_text().count("\n")

    assert (kept, emptied) == ((0, 2), (0, 1))

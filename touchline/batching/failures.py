"""The report of what failed in a batch: a CSV that can be worked through."""

import csv
import io
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from touchline.client.batch_records import BatchItem
from touchline.client.downloading import new_file

HEAD = (
    *("number", "kind", "address", "title", "code", "detail", "retryable"),
    *("rounds", "video_id", "job_id"),
)


def write_failures(items: Iterable[BatchItem], path: Path, *, overwrite: bool) -> int:
    """Write failed items, a line each; none: no file is written.

    Returns:
        How many failed.

    Raises:
        FileExistsError: the file exists, and `overwrite` is not given.
    """
    rest = iter(items)
    first = next(rest, None)
    if first is None:
        return 0
    count = 0
    with new_file(path, overwrite=overwrite) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(HEAD)
        for item in chain([first], rest):
            writer.writerow(_line(item))
            count += 1
        text.flush()
        text.detach()
    return count


def _line(item: BatchItem) -> tuple[object, ...]:
    error = item.error
    told = (
        ("", "", "") if error is None else (error.code, error.detail, error.retryable)
    )
    return (
        *(item.number, item.kind, item.address, item.title or "", *told),
        *(item.rounds, item.video_id or "", item.job_id or ""),
    )

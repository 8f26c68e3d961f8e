"""The report of what failed in a batch: a CSV that can be worked through."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from model.data.formats.spreadsheets import safe_text
from touchline.client.batch_records import BatchItem
from touchline.client.downloading import new_file

HEAD = (
    *("number", "kind", "address", "title", "code", "detail", "retryable"),
    *("rounds", "video_id", "job_id"),
)
NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class NotSent:
    """A file here that never became an item, and why."""

    path: Path
    detail: str


def write_failures(
    items: Iterable[BatchItem],
    path: Path,
    *,
    not_sent: Sequence[NotSent] = (),
    overwrite: bool,
) -> int:
    """Write what failed, a line each; nothing: an earlier report is emptied.

    What a spreadsheet would compute has an apostrophe before it.

    Args:
        items: that failed.

    Returns:
        How many failed.

    Raises:
        FileExistsError: the file exists, and `overwrite` is not given.
    """
    lines = chain((_line_of_file(one) for one in not_sent), map(_line, items))
    first = next(lines, None)
    if first is None and not (overwrite and path.exists()):
        return 0
    count = 0
    with new_file(path, overwrite=overwrite) as file:
        # The name of a file may be in another encoding.
        text = io.TextIOWrapper(
            file, encoding="utf-8", errors="backslashreplace", newline=""
        )
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(HEAD)
        for line in chain([] if first is None else [first], lines):
            writer.writerow(
                [safe_text(one) if isinstance(one, str) else one for one in line]
            )
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


def _line_of_file(file: NotSent) -> tuple[object, ...]:
    told = ("", "file", str(file.path), "", NOT_SENT, file.detail)
    return (*told, *([""] * (len(HEAD) - len(told))))

"""Manifests: which videos a batch is of, a line each, read as they are sent."""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO
from uuid import UUID

SCHEMES = ("https://", "http://", "s3://", "gs://", "az://")
IMPORT = "import:"
FIELDS = ("url", "import", "video", "title")
MOST_CHARACTERS = 2**17  # of a field of a table
Item = dict[str, str]


class BadManifest(ValueError):
    """A line of a manifest says nothing that can be used; the message names it."""


def read_manifest(path: Path) -> Iterator[Item]:
    """Read a manifest by its name: `.csv`, `.jsonl`, else a text of lines.

    A line of a text is a URL, `import:PATH`, or the id of a video; empty ones and those
    that begin with # are passed over. A CSV has columns of `url`, `import`, `video` and
    `title`, and so has an object of JSON lines.

    Raises:
        BadManifest: a line cannot be used, or it is not in UTF-8.
        OSError: it cannot be read.
    """
    readers = {".csv": _from_csv, ".jsonl": _from_jsonl, ".ndjson": _from_jsonl}
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            yield from readers.get(path.suffix.lower(), _from_text)(file, path.name)
        except UnicodeDecodeError as exc:
            raise BadManifest(f"{path.name} is not in UTF-8: save it so") from exc


def _from_text(file: TextIO, name: str) -> Iterator[Item]:
    for number, line in enumerate(file, start=1):
        words = line.strip()
        if words and not words.startswith("#"):
            yield _item_of(words, f"{name}, line {number}")


def _item_of(words: str, where: str) -> Item:
    if words.startswith(SCHEMES):
        return {"url": words}
    if words.startswith(IMPORT):
        return {"import": words.removeprefix(IMPORT)}
    try:
        return {"video": str(UUID(words))}
    except ValueError:
        raise BadManifest(
            f"{where}: {words[:80]!r} is no URL, no import:PATH and no id of a video"
        ) from None


def _from_csv(file: TextIO, name: str) -> Iterator[Item]:
    csv.field_size_limit(MOST_CHARACTERS)  # All readers of a process share it.
    rows = csv.DictReader(file)
    try:
        columns = rows.fieldnames or ()
    except csv.Error as exc:
        raise BadManifest(f"{name}, line 1: no CSV ({exc})") from exc
    if not set(columns) & set(FIELDS[:3]):
        raise BadManifest(
            f"{name}: its head has no column url, import or video, but {list(columns)}"
        )
    while (row := _next_row(rows, name)) is not None:
        yield _checked({key: row.get(key) for key in FIELDS}, name, rows.line_num)


def _next_row(
    rows: "csv.DictReader[str]", name: str
) -> Mapping[str, str | None] | None:
    try:
        return next(rows, None)
    except csv.Error as exc:
        raise BadManifest(f"{name}, line {rows.line_num + 1}: no CSV ({exc})") from exc


def _from_jsonl(file: TextIO, name: str) -> Iterator[Item]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except ValueError as exc:
            raise BadManifest(f"{name}, line {number}: no JSON ({exc})") from exc
        if not isinstance(found, dict) or set(found) - set(FIELDS):
            raise BadManifest(
                f"{name}, line {number}: no object of {', '.join(FIELDS)} alone"
            )
        yield _checked(found, name, number)


def _checked(row: Mapping[str, object], name: str, number: int) -> Item:
    item: Item = {}
    for key, value in row.items():
        if value is not None and not isinstance(value, str):
            raise BadManifest(f"{name}, line {number}: {key} is no text, but {value!r}")
        if value and value.strip():
            item[key] = value.strip()
    if len(set(item) & set(FIELDS[:3])) != 1:
        raise BadManifest(f"{name}, line {number}: give one of url, import and video")
    where = f"{name}, line {number}"
    if "url" in item and not item["url"].startswith(SCHEMES):
        raise BadManifest(f"{where}: {item['url'][:80]!r} is no URL")
    if "video" in item:
        item["video"] = _video_id(item["video"], where)
    return item


def _video_id(words: str, where: str) -> str:
    try:
        return str(UUID(words))
    except ValueError:
        raise BadManifest(f"{where}: {words[:80]!r} is no id of a video") from None

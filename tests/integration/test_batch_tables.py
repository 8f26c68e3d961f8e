"""A batch's events as Parquet, CSV and JSON lines: the same rows, whole, in pieces."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select, update

from app.batches import parquet
from app.batches.event_columns import COLUMNS, NAMES, SCHEMA_VERSION
from app.batches.event_rows import BatchEvents
from app.batches.items import BatchSourceItem
from app.batches.service import BatchRequest, create_batch
from app.batches.tables import BatchItem
from app.timelines.tables import Analysis
from app.videos.tables import Video
from tests.api_server import RunningApi
from tests.integration.test_api import SPOTS, _finish, _upload

MODEL = {"name": "hall@3", "sha256": "f00d", "version": "1.2.3", "engine": "openvino"}


@pytest.fixture
def videos(api: RunningApi) -> list[UUID]:
    """Three videos that the model `hall@3` has analysed; the second has no events."""
    made = []
    for spots in (SPOTS, [], SPOTS[:2]):
        video = UUID(_upload(api)["id"])
        _finish(api, video, spots)
        made.append(video)
    with api.service.sessions.begin() as session:
        session.execute(update(Analysis).values(checkpoint=MODEL))
    return made


@pytest.fixture
def batch(api: RunningApi, videos: list[UUID]) -> UUID:
    """A batch that has ended."""
    wanted = BatchRequest({}, model="hall@3", weights={}, priority=-5, name="Cup")
    found = [BatchSourceItem("video", str(one)) for one in (*videos, uuid4())]
    with api.service.sessions.begin() as session:
        made = create_batch(session, wanted, found)
        items = session.scalars(select(BatchItem).order_by(BatchItem.number)).all()
        for item, video in zip(items, videos, strict=False):
            item.state, item.video_id = "succeeded", video
        items[-1].state = "failed"
        return made.id


def test_parquet_has_the_columns_that_are_documented_and_says_so(
    api: RunningApi, batch: UUID
) -> None:
    table = pq.read_table(io.BytesIO(load(api, batch, "parquet")))

    told = {one.name: (str(one.type), one.nullable) for one in table.schema}
    types = {"text": "string", "int": "int64", "float": "double", "bool": "bool"}
    types["time"] = "timestamp[us, tz=UTC]"
    assert told == {one.name: (types[one.type], one.nullable) for one in COLUMNS}
    said = {key.decode(): value.decode() for key, value in metadata_of(table).items()}
    assert said["touchline.schema"] == "touchline.batch-events"
    assert said["touchline.schema_version"] == str(SCHEMA_VERSION) == "1"
    assert said["touchline.batch_id"] == str(batch)
    assert said["touchline.batch_name"] == "Cup"
    docs = Path(__file__).parents[2] / "docs" / "batches.md"
    for column in COLUMNS:
        assert f"| `{column.name}` |" in docs.read_text()


def test_every_value_is_that_of_events(
    api: RunningApi, batch: UUID, videos: list[UUID]
) -> None:
    event = api.client.get(f"/videos/{videos[0]}/events").json()["items"][0]
    path = f"/videos/{videos[0]}/events/{event['id']}"
    changed = {"state": "accepted", "attributes": {"player": "7 é", "team": "left"}}
    api.client.patch(path, json=changed, headers={"if-match": '"0"'})
    api.client.post(f"/videos/{videos[0]}/events", json={"type": "SHOT", "frame": 9})

    rows = pq.read_table(io.BytesIO(load(api, batch, "parquet"))).to_pylist()

    for video in videos:
        events = api.client.get(f"/videos/{video}/events").json()["items"]
        its = [row for row in rows if row["video_id"] == str(video)]
        assert len(its) == len(events)
        for row, event in zip(its, events, strict=True):
            same = ("type", "time_s", "frame", "score", "team", "state")
            assert {name: row[name] for name in same} == {
                name: event[name] for name in same
            }
            assert row["event_id"] == event["id"]
            assert row["event_source"] == event["source"]
            assert row["decided_by"] == event["decided_by"]
            kept = {key: v for key, v in event["attributes"].items() if key != "team"}
            assert json.loads(row["attributes"]) == kept
    models = {
        (row["model_name"], row["model_version"], row["model_sha256"], row["engine"])
        for row in rows
    }
    assert models == {("hall@3", "3", "f00d", "openvino")}
    assert {row["state"] for row in rows} == {"suggested", "edited", "added"}


def test_csv_and_json_lines_say_the_same(api: RunningApi, batch: UUID) -> None:
    rows = pq.read_table(io.BytesIO(load(api, batch, "parquet"))).to_pylist()
    lines = load(api, batch, "jsonl").decode().splitlines()
    table = list(csv.DictReader(io.StringIO(load(api, batch, "csv").decode())))

    found = [json.loads(line) for line in lines]
    assert [set(one) for one in found] == [set(NAMES)] * len(rows)
    for row, one, line in zip(rows, found, table, strict=True):
        for name in ("event_id", "time_s", "frame", "score", "team", "item"):
            assert one[name] == row[name]
            assert line[name] == ("" if row[name] is None else str(row[name]))


def test_the_file_is_made_of_row_groups_and_grows_with_none(
    api: RunningApi, batch: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "ROWS_A_GROUP", 3)
    events = BatchEvents(batch, api.service)

    pieces = list(parquet.write_parquet(events, facts={}))

    file = pq.ParquetFile(io.BytesIO(b"".join(pieces)))
    sizes = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert sizes == [3, 3, 1]
    assert len(pieces) == 3
    assert file.metadata.metadata[b"touchline.videos"] == b"3"


def test_what_cannot_be_read_is_left_out_and_told(
    api: RunningApi, batch: UUID, videos: list[UUID]
) -> None:
    with api.service.sessions.begin() as session:
        session.get_one(Video, videos[0]).current_analysis_id = None
    api.client.delete(f"/videos/{videos[2]}")

    alone = api.client.get(f"/videos/{videos[0]}/events")
    file = pq.ParquetFile(io.BytesIO(load(api, batch, "parquet")))

    assert alone.json()["type"] == "/problems/no-timeline"
    assert file.metadata.num_rows == 0
    told = file.metadata.metadata
    left_out = json.loads(told[b"touchline.left_out"])
    assert [one["video_id"] for one in left_out] == [str(videos[0])]
    assert told[b"touchline.videos"] == b"1"


def test_a_spreadsheet_computes_nothing_of_what_people_wrote(
    api: RunningApi, batch: UUID, videos: list[UUID]
) -> None:
    formula = "=HYPERLINK(1)"
    with api.service.sessions.begin() as session:
        session.get_one(Video, videos[0]).title = formula

    rows = list(csv.DictReader(io.StringIO(load(api, batch, "csv").decode())))
    lines = load(api, batch, "jsonl").decode().splitlines()
    table = pq.read_table(io.BytesIO(load(api, batch, "parquet")))

    assert rows[0]["video_title"] == f"'{formula}"
    assert json.loads(lines[0])["video_title"] == formula
    assert table["video_title"][0].as_py() == formula


def test_without_pyarrow_the_other_tables_are_named(
    api: RunningApi, batch: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [one for one in sys.modules if one.partition(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    answer = api.client.get(f"/batches/{batch}/events.parquet")

    assert answer.status_code == 501
    assert answer.json()["type"] == "/problems/parquet-not-installed"
    assert "events.csv" in answer.json()["detail"]
    assert api.client.get(f"/batches/{batch}/events.csv").status_code == 200


def load(api: RunningApi, batch: UUID, form: str) -> bytes:
    answer = api.client.get(f"/batches/{batch}/events.{form}")
    assert answer.status_code == 200, answer.text
    assert f"batch-{batch}.{form}" in answer.headers["content-disposition"]
    return answer.content


def metadata_of(table: Any) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = table.schema.metadata
    return found

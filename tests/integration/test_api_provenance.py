"""Files tell where their events come from, if they are asked to."""

import csv
import io
import json
from typing import Any
from uuid import UUID

import pytest

from app.search.provenance import shortened
from app.timelines.exports import EXPORTS
from app.timelines.provenance_schemas import ProvenanceObject
from app.timelines.tables import Analysis
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.data.formats.base import ReadOptions
from model.data.formats.clock import ConstantRate
from model.data.formats.provenance import (
    Provenance,
    ReviewedSpan,
    read_line,
    read_provenance,
)
from model.data.formats.reading import read_events
from tests.api_server import RunningApi
from tests.integration.analyses import analyse
from tests.integration.test_api import FPS, SPOTS, _finish, _problem, _upload
from tests.integration.test_api_corrections import add, change, events
from tests.integration.uploaded import Uploaded
from tests.unit.model.spotting.test_spot_stream import draw_timeline

SHA256 = "ab" * 32
AT_30 = ReadOptions(ConstantRate(FPS))
CARRY = [name for name, one in EXPORTS.items() if one.form.holds.provenance != "none"]
CARRY_NOT = [name for name in EXPORTS if name not in CARRY]


@pytest.fixture
def video(api: RunningApi) -> UUID:
    """A video of which somebody has reviewed a part and decided two events."""
    video_id = UUID(_upload(api)["id"])
    _finish(api, video_id, SPOTS)
    with api.service.sessions.begin() as session:
        analysis = session.query(Analysis).filter_by(video_id=video_id).one()
        analysis.checkpoint = {**analysis.checkpoint, "sha256": SHA256}
    first = events(api, video_id)[0]["id"]
    change(api, video_id, first, author="Ada", type="SHOT")
    add(api, video_id, type="PASS", frame=50)
    reviewed = {"from_s": 0.5, "to_s": 6.0}
    headers = {"touchline-author": "Bo"}
    answer = api.client.post(
        f"/videos/{video_id}/reviewed", json=reviewed, headers=headers
    )
    assert answer.status_code == 200, answer.text
    return video_id


@pytest.mark.parametrize("form", CARRY)
def test_a_file_tells_model_thresholds_people_and_edits(
    api: RunningApi, video: UUID, form: str
) -> None:
    address = f"/videos/{video}/events?format={form}"

    plain = api.client.get(address)
    answer = api.client.get(f"{address}&provenance=true")
    read = read_events(answer.content, format=form, options=AT_30)

    told = read.provenance
    assert told is not None, answer.text
    (model,) = told.models
    assert model.sha256 == SHA256
    assert told.spans_s == ((0.5, 6.0),)
    assert told.reviewers == ("local", "local/Ada", "local/Bo")
    assert told.history_count == 2
    assert len(told.history) in (0, 2)
    without = read_events(plain.content, format=form, options=AT_30)
    assert without.provenance is None
    assert len(without.events) == len(read.events)


def test_a_page_of_the_list_tells_it_too(api: RunningApi, video: UUID) -> None:
    address = f"/videos/{video}/events?provenance=true"

    page = api.client.get(address).json()
    whole = told_by(page)
    part = told_by(api.client.get(f"{address}&limit=2").json())

    ProvenanceObject.model_validate_json(
        json.dumps(page["provenance"]), strict=True, extra="forbid"
    )
    assert [line["action"] for line in whole.history] == ["edit", "add"]
    assert whole.history[0]["after"]["type"] == "SHOT"
    assert whole.history[0]["event_id"]
    assert (whole.choice, part.choice) == ({}, {"limit": 2})
    assert "provenance" not in api.client.get(f"/videos/{video}/events").json()


def test_what_was_left_out_is_told(api: RunningApi, video: UUID) -> None:
    address = f"/videos/{video}/events?provenance=true"

    late = told_by(api.client.get(f"{address}&from_s=2&to_s=3").json())
    sure = told_by(api.client.get(f"{address}&min_score=0.5&state=added").json())
    raw = told_by(api.client.get(f"{address}&source=model").json())

    assert late.spans_s == ((2.0, 3.001),)
    assert sure.choice == {"min_score": 0.5, "state": ["added"]}
    assert (raw.spans_s, raw.reviewers, raw.history) == ((), (), ())
    assert raw.models[0].sha256 == SHA256


@pytest.mark.parametrize("form", CARRY_NOT)
def test_a_format_without_a_place_for_it_says_so(
    api: RunningApi, video: UUID, form: str
) -> None:
    address = f"/videos/{video}/{EXPORTS[form].path}?provenance=true"

    told = _problem(api.client.get(address), 422, "format-cannot-hold")

    assert "no place for where events come from" in told["detail"]


def test_statistics_tell_it_of_both_matches(api: RunningApi, video: UUID) -> None:
    other = UUID(_upload(api)["id"])
    _finish(api, other, SPOTS)
    address = f"/videos/{video}/statistics?provenance=true&with={other}"

    body = api.client.get(address).json()
    table = api.client.get(f"{address}&format=csv")

    told = [read_provenance(one) for one in body["provenance"]]
    assert told[0] is not None
    assert told[1] is not None
    assert told[0].reviewers == ("local", "local/Ada", "local/Bo")
    assert told[0].video["id"] == str(video)
    assert (told[1].video["id"], told[1].reviewers) == (str(other), ())
    rows = list(csv.DictReader(io.StringIO(table.text)))
    cells = [read_line(row["provenance"]) for row in rows if row["provenance"]]
    assert [
        one and (one.reviewers, one.history, one.history_count) for one in cells
    ] == [
        (("local", "local/Ada", "local/Bo"), (), 2),
        ((), (), 0),
    ]
    plain = api.client.get(f"/videos/{video}/statistics?format=csv")
    assert "provenance" not in plain.text
    assert api.client.get(f"/videos/{video}/statistics").json()["provenance"] == []


def test_a_table_of_a_search_tells_it_once_a_match(
    api: RunningApi, video: UUID
) -> None:
    other = UUID(_upload(api)["id"])
    _finish(api, other, SPOTS)
    address = "/events?format=csv&provenance=true&min_score=0.1"

    answer = api.client.get(address)

    rows = list(csv.DictReader(io.StringIO(answer.text)))
    told = {row["video_id"]: row for row in reversed(rows) if row["provenance"]}
    assert sum(bool(row["provenance"]) for row in rows) == 2
    assert set(told) == {str(video), str(other)}
    own = read_line(told[str(video)]["provenance"])
    assert own is not None
    assert own.models[0].sha256 == SHA256
    assert (own.reviewers, own.history_count) == (("local", "local/Ada", "local/Bo"), 2)
    assert own.spans_s == ((0.5, 6.0),)
    assert own.choice == {"min_score": 0.1}


def test_a_search_tells_it_in_a_table_alone(api: RunningApi) -> None:
    told = _problem(
        api.client.get("/events?provenance=true&format=m3u8"), 422, "invalid-request"
    )

    assert "format=csv" in told["detail"]


def test_what_no_cell_has_room_for_is_shortened() -> None:
    def told(count: int) -> Provenance:
        spans = (ReviewedSpan(n / 2, n / 2 + 0.2, "A" * 90) for n in range(count))
        return Provenance(reviewed=tuple(spans))

    few, many = (
        read_line(shortened(told(9), "id")),
        read_line(shortened(told(400), "id")),
    )

    assert few == told(9)
    assert many is not None
    assert many.spans_s == told(400).spans_s
    assert {one.author for one in many.reviewed or ()} == {None}
    assert shortened(told(4000), "id").endswith("/videos/id/events?provenance=true")


def test_thresholds_are_those_in_force(api: RunningApi) -> None:
    body = _upload(api)
    uploaded = Uploaded(UUID(body["id"]), UUID(body["job"]["id"]), api.service.sessions)
    options = SpottingOptions({"PASS": LabelOptions(0.3), "DRIVE": LabelOptions(0.45)})
    analyse(uploaded, draw_timeline(1), options, storage=api.service.storage)
    address = f"/videos/{uploaded.video_id}/events?provenance=true"

    own = told_by(api.client.get(address).json())
    asked = told_by(api.client.get(f"{address}&threshold.PASS=0.1").json())

    assert own.models[0].thresholds == {"PASS": 0.3, "DRIVE": 0.45}
    assert asked.models[0].thresholds == {"PASS": 0.1, "DRIVE": 0.45}


def told_by(page: dict[str, Any]) -> Provenance:
    """Read what an answer tells."""
    told = read_provenance(json.loads(json.dumps(page["provenance"])))
    assert told is not None
    return told

"""Files of other programs become corrections: looked at first, in one step, once."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.annotations.import_parameters import MAX_FILE_BYTES
from app.core.http.routing import MAX_BODY_BYTES
from app.timelines.suggestions import suggestion_id
from tests.api_server import RunningApi
from tests.integration.test_api import SPOTS, _finish, _problem, _upload
from tests.integration.test_api_corrections import change, events, history

# The PASS at 1.2 s is the model's of 1.0 s.
TABLE = b"""label,time_s,team,player
PASS,1.2,left,7
SHOT,3.0,right,9
PASS,6.5,left,
"""


@pytest.fixture
def video(api: RunningApi) -> UUID:
    """A video whose timeline holds SPOTS."""
    video_id = UUID(_upload(api)["id"])
    _finish(api, video_id, SPOTS)
    return video_id


def test_a_preview_tells_what_would_be_done_and_does_nothing(
    api: RunningApi, video: UUID
) -> None:
    before = events(api, video, "state=all")

    report = imported(api, video, TABLE, "preview=true&format=csv&offset_s=0.1")

    assert report["is_preview"]
    assert (report["format"], report["offset_s"]) == ("csv", 0.1)
    assert report["counts"] == {"PASS": 2, "SHOT": 1}
    assert report["added"] == {"SHOT": 1, "PASS": 1}
    assert (report["first_s"], report["last_s"]) == pytest.approx((1.3, 6.6))
    (duplicate,) = report["duplicates"]
    assert duplicate["event_id"] == str(suggestion_id(video, "PASS", 30))
    assert (duplicate["where"], duplicate["state"]) == ("row 2", "suggested")
    assert (report["step"], report["revision"]) == (None, 0)
    assert {"PASS", "DRIVE", "SHOT"} <= set(report["known_types"])
    assert events(api, video, "state=all") == before


def test_an_import_is_one_step_that_undo_takes_back(
    api: RunningApi, video: UUID
) -> None:
    before = events(api, video)

    report = imported(api, video, TABLE, "format=csv")

    added = [one for one in events(api, video) if one["state"] == "added"]
    assert [(one["type"], one["frame"]) for one in added] == [
        ("SHOT", 90),
        ("PASS", 195),
    ]
    assert added[0]["attributes"] == {"team": "right", "player": "9"}
    assert added[1]["attributes"] == {"team": "left"}
    assert (report["added_count"], report["duplicate_count"]) == (2, 1)
    (line,) = history(api, video, added[0]["id"])
    assert (line["action"], line["step"]) == ("import", report["step"])
    assert line["revision"] == report["revision"] == 1

    undone = api.client.post(f"/videos/{video}/events/undo").json()

    assert set(undone["gone"]) == {one["id"] for one in added}
    assert events(api, video) == before
    api.client.post(f"/videos/{video}/events/redo")
    assert [one for one in events(api, video) if one["state"] == "added"] == [
        {**one, "version": 3} for one in added
    ]


def test_a_file_that_is_imported_again_adds_nothing(
    api: RunningApi, video: UUID
) -> None:
    imported(api, video, TABLE)
    before = events(api, video)

    report = imported(api, video, TABLE)

    assert (report["added_count"], report["duplicate_count"]) == (0, 3)
    assert (report["step"], report["revision"]) == (None, 1)
    assert events(api, video) == before


def test_what_was_rejected_is_not_brought_back(api: RunningApi, video: UUID) -> None:
    change(api, video, suggestion_id(video, "PASS", 30), state="rejected")

    report = imported(api, video, b"label,time_s\nPASS,1.0\n")

    assert [one["state"] for one in report["duplicates"]] == ["rejected"]
    assert report["added_count"] == 0
    assert len(events(api, video)) == len(SPOTS) - 1


@pytest.mark.parametrize(
    "form",
    ["json", "sportscode", "osl", "soccernet-labels", "e2espot", "boris", "elan"],
)
def test_what_was_exported_is_there_already(
    api: RunningApi, video: UUID, form: str
) -> None:
    exported = api.client.get(
        f"/videos/{video}/events", params={"format": form, "limit": 1000}
    )
    fps = "&fps=30" if form == "e2espot" else ""

    report = imported(api, video, exported.content, f"tolerance_s=0{fps}")

    assert report["format"] == form
    assert (report["added_count"], report["duplicate_count"]) == (0, len(SPOTS))


def test_two_imports_at_once_follow_each_other(api: RunningApi, video: UUID) -> None:
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: imported(api, video, TABLE), range(4)))

    assert sorted(one["added_count"] for one in reports) == [0, 0, 0, 2]
    states = [one["state"] for one in events(api, video)]
    assert states.count("added") == 2


def test_two_files_at_once_are_a_step_each_and_nothing_is_doubled(
    api: RunningApi, video: UUID
) -> None:
    files = [f"label,time_s\nSHOT,{own}\nSHOT,8.0\n".encode() for own in (3, 6)]

    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda file: imported(api, video, file), files))

    reports.sort(key=lambda one: one["added_count"])
    assert [one["added_count"] for one in reports] == [1, 2]
    assert len({one["step"] for one in reports} - {None}) == 2
    assert [one["time_s"] for one in events(api, video, "type=SHOT")] == [3, 6, 8]
    api.client.post(f"/videos/{video}/events/undo").raise_for_status()
    assert len(events(api, video, "type=SHOT")) == 2, "the later file's one is gone"


def test_a_request_that_is_sent_again_gets_the_same_answer(
    api: RunningApi, video: UUID
) -> None:
    headers = {"idempotency-key": str(uuid4())}

    first = post(api, video, TABLE, headers=headers)
    again = post(api, video, TABLE, headers=headers)
    other = post(api, video, TABLE, "offset_s=1", headers=headers)

    assert first.json() == again.json()
    assert first.json()["added_count"] == 2
    _problem(other, 422, "idempotency-key-reused")


def test_unknown_types_are_named_and_can_be_mapped(
    api: RunningApi, video: UUID
) -> None:
    table = b"label,time_s\nPass,6\nGOAL,7\nGOAL,8\nSHOT,9\n"

    preview = imported(api, video, table, "preview=true")
    problem = _problem(post(api, video, table), 422, "import-incomplete")

    assert preview["unknown_types"] == [
        {"type": "GOAL", "count": 2, "suggestion": None},
        {"type": "Pass", "count": 1, "suggestion": "PASS"},
    ]
    assert preview["added"] == {"SHOT": 1}
    assert problem["report"]["unknown_types"] == preview["unknown_types"]
    assert "'GOAL'" in problem["detail"]
    assert len(events(api, video)) == len(SPOTS)
    mapped = imported(api, video, table, "rename=Pass=PASS&rename=GOAL=SHOT")
    assert mapped["added"] == {"SHOT": 3, "PASS": 1}


def test_what_lies_outside_the_video_is_told_and_left_out_if_asked(
    api: RunningApi, video: UUID
) -> None:
    table = b"label,time_s\nSHOT,3\nSHOT,11\nSHOT,x\n,4\n"

    problem = _problem(post(api, video, table), 422, "import-incomplete")
    early = imported(api, video, table, "preview=true&offset_s=-3.5")
    report = imported(api, video, table, "skip_bad=true")

    told = problem["report"]
    assert (told["problem_count"], told["outside_count"]) == (3, 1)
    assert "11.000 s, the video lasts 10.000 s" in json.dumps(told["problems"])
    assert early["outside_count"] == 1
    assert report["added"] == {"SHOT": 1}


def test_what_can_be_read_in_two_ways_is_asked(api: RunningApi, video: UUID) -> None:
    table = b"label,time\nSHOT,90\n"

    asked = _problem(post(api, video, table, "preview=true"), 422, "ambiguous-events")
    report = imported(api, video, table, "time_format=frames")

    assert asked["option"] == "time_format"
    assert {"s", "ms", "frames"} <= set(asked["choices"])
    assert report["added"] == {"SHOT": 1}
    assert [one["frame"] for one in events(api, video, "type=SHOT")] == [90]


def test_milliseconds_under_seconds_are_asked(api: RunningApi, video: UUID) -> None:
    table = b"label,time_s\nSHOT,3000\nSHOT,5000\nSHOT,7000\n"

    asked = _problem(post(api, video, table, "skip_bad=true"), 422, "ambiguous-events")
    report = imported(api, video, table, "time_format=ms")

    assert asked["option"] == "time_format"
    assert "looks like milliseconds" in asked["detail"]
    assert report["added"] == {"SHOT": 3}


def test_frames_of_another_rate_find_their_own(api: RunningApi, video: UUID) -> None:
    imported(api, video, b"label,frame\nSHOT,75\n", "fps=25")

    assert [one["frame"] for one in events(api, video, "type=SHOT")] == [90]


def test_instances_of_another_program_need_their_lead(
    api: RunningApi, video: UUID
) -> None:
    data = instances(("SHOT", 1.0, 4.0), ("SHOT", 9.0, 8.0))

    asked = _problem(post(api, video, data), 422, "ambiguous-events")
    report = imported(api, video, data, "lead_in_s=2&skip_bad=true")

    assert asked["option"] == "lead_in_s"
    assert [one["frame"] for one in events(api, video, "type=SHOT")] == [90]
    (problem,) = report["problems"]
    assert "before it starts" in problem["detail"]


def test_both_halves_start_where_the_match_facts_say_or_are_asked_for(
    api: RunningApi, video: UUID
) -> None:
    data = halves_file(1, 2)
    asked = _problem(post(api, video, data), 422, "ambiguous-events")
    know_halves(api, video, 0.5, 5.0)
    third = _problem(post(api, video, halves_file(3)), 422, "ambiguous-events")

    report = imported(api, video, data)

    assert asked["option"] == "half or halves"
    assert (third["option"], third["halves_of_the_video"]) == ("halves", "0.5,5")
    assert [one["time_s"] for one in events(api, video, "type=SHOT")] == [1.5, 6.0]
    assert "at 0.5,5 s" in report["notes"][0]


def test_what_a_request_says_of_halves_comes_before_the_match_facts(
    api: RunningApi, video: UUID
) -> None:
    know_halves(api, video, 0.5, 5.0)

    told = imported(api, video, halves_file(1, 2), "halves=2,3&preview=true")
    second = imported(api, video, halves_file(1, 2), "half=2&preview=true")

    assert (told["first_s"], told["last_s"]) == (3.0, 4.0)
    assert (second["first_s"], second["last_s"]) == (1.0, 1.0)


@pytest.mark.parametrize("form", ["soccernet", "soccernet-labels"])
def test_halves_are_told_by_the_match_facts_and_come_back(
    api: RunningApi, video: UUID, form: str
) -> None:
    know_halves(api, video, 0.25, 2.0)
    before = events(api, video)
    address = f"/videos/{video}/events?format={form}"

    exported = api.client.get(address)
    plain = api.client.get(f"{address}&halves=none").json()
    report = imported(api, video, exported.content)

    rows = exported.json().get("annotations") or exported.json()["predictions"]
    at = [(one["gameTime"], int(one["position"])) for one in rows]
    assert at == [  # 4.034 s: programs that cut off come to the frame of 4.0333 s
        *(("1 - 00:00", 750), ("2 - 00:00", 500), ("2 - 00:00", 500)),
        *(("2 - 00:02", 2034), ("2 - 00:07", 7000)),
    ]
    assert (report["added_count"], report["duplicate_count"]) == (0, len(before))
    plain_rows = plain.get("annotations") or plain["predictions"]
    assert {one["gameTime"][0] for one in plain_rows} == {"1"}


def test_events_before_the_kick_off_are_refused_with_a_way_out(
    api: RunningApi, video: UUID
) -> None:
    know_halves(api, video, 2.0)
    address = f"/videos/{video}/events.soccernet.json"

    told = _problem(api.client.get(address), 422, "format-cannot-hold")

    assert "before the first half" in told["detail"]
    assert "halves=none" in told["detail"]
    assert api.client.get(f"{address}?halves=none").status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE file [<!ENTITY a "aaaa">]><file><ALL_INSTANCES/></file>',
        b'<?xml version="1.0"?><!DOCTYPE file SYSTEM "file:///etc/passwd"><file/>',
        b"<file><ALL_INSTANCES><instance>",
        b"[" * 200_000,
        b'{"events": 3}',
        b"\x00\x01\x02\xff",
        b"label,time_s\n" + b"SHOT,3\n" * 20_001,
    ],
)
@pytest.mark.parametrize("preview", ["true", "false"])
def test_what_cannot_be_read_is_refused(
    api: RunningApi, video: UUID, data: bytes, preview: str
) -> None:
    form = "&format=sportscode" if data.startswith(b"<") else ""

    problem = _problem(
        post(api, video, data, f"preview={preview}{form}"), 422, "unreadable-events"
    )

    if b"DOCTYPE" in data:
        assert "DOCTYPE or entities" in problem["detail"]
    assert len(events(api, video)) == len(SPOTS)


def test_a_file_is_larger_than_other_bodies_but_has_an_end(
    api: RunningApi, video: UUID
) -> None:
    row = b"SHOT,3.0," + b"x" * 1500 + b"\n"
    large = b"label,time_s,note\n" + row * (MAX_BODY_BYTES // len(row) + 2)

    report = imported(api, video, large)
    problem = _problem(
        post(api, video, b" " * (MAX_FILE_BYTES + 1)), 413, "body-too-large"
    )

    assert len(large) > MAX_BODY_BYTES
    assert report["added"] == {"SHOT": 1}
    assert {one["event_id"] for one in report["duplicates"]} == {None}
    assert problem["limit_bytes"] == MAX_FILE_BYTES


def test_bodies_and_options_that_are_none_are_refused(
    api: RunningApi, video: UUID
) -> None:
    form = api.client.post(
        f"/videos/{video}/events:import", files={"file": ("a.csv", TABLE)}
    )
    _problem(form, 415, "unsupported-body")
    _problem(post(api, video, b""), 422, "unreadable-events")
    for query in (
        *("format=mp3", "rename=PASS", "rename=A=B&rename=A=C", "halves=9,3"),
        *("fps=0", "offset_s=nan", "encoding=punycode", "time_format=days"),
    ):
        _problem(post(api, video, TABLE, query), 422, "invalid-request")
    _problem(post(api, uuid4(), TABLE), 404, "video-not-found")
    long = b"label,time_s,note\nSHOT,3," + b"x" * 2001
    told = _problem(post(api, video, long), 422, "import-incomplete")
    assert "'note'" in told["report"]["problems"][0]["detail"]


def test_a_video_that_nobody_has_looked_at_has_no_frames_yet(api: RunningApi) -> None:
    video = UUID(_upload(api)["id"])

    _problem(post(api, video, TABLE), 409, "frames-unknown")


def instances(*rows: tuple[str, float, float]) -> bytes:
    """Write instances as other programs do, without the label Lead."""
    inner = "".join(
        f"<instance><ID>{number}</ID><start>{start_s}</start><end>{end_s}</end>"
        f"<code>{code}</code></instance>"
        for number, (code, start_s, end_s) in enumerate(rows, start=1)
    )
    return f"<file><ALL_INSTANCES>{inner}</ALL_INSTANCES></file>".encode()


def post(
    api: RunningApi,
    video: UUID,
    data: bytes,
    query: str = "",
    *,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """Send a file."""
    return api.client.post(
        f"/videos/{video}/events:import?{query}", content=data, headers=headers
    )


def know_halves(api: RunningApi, video: UUID, *starts_s: float) -> None:
    """Note in the match facts when halves start."""
    halves = [{"start_s": start_s} for start_s in starts_s]
    answer = api.client.patch(f"/videos/{video}", json={"halves": halves})
    assert answer.status_code == 200, answer.text


def halves_file(*halves: int) -> bytes:
    """Make SoccerNet's labels of a SHOT one second after each kick-off."""
    annotations = [
        {"gameTime": f"{half} - 00:01", "label": "SHOT", "position": "1000"}
        for half in halves
    ]
    return json.dumps({"annotations": annotations}).encode()


def imported(
    api: RunningApi, video: UUID, data: bytes, query: str = ""
) -> dict[str, Any]:
    """Import a file, and read the report."""
    answer = post(api, video, data, query)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report

"""The whole walk: a video goes in, a timeline comes out, a webhook tells of it."""

import csv
import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks

from tests.acceptance.conftest import SECRET, Receiver
from tests.acceptance.running import RunningService, run_touchline
from tests.checkpoints import LABELS


@pytest.fixture(scope="module")
def walked(service: RunningService, receiver: Receiver, match: Path) -> dict[str, Any]:
    """A video that went all the way."""
    sent = service.upload(match, title="Cup final", callback_url=receiver.url)
    assert sent["status"] == "queued"
    return service.wait_for_end(sent["id"])


def test_the_three_lines_say_where_api_docs_and_data_are(
    service: RunningService,
) -> None:
    url = f"http://127.0.0.1:{service.port}"

    assert [line.split() for line in service.shown] == [
        ["API", url],
        ["Docs", f"{url}/docs"],
        ["Data", str(service.data_dir)],
    ]


@pytest.mark.costly
def test_a_video_ends_with_facts_counts_and_full_progress(
    walked: dict[str, Any], match: Path
) -> None:
    assert walked["status"] == "succeeded"
    assert walked["title"] == "Cup final"
    assert walked["progress"] == 1.0
    assert (walked["width"], walked["height"], walked["fps"]) == (160, 96, 30.0)
    assert walked["codec"] == "h264"
    assert walked["duration_s"] == pytest.approx(4.0, abs=0.05)
    assert walked["size_bytes"] == match.stat().st_size
    assert sum(walked["counts"].values()) > 0


def test_the_events_are_the_ones_counted_page_by_page(
    service: RunningService, walked: dict[str, Any]
) -> None:
    path = f"/videos/{walked['id']}/events"
    events, cursor = [], None
    while True:
        query = {"limit": 5} if cursor is None else {"limit": 5, "cursor": cursor}
        page = service.get(path, **query)
        events += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert events == service.get(path, limit=1000)["items"]
    assert len(events) == sum(walked["counts"].values())
    for event in events:
        assert set(event) == {
            *("id", "type", "time_s", "frame", "score", "team", "state", "source"),
            *("attributes", "is_ghost", "is_provisional", "version"),
            *("decided_by", "decided_at"),
        }
        assert (event["state"], event["source"]) == ("suggested", "model")
        assert event["time_s"] == pytest.approx(event["frame"] / 30, abs=0.001)


def test_events_are_filtered_by_type_and_score(
    service: RunningService, walked: dict[str, Any]
) -> None:
    path = f"/videos/{walked['id']}/events"
    every = service.get(path, limit=1000)["items"]
    middle = sorted(event["score"] for event in every)[len(every) // 2]

    drives = service.get(path, type="DRIVE", limit=1000)["items"]
    strong = service.get(path, min_score=middle, limit=1000)["items"]

    assert len(drives) == walked["counts"]["DRIVE"]
    assert {event["type"] for event in drives} == {"DRIVE"}
    assert 0 < len(strong) < len(every)
    assert all(event["score"] >= middle for event in strong)
    refused = service.client.get(path, params={"type": "GOAL-ISH"})
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"


def test_events_come_as_csv_and_in_soccernets_form(
    service: RunningService, walked: dict[str, Any]
) -> None:
    path = f"/videos/{walked['id']}/events"
    count = sum(walked["counts"].values())

    text = service.client.get(path, params={"format": "csv"}).text
    soccernet = service.get(path, format="soccernet")

    assert len(list(csv.DictReader(io.StringIO(text)))) == count
    assert len(soccernet["predictions"]) == count


def test_the_timeline_gives_the_curve_of_each_label(
    service: RunningService, walked: dict[str, Any]
) -> None:
    timeline = service.get(f"/videos/{walked['id']}/timeline")

    assert set(timeline["scores"]) == set(LABELS)
    assert timeline["steps"] == 60  # 4 s at the network's 15 steps a second
    for curve in timeline["scores"].values():
        assert len(curve) == len(timeline["time_s"])
        assert all(0 <= score <= 1 for score in curve)


def test_a_poster_and_stills_for_the_seek_bar_are_made_beside_it(
    service: RunningService, walked: dict[str, Any]
) -> None:
    def drawn() -> dict[str, Any] | None:
        video: dict[str, Any] = service.get(f"/videos/{walked['id']}")
        return video if video["has_poster"] else None

    video = service.wait_until(drawn, "the video has a poster")
    assert video is not None
    links = video["links"]

    poster = service.client.get(links["poster"])
    cues = service.client.get(links["thumbnails"])
    assert poster.content.startswith(b"\xff\xd8\xff")
    assert cues.text.startswith("WEBVTT")
    assert service.get("/readyz")["checks"]["media"] == "ok"


def test_the_webhook_arrives_and_verifies_with_other_peoples_libraries(
    service: RunningService, walked: dict[str, Any], receiver: Receiver
) -> None:
    def arrived() -> list[tuple[dict[str, str], bytes]]:
        return [
            (headers, body)
            for headers, body in receiver.received
            if json.loads(body)["data"]["video_id"] == walked["id"]
        ]

    ((headers, body),) = service.wait_until(arrived, "the webhook arrives")

    message = standardwebhooks.Webhook(SECRET).verify(body, headers)
    svix.webhooks.Webhook(SECRET).verify(body, headers)
    assert message["type"] == "video.completed"
    assert message["data"]["status"] == "succeeded"
    assert message["data"]["events"] == walked["counts"]
    assert message["data"]["links"]["events"].endswith(f"/{walked['id']}/events")

    def recorded() -> list[Any]:
        found = service.get(f"/videos/{walked['id']}/deliveries")["items"]
        return [one for one in found if one["status"] == "delivered"]

    (delivery,) = service.wait_until(recorded, "the attempt is recorded")
    assert delivery["id"] == headers["webhook-id"]


@pytest.mark.costly
def test_a_deleted_video_leaves_nothing_behind(
    service: RunningService, match: Path
) -> None:
    video = service.wait_for_end(service.upload(match)["id"])
    folder = service.data_dir / "videos" / video["id"]
    assert any(folder.rglob("*.npz"))
    service.wait_until(  # Else its pictures may be drawn while it is deleted.
        lambda: service.get(f"/videos/{video['id']}")["has_poster"], "it has a poster"
    )

    answer = service.client.delete(f"/videos/{video['id']}")

    assert answer.status_code == 204
    assert not folder.exists()
    for path in (f"/videos/{video['id']}", f"/jobs/{video['job']['id']}"):
        assert service.client.get(path).status_code == 404


@pytest.mark.costly
def test_a_video_without_a_model_is_probed_and_analysed_when_one_is_asked_for(
    service: RunningService, match: Path
) -> None:
    probed = service.wait_for_end(service.upload(match, model="none")["id"])

    asked = service.client.post(probed["links"]["jobs"], json={})
    analysed = service.wait_for_end(probed["id"])

    assert (probed["status"], probed["counts"]) == ("succeeded", None)
    assert probed["duration_s"] == pytest.approx(4.0, abs=0.05)
    assert analysed["job"]["id"] == asked.json()["id"]
    assert (analysed["status"], analysed["job"]["kind"]) == ("succeeded", "spot")
    assert sum(analysed["counts"].values()) > 0


@pytest.mark.costly
def test_the_sample_match_is_analysed_like_an_upload(service: RunningService) -> None:
    added = service.client.post("/videos/sample").json()

    video = service.wait_for_end(added["id"])

    assert (video["status"], video["title"]) == ("succeeded", "Sample match")
    assert video["halves"][0]["end_s"] == video["duration_s"] == 120.0
    assert sum(video["counts"].values()) > 0
    service.client.delete(video["links"]["self"])


def test_keys_webhook_shows_the_secret_made_at_the_first_start(
    tmp_path: Path,
) -> None:
    environment = {"TOUCHLINE_DATA_DIR": str(tmp_path), "TOUCHLINE_WEBHOOK_SECRET": ""}

    first = run_touchline("keys", "webhook", environment=environment)
    second = run_touchline("keys", "webhook", environment=environment)

    assert first.stdout == second.stdout
    assert first.stdout.startswith("whsec_")
    assert standardwebhooks.Webhook(first.stdout.strip())
    (kept,) = tmp_path.iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600

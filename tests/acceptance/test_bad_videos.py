"""Files that are no proper video: each ends in words a user can act on."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Receiver
from tests.acceptance.running import RunningService
from tests.videos import cut_off, draw_sound, draw_video

pytestmark = pytest.mark.costly


@pytest.fixture(scope="module")
def ended(
    service: RunningService,
    receiver: Receiver,
    match: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, dict[str, Any]]:
    """All bad files uploaded at once, each waited for; videos by name."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "notes.mp4").write_text("a diary, not a video\n" * 50)
    cut_off(match, folder / "truncated.mp4", keep=0.5)
    front = {"movflags": "faststart"}
    draw_video(folder / "whole.mp4", frames=120, fps=30, options=front)
    cut_off(folder / "whole.mp4", folder / "cut-short.mp4", keep=0.6)
    data = bytearray((folder / "whole.mp4").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    (folder / "damaged.mp4").write_bytes(bytes(data))
    (folder / "whole.mp4").unlink()
    draw_sound(folder / "sound.m4a")
    script = f"ffconcat version 1.0\nfile {match}\n"
    (folder / "script.mp4").write_text(script)
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{match}\n#EXT-X-ENDLIST"
    (folder / "playlist.m3u8").write_text(playlist)
    draw_video(folder / "one-frame.mp4", frames=1, fps=30)
    sent = {
        path.name: service.upload(path, callback_url=receiver.url)["id"]
        for path in sorted(folder.iterdir())
    }
    return {name: service.wait_for_end(video_id) for name, video_id in sent.items()}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("notes.mp4", "unreadable_video"),
        ("script.mp4", "unsupported_media"),
        ("playlist.m3u8", "unsupported_media"),
        ("sound.m4a", "no_video_stream"),
        ("truncated.mp4", "unreadable_video"),
    ],
)
def test_what_cannot_be_spotted_fails_with_a_reason_and_a_webhook(
    ended: dict[str, dict[str, Any]],
    service: RunningService,
    receiver: Receiver,
    name: str,
    code: str,
) -> None:
    video = ended[name]

    assert (video["status"], video["error"]["code"]) == ("failed", code)
    assert len(video["error"]["detail"]) > 20
    assert video["error"]["retryable"] is False
    events = service.client.get(f"/videos/{video['id']}/events")
    assert events.status_code == 409

    def told() -> list[Any]:
        bodies = [json.loads(body) for _, body in receiver.received]
        return [body for body in bodies if body["data"]["video_id"] == video["id"]]

    (message,) = service.wait_until(told, "the webhook arrives")
    assert message["type"] == "video.failed"
    assert message["data"]["error"] == video["error"]


def test_a_neighbour_named_in_a_script_is_not_decoded(
    ended: dict[str, dict[str, Any]],
) -> None:
    assert ended["script.mp4"]["duration_s"] is None
    assert ended["playlist.m3u8"]["duration_s"] is None


def test_a_video_of_one_frame_has_a_timeline_of_one_moment(
    ended: dict[str, dict[str, Any]], service: RunningService
) -> None:
    video = ended["one-frame.mp4"]

    assert video["status"] == "succeeded"
    timeline = service.get(f"/videos/{video['id']}/timeline")
    assert set(timeline["frame"]) == {0}


def test_a_video_cut_short_is_spotted_as_far_as_it_goes_and_says_so(
    ended: dict[str, dict[str, Any]], service: RunningService
) -> None:
    video = ended["cut-short.mp4"]

    assert video["status"] == "succeeded"
    assert "truncated" in video["job"]["warnings"]
    timeline = service.get(f"/videos/{video['id']}/timeline")
    assert 0 < max(timeline["time_s"]) < 3.9


def test_damage_in_the_middle_is_told_beside_the_timeline(
    ended: dict[str, dict[str, Any]],
) -> None:
    video = ended["damaged.mp4"]

    assert video["status"] == "succeeded"
    assert "pieces of the video" in video["job"]["warnings"]["damaged"]


def test_a_failed_video_leaves_no_scores(
    ended: dict[str, dict[str, Any]], service: RunningService
) -> None:
    for video in ended.values():
        if video["status"] == "failed":
            kept = service.data_dir / "videos" / video["id"]
            assert [path.name for path in kept.iterdir()] == ["source"]


def test_a_worker_that_met_bad_files_goes_on_working(
    ended: dict[str, dict[str, Any]], service: RunningService, match: Path
) -> None:
    video = service.wait_for_end(service.upload(match)["id"])

    assert video["status"] == "succeeded"
    assert service.get("/readyz")["checks"]["gpu"] == "ok"

"""Every kind of source with a real stream over loopback, decoded in its process."""

import os
import socket
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.errors import SourceSilent, SourceUnreachable
from model.video.live.pulling import PullSource
from model.video.live.sources import FileSource, PipeSource, PushSource, UdpSource
from tests.live_streams import (
    AAC,
    FAST,
    X264,
    RtspServer,
    Segments,
    check_times,
    encoder,
    needs_ffmpeg,
    pictures,
    tone,
    wait_for_port,
    watch,
)
from tests.services import free_port

pytestmark = [needs_ffmpeg, pytest.mark.slow]


def test_mpeg_ts_over_udp(tmp_path: Path) -> None:
    source = UdpSource("127.0.0.1", 0)
    address = f"udp://127.0.0.1:{source.port}?pkt_size=1316"
    with encoder(
        *pictures(), *tone(), *X264, "-g", "10", *AAC, "-f", "mpegts", address
    ):
        seen = watch(source, record=(taken := Segments()), folder=tmp_path)

    check_times(seen.times_s, least=18)
    assert isinstance(seen.error, SourceSilent)  # UDP has no end.
    assert "counts as over" in str(seen.error)
    facts = seen.facts[0]
    assert (facts.width, facts.height, facts.codec) == (160, 96, "h264")
    assert (facts.sound, facts.is_copied) == ("aac", True)
    assert len(taken.taken) >= 3


def test_steps_are_pictures_of_the_source_at_the_time_they_were_shown() -> None:
    source = UdpSource("127.0.0.1", 0)
    address = f"udp://127.0.0.1:{source.port}?pkt_size=1316"
    before, began = time.monotonic(), time.time()
    with encoder(*pictures(), *X264, "-g", "10", "-f", "mpegts", address):
        seen = watch(source, most_steps=15)

    assert seen.error is None
    for step in seen.steps:
        assert step.image.shape == (48, 80, 3)
        assert step.image.dtype == np.uint8
        assert before < step.decoded_at <= time.monotonic()
    images = {step.image.tobytes() for step in seen.steps}
    assert len(images) == 15  # Each step shows another picture.
    walls = [step.wall.timestamp() for step in seen.steps]
    assert walls == sorted(walls)
    assert began < walls[0] < walls[-1] < time.time()
    lasted_s = seen.times_s[-1] - seen.times_s[0]
    assert walls[-1] - walls[0] <= lasted_s + 2  # A busy machine hears late.


def test_mpeg_ts_over_a_pipe_ends_with_it() -> None:
    with encoder(*pictures(1), *X264, "-f", "mpegts", "-", pipe=True) as process:
        assert process.stdout is not None
        seen = watch(PipeSource(process.stdout.fileno()))

    check_times(seen.times_s, least=9)
    assert seen.error is None
    assert seen.gaps == []


def test_a_growing_file_is_followed_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "match.ts"
    path.touch()
    with encoder(*pictures(), *X264, "-g", "10", "-flush_packets", "1", str(path)):
        settings = replace(FAST, stall_timeout_s=9.0, give_up_s=20.0)
        seen = watch(FileSource(path, idle_s=4.0), settings)

    check_times(seen.times_s, least=19)
    assert seen.error is None


def test_webm_that_is_pushed_is_recorded_as_h264(tmp_path: Path) -> None:
    webm = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8")
    opus = ("-c:a", "libopus", "-f", "webm", "-cluster_time_limit", "100", "-")
    source = PushSource()
    with (
        encoder(*pictures(), *tone(), *webm, *opus, pipe=True) as process,
        pushing(source, process),
    ):
        seen = watch(source, record=(taken := Segments()), folder=tmp_path)

    check_times(seen.times_s, least=19)
    assert seen.error is None
    assert (seen.facts[0].codec, seen.facts[0].is_copied) == ("vp8", False)
    assert codecs_of(taken.taken[0][1]) == ["h264", "opus"]


def test_rtmp_is_pulled_from_a_server() -> None:
    port = free_port()
    address = f"rtmp://127.0.0.1:{port}/live/cam?token=a%7Bb"
    with encoder(
        *pictures(3), *tone(3), *X264, *AAC, "-f", "flv", "-listen", "1", address
    ):
        wait_for_port(port)
        seen = watch(PullSource(address), most_steps=18)

    check_times(seen.times_s, least=18)
    assert seen.facts[0].format == "flv"


def test_rtsp_is_pulled_from_a_camera(tmp_path: Path) -> None:
    with RtspServer(tmp_path) as server:
        address = f"rtsp://user:pa%7Bss@127.0.0.1:{server.port}/cam"
        seen = watch(PullSource(address), most_steps=15)
        server.shutdown()

    check_times(seen.times_s, least=15)
    assert (seen.facts[0].codec, seen.facts[0].format) == ("h264", "rtsp")


def test_the_caller_says_which_addresses_may_be_connected_to() -> None:
    asked: list[tuple[str, int]] = []

    def refuse(host: str, port: int) -> list[str]:
        asked.append((host, port))
        raise SourceUnreachable("cam.example has a private address.")

    seen = watch(
        PullSource("rtmp://cam.example/live/a", resolve=refuse),
        replace(FAST, start_timeout_s=0.3),
    )

    assert set(asked) == {("cam.example", 1935)}
    assert "private" in str(seen.error)


def test_a_checked_address_is_the_one_that_is_connected_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        source = PullSource(
            f"rtsp://cam.example:{port}/a", resolve=lambda *_: ["127.0.0.1"]
        )
        connection = source.connect(lambda: None)
        server.accept()[0].close()
        connection.close()


@pytest.mark.parametrize(
    "address",
    [
        "srt://host:9000",
        "file:///etc/passwd",
        "rtmp://",
        "rtmp://host:99999/a",
        "rtmp://ho st/a",
        "rtmp://host/a\r\nb",
        "concat:a|b",
    ],
)
def test_what_is_no_address_of_a_source_is_refused(address: str) -> None:
    with pytest.raises(SourceUnreachable):
        PullSource(address)


def test_a_password_is_in_no_message() -> None:
    source = PullSource("rtsp://user:secret@host/cam?key=secret")

    assert source.name == "rtsp://host/cam"


def codecs_of(path: Path) -> list[str]:
    command = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name"]
    shown = subprocess.run(
        [*command, "-of", "csv=p=0", str(path)], capture_output=True, text=True
    )
    return shown.stdout.split()


class pushing:  # noqa: N801
    """Writes what a process prints to a source, in a thread, until it ends."""

    def __init__(self, source: PushSource, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        self._source, self._descriptor = source, process.stdout.fileno()
        self._thread = threading.Thread(target=self._push, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join(60)

    def _push(self) -> None:
        while data := os.read(self._descriptor, 65536):
            self._source.write(data)
        self._source.finish()


def test_mpeg_ts_to_a_multicast_group() -> None:
    port = free_port()
    try:
        source = UdpSource("239.255.42.42", port, interface="127.0.0.1")
    except SourceUnreachable as exc:
        pytest.skip(f"no multicast here: {exc}")
    address = f"udp://239.255.42.42:{port}?pkt_size=1316&localaddr=127.0.0.1&ttl=0"
    with encoder(*pictures(3), *X264, "-g", "10", "-f", "mpegts", address):
        seen = watch(source, most_steps=5)

    assert seen.error is None


def test_an_address_that_is_not_ours_cannot_be_received_at() -> None:
    with pytest.raises(SourceUnreachable, match="IPv4 address of this machine"):
        UdpSource("192.0.2.1", 0)


def test_a_source_that_falls_to_one_picture_a_second_goes_on() -> None:
    source = UdpSource("127.0.0.1", 0)
    # 25 a second for 2 s, then 1.
    falling = "select='lt(t,2)+gte(t-prev_selected_t,0.999)'"
    with encoder(
        *(*pictures(12), "-vf", falling, "-fps_mode", "passthrough", *X264),
        *("-tune", "zerolatency", "-g", "5", "-f", "mpegts", "-flush_packets", "1"),
        f"udp://127.0.0.1:{source.port}?pkt_size=1316",
    ):
        settings = replace(FAST, stall_timeout_s=4.0, give_up_s=5.0)
        seen = watch(source, settings, most_steps=65)

    assert seen.error is None
    assert [one for one in seen.gaps if one.reason != "lost packets"] == []
    check_times(seen.times_s, least=65)
    assert len({step.image.tobytes() for step in seen.steps[25:]}) <= 6

"""HLS by a real HTTP server: live, complete, redirected, encrypted, broken."""

import functools
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from model.errors import SourceUnreachable, UnreadableVideo, UnsupportedMedia
from model.video.live import hls_source
from model.video.live.hls_playlist import MediaPlaylist, Part, read_playlist
from model.video.live.hls_source import HlsSource
from tests.live_streams import (
    AAC,
    FAST,
    X264,
    check_times,
    encoder,
    needs_ffmpeg,
    pictures,
    tone,
    watch,
)

HLS = ("-g", "25", "-f", "hls", "-hls_time", "1")
URL = "http://host/a/list.m3u8"


class _Files(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, and some addresses that send elsewhere."""

    failures: ClassVar[dict[str, int]] = {}
    breaks: ClassVar[dict[str, int]] = {}  # how often half a file is sent

    def do_GET(self) -> None:
        if self.failures.get(self.path):
            self.failures[self.path] -= 1
            self.send_error(503)
        elif self.breaks.get(self.path):
            self.breaks[self.path] -= 1
            data = Path(self.translate_path(self.path)).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
        elif self.path == "/nowhere":
            self.send_response(302)
            self.send_header("Location", "http://[::1/a.m3u8")
            self.end_headers()
        elif self.path in ("/circle", "/elsewhere"):
            target = "/circle" if self.path == "/circle" else "http://10.0.0.1/a.m3u8"
            self.send_response(302)
            self.send_header("Location", target)
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    handler = functools.partial(_Files, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.costly
@needs_ffmpeg
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mpegts", "fmp4"])
def test_a_live_playlist_is_followed_to_its_end(
    tmp_path: Path, site: str, kind: str
) -> None:
    coded = (*X264, *AAC, *HLS, "-hls_segment_type", kind)
    path = tmp_path / "live.m3u8"
    with encoder(*pictures(3), *tone(3), *coded, str(path)):
        wait_for(path.exists)
        seen = watch(HlsSource(f"{site}/live.m3u8"), replace(FAST, give_up_s=8))

    check_times(seen.times_s, least=29)
    assert (seen.error, seen.gaps) == (None, [])


@needs_ffmpeg
@pytest.mark.slow
def test_a_list_of_variants_leads_to_one(tmp_path: Path, site: str) -> None:
    with encoder(
        *pictures(1, live=False), *X264, *HLS, str(tmp_path / "v.m3u8")
    ) as process:
        process.wait()
    (tmp_path / "all.m3u8").write_text(
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9,RESOLUTION=3840x2160\nno.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=5,RESOLUTION=160x96\nv.m3u8\n"
    )

    seen = watch(HlsSource(f"{site}/all.m3u8"))

    check_times(seen.times_s, least=9)
    assert seen.error is None


def quick(url: str, **options: object) -> Exception | None:
    settings = replace(FAST, start_timeout_s=0.3)
    return watch(HlsSource(url, **options), settings).error  # type: ignore[arg-type]


def test_each_address_is_checked_redirections_too(site: str) -> None:
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        if host != "127.0.0.1":
            raise SourceUnreachable(f"{host} is private.")
        return [host]

    error = quick(f"{site}/elsewhere", resolve=resolve)

    assert "10.0.0.1 is private" in str(error)
    assert asked[:2] == ["127.0.0.1", "10.0.0.1"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none.m3u8", "answers 404"),
        ("circle", "in a circle"),
        ("nowhere", "redirects to an address that is none"),
    ],
)
def test_a_server_that_refuses_is_said(site: str, path: str, message: str) -> None:
    error = quick(f"{site}/{path}")

    assert isinstance(error, SourceUnreachable)
    assert message in str(error)


def test_a_page_is_no_playlist(tmp_path: Path, site: str) -> None:
    (tmp_path / "page.m3u8").write_text("<html>")

    assert isinstance(quick(f"{site}/page.m3u8"), UnreadableVideo)


def test_encrypted_segments_are_refused() -> None:
    text = '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXTINF:1,\na.ts\n'

    with pytest.raises(UnsupportedMedia, match="encrypted"):
        read_playlist(text, URL)


def test_ranges_and_heads_are_read() -> None:
    text = (
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\n"
        '#EXT-X-MAP:URI="m.mp4",BYTERANGE="10@0"\n'
        "#EXT-X-BYTERANGE:20@10\n#EXTINF:4,\nm.mp4\n"
        "#EXT-X-BYTERANGE:30\n#EXTINF:4,\nm.mp4\n"
        "#EXT-X-DISCONTINUITY\n#EXTINF:4,\nhttps://other/b.mp4\n#EXT-X-ENDLIST\n"
    )

    read = read_playlist(text, URL)

    assert isinstance(read, MediaPlaylist)
    assert [one.number for one in read.segments] == [7, 8, 9]
    assert read.segments[0].head == Part("http://host/a/m.mp4", 0, 10)
    assert read.segments[1].media == Part("http://host/a/m.mp4", 30, 30)
    assert read.segments[2].media == Part("https://other/b.mp4")
    assert [one.is_discontinuous for one in read.segments] == [False, False, True]
    assert (read.target_s, read.is_ended) == (4, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#EXTM3U\n#EXT-X-TARGETDURATION:x\n",
        "#EXTM3U\n#EXT-X-BYTERANGE:-1@0\n#EXTINF:1,\na.ts\n",
        "#EXTM3U\n#EXT-X-STREAM-INF:RESOLUTION=x\nb.m3u8\n",
        "#EXTM3U\n#EXT-X-STREAM-INF:RESOLUTION=720\nb.m3u8\n",
        '#EXTM3U\n#EXT-X-MAP:BYTERANGE="10@0"\n#EXTINF:1,\na.mp4\n',
    ],
)
def test_a_damaged_playlist_is_refused(text: str) -> None:
    with pytest.raises(UnreadableVideo):
        read_playlist(text, URL)


@pytest.mark.costly
@needs_ffmpeg
@pytest.mark.slow
def test_a_server_that_fails_for_a_while_is_asked_again(
    tmp_path: Path, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "all.m3u8"
    coded = (*X264, *HLS, "-hls_list_size", "0", str(path))
    with encoder(*pictures(2, live=False), *coded) as process:
        process.wait()
    monkeypatch.setattr(_Files, "failures", {"/all1.ts": 3})

    seen = watch(HlsSource(f"{site}/all.m3u8"), replace(FAST, give_up_s=8))

    assert seen.error is None
    assert _Files.failures == {"/all1.ts": 0}
    assert seen.reasons == ["reconnected"]
    assert len(seen.steps) >= 19
    assert seen.times_s == sorted(set(seen.times_s))


def complete(folder: Path, name: str, seconds: int = 2) -> Path:
    """Make a complete playlist and its segments, of a second each."""
    path = folder / f"{name}.m3u8"
    coded = (*X264, *HLS, "-hls_list_size", "0", str(path))
    with encoder(*pictures(seconds, live=False), *coded) as process:
        process.wait()
    return path


@needs_ffmpeg
@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
def test_a_segment_that_breaks_off_is_gone_on_with_where_it_broke_off(
    tmp_path: Path, site: str, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    complete(tmp_path, "all", 3)
    monkeypatch.setattr(_Files, "breaks", {"/all1.ts": times})

    seen = watch(HlsSource(f"{site}/all.m3u8"), replace(FAST, give_up_s=8))

    assert (seen.error, seen.gaps) == (None, [])
    check_times(seen.times_s, least=29)
    assert _Files.breaks == {"/all1.ts": 0}


@needs_ffmpeg
@pytest.mark.slow
def test_what_was_shown_of_a_segment_that_stays_broken_is_not_shown_again(
    tmp_path: Path, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete(tmp_path, "all", 3)
    monkeypatch.setattr(_Files, "breaks", {"/all1.ts": 99})

    seen = watch(HlsSource(f"{site}/all.m3u8"), replace(FAST, give_up_s=8))

    assert (seen.error, seen.reasons) == (None, ["reconnected"])
    assert len(seen.steps) <= 30
    assert seen.times_s == sorted(set(seen.times_s))


@needs_ffmpeg
@pytest.mark.slow
def test_a_playlist_that_is_not_there_for_a_moment_breaks_nothing_off(
    tmp_path: Path, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "live.m3u8"
    whole = complete(tmp_path, "all", 3).read_text()
    path.write_text(whole.partition("#EXT-X-ENDLIST")[0])
    asked = HlsSource(f"{site}/live.m3u8")
    failures = {"/live.m3u8": 0}
    monkeypatch.setattr(_Files, "failures", failures)

    def end() -> None:
        wait_for(lambda: asked._next is not None)
        failures["/live.m3u8"] = 2
        path.write_text(whole)

    thread = threading.Thread(target=end)
    thread.start()
    seen = watch(asked, replace(FAST, stall_timeout_s=8, give_up_s=8))
    thread.join()

    assert (seen.error, seen.gaps) == (None, [])
    check_times(seen.times_s, least=29)
    assert failures == {"/live.m3u8": 0}


@needs_ffmpeg
@pytest.mark.slow
def test_names_that_are_not_ascii_are_asked_for_encoded(
    tmp_path: Path, site: str
) -> None:
    complete(tmp_path, "Spiel für alle")
    (tmp_path / "list.m3u8").write_bytes(
        (tmp_path / "Spiel für alle.m3u8").read_bytes()
    )

    seen = watch(HlsSource(f"{site}/list.m3u8"), replace(FAST, give_up_s=8))

    assert (seen.error, seen.gaps) == (None, [])
    check_times(seen.times_s, least=19)


@needs_ffmpeg
@pytest.mark.slow
def test_a_segment_that_is_said_to_be_missing_is_not_asked_for(
    tmp_path: Path, site: str
) -> None:
    path = complete(tmp_path, "all", 4)
    path.write_text(path.read_text().replace("all1.ts", "#EXT-X-GAP\nnone.ts"))

    seen = watch(HlsSource(f"{site}/all.m3u8"), replace(FAST, gap_s=0.5, give_up_s=8))

    assert seen.error is None
    assert set(seen.reasons) - {"lost packets"} == {"no pictures"}
    assert seen.times_s[-1] == pytest.approx(3.9, abs=0.1)
    assert 29 <= len(seen.steps) <= 32


@pytest.mark.costly
@needs_ffmpeg
@pytest.mark.slow
def test_a_segment_that_is_missing_is_asked_for_again_and_then_left_out(
    tmp_path: Path, site: str
) -> None:
    path = complete(tmp_path, "all", 4)
    (tmp_path / "all1.ts").unlink()

    settings = replace(FAST, gap_s=0.5, stall_timeout_s=8, give_up_s=20)
    seen = watch(HlsSource(f"{site}/{path.name}"), settings)

    assert seen.error is None
    assert set(seen.reasons) - {"lost packets"} == {"no pictures"}
    assert seen.times_s[-1] == pytest.approx(3.9, abs=0.1)
    assert 29 <= len(seen.steps) <= 32


@needs_ffmpeg
@pytest.mark.slow
def test_a_first_segment_that_is_not_there_yet_is_no_broken_video(
    tmp_path: Path, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete(tmp_path, "all", 2)
    monkeypatch.setattr(_Files, "failures", {"/all0.ts": 2})

    seen = watch(HlsSource(f"{site}/all.m3u8"), replace(FAST, give_up_s=8))

    assert (seen.error, seen.gaps) == (None, [])
    check_times(seen.times_s, least=19)


@pytest.mark.parametrize("count", [2, 9])
def test_a_playlist_of_missing_segments_only_is_said(
    tmp_path: Path, site: str, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(hls_source, "_AGAIN_S", (0.01,))
    lines = "".join(f"#EXTINF:1,\nnone{number}.ts\n" for number in range(count))
    (tmp_path / "all.m3u8").write_text(f"#EXTM3U\n{lines}#EXT-X-ENDLIST\n")

    error = quick(f"{site}/all.m3u8")

    assert isinstance(error, SourceUnreachable)
    assert "answers 404" in str(error)


def test_what_is_missing_is_counted() -> None:
    text = (
        "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:4,\na.ts\n"
        "#EXT-X-GAP\n#EXTINF:4,\nb.ts\n#EXT-X-DISCONTINUITY\n#EXT-X-GAP\n"
        "#EXT-X-BYTERANGE:5@0\n#EXTINF:4,\nc.ts\n#EXTINF:4,\nd.ts\n"
    )

    read = read_playlist(text, URL)

    assert isinstance(read, MediaPlaylist)
    assert [(one.number, one.media) for one in read.segments] == [
        (7, Part("http://host/a/a.ts")),
        (10, Part("http://host/a/d.ts")),
    ]
    assert [one.is_discontinuous for one in read.segments] == [False, True]

"""RTMPS and RTSPS from end to end: real encoders behind real TLS."""

from dataclasses import replace
from pathlib import Path

import pytest

from model.errors import SourceUnreachable
from model.video.live.pulling import PullSource
from tests.live_streams import (
    AAC,
    FAST,
    X264,
    RtspServer,
    check_times,
    encoder,
    needs_ffmpeg,
    pictures,
    tone,
    wait_for_port,
    watch,
)
from tests.services import free_port
from tests.tls_front import HOST, needs_openssl, tls_before

pytestmark = [needs_ffmpeg, needs_openssl, pytest.mark.slow]


def here(*_: object) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a certificate that is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cam.pem"))
    return tmp_path


def test_rtmps_is_pulled_from_a_server(trusted: Path) -> None:
    port = free_port()
    own = f"rtmp://127.0.0.1:{port}/live/cam"
    listening = ["-f", "flv", "-listen", "1", own]
    with (
        encoder(*pictures(4), *tone(4), *X264, *AAC, *listening),
        tls_before(port, trusted) as front,
    ):
        wait_for_port(port)
        source = PullSource(f"rtmps://{HOST}:{front}/live/cam", resolve=here)
        seen = watch(source, most_steps=18)

    assert seen.error is None
    check_times(seen.times_s, least=18)
    assert seen.facts[0].format == "flv"


def test_rtsps_is_pulled_from_a_camera(trusted: Path) -> None:
    with (
        RtspServer(trusted) as server,
        tls_before(server.port, trusted) as front,
    ):
        source = PullSource(f"rtsps://{HOST}:{front}/cam", resolve=here)
        seen = watch(source, most_steps=15)
        server.shutdown()

    assert seen.error is None
    check_times(seen.times_s, least=15)
    assert seen.facts[0].format == "rtsp"


def test_a_camera_whose_certificate_is_not_trusted_is_refused(tmp_path: Path) -> None:
    with (
        RtspServer(tmp_path) as server,
        tls_before(server.port, tmp_path) as front,
    ):
        source = PullSource(f"rtsps://{HOST}:{front}/cam", resolve=here)
        seen = watch(source, replace(FAST, start_timeout_s=1.0))
        server.shutdown()

    assert isinstance(seen.error, SourceUnreachable)
    assert f"No TLS with {HOST}" in str(seen.error)

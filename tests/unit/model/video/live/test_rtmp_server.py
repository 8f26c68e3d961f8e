"""Encoders that push by RTMP: real ffmpeg ones, wrong keys, two at once, garbage."""

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from model.errors import NoVideoStream, SourceSilent, SourceUnreachable
from model.video.live.amf import read_values, write_values
from model.video.live.rtmp_server import RtmpServer
from tests.live_streams import (
    AAC,
    FAST,
    X264,
    Segments,
    check_times,
    encoder,
    needs_ffmpeg,
    pictures,
    tone,
    watch,
)

CODED = (*X264, "-g", "10", *AAC, "-f", "flv")


@pytest.fixture
def server() -> Iterator[RtmpServer]:
    server = RtmpServer("127.0.0.1", 0)
    yield server
    server.close()


def wait_until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not look():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def address(server: RtmpServer, key: str) -> str:
    return f"rtmp://127.0.0.1:{server.port}/live/{key}"


@needs_ffmpeg
@pytest.mark.slow
def test_an_encoder_that_comes_back_goes_on_after_a_gap(
    server: RtmpServer, tmp_path: Path
) -> None:
    source = server.source("abc")
    push = (*COMMAND, *pictures(1), *tone(1), *CODED, address(server, "abc"))
    settings = replace(FAST, give_up_s=60.0)  # A busy machine is slow to start one.
    taken = Segments()
    with ThreadPoolExecutor(1) as pool:
        seeing = pool.submit(
            watch, source, settings, record=taken, folder=tmp_path, most_steps=18
        )
        subprocess.run(push, check=True)
        wait_until(lambda: bool(taken.taken))  # Else the later one replaces it.
        came_at = time.monotonic()
        time.sleep(3)
        subprocess.run(push, check=True)
        seen = seeing.result()
        passed_s = time.monotonic() - came_at

    assert seen.reasons == ["reconnected"]
    gap = seen.gaps[0]
    assert gap.is_hole
    assert 2.5 < gap.to_s - gap.from_s < passed_s + 1  # as by the wall
    assert not [one for one in seen.times_s if gap.from_s < one < gap.to_s]
    assert seen.times_s == sorted(seen.times_s)
    check_times([one for one in seen.times_s if one <= gap.from_s], least=9)
    after = [one for one in taken.taken if one[4]]
    assert [one[2] for one in after] == [pytest.approx(gap.to_s, abs=0.05)]
    assert not taken.taken[0][4]


@pytest.mark.costly
@needs_ffmpeg
@pytest.mark.slow
def test_two_streams_share_a_port_by_their_keys(server: RtmpServer) -> None:
    one, other = server.source("one"), server.source("two")
    sizes = {"one": "160x96", "two": "96x64"}
    with (
        encoder(*pictures(3, size=sizes["one"]), *CODED, address(server, "one")),
        encoder(*pictures(3, size=sizes["two"]), *CODED, address(server, "two")),
    ):
        first, second = watch(one, most_steps=3), watch(other, most_steps=3)

    assert (first.facts[0].width, second.facts[0].width) == (160, 96)


@pytest.mark.costly
@needs_ffmpeg
@pytest.mark.slow
def test_a_second_encoder_under_one_key_is_refused(server: RtmpServer) -> None:
    source = server.source("abc")
    with encoder(*pictures(3), *CODED, address(server, "abc")):
        seen = watch(source, most_steps=3)
        again = server.source("abc")
        with encoder(*pictures(60), *CODED, address(server, "abc")):
            wait_until(lambda: again._publisher is not None)
            second = encoder(*pictures(3), *CODED, address(server, "abc"))
            with second as process:
                assert process.wait(60) != 0
    assert len(seen.steps) == 3
    again.close()


@needs_ffmpeg
@pytest.mark.slow
def test_a_wrong_key_is_refused_and_the_source_never_starts(
    server: RtmpServer,
) -> None:
    source = server.source("abc")
    with encoder(*pictures(3), *CODED, address(server, "abd")) as process:
        seen = watch(source, replace(FAST, start_timeout_s=1.0))
        assert process.wait(60) != 0

    assert isinstance(seen.error, SourceSilent)
    assert "No picture came from the RTMP encoder" in str(seen.error)


@pytest.mark.costly
@needs_ffmpeg
@pytest.mark.slow
def test_an_encoder_may_take_longer_to_come_than_its_first_picture_may(
    server: RtmpServer,
) -> None:
    source = server.source("abc")
    settings = replace(FAST, start_timeout_s=10.0, sender_timeout_s=60.0)
    with ThreadPoolExecutor(1) as pool:
        seeing = pool.submit(watch, source, settings, most_steps=3)
        with pytest.raises(TimeoutError):
            seeing.result(timeout=11)  # Nobody has come, and it waits on.
        with encoder(*pictures(5), *CODED, address(server, "abc")):
            seen = seeing.result(timeout=60)

    assert seen.error is None
    assert len(seen.steps) == 3


@pytest.mark.costly
@needs_ffmpeg
@pytest.mark.slow
def test_an_encoder_with_sound_alone_is_refused(server: RtmpServer) -> None:
    source = server.source("abc")
    with encoder("-re", *tone(5), *AAC, "-f", "flv", address(server, "abc")):
        seen = watch(source)

    assert isinstance(seen.error, NoVideoStream)
    assert "Switch the encoder's video on" in str(seen.error)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x03" + bytes(3072) + b"\x03" + b"\xff" * 11,
        b"\x03" + bytes(3072) + b"\x02\0\0\0\0\0\4\1\0\0\0\0\0\0\0\0",
        b"\x03" + bytes(3072) + b"\x03\0\0\0\0\0\3\x14\0\0\0\0\x02\x00\xff",
        b"\x03"
        + bytes(3072)
        + b"\x03\0\0\0\0\0\x0a\x14\0\0\0\0\x02\0\1a\x0a\0\0\0\1\x05",
    ],
    ids=[
        *("another protocol", "noise", "chunks of no bytes", "a cut command"),
        "a list for a number",
    ],
)
def test_what_is_no_rtmp_is_hung_up_on(
    server: RtmpServer, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashes: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", crashes.append)
    before = set(threading.enumerate())
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(sent)

        while client.recv(65536):
            pass

    for thread in set(threading.enumerate()) - before:
        thread.join(60)
    assert crashes == []


def test_a_key_is_for_one_stream(server: RtmpServer) -> None:
    server.source("abc")

    with pytest.raises(ValueError, match="already"):
        server.source("abc")


def test_a_port_that_is_taken_is_said(server: RtmpServer) -> None:
    with pytest.raises(SourceUnreachable, match="a port that is free"):
        RtmpServer("127.0.0.1", server.port)


def test_values_come_back_as_they_were_written() -> None:
    values = ["connect", 1.0, {"app": "live", "is": True, "in": {"a": None}}, None]

    assert read_values(write_values(*values)) == values


@pytest.mark.parametrize(
    "data",
    [b"\x02\xff\xffabc", b"\x00\0", b"\x03" * 50, b"\x0a\xff\xff\xff\xff", b"c"],
)
def test_cut_or_strange_values_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_values(data)


COMMAND = ("ffmpeg", "-nostdin", "-loglevel", "quiet")

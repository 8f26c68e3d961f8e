"""Streams with something wrong: the stream goes on, or the error says what to do."""

import contextlib
import errno
import os
import signal
import socket
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from model.errors import (
    DecoderCrashed,
    NoVideoStream,
    SourceSilent,
    UnreadableVideo,
    VideoLimitExceeded,
)
from model.video.live.connection import Connection, Waiting
from model.video.live.session import open_live
from model.video.live.settings import LiveGap, LiveStep
from model.video.live.sources import PipeSource, PushSource, UdpSource
from tests.child_pids import child_pids
from tests.live_streams import (
    AAC,
    FAST,
    X264,
    Seen,
    Segments,
    check_times,
    encoded,
    encoder,
    needs_ffmpeg,
    pictures,
    tone,
    watch,
)

pytestmark = [needs_ffmpeg, pytest.mark.slow]

TS = (*X264, "-g", "10", "-f", "mpegts")
PACKET = 188


def stored(seconds: float, *more: str, size: str = "160x96", rate: float = 25) -> bytes:
    """Encode a few seconds of MPEG-TS faster than they last."""
    return encoded(*pictures(seconds, size=size, rate=rate, live=False), *TS, *more)


def sent(*pieces: bytes | float, gap_s: float = FAST.gap_s) -> Seen:
    """Watch bytes that are pushed, with pauses in seconds between them."""
    source = PushSource()

    def push() -> None:
        for piece in pieces:
            if isinstance(piece, bytes):
                with contextlib.suppress(BrokenPipeError):  # It was refused.
                    source.write(piece)
            else:
                time.sleep(piece)
        source.finish()

    thread = threading.Thread(target=push)
    thread.start()
    settings = replace(FAST, stall_timeout_s=4.0, give_up_s=6.0, gap_s=gap_s)
    seen = watch(source, settings)
    thread.join()
    return seen


def without_packets(data: bytes, lost: range) -> bytes:
    packets = [data[at : at + PACKET] for at in range(0, len(data), PACKET)]
    return b"".join(one for k, one in enumerate(packets) if k not in lost)


def test_lost_packets_are_told_until_the_next_key_picture() -> None:
    data = stored(3)
    middle = len(data) // PACKET // 2

    seen = sent(without_packets(data, range(middle, middle + 4)))

    assert seen.error is None
    assert set(seen.reasons) == {"lost packets"}
    gap = seen.gaps[0]
    assert not gap.is_hole
    assert 0 < gap.to_s - gap.from_s < 0.9
    assert len(seen.steps) >= 28  # What can be shown is shown.


def test_another_size_is_told_and_the_stream_goes_on() -> None:
    later = ("-output_ts_offset", "1")

    seen = sent(stored(1), stored(1, *later, size="320x192"))

    assert "size changed" in seen.reasons
    assert [(one.width, one.height) for one in seen.facts] == [(160, 96), (320, 192)]
    assert len(seen.steps) >= 18
    assert seen.steps[-1].image.shape == (48, 80, 3)


def test_a_clock_that_jumps_back_is_told_and_times_go_on() -> None:
    seen = sent(stored(1, "-output_ts_offset", "500"), 0.3, stored(1))

    assert seen.error is None
    # Counters of packets begin anew, too.
    assert set(seen.reasons) - {"lost packets"} == {"clock jumped"}
    assert [one.is_hole for one in seen.gaps if one.reason == "clock jumped"] == [True]
    assert seen.times_s == sorted(set(seen.times_s))
    assert 1.7 < seen.times_s[-1] < 4


def test_silence_is_told_and_its_length_kept() -> None:
    later = ("-output_ts_offset", "2.6")

    seen = sent(stored(1), 2.4, stored(1, *later), gap_s=1.2)

    assert seen.error is None
    gaps = [one for one in seen.gaps if one.reason != "lost packets"]
    assert [one.reason for one in gaps] == ["no pictures"]
    assert gaps[0].to_s - gaps[0].from_s == pytest.approx(1.64, abs=0.05)


def test_one_picture_a_second_is_repeated() -> None:
    seen = sent(stored(5, rate=1))

    assert (seen.error, seen.gaps) == (None, [])
    assert 38 <= len(seen.steps) <= 50
    assert len({step.image.tobytes() for step in seen.steps}) <= 5


def test_two_hundred_pictures_a_second_are_refused() -> None:
    seen = sent(stored(2, rate=200))

    assert isinstance(seen.error, VideoLimitExceeded)
    assert "Set the encoder to 25 to 60" in str(seen.error)


def test_too_large_pictures_are_refused() -> None:
    source = PushSource()
    source.write(stored(0.2, size="320x192"))
    source.finish()

    seen = watch(source, replace(FAST, max_pixels=160 * 96))

    assert isinstance(seen.error, VideoLimitExceeded)


def test_sound_alone_is_refused() -> None:
    seen = sent(encoded(*tone(1), *AAC, "-f", "mpegts"))

    assert isinstance(seen.error, NoVideoStream)
    assert "only: audio" in str(seen.error)


@pytest.mark.parametrize("data", [b"<html>" * 9000, b"", os.urandom(300_000)])
def test_what_is_no_video_is_refused(data: bytes) -> None:
    seen = sent(data)

    assert isinstance(seen.error, UnreadableVideo)


def test_a_source_that_never_starts_is_given_up() -> None:
    near, far = os.pipe()
    seen = watch(PipeSource(near), replace(FAST, start_timeout_s=1.0))
    os.close(near)
    os.close(far)

    assert isinstance(seen.error, SourceSilent)
    assert "within 1 s" in str(seen.error)


def test_datagrams_of_noise_do_not_start_a_stream() -> None:
    source = UdpSource("127.0.0.1", 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(50):
            sender.sendto(os.urandom(1316), ("127.0.0.1", source.port))
        seen = watch(source, replace(FAST, start_timeout_s=1.0))

    assert isinstance(seen.error, UnreadableVideo | SourceSilent)
    assert seen.steps == []


def test_noise_before_a_stream_does_not_keep_it_out() -> None:
    source = UdpSource("127.0.0.1", 0)
    address = f"udp://127.0.0.1:{source.port}?pkt_size=1316"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"hello", ("127.0.0.1", source.port))
    with encoder(*pictures(3), *TS, address):
        seen = watch(source, most_steps=5)

    assert seen.error is None


def test_a_reader_that_is_too_slow_is_told_and_does_not_fall_behind() -> None:
    source = UdpSource("127.0.0.1", 0)
    address = f"udp://127.0.0.1:{source.port}?pkt_size=1316"
    seen = Seen()
    with (
        encoder(*pictures(4), *TS, address),
        open_live(source, replace(FAST, ring_steps=3)) as events,
    ):
        for event in events:
            if isinstance(event, LiveGap):
                seen.gaps.append(event)
                break
            if isinstance(event, LiveStep):
                seen.steps.append(event)
                time.sleep(0.25)

    assert seen.reasons == ["too slow"]
    assert len(seen.steps) < 12  # of 40: it was told as soon as the ring was full
    assert seen.gaps[0].from_s > seen.times_s[-1] - 0.01


def test_a_browser_that_comes_back_goes_on_after_a_gap() -> None:
    source = PushSource()

    def push() -> None:
        source.write(stored(4))  # More than fits: it is being read.
        source.restart()
        source.write(stored(1))
        source.finish()

    thread = threading.Thread(target=push)
    thread.start()
    seen = watch(source, replace(FAST, give_up_s=5.0))
    thread.join()

    assert seen.error is None
    assert seen.reasons == ["reconnected"]
    assert len(seen.steps) >= 48


def test_a_decoder_that_starts_slowly_costs_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "python"
    slow.write_text(f'#!/bin/sh\nsleep 2\nexec {sys.executable} "$@"\n')
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    source = PushSource()

    def push() -> None:
        source.write(stored(4))  # More than fits: it is being read.
        source.restart()
        source.write(stored(1))

    thread = threading.Thread(target=push)
    thread.start()
    seen = watch(source, replace(FAST, give_up_s=20.0), most_steps=43)
    thread.join()

    assert seen.error is None
    assert seen.reasons == ["reconnected"]


def test_a_decoder_that_dies_is_told_where_nothing_more_can_come() -> None:
    near, far = os.pipe()
    os.write(far, stored(1)[:60_000])
    before = child_pids()
    with open_live(PipeSource(near), FAST) as events:
        next(event for event in events if isinstance(event, LiveStep))
        for pid in child_pids() - before:  # Not the servers of other tests.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

        with pytest.raises(DecoderCrashed, match="SIGKILL"):
            list(events)
    os.close(near)
    os.close(far)


def test_the_caller_can_stop_while_nothing_comes() -> None:
    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    near, far = os.pipe()
    with (
        pytest.raises(Stopped),
        open_live(PipeSource(near), FAST, on_wait=stop) as events,
    ):
        next(events)
    os.close(near)
    os.close(far)


class FullDisk(Segments):
    """Takes one segment, and has no room for more."""

    def segment(self, *arguments: object) -> None:
        """Take the first."""
        if self.taken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().segment(*arguments)  # type: ignore[arg-type]


def test_a_full_disk_ends_the_recording_and_not_the_stream(tmp_path: Path) -> None:
    source = PushSource()
    data = stored(6)

    def push() -> None:
        source.write(data)
        source.finish()

    thread = threading.Thread(target=push)
    thread.start()

    seen = watch(source, record=(taken := FullDisk()), folder=tmp_path)
    thread.join()

    assert len(seen.steps) >= 58
    assert seen.error is None
    assert len(taken.taken) == 1
    assert len(taken.failures) == 1
    assert "spotting goes on" in taken.failures[0]


def test_a_folder_that_is_gone_ends_the_recording_and_not_the_stream(
    tmp_path: Path,
) -> None:
    source = PushSource()
    source.write(stored(1)[:60_000])
    source.finish()

    seen = watch(source, record=(taken := Segments()), folder=tmp_path / "none")

    assert len(seen.steps) > 3
    assert "No such file" in taken.failures[0]


def test_who_comes_back_only_to_end_takes_nothing_from_what_was_sent() -> None:
    source = PushSource()
    source.write(stored(1.0))  # Not read yet.

    source.restart()
    source.finish()
    seen = watch(source)

    assert seen.error is None
    check_times(seen.times_s, least=9)


class CountedSource(PushSource):
    """Tells how often a connection was waited for."""

    connections = 0

    def connect(self, wait: Waiting) -> Connection:
        self.connections += 1
        return super().connect(wait)


def test_an_end_after_all_was_seen_is_no_failure_of_the_stream() -> None:
    source = CountedSource()
    source.write(stored(1.0))
    source.restart()  # Somebody who comes back, but only to say the end.

    def push() -> None:
        while source.connections < 2:
            time.sleep(0.01)
        source.finish()

    thread = threading.Thread(target=push)
    thread.start()
    seen = watch(source, replace(FAST, give_up_s=5.0))
    thread.join()

    assert seen.error is None
    check_times(seen.times_s, least=9)


def test_bytes_that_come_after_an_end_are_refused_and_leave_nothing_open() -> None:
    source, before = PushSource(), open_files()
    source.finish()

    with pytest.raises(BrokenPipeError):
        source.write(b"late")

    assert source.is_over
    assert open_files() == before


def test_a_sender_whose_place_is_taken_writes_no_more() -> None:
    source, before = PushSource(), open_files()
    first, second = source.restart(), source.restart()
    source.write(b"new", second)

    with pytest.raises(BrokenPipeError, match="another sender"):
        source.write(b"old", first)

    connection = source.connect(lambda: None)
    assert os.read(connection.descriptor, 100) == b"new"
    connection.close()
    source.close()
    assert open_files() == before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))

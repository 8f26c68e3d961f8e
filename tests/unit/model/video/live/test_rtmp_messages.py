"""RTMP's chunks, written here byte by byte as the specification says."""

import io
import struct

import pytest

from model.video.live.rtmp_messages import (
    DATA,
    PICTURE,
    SOUND,
    Message,
    NotRtmp,
    RtmpConnection,
)


def received(data: bytes, count: int) -> list[Message]:
    connection = RtmpConnection(io.BytesIO(data), io.BytesIO())
    return [connection.receive() for _ in range(count)]


def head(number: int, time_ms: int, size: int, kind: int) -> bytes:
    return (
        bytes([number])
        + min(time_ms, 0xFFFFFF).to_bytes(3)
        + size.to_bytes(3)
        + bytes([kind])
        + struct.pack("<I", 1)
    )


def test_a_message_in_several_chunks_is_put_together() -> None:
    data = bytes(range(256)) + b"end"
    sent = head(6, 40, len(data), PICTURE) + data[:128]
    sent += b"\xc6" + data[128:256] + b"\xc6" + data[256:]

    assert received(sent, 1) == [Message(PICTURE, 40, 1, data)]


def test_chunks_of_two_messages_may_alternate() -> None:
    first, second = b"p" * 200, b"s" * 130
    sent = head(6, 40, 200, PICTURE) + first[:128] + head(4, 41, 130, SOUND)
    sent += second[:128] + b"\xc6" + first[128:] + b"\xc4" + second[128:]

    assert received(sent, 2) == [
        Message(PICTURE, 40, 1, first),
        Message(SOUND, 41, 1, second),
    ]


def test_later_heads_leave_out_what_is_the_same() -> None:
    sent = head(6, 1000, 2, PICTURE) + b"aa"
    sent += b"\x46" + (40).to_bytes(3) + (3).to_bytes(3) + bytes([SOUND]) + b"bbb"
    sent += b"\x86" + (20).to_bytes(3) + b"ccc"
    sent += b"\xc6" + b"ddd"

    times = [(one.time_ms, one.kind, one.data) for one in received(sent, 4)]
    assert times == [
        (1000, PICTURE, b"aa"),
        (1040, SOUND, b"bbb"),
        (1060, SOUND, b"ccc"),
        (1080, SOUND, b"ddd"),
    ]


def test_times_beyond_three_bytes_stand_before_each_chunk() -> None:
    data, time_ms = b"x" * 200, 0x01234567
    long = struct.pack(">I", time_ms)
    sent = head(6, time_ms, 200, PICTURE) + long + data[:128]
    sent += b"\xc6" + long + data[128:]

    assert received(sent, 1) == [Message(PICTURE, time_ms, 1, data)]


def test_the_size_of_chunks_can_be_changed() -> None:
    size = head(2, 0, 4, 1) + struct.pack(">I", 1000)
    sent = size + head(6, 5, 900, DATA) + b"z" * 900

    assert received(sent, 1) == [Message(DATA, 5, 1, b"z" * 900)]


def test_chunk_streams_may_have_large_numbers() -> None:
    rest = head(0, 7, 1, SOUND)[1:] + b"a"

    assert received(b"\x00\x05" + rest + b"\x01\x05\x01" + rest, 2)[1].data == b"a"


@pytest.mark.parametrize(
    "sent",
    [
        head(6, 0, 0xFFFFFF, PICTURE),
        head(6, 0, 200, PICTURE) + bytes(128) + head(6, 0, 5, PICTURE),
        head(2, 0, 4, 1) + bytes(4),
        b"".join(head(k, 0, 200, SOUND) + bytes(128) for k in range(3, 64))
        + b"".join(b"\x00" + bytes([k]) + head(0, 0, 1, 8)[1:] for k in range(9)),
        b"\x06\0",
    ],
    ids=["too long", "inside another", "no chunks", "too many streams", "cut"],
)
def test_what_breaks_the_rules_is_refused(sent: bytes) -> None:
    with pytest.raises(NotRtmp):
        received(sent, 100)

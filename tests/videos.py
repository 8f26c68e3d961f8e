"""Draws video files whose truth is known: each frame shows its own number.

`draw_video` writes a real file with PyAV; `read_number` reads a frame's number back
from a decoded picture of any size. The rest makes files with something wrong.
"""

import os
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Paint = Callable[[int, int, int], Image]

COLUMNS, ROWS = 4, 3
KITS = ((200, 30, 30), (30, 30, 200))
BALL = (255, 255, 255)
MAX_NUMBER = 2 ** (COLUMNS * ROWS) - 1


def number_picture(number: int, width: int, height: int) -> Image:
    """Paint a number as 4 x 3 cells, white for a set bit, black for a clear one.

    Returns (height, width, 3) uint8 RGB. The lowest bit is the top left cell.
    """
    bits = [(number >> place) & 1 for place in range(COLUMNS * ROWS)]
    cells = np.array(bits, np.uint8).reshape(ROWS, COLUMNS) * 255
    rows = np.arange(height) * ROWS // height
    columns = np.arange(width) * COLUMNS // width
    return np.repeat(cells[rows][:, columns, None], 3, axis=2)


def read_number(image: Image) -> int:
    """Read back the number that `number_picture` painted; any size will do."""
    height, width = image.shape[:2]
    number = 0
    for place in range(COLUMNS * ROWS):
        row, column = divmod(place, COLUMNS)
        y = int((row + 0.5) * height / ROWS)
        x = int((column + 0.5) * width / COLUMNS)
        number |= int(image[y, x].mean() > 127) << place
    return number


def match_picture(number: int, width: int, height: int) -> Image:
    """Paint a green court with ten players and a ball that move from frame to frame."""
    image = np.empty((height, width, 3), np.uint8)
    image[:] = (30, 110, 60)
    image[:, width // 2 - 1 : width // 2 + 1] = 240
    y, x = np.mgrid[:height, :width]
    for player in range(11):
        phase = number * (0.02 + 0.004 * player) + player * 1.7
        at_x = width * (0.5 + 0.42 * np.sin(phase * 1.3 + player))
        at_y = height * (0.5 + 0.40 * np.cos(phase))
        radius = height / (40 if player == 10 else 22)
        inside = (x - at_x) ** 2 + (y - at_y) ** 2 <= radius**2
        image[inside] = BALL if player == 10 else KITS[player % 2]
    return image


def draw_video(
    path: Path,
    *,
    frames: int = 30,
    fps: float | Fraction = 30,
    size: tuple[int, int] = (160, 96),
    times_ms: Sequence[int] | None = None,
    start_ms: int = 0,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    b_frames: int = 0,
    key_every: int = 12,
    rotation: int = 0,
    hflip: bool = False,
    full_range: bool = False,
    bt709: bool = False,
    interlaced: bool = False,
    is_refreshed: bool = False,
    sound: bool = False,
    container: str | None = None,
    bit_rate: int | None = None,
    options: dict[str, str] | None = None,
    paint: Paint = number_picture,
) -> list[float]:
    """Draw a video whose frame k shows the number k; return the frames' times.

    Args:
        path: where to; its suffix says the container unless `container` does.
        frames: how many; ignored where `times_ms` is given.
        fps: the rate, constant.
        size: width and height of the stored picture, in pixels; even numbers.
        times_ms: the time of each frame in ms, for a variable rate.
        start_ms: added to every time that is written: a file that starts late.
        codec: an encoder of FFmpeg's: libx264, libx265, mpeg4, libvpx-vp9...
        pix_fmt: `yuv420p10le` is 10-bit.
        b_frames: B-frames between others.
        key_every: frames from one key frame to the next.
        rotation: degrees counter-clockwise that a player must turn the picture, a
            multiple of 90; it is stored turned back, so that it reads right then.
        hflip: the player must then mirror it left to right, too.
        full_range: colour levels 0 to 255 instead of 16 to 235.
        bt709: the colour matrix of HD instead of BT.601; tagged as such.
        interlaced: coded as two fields a frame (libx264 and mpeg2video).
        is_refreshed: has no key frame but the first: a column of each picture is
            refreshed, and what is marked as a key frame is where that begins (libx264).
        sound: with a second stream, silence in AAC.
        bit_rate: bits a second; None is a quality where numbers stay readable.
        options: the muxer's, for example `{"movflags": "faststart"}`.
        paint: (number, width, height) -> RGB picture.

    Returns:
        The time of each frame in seconds, the first one's being 0.
    """
    exact_fps = Fraction(fps).limit_denominator(1001)
    if times_ms is None:
        is_coarse = codec == "mpeg2video" or path.suffix == ".avi"
        ticks = 1 if is_coarse else 512
        time_base = 1 / exact_fps / ticks
        pts = [number * ticks for number in range(frames)]
    else:
        time_base = Fraction(1, 1000)
        pts = list(times_ms)
    shift = round(Fraction(start_ms, 1000) / time_base)

    with (
        _usual_scheduling(),
        av.open(str(path), "w", format=container, options=options or {}) as output,
    ):
        stream = output.add_stream(codec, rate=exact_fps)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        stream.time_base = stream.codec_context.time_base = time_base
        stream.codec_context.options = _encoder_options(
            codec, interlaced=interlaced, bit_rate=bit_rate
        )
        if is_refreshed:
            stream.codec_context.options |= {"intra-refresh": "1"}
        stream.codec_context.gop_size = key_every
        stream.codec_context.max_b_frames = b_frames
        if full_range:
            stream.codec_context.color_range = 2
        if bt709:
            stream.codec_context.colorspace = 1
        if rotation or hflip:
            stream.set_display_rotation(rotation, hflip=hflip)
        voice: Any = output.add_stream("aac", rate=48_000) if sound else None

        for number, at in enumerate(pts):
            image = _turned_back(number, size, rotation, hflip=hflip, paint=paint)
            frame = _encodable(image, pix_fmt, full_range=full_range, bt709=bt709)
            frame.pts, frame.time_base = at + shift, time_base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if voice is not None:
            last_s = float((pts[-1] + shift) * time_base)
            _mux_silence(output, voice, start_s=start_ms / 1000, end_s=last_s)
    return [float((at - pts[0]) * time_base) for at in pts]


def draw_sound(path: Path, *, seconds: float = 1.0) -> None:
    """Write a file that holds sound and nothing else."""
    with av.open(str(path), "w") as output:
        voice: Any = output.add_stream("aac", rate=48_000)
        _mux_silence(output, voice, start_s=0.0, end_s=seconds)


def draw_sound_with_cover(path: Path) -> None:
    """Write sound with cover art: a video stream that is one attached picture."""
    with av.open(str(path), "w") as output:
        cover = output.add_stream("mjpeg", rate=1)
        assert isinstance(cover, av.VideoStream)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        voice: Any = output.add_stream("aac", rate=48_000)
        picture = av.VideoFrame.from_ndarray(number_picture(5, 64, 64), format="rgb24")
        output.mux(cover.encode(picture.reformat(format="yuvj420p")))
        output.mux(cover.encode(None))
        _mux_silence(output, voice, start_s=0.0, end_s=0.5)


def set_durations(path: Path, *, seconds: int) -> None:
    """Make an MP4's header claim another length; its frames stay as they are."""
    data = bytearray(path.read_bytes())
    for name, at_length in ((b"mvhd", 20), (b"tkhd", 24), (b"mdhd", 20)):
        at, scale = data.index(name), 1000
        if name == b"mdhd":
            scale = struct.unpack_from(">I", data, at + 16)[0]
        struct.pack_into(">I", data, at + at_length, seconds * scale)
    path.write_bytes(bytes(data))


def keep_packets(
    source: Path, target: Path, *, keep: Callable[[int, Any], bool]
) -> None:
    """Copy a video's packets, only those for which `keep(index, packet)` holds."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = reader.streams.video[0]
        copy = writer.add_stream_from_template(stream)
        for index, packet in enumerate(reader.demux(stream)):
            if packet.dts is not None and keep(index, packet):
                packet.stream = copy
                writer.mux(packet)


def wrap_as_vfw(source: Path, target: Path, scratch: Path) -> None:
    """Copy an H.264 AVI into Matroska as AVI's own: with decoding times only.

    FFmpeg does not write that, so an MPEG-4 track is written and renamed. `scratch` is
    a file to draw that track's template into.
    """
    draw_video(scratch, codec="mpeg4", frames=1)
    with (
        av.open(str(source)) as reader,
        av.open(str(scratch)) as template,
        av.open(str(target), "w", format="matroska") as writer,
    ):
        stream = reader.streams.video[0]
        copy = writer.add_stream_from_template(template.streams.video[0])
        shape = (40, stream.width, stream.height, 1, 24, b"H264", 0, 0, 0, 0, 0)
        copy.codec_context.extradata = struct.pack("<IiiHH4sIiiII", *shape)
        for packet in reader.demux(stream):
            if packet.dts is not None:
                packet.pts = packet.dts
                packet.stream = copy
                writer.mux(packet)
    data = target.read_bytes()
    assert data.count(b"V_MPEG4/ISO/ASP") == 1
    target.write_bytes(data.replace(b"V_MPEG4/ISO/ASP", b"V_MS/VFW/FOURCC"))


def start_fragments_at(path: Path, *, seconds: int) -> None:
    """Make the fragments of an MP4 of one track those of a long recording's middle."""
    data = bytearray(path.read_bytes())
    scale = struct.unpack_from(">I", data, data.index(b"mdhd") + 16)[0]
    at = data.find(b"tfdt")
    while at >= 0:
        kind = ">Q" if data[at + 4] else ">I"
        start = struct.unpack_from(kind, data, at + 8)[0]
        struct.pack_into(kind, data, at + 8, start + seconds * scale)
        at = data.find(b"tfdt", at + 4)
    path.write_bytes(bytes(data))


def ruin_packets(path: Path, which: Callable[[int], bool]) -> None:
    """Overwrite the content of those video packets for which `which(index)` holds."""
    with av.open(str(path)) as reader:
        packets = [one for one in reader.demux(reader.streams.video[0]) if one.size]
        found = [(one.pos, bytes(one)) for one in packets]
    data = bytearray(path.read_bytes())
    for index, (at, content) in enumerate(found):
        if which(index):
            start = data.index(content, at)
            data[start : start + len(content)] = bytes([0xFF]) * len(content)
    path.write_bytes(bytes(data))


def cut_off(source: Path, target: Path, *, keep: float) -> None:
    """Copy the first part of a file's bytes; `keep` is the share, 0 to 1."""
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * keep)])


def join_bytes(sources: Iterable[Path], target: Path) -> None:
    """Put files end to end, as MPEG-TS recorders do."""
    target.write_bytes(b"".join(source.read_bytes() for source in sources))


def set_edit(path: Path, *, first_ticks: int, length_ms: int) -> None:
    """Make the one edit of an MP4 begin and end elsewhere, as a trimming tool does.

    Args:
        path: an MP4 with an edit list of one entry (FFmpeg writes one if there are
            B-frames); changed in place.
        first_ticks: the media time that is shown first, in the track's time scale.
        length_ms: how long the video then lasts.
    """
    data = bytearray(path.read_bytes())
    at = data.index(b"elst")
    version, count = data[at + 4], struct.unpack_from(">I", data, at + 8)[0]
    assert (version, count) == (0, 1)
    struct.pack_into(">Ii", data, at + 12, length_ms, first_ticks)
    struct.pack_into(">I", data, data.index(b"mvhd") + 20, length_ms)
    struct.pack_into(">I", data, data.index(b"tkhd") + 24, length_ms)
    path.write_bytes(bytes(data))


@contextmanager
def _usual_scheduling() -> Iterator[None]:
    """Undo what SVT-AV1 does where it may, as root.

    It gives the thread that calls it a real-time priority (SCHED_FIFO), which every
    process that is started later inherits: others then hardly run.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)


def _encoder_options(
    codec: str, *, interlaced: bool, bit_rate: int | None
) -> dict[str, str]:
    if bit_rate is not None:
        quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        return {"b": str(bit_rate), "preset": "veryfast", **quiet}
    options = {
        "libx264": {"preset": "ultrafast", "crf": "18"},
        "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:crf=18"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "20"},
        "libsvtav1": {"preset": "8", "crf": "14"},
    }.get(codec, {})
    if interlaced:
        options["flags"] = "+ildct+ilme"
    return options


def _turned_back(
    number: int, size: tuple[int, int], rotation: int, *, hflip: bool, paint: Paint
) -> Image:
    quarters = rotation // 90
    width, height = size if quarters % 2 == 0 else size[::-1]
    upright = paint(number, width, height)
    shown = upright[:, ::-1] if hflip else upright
    return np.ascontiguousarray(np.rot90(shown, -quarters))


def _encodable(
    image: Image, pix_fmt: str, *, full_range: bool, bt709: bool
) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    encodable = frame.reformat(
        format=pix_fmt,
        dst_colorspace="ITU709" if bt709 else "ITU601",
        dst_color_range="JPEG" if full_range else "MPEG",
    )
    encodable.color_range = 2 if full_range else 1
    return encodable


def _mux_silence(output: Any, voice: Any, *, start_s: float, end_s: float) -> None:
    at = round(start_s * 48_000)
    while at < max(end_s, start_s + 0.05) * 48_000:
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = 48_000, at, Fraction(1, 48_000)
        output.mux(voice.encode(frame))
        at += 1024
    output.mux(voice.encode(None))


def area_weights(size: int, out: int) -> NDArray[np.float64]:
    """Say what share each of `size` pixels has in each of `out`: (out, size)."""
    edges, pixels = np.arange(out + 1) * size / out, np.arange(size)
    high = np.minimum(edges[1:, None], pixels + 1)
    shares = (high - np.maximum(edges[:-1, None], pixels)).clip(0)
    weights: NDArray[np.float64] = shares / shares.sum(1, keepdims=True)
    return weights

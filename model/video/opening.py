"""Open a file as one of the accepted formats, or say why it is refused."""

import os
from contextlib import suppress

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from model.errors import NoVideoStream, UnreadableVideo, UnsupportedMedia
from model.video.arrival import ComingFile, ComingReader
from model.video.hardware import acceleration
from model.video.input_file import InputFile
from model.video.limits import CODECS, FORMATS, PROTOCOLS

_MAX_BOXES = 1000
_SCRIPT_HEADS = (b"#EXTM3U", b"ffconcat", b"<?xml", b"<MPD", b"[playlist]", b"file ")


def open_container(
    file: InputFile, *, codecs: str = CODECS, device: str | None = None
) -> InputContainer:
    """Read a file with only the formats, codecs and protocols that are accepted.

    One at a time: the file has one position. Its name is ignored.

    Args:
        codecs: FFmpeg's decoders that may look at what its streams are.
        device: what `hardware.find_device` found.

    Raises:
        UnreadableVideo: empty, damaged, or no video at all.
        UnsupportedMedia: a playlist or script.
    """
    _refuse_scripts(file)
    options = {
        "format_whitelist": FORMATS,
        "protocol_whitelist": PROTOCOLS,
        "codec_whitelist": codecs,
    }
    source: str | ComingReader = "fd:"
    if file.arrival is not None and not file.arrival.is_complete:
        source = ComingReader(ComingFile(file.descriptor, file.arrival))
    else:
        options["fd"] = str(file.descriptor)
        os.lseek(file.descriptor, 0, os.SEEK_SET)
    try:
        return av.open(
            source,
            "r",
            options=options,
            metadata_errors="replace",
            hwaccel=acceleration(device),
        )
    except (av.error.FFmpegError, ValueError) as exc:
        raise UnreadableVideo(_why_unreadable(file)) from exc


def rewind(container: InputContainer) -> None:
    """Go back to the first packet; stay where the file stands if that cannot be had.

    Where an index names no key frame at the beginning FFmpeg finds none to seek to.
    """
    # Below 0 where the clock of an MPEG-TS begins anew soon after the beginning.
    first = min(0, container.start_time or 0)
    try:
        container.seek(first)
    except av.error.FFmpegError:
        with suppress(av.error.FFmpegError):
            container.seek(first, any_frame=True)


def find_video(container: InputContainer) -> VideoStream:
    """Return the stream that is the video: the default one, else the first.

    Raises:
        NoVideoStream: sound only, or nothing but cover art.
        UnsupportedMedia: its codec is not supported.
    """
    art = Disposition.attached_pic | Disposition.timed_thumbnails
    videos = [s for s in container.streams.video if not s.disposition & art]
    if not videos:
        held = sorted({stream.type for stream in container.streams})
        raise NoVideoStream(
            f"The file holds no moving picture (only: {', '.join(held) or 'nothing'}). "
            "Upload a file with a video stream."
        )
    stream = max(videos, key=lambda s: (s.disposition & Disposition.default, -s.index))
    name = stream.codec_context.name if stream.codec_context else "unknown"
    if name not in CODECS.split(","):
        raise UnsupportedMedia(
            f"The video's codec ({name}) is not supported. Convert it to H.264."
        )
    return stream


def _refuse_scripts(file: InputFile) -> None:
    try:
        head = file.read(64, at=0)
    except OSError as exc:
        raise UnreadableVideo(f"The file cannot be read: {exc.strerror}.") from exc
    if not head:
        raise UnreadableVideo("The file is empty (0 bytes). Upload it again.")
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_SCRIPT_HEADS):
        raise UnsupportedMedia(
            "The file is a playlist or script that names other files, not a video. "
            "Upload the video itself."
        )


def _why_unreadable(file: InputFile) -> str:
    if _is_mp4_without_index(file):
        return (
            "The MP4 file has no index (moov box): it was cut off or is still being "
            "written. Upload the complete file."
        )
    return (
        "The file is not a video that can be read. MP4, MOV, MKV, WebM, MPEG-TS and "
        "AVI are supported; it may also be damaged or cut off."
    )


def _is_mp4_without_index(file: InputFile) -> bool:
    """Walk the boxes of the top level; each begins with its size and its name."""
    if file.read(8, at=0)[4:] != b"ftyp":
        return False
    at = 0
    for _ in range(_MAX_BOXES):
        head = file.read(16, at=at) if at < file.size_bytes else b""
        name, size = head[4:8], int.from_bytes(head[:4])
        if size == 1:
            size = int.from_bytes(head[8:16])
        if name == b"moov":
            return False
        if len(head) < 8 or size < 8:
            break
        at += size
    return True

"""What a video file is, before anything is spotted in it: facts and limits."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from av.video.frame import VideoFrame

from model.errors import DecoderCrashed
from model.video.arrival import ComingFile
from model.video.extent import Extent, measure_extent
from model.video.input_file import InputFile, open_input
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.picture import orientation_of
from model.video.process import ChildProcess
from model.video.source import Tally, VideoSource, open_video
from model.video.truncation import is_truncated


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """Facts of a file, as its header states them and its first frame shows.

    Attributes:
        duration_s: from the file's start to the video's end, in seconds.
        width: of the upright picture, in pixels.
        height: of the upright picture, in pixels.
        fps: frames a second, on average; 0 if unknown.
        codec: FFmpeg's name of the codec: `h264`, `hevc`...
        container: FFmpeg's name of the format: `mov,mp4,m4a,3gp,3g2,mj2`...
        rotation: degrees counter-clockwise by which the picture is turned upright.
        has_audio: whether there is sound.
        size_bytes: of the file.
        frame_count_estimate: frames that are shown: counted, or by length and rate.
        start_time_s: the file's start on its own clock; times are counted from it.
        pixel_format: FFmpeg's name, `yuv420p10le` for 10-bit.
        is_interlaced: whether the first frame was coded as two fields.
        is_truncated: the header promises more bytes than the file has; what is
            there is decoded.
    """

    duration_s: float
    width: int
    height: int
    fps: float
    codec: str
    container: str
    rotation: int
    has_audio: bool
    size_bytes: int
    frame_count_estimate: int
    start_time_s: float
    pixel_format: str
    is_interlaced: bool
    is_truncated: bool


def probe(
    path: Path, *, limits: MediaLimits = DEFAULT_LIMITS, tally: Tally | None = None
) -> VideoFacts:
    """Read a file's facts in this process, for tests; its first frame must decode.

    Raises:
        UnreadableVideo, UnsupportedMedia, NoVideoStream, VideoLimitExceeded: see
            `model.video.source`.
    """
    with open_input(path) as file:
        return probe_file(file, limits=limits, tally=tally)


def probe_file(
    file: InputFile, *, limits: MediaLimits, tally: Tally | None = None
) -> VideoFacts:
    """Read the facts of a file that is open; see `probe`."""
    with open_video(file, limits=limits, tally=tally) as source:
        first = next(source.frames()).picture
        extent = measure_extent(source, size_bytes=file.size_bytes)
        limits.check_duration(extent.duration_s)
        limits.check_fps(extent.fps)
        return _gather(file, source, first, extent)


def probe_in_child(
    path: Path,
    *,
    limits: MediaLimits = DEFAULT_LIMITS,
    stall_timeout_s: float = 30.0,
    on_wait: Callable[[], None] | None = None,
    coming: ComingFile | None = None,
) -> VideoFacts:
    """Read a file's facts in a process of its own: for files of other people.

    Args:
        path: of the file.
        limits: what is allowed.
        stall_timeout_s: how long the process may show no progress.
        on_wait: called a few times a second while waiting (a file whose header was
            never completed is read to its end); may raise to stop.
        coming: the file, if its bytes are still coming.

    Raises:
        DecoderStalled, DecoderCrashed: see `model.video.process`.
        UnreadableVideo, UnsupportedMedia, NoVideoStream, VideoLimitExceeded: see
            `model.video.source`.
    """
    request = {
        "verb": "probe",
        "path": str(path.absolute()),
        "limits": asdict(limits),
        "coming": coming.request if coming else None,
    }
    child = ChildProcess(
        request,
        limits=limits,
        stall_timeout_s=stall_timeout_s,
        share=coming.shared if coming else (),
        on_wait=on_wait,
    )
    try:
        return VideoFacts(**child.receive()["facts"])
    except (KeyError, TypeError) as exc:
        raise DecoderCrashed("The decoding process sent an invalid message.") from exc
    finally:
        child.close()


def _gather(
    file: InputFile,
    source: VideoSource,
    first: VideoFrame,
    extent: Extent,
) -> VideoFacts:
    container, stream = source.container, source.stream
    quarters, _ = orientation_of(first)
    turned = (
        (first.height, first.width) if quarters % 2 else (first.width, first.height)
    )
    return VideoFacts(
        duration_s=extent.duration_s,
        width=turned[0],
        height=turned[1],
        fps=extent.fps,
        codec=stream.codec_context.codec.canonical_name,
        container=container.format.name,
        rotation=quarters * 90,
        has_audio=bool(container.streams.audio),
        size_bytes=file.size_bytes,
        frame_count_estimate=extent.frames
        or max(1, round(extent.duration_s * extent.fps)),
        start_time_s=float(source.start_s),
        pixel_format=first.format.name,
        is_interlaced=first.interlaced_frame,
        is_truncated=is_truncated(file, container, stream),
    )
